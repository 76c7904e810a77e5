"""Segments of remote stores stay on disk between processes, and no fault of that disk reaches a reader."""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
import sys
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest

import mock_s3
from mock_s3 import Server
from rlm_magic.context import Context, ingest, open_context
from rlm_magic.context.fetch import StoredSegments
from rlm_magic.disk import segment_cache

from .s3 import forget_requests, make_bucket, point_at

LINES = [f"línea {number} {'x' * (number % 60)}\n" for number in range(3_000)]
TEXT = "".join(LINES)
PLAIN = "a plain object, é\n" * 400


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    root = make_bucket(tmp_path_factory.mktemp("s3"), "bucket", {"plain/a.txt": PLAIN.encode()})
    for name in ("text", "copy"):
        ingest([("log", TEXT)], root / "bucket" / name, segment_bytes=4_000, object_bytes=20_000)
    # Segments of a size that the cache keeps in files of their own.
    ingest([("log", TEXT)], root / "bucket" / "large", segment_bytes=50_000)
    with mock_s3.serve(root) as url:
        yield url


@pytest.fixture
def server(running: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    point_at(str(running), monkeypatch)
    yield running
    running.set_faults("")


def read_all(address: str = "s3://bucket/text/") -> Context:
    context = open_context(address)
    assert context[:] == TEXT
    assert segment_cache().flush(60)
    return context


def test_what_was_read_once_is_not_asked_for_again(server: Server) -> None:
    first = read_all()
    assert first.stats.disk_hits == 0
    second = read_all()
    assert (second.stats.requests, second.stats.store_reads) == (0, 0)
    assert second.stats.disk_hits == first.stats.store_reads > 10


def test_the_same_text_elsewhere_is_shared(server: Server) -> None:
    read_all()
    assert read_all("s3://bucket/copy/").stats.requests == 0


def test_part_of_it_is_read_from_disk_and_the_rest_from_the_store(server: Server) -> None:
    context = open_context("s3://bucket/text/")
    assert context[1_000:1_200] == "".join(LINES[1_000:1_200])
    assert segment_cache().flush(60)
    again = read_all()
    assert 0 < again.stats.disk_hits < again.stats.store_reads


def test_another_process_finds_it(server: Server) -> None:
    script = (
        "from rlm_magic.context import open_context\n"
        "from rlm_magic.disk import segment_cache\n"
        "context = open_context('s3://bucket/text/')\n"
        "print(len(context[:]), context.stats.requests, segment_cache().flush(60))\n"
    )
    size = str(len(TEXT))
    first = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert first.stdout.split()[0] == size
    assert first.stdout.split()[1] != "0"
    second = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert second.stdout.split() == [size, "0", "True"]
    assert read_all().stats.requests == 0


def test_two_processes_fill_one_cache_at_once(server: Server) -> None:
    script = (
        "from rlm_magic.context import open_context\n"
        "from rlm_magic.disk import segment_cache\n"
        "for _ in range(3):\n"
        "    text = open_context('s3://bucket/text/')[:]\n"
        "segment_cache().flush(60)\n"
        "import sys, hashlib; print(hashlib.sha256(text.encode()).hexdigest())\n"
    )
    command = [sys.executable, "-c", script]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    outputs = [process.communicate(timeout=120)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert len(set(outputs)) == 1
    # Who finds the database held for long leaves a value out, so not all need be there.
    assert read_all().stats.disk_hits > 0
    assert read_all().stats.requests == 0


def test_bytes_that_were_exchanged_on_disk_are_asked_for_again(server: Server) -> None:
    read_all()
    cache = segment_cache()
    # Valid entries in every respect, but of other bytes: only the manifest's digest can tell.
    context = open_context("s3://bucket/text/")
    extents = context._text.segments.extents  # type: ignore[union-attr]
    for number in range(5):
        cache.put(f"v1:{extents.digest(number).hex()}", b"x" * extents.lengths[number])
    assert cache.flush(60)
    assert context[:] == TEXT
    assert context.stats.store_reads == 5
    assert context.stats.disk_hits == len(extents.objects) - 5


@pytest.mark.parametrize("harm", ["folder", "database", "values", "off"])
def test_a_cache_that_is_lost_or_damaged_costs_requests_only(
    server: Server, harm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_all("s3://bucket/large/")
    folder = segment_cache().folder
    if harm == "folder":
        shutil.rmtree(folder)
    elif harm == "database":
        (folder / "cache.db").write_bytes(b"not a database at all" * 500)
    elif harm == "values":
        values = list(folder.rglob("*.val"))
        assert values
        for value in values:
            value.write_bytes(value.read_bytes()[:-1])
    else:
        monkeypatch.setenv("RLM_CACHE", "off")
    context = open_context("s3://bucket/large/")
    assert context[:] == TEXT
    if harm != "database":  # of which SQLite still has the newest pages in its log
        assert context.stats.store_reads > 0


def test_a_read_only_cache_is_passed_by(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("no folder can be made here")
    monkeypatch.setenv("RLM_CACHE_DIR", str(blocked))
    context = open_context("s3://bucket/text/")
    assert context[:] == TEXT
    assert context.stats.disk_hits == 0


def test_a_local_directory_needs_no_cache(server: Server, tmp_path: Path) -> None:
    local = ingest([("log", TEXT)], tmp_path / "local", segment_bytes=4_000)
    before = segment_cache().summary().entries
    assert local[:] == TEXT
    assert segment_cache().flush(60)
    assert segment_cache().summary().entries == before


def test_a_forked_child_reads_what_is_on_disk(server: Server) -> None:
    if not hasattr(os, "fork"):
        return
    context = read_all()
    assert context[0] == LINES[0]
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            # A text that this process has not in memory, and a store that a fork cannot reach.
            context._text.segments.resident.clear()  # type: ignore[attr-defined]
            os.write(writer, b"right" if context[5:9] == "".join(LINES[5:9]) else b"wrong")
        finally:
            os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with open(reader, "rb") as said:
        assert said.read() == b"right"


def test_a_context_that_is_dropped_gives_its_memory_back_at_once(server: Server) -> None:
    context = read_all()
    segments = context._text.segments
    assert isinstance(segments, StoredSegments)
    held = [weakref.ref(context._text), weakref.ref(segments), weakref.ref(segments._tier)]
    del segments
    gc.disable()
    try:
        del context
        assert [each() for each in held] == [None, None, None]
    finally:
        gc.enable()


def test_a_context_that_is_dropped_before_it_is_on_disk_still_gets_there(server: Server) -> None:
    for _ in range(2):
        text = open_context("s3://bucket/large/")[:]
    assert text == TEXT
    assert segment_cache().flush(60)
    assert read_all("s3://bucket/large/").stats.requests == 0


def test_plain_objects_are_read_once_for_all_kernels(server: Server) -> None:
    first = open_context("s3://bucket/plain/")
    assert first[:] == PLAIN
    assert segment_cache().flush(60)
    forget_requests(server)
    again = open_context("s3://bucket/plain/")
    assert again[:] == PLAIN
    assert again.stats.disk_hits > 0
    assert [request["key"] for request in server.requests() if request["key"].endswith(".txt")] == []
