"""Every fault of a store, reading, binding or writing: the right text, or an error that says where."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import TypeVar

import pytest

import mock_s3
from mock_s3 import Server
from rlm_magic.config import ContextConfig
from rlm_magic.context import Context, append, ingest, open_context
from rlm_magic.context.fetch import StoredSegments
from rlm_magic.errors import (
    IntegrityError,
    ManifestError,
    RLMError,
    SegmentMissing,
    SnapshotChanged,
    StoreUnavailable,
    WriteConflict,
)

from .s3 import forget_requests, make_bucket, point_at

LINES = [f"línea {number} 😀 {'x' * (number % 60)}\n" for number in range(2_000)]
TEXT = "".join(LINES)
PLAIN = {f"plain/{number}.txt": f"text of {number}\n".encode() * 200 for number in range(5)}
PLAIN_TEXT = b"".join(PLAIN.values()).decode()
PATIENT = ContextConfig(read_attempts=3, retry_first_s=0.01)
# Where only a deadline ends it. A machine that is busy may need that long for what is right, too.
QUICK = replace(PATIENT, read_deadline_s=2.0, request_timeout_s=1.0, transfer_timeout_s=1.0)
# Far beyond every deadline here; only a hang takes so long.
HANG_S = 60
LATE = ("stall", "drip", "slow seconds=60")
ENDLESS = (*LATE, "slowdown")
_Found = TypeVar("_Found")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = make_bucket(tmp_path_factory.mktemp("s3"), "bucket", PLAIN)
    ingest([("log", TEXT)], root / "bucket" / "text", segment_bytes=4_000, object_bytes=20_000)
    return root


@pytest.fixture(scope="module")
def running(root: Path) -> Iterator[Server]:
    with mock_s3.serve(root) as url:
        yield url


@pytest.fixture
def server(running: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    point_at(str(running), monkeypatch)
    forget_requests(running)
    yield running
    running.set_faults("")


def not_hanging(call: Callable[[], _Found]) -> _Found:
    """Return what a call returns; TimeoutError if it hangs, which would otherwise hold up every test."""
    answer: Future[_Found] = Future()

    def run() -> None:
        try:
            answer.set_result(call())
        except BaseException as error:
            answer.set_exception(error)

    Thread(target=run, daemon=True).start()
    return answer.result(timeout=HANG_S)


def opened(config: ContextConfig = PATIENT) -> Context:
    return open_context("s3://bucket/text/", config=config)


def object_of(context: Context, segment: int) -> str:
    segments = context._text.segments
    assert isinstance(segments, StoredSegments)
    return str(segments.extents.keys[segments.extents.objects[segment]])


def reads_of(server: Server, key: str) -> int:
    return sum(request["key"].endswith(key) for request in server.requests())


STAYS = [
    ("slowdown", StoreUnavailable, "503 SlowDown.*try again later"),
    ("error", StoreUnavailable, "500 InternalError"),
    ("forbidden", StoreUnavailable, "403 AccessDenied.*s3:GetObject"),
    ("expired", StoreUnavailable, "400 ExpiredToken.*sign in again"),
    ("skewed", StoreUnavailable, "403 RequestTimeTooSkewed.*clock of this machine"),
    ("missing", SegmentMissing, "is not there.*the others can still be read"),
    ("reset", StoreUnavailable, "error sending request"),
    ("cut", StoreUnavailable, "body error"),
    ("short", StoreUnavailable, "Requested 0"),
    ("shift", StoreUnavailable, r"Requested 0\.\.\d+, got 1\.\."),
    ("whole", StoreUnavailable, "non-partial response"),
    ("flip", IntegrityError, "sha256.*ingest again.*the others can still be read"),
    ("change", IntegrityError, "sha256.*ingest again.*the others can still be read"),
    *[(late, StoreUnavailable, "did not arrive|took too long") for late in LATE],
]


@pytest.mark.parametrize(("fault", "error", "said"), STAYS, ids=[row[0] for row in STAYS])
def test_a_fault_that_stays_names_object_and_lines_and_the_rest_reads(
    server: Server, fault: str, error: type[RLMError], said: str
) -> None:
    context = opened(QUICK if fault in ENDLESS else PATIENT)
    first = object_of(context, 0)
    kind, *options = fault.split()
    server.set_faults(" ".join([kind, f"key=*{first}", *options]))
    with pytest.raises(error, match=f"(?s){said}") as caught:
        not_hanging(lambda: context[0:10])
    assert first in str(caught.value)
    assert "lines 0 to" in str(caught.value)
    assert context[-10:] == "".join(LINES[-10:])
    if fault in LATE:
        return
    with pytest.raises(error):
        not_hanging(lambda: context[:])
    if fault != "change":
        server.set_faults("")
        assert context[:] == TEXT


@pytest.mark.parametrize("fault", ["slowdown", "error", "reset", "cut", "short", "shift", "whole", "flip"])
def test_a_fault_that_passes_leaves_the_text_right(server: Server, fault: str) -> None:
    context = opened()
    server.set_faults(f"{fault}@1 per=key")
    assert not_hanging(lambda: context[:]) == TEXT
    assert server.stats()["faults"] == {fault: len(set(context._text.segments.extents.keys))}  # type: ignore[union-attr]


@pytest.mark.parametrize("late", LATE)
def test_a_late_body_gives_the_right_text_or_is_given_up_and_read_anew(server: Server, late: str) -> None:
    context = opened(QUICK)
    kind, *options = late.split()
    server.set_faults(" ".join([f"{kind}@1", *options]))
    for _ in range(5):
        try:
            found = not_hanging(lambda: context[0:10])
        except StoreUnavailable:
            continue
        break
    assert found == "".join(LINES[0:10])


@pytest.mark.parametrize(
    ("fault", "reads"), [("forbidden", 1), ("skewed", 1), ("missing", 1), ("expired", 2)]
)
def test_what_will_be_refused_again_is_not_asked_again(server: Server, fault: str, reads: int) -> None:
    context = opened()
    first = object_of(context, 0)
    server.set_faults(f"{fault} key=*{first}")
    with pytest.raises((StoreUnavailable, SegmentMissing)):
        context[0]
    # Only credentials that ran out are looked up anew, once.
    assert reads_of(server, first) == reads


@pytest.mark.parametrize("fault", ["slowdown", "error", "reset", "cut", "short", "shift", "whole"])
def test_binding_plain_objects_outlives_a_fault_that_passes(server: Server, fault: str) -> None:
    server.set_faults(f"{fault}@1 per=key")
    context = not_hanging(lambda: open_context("s3://bucket/plain/", config=PATIENT))
    assert context[:] == PLAIN_TEXT
    assert fault in server.stats()["faults"]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("error", StoreUnavailable),
        ("forbidden", StoreUnavailable),
        ("cut", StoreUnavailable),
        ("short", StoreUnavailable),
        ("shift", StoreUnavailable),
        ("whole", StoreUnavailable),
        ("stall", StoreUnavailable),
        ("drip", StoreUnavailable),
        ("missing", SegmentMissing),
        ("change", SnapshotChanged),
    ],
)
def test_binding_plain_objects_fails_by_name(server: Server, fault: str, error: type[RLMError]) -> None:
    server.set_faults(f"{fault} key=bucket/plain/3.txt")
    config = QUICK if fault in ENDLESS else PATIENT
    with pytest.raises(error, match=r"s3://bucket/plain/3\.txt"):
        not_hanging(lambda: open_context("s3://bucket/plain/", config=config))


def test_a_bit_that_flips_as_a_plain_object_is_read_anew_is_noticed(server: Server) -> None:
    # Nothing of it stays in memory from when it was indexed.
    config = replace(PATIENT, memory_bytes=0, segment_bytes=1_000)
    context = open_context("s3://bucket/plain/", config=config)
    server.set_faults("flip@1 per=key key=bucket/plain/*")
    assert context[:] == PLAIN_TEXT
    assert server.stats()["faults"] == {"flip": len(PLAIN)}
    server.set_faults("flip key=bucket/plain/3.txt")
    with pytest.raises(IntegrityError, match=r"3\.txt.*damaged"):
        context[:]
    assert context[0] == PLAIN_TEXT.splitlines(keepends=True)[0]


@pytest.mark.parametrize("fault", ["slowdown", "error", "reset", "cut", "short", "flip", "stall"])
def test_opening_a_manifest_outlives_a_fault_that_passes(server: Server, fault: str) -> None:
    server.set_faults(f"{fault}@1 key=*/manifest.json, error@1 key=bucket/")
    # Long before the deadline, for the stall.
    assert not_hanging(lambda: opened(replace(PATIENT, request_timeout_s=2.0)))[:] == TEXT
    assert fault in server.stats()["faults"]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("error", StoreUnavailable),
        ("forbidden", StoreUnavailable),
        ("reset", StoreUnavailable),
        ("stall", StoreUnavailable),
        ("drip", StoreUnavailable),
        ("short", ManifestError),
        ("flip", ManifestError),
    ],
)
def test_a_manifest_that_cannot_be_read_is_named(server: Server, fault: str, error: type[RLMError]) -> None:
    server.set_faults(f"{fault} key=*/manifest.json")
    with pytest.raises(error, match=r"s3://bucket/text/manifest\.json"):
        not_hanging(lambda: opened(QUICK if fault in ENDLESS else PATIENT))


@pytest.mark.parametrize("grown", [b"", b"more"], ids=["same size", "longer"])
def test_an_object_replaced_under_a_manifest_is_never_mixed_in(
    server: Server, root: Path, grown: bytes
) -> None:
    context = opened()
    path = root / "bucket" / "text" / object_of(context, 0)
    right = path.read_bytes()
    try:
        path.write_bytes(right.swapcase() + grown)
        with pytest.raises(IntegrityError, match=f"{path.name}.*replaced after it was written"):
            context[:]
        assert context[-1] == LINES[-1]
    finally:
        path.write_bytes(right)
    assert context[:] == TEXT


@pytest.mark.parametrize("fault", ["conflict", "slowdown", "error", "reset", "lost"])
def test_writing_outlives_a_fault_that_passes(server: Server, fault: str) -> None:
    place = f"s3://bucket/written-{fault}/"
    for text in ("one\n", "two\n"):
        server.set_faults(f"{fault}@1 per=key verb=PUT key=bucket/written-*")
        assert ingest([text], place)[:] == text
        assert fault in server.stats()["faults"]
    server.set_faults(f"{fault}@1 per=key verb=PUT key=bucket/written-*")
    assert append(place, [("more", "three")])[:] == "two\nthree"


@pytest.mark.parametrize("fault", ["slowdown", "error", "reset"])
def test_looking_where_to_write_outlives_a_fault_that_passes(server: Server, fault: str) -> None:
    place = f"s3://bucket/looked-{fault}/"
    for text in ("one\n", "two\n"):
        server.set_faults(f"{fault}@1 per=key verb=GET")
        assert ingest([text], place)[:] == text
        assert fault in server.stats()["faults"]


@pytest.mark.parametrize("fault", ["error", "cut", "flip", "short"])
def test_a_manifest_to_append_to_outlives_a_fault_that_passes(server: Server, fault: str) -> None:
    place = f"s3://bucket/grown-{fault}/"
    ingest(["one\n"], place)
    server.set_faults(f"{fault}@1 key=*/manifest.json verb=GET")
    assert append(place, [("more", "two\n")])[:] == "one\ntwo\n"
    assert fault in server.stats()["faults"]


def test_a_commit_while_one_looks_where_to_write_is_a_lost_race(server: Server) -> None:
    place = "s3://bucket/overtaken/"
    ingest(["one\n"], place)
    # Listed as one, read as another.
    server.set_faults("change key=*/manifest.json verb=GET")
    with pytest.raises(WriteConflict, match=r"somebody else wrote .*overtaken/manifest\.json"):
        append(place, [("more", "two\n")])
    server.set_faults("")
    assert open_context(place)[:] == "one\n"


def test_a_commit_that_always_collides_is_a_lost_race(server: Server) -> None:
    place = "s3://bucket/contended/"
    for there in (None, "one\n"):
        if there is not None:
            ingest([there], place)
        server.set_faults("conflict verb=PUT key=*/manifest.json")
        with pytest.raises(WriteConflict, match=r"somebody else wrote s3://bucket/contended/manifest\.json"):
            ingest(["mine"], place)
        server.set_faults("")
    assert open_context(place)[:] == "one\n"


@pytest.mark.parametrize("fault", ["forbidden", "skewed"])
def test_a_refused_write_leaves_what_was_there(server: Server, fault: str) -> None:
    place = f"s3://bucket/refused-{fault}/"
    ingest(["old\n"], place)
    server.set_faults(f"{fault} verb=PUT")
    with pytest.raises(StoreUnavailable, match="403"):
        ingest(["new\n"], place)
    server.set_faults("")
    assert open_context(place)[:] == "old\n"


def test_writing_lists_what_is_there_once(server: Server) -> None:
    ingest([TEXT], "s3://bucket/once/", object_bytes=20_000, segment_bytes=4_000)
    assert [request["operation"] for request in server.requests()].count("ListObjectsV2") == 1
    forget_requests(server)
    append("s3://bucket/once/", [("more", "x")])
    assert [request["operation"] for request in server.requests()].count("ListObjectsV2") == 1


def test_what_was_read_to_be_bound_is_not_read_again(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = open_context("s3://bucket/plain/")
    forget_requests(server)
    assert context[:] == PLAIN_TEXT
    assert context[150:250] == "".join(PLAIN_TEXT.splitlines(keepends=True)[150:250])
    assert server.requests() == []
    # Of which nothing is remembered on disk.
    monkeypatch.setenv("RLM_CACHE_DIR", str(tmp_path))
    in_part = open_context("s3://bucket/plain/", config=ContextConfig(memory_bytes=8_000))
    forget_requests(server)
    assert in_part[:] == PLAIN_TEXT
    assert 0 < len(server.requests()) < len(PLAIN)
