"""What is put is got, by this process and others, within the limits."""

from __future__ import annotations

import logging
import os
import re
import sqlite3
import stat
import subprocess
import sys
import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlm_magic.disk import DiskCache, cache_folder, segment_cache
from rlm_magic.disk.writer import Writer

from .conftest import CONFIG, FLUSH_S, MIB, Open, execute, store, value_files

KEYS = st.one_of(st.sampled_from(["a", "b", "c"]), st.text(st.characters(), max_size=8))
# Either side of the size from which a value has a file of its own.
DATA = st.builds(
    lambda head, size: (head * size)[:size], st.binary(min_size=1, max_size=9), st.integers(0, 70_000)
)


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.sampled_from(["put", "get", "clear", "close", "other"]), KEYS, DATA), max_size=12)
)
def test_it_is_a_dict(steps: list[tuple[str, str, bytes]]) -> None:
    oracle: dict[str, bytes] = {}
    with TemporaryDirectory() as place:
        cache, other = (DiskCache(Path(place, "c"), size_bytes=1024 * MIB, config=CONFIG) for _ in range(2))
        for action, key, data in steps:
            if action == "put":
                store(cache, **{key: data})
                oracle[key] = data
            elif action == "clear":
                cache.clear()
                oracle.clear()
            elif action == "close":
                cache.close()
            elif action == "other":
                cache, other = other, cache
            assert cache.get(key) == oracle.get(key)
        assert {key: cache.get(key) for key in oracle} == oracle
        assert cache.known([*oracle, "never put"]) == set(oracle)
        assert cache.summary().entries == len(oracle)
        assert cache.summary().state == "ok"
        cache.close()
        other.close()


def test_nothing_is_made_before_it_is_used(folder: Path, cache: DiskCache) -> None:
    assert not folder.parent.exists()
    assert cache.get("key") is None
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_only_bytes_are_taken(cache: DiskCache) -> None:
    with pytest.raises(TypeError, match="not str"):
        cache.put("key", "text")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="not bytearray"):
        cache.put("key", bytearray(3))  # type: ignore[arg-type]


def test_another_cache_finds_it(open_cache: Open) -> None:
    store(open_cache(), small=b"s", large=b"l" * MIB)
    other = open_cache()
    assert (other.get("small"), other.get("large"), other.get("none")) == (b"s", b"l" * MIB, None)


def test_the_oldest_are_evicted_and_the_newest_stays(folder: Path, open_cache: Open) -> None:
    limit, size = 4 * MIB, 300 * 1024
    cache = open_cache(size_bytes=limit, config=replace(CONFIG, largest_share=0.1))
    for number in range(40):
        store(cache, **{f"k{number}": bytes([number]) * size})
        assert cache.get(f"k{number}") == bytes([number]) * size
        assert cache.summary().bytes <= limit + size
        # And not more of the others than must be.
        assert cache.summary().entries >= min(number + 1, 10)
    kept = [number for number in range(40) if cache.get(f"k{number}") is not None]
    assert 8 <= len(kept) <= 13
    assert kept == list(range(40 - len(kept), 40))
    assert cache.summary().entries == len(value_files(folder)) == len(kept)
    # The folders of evicted files are gone too.
    assert len(list(folder.glob("*/*/"))) == len(kept)


def test_a_value_too_large_for_the_cache_is_not_kept_and_it_says_what_would_do(
    open_cache: Open, caplog: pytest.LogCaptureFixture
) -> None:
    cache = open_cache(size_bytes=10 * MIB)
    with caplog.at_level(logging.WARNING, "rlm_magic"):
        store(cache, large=b"x" * MIB, larger=b"x" * MIB, small=b"x" * 100_000)
    assert cache.get("large") is None
    assert cache.get("small") == b"x" * 100_000
    (record,) = caplog.records
    needed = re.findall(r"[\d,]+", record.getMessage())[-1]
    larger = open_cache(size_bytes=int(needed.replace(",", "")))
    store(larger, large=b"x" * MIB)
    assert larger.get("large") == b"x" * MIB


def test_clearing_frees_what_it_says_and_strays_too(folder: Path, cache: DiskCache) -> None:
    store(cache, **{f"k{number}": b"x" * MIB for number in range(5)})
    stray = folder / "ab" / "cd" / f"{'0' * 28}.val"
    stray.parent.mkdir(parents=True)
    stray.write_bytes(b"x" * MIB)
    mine = folder / "ab" / "mine.txt"
    mine.write_bytes(b"not a value")
    assert cache.clear() > 5.9 * MIB
    assert value_files(folder) == []
    assert mine.read_bytes() == b"not a value"
    assert cache.summary().entries == 0
    assert cache.clear() < MIB
    store(cache, k1=b"again")
    assert cache.get("k1") == b"again"


def test_what_waits_at_the_end_of_a_process_is_stored(folder: Path, cache: DiskCache) -> None:
    code = (
        "import sys; from pathlib import Path; from rlm_magic.disk import DiskCache\n"
        "from rlm_magic.config import DiskConfig\n"
        "patient = DiskConfig(exit_s=60.0, free_share=0.0)\n"
        "cache = DiskCache(Path(sys.argv[1]), size_bytes=1 << 30, config=patient)\n"
        "for number in range(5): cache.put(str(number), bytes([number]) * 100_000)\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code, str(folder)], check=True, timeout=60)
    assert [cache.get(str(number)) for number in range(5)] == [bytes([n]) * 100_000 for n in range(5)]


MANY = """
import sys
from pathlib import Path
from rlm_magic.disk import DiskCache
cache = DiskCache(Path(sys.argv[1]), size_bytes=8 << 20)
found = 0
for turn in range(150):
    number = (turn * int(sys.argv[2])) % 60
    size = 20_000 + 700 * number
    data = cache.get(str(number))
    assert data in (None, bytes([number]) * size), number
    found += data is not None
    cache.put(str(number), bytes([number]) * size)
    if turn % 10 == 0:
        assert cache.flush(60)
assert cache.flush(60)
state = cache.summary().state
assert state == "ok", state
print(found)
"""


def test_processes_share_a_folder(folder: Path, open_cache: Open) -> None:
    running = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", MANY, str(folder), str(step)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for step in (1, 7)
    ]
    for process in running:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        assert err == ""
        assert int(out) > 0
    cache = open_cache()
    assert cache.summary().entries == len(execute(folder, "SELECT 1 FROM Cache")) > 0
    names = {name for (name,) in execute(folder, "SELECT filename FROM Cache WHERE filename IS NOT NULL")}
    assert names == {path.relative_to(folder).as_posix() for path in value_files(folder)}


def test_threads_share_a_cache(cache: DiskCache) -> None:
    values = {str(number): bytes([number]) * (30_000 + 500 * number) for number in range(20)}
    wrong: list[str] = []

    def use(offset: int) -> None:
        for turn in range(60):
            key = str((turn * 7 + offset) % 20)
            if cache.get(key) not in (None, values[key]):
                wrong.append(key)
            cache.put(key, values[key])

    threads = [threading.Thread(target=use, args=(offset,)) for offset in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert cache.flush(FLUSH_S)
    assert {key: cache.get(key) for key in values} == values


FORKED = """
import os, sys, threading
from pathlib import Path
from rlm_magic.disk import DiskCache
cache = DiskCache(Path(sys.argv[1]), size_bytes=1 << 30)
values = {str(number): bytes([number]) * 100_000 for number in range(10)}
for key, data in values.items():
    cache.put(key, data)
assert cache.flush(60)
stop = threading.Event()
def go_on():
    while not stop.is_set():
        cache.get("3"); cache.put("more", b"x" * 50_000)
threads = [threading.Thread(target=go_on, daemon=True) for _ in range(3)]
for thread in threads: thread.start()
for turn in range(10):
    child = os.fork()
    if child == 0:
        ok = all(cache.get(key) == data for key, data in values.items())
        cache.put(f"child {turn}", b"c" * 40_000)
        os._exit(0 if ok and cache.flush(30) and cache.get(f"child {turn}") == b"c" * 40_000 else 1)
    assert os.waitpid(child, 0)[1] == 0
stop.set()
for thread in threads: thread.join()
assert all(cache.get(f"child {turn}") for turn in range(10))
assert cache.summary().state == "ok"
"""


def test_a_forked_child_reads_and_writes_on(folder: Path) -> None:
    command = [sys.executable, "-W", "ignore", "-c", FORKED, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


def test_opening_writes_nothing_to_a_database_that_is_there(folder: Path, open_cache: Open) -> None:
    store(open_cache(), key=b"data")
    with closing(sqlite3.connect(folder / "cache.db")) as watcher:
        before = watcher.execute("PRAGMA data_version").fetchall()
        assert open_cache(size_bytes=512 * MIB).get("key") == b"data"
        assert watcher.execute("PRAGMA data_version").fetchall() == before


# The writing thread


def test_the_queue_is_bounded_and_the_newest_value_counts() -> None:
    gate, written = threading.Event(), []

    def write(key: str, data: bytes | None) -> None:
        assert gate.wait(60)
        written.append((key, data))

    writer = Writer(write, queue_bytes=10, idle_s=0.0)
    assert writer.hand_over("first", b"x")
    assert not writer.flush(0)
    assert writer.hand_over("a", b"12345")
    assert not writer.hand_over("b", b"123456")
    assert writer.hand_over("a", b"123456789")
    writer.hand_over("a", None)
    writer.hand_over("gone", None)
    gate.set()
    assert writer.flush(60)
    assert written == [("first", b"x"), ("a", b"123456789"), ("gone", None)]
    assert writer.hand_over("b", b"1234567890")
    assert writer.flush(60)
    assert written[-1] == ("b", b"1234567890")


def test_what_is_forgotten_is_not_written() -> None:
    gate, begun, written = threading.Event(), threading.Event(), []

    def write(key: str, data: bytes | None) -> None:
        begun.set()
        assert gate.wait(60)
        written.append(key)

    writer = Writer(write, queue_bytes=10, idle_s=0.0)
    writer.hand_over("first", b"x")
    assert begun.wait(60)
    writer.hand_over("second", b"x" * 10)
    writer.forget()
    gate.set()
    assert writer.flush(60)
    assert written == ["first"]


# The cache of the process


def test_the_process_has_one_where_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RLM_CACHE_DIR", str(tmp_path / "here"))
    cache = segment_cache()
    assert segment_cache() is cache
    assert cache.folder == cache_folder() / "segments" == tmp_path / "here" / "segments"
    store(cache, key=b"data")
    monkeypatch.setenv("RLM_CACHE_DIR", str(tmp_path / "there"))
    assert segment_cache().get("key") is None
    monkeypatch.setenv("RLM_CACHE_DIR", str(tmp_path / "here"))
    assert segment_cache().get("key") == b"data"
    segment_cache().close()


@pytest.mark.parametrize(
    ("name", "value", "state"),
    [
        ("RLM_CACHE", "off", "off: RLM_CACHE=off"),
        ("RLM_CACHE", "No", "off: RLM_CACHE=No"),
        ("RLM_CACHE_BYTES", "0", "off: RLM_CACHE_BYTES=0"),
        ("RLM_CACHE_BYTES", "10 GB", "off: RLM_CACHE_BYTES='10 GB' is not a number of bytes"),
        ("RLM_CACHE_BYTES", "-5", "off: RLM_CACHE_BYTES='-5' is not a number of bytes"),
    ],
)
def test_turned_off_it_keeps_and_makes_nothing(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, state: str
) -> None:
    monkeypatch.setenv(name, value)
    cache = segment_cache()
    store(cache, key=b"data")
    assert cache.get("key") is None
    assert cache.clear() == 0
    assert cache.summary().state == state
    assert not Path(os.environ["RLM_CACHE_DIR"]).exists()


def test_turned_off_it_can_still_be_cleared(monkeypatch: pytest.MonkeyPatch) -> None:
    store(segment_cache(), key=b"x" * MIB)
    monkeypatch.setenv("RLM_CACHE", "off")
    assert segment_cache().clear() > 0.9 * MIB
    monkeypatch.delenv("RLM_CACHE")
    assert segment_cache().get("key") is None
    segment_cache().close()


def test_the_size_is_settable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RLM_CACHE_BYTES", "1234567")
    assert segment_cache().summary().limit_bytes == 1234567
    segment_cache().close()


def test_a_fault_is_logged_once(folder: Path, open_cache: Open, caplog: pytest.LogCaptureFixture) -> None:
    folder.parent.mkdir()
    folder.write_bytes(b"a file")
    cache = open_cache()
    with caplog.at_level(logging.WARNING, "rlm_magic"):
        for _ in range(5):
            assert cache.get("key") is None
    (record,) = caplog.records
    assert str(folder) in record.getMessage()
    assert folder.read_bytes() == b"a file"
    assert "is not a folder" in cache.summary().state


def test_what_waits_to_be_stored_is_there_already(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path / "c", size_bytes=100_000_000, config=replace(CONFIG, pause_s=60.0))
    cache.put("key", b"data")
    assert cache.get("key") == b"data"
    assert not any((tmp_path / "c").rglob("*.db"))
    assert cache.flush(FLUSH_S)
    assert cache.get("key") == b"data"
