"""Many threads, forked processes, interrupted readers, and a memory that is too small for the text."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
from obstore.store import MemoryStore

from rlm_magic.config import ContextConfig
from rlm_magic.context import Context, ingest, open_context
from rlm_magic.context.stores import Head
from rlm_magic.context.stores.objects import ObstoreStore

LINES = [f"line {number} {'é' * (number % 7)}\n" for number in range(2000)]
TEXT = "".join(LINES)


class WatchedStore:
    """A store in memory that counts reads, and can hold them up or fail one."""

    url = "memory://watched"

    def __init__(self) -> None:
        self._store = ObstoreStore(MemoryStore(), url=self.url)
        self.reads: list[tuple[str, int, int | None]] = []
        self.gate = threading.Event()
        self.gate.set()
        self.fail_next: type[BaseException] | None = None

    def head(self, key: str) -> Head:
        return self._store.head(key)

    def get(self, key: str, *, start: int = 0, stop: int | None = None, version: str | None = None) -> bytes:
        if key.startswith("data/"):
            self.reads.append((key, start, stop))
            self.gate.wait(30)
            if self.fail_next is not None:
                failure, self.fail_next = self.fail_next, None
                raise failure
        return self._store.get(key, start=start, stop=stop, version=version)

    def put(self, key: str, parts: Sequence[bytes]) -> None:
        self._store.put(key, parts)

    def swap(self, key: str, data: bytes, *, expected: str | None) -> None:
        self._store.swap(key, data, expected=expected)

    def keys(self) -> list[str]:
        return self._store.keys()


@pytest.fixture
def store() -> WatchedStore:
    store = WatchedStore()
    ingest([TEXT], store, segment_bytes=1000, object_bytes=5000)
    store.reads.clear()
    return store


def together(count: int, work: object) -> None:
    """Run work(number) in threads and raise what any of them raised."""
    errors: list[BaseException] = []

    def guarded(number: int) -> None:
        try:
            work(number)  # type: ignore[operator]
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    if errors:
        raise errors[0]


@pytest.mark.parametrize("memory_bytes", [1, 5000, 1 << 30])
def test_threads_read_the_right_text(store: WatchedStore, memory_bytes: int) -> None:
    context = open_context(store, config=ContextConfig(memory_bytes=memory_bytes, request_bytes=3000))

    def read(seed: int) -> None:
        dice = random.Random(seed)
        for _ in range(60):
            first, length = dice.randrange(len(LINES)), dice.randrange(200)
            assert context[first : first + length] == "".join(LINES[first : first + length])
            assert context[first] == LINES[first]
            assert context.chars[first * 3 : first * 3 + length] == TEXT[first * 3 : first * 3 + length]

    together(8, read)
    assert context.search("line 1234 ")[0].line == 1234


def test_one_request_serves_all_who_wait_for_a_segment(store: WatchedStore) -> None:
    context = open_context(store)
    store.gate.clear()
    threading.Timer(0.2, store.gate.set).start()
    together(8, lambda number: context[0] == LINES[0] or pytest.fail("wrong line"))
    # What is read ahead of the first lines is asked for as well, and no byte twice.
    asked = [byte for key, start, stop in store.reads for byte in ((key, at) for at in range(start, stop))]
    assert len(asked) == len(set(asked))


def test_a_slice_fetches_each_segment_once_and_neighbours_together(store: WatchedStore) -> None:
    context = open_context(store)
    assert context[:] == TEXT
    objects = {key for key, _, _ in store.reads}
    assert len(store.reads) == len(objects)
    assert context[5:1999] == "".join(LINES[5:1999])
    assert len(store.reads) == len(objects)


def test_a_cold_slice_asks_for_everything_at_once(store: WatchedStore) -> None:
    context = open_context(store)
    store.gate.clear()
    found: list[str] = []
    reader = threading.Thread(target=lambda: found.append(context[100:700]))
    reader.start()
    # All requests are under way before the first has been answered.
    for _ in range(1000):
        if len(store.reads) >= 3:
            break
        threading.Event().wait(0.01)
    under_way = len(store.reads)
    store.gate.set()
    reader.join(30)
    assert found == ["".join(LINES[100:700])]
    assert under_way == len(store.reads) >= 3


def test_a_slice_on_a_segment_boundary_reads_nothing_else(store: WatchedStore) -> None:
    context = open_context(store)
    starts = context._text.layout.newline_starts
    assert context[starts[3] : starts[4]] == "".join(LINES[starts[3] : starts[4]])
    assert sum((stop or 0) - start for _, start, stop in store.reads) <= 1000


def test_an_interrupted_reader_does_not_hold_up_the_others(store: WatchedStore) -> None:
    context = open_context(store)
    store.gate.clear()
    store.fail_next = KeyboardInterrupt
    threading.Timer(0.2, store.gate.set).start()
    outcomes: list[object] = []

    def read(number: int) -> None:
        try:
            outcomes.append(context[0])
        except KeyboardInterrupt as error:
            outcomes.append(type(error))

    together(6, read)
    assert sorted(map(str, outcomes)) == sorted([str(KeyboardInterrupt), *[LINES[0]] * 5])


def test_memory_stays_within_its_budget(store: WatchedStore) -> None:
    context = open_context(store, config=ContextConfig(memory_bytes=6000))
    for _ in range(3):
        assert "".join(context) == TEXT
        resident = context._text.segments.resident
        assert 0 < sum(segment.size_bytes for segment in resident.values()) <= 6000
    for first in range(0, 2000, 37):
        assert context[first : first + 30] == "".join(LINES[first : first + 30])
        assert sum(segment.size_bytes for segment in list(resident.values())) <= 6000


FORKED = """
import os, sys, threading
from rlm_magic.config import ContextConfig
from rlm_magic.context import open_context
context = open_context(sys.argv[1], config=ContextConfig(memory_bytes=20_000, request_bytes=2000))
text = context[:]
stop = threading.Event()
def keep_reading():
    while not stop.is_set():
        for _ in context: pass
threads = [threading.Thread(target=keep_reading, daemon=True) for _ in range(2)]
for thread in threads: thread.start()
for _ in range(10):
    child = os.fork()
    if child == 0:
        os._exit(0 if context[:] == text and context[-1] == text.splitlines(True)[-1] else 1)
    assert os.waitpid(child, 0)[1] == 0
stop.set()
"""


def test_a_forked_process_reads_on(tmp_path: Path) -> None:
    ingest([TEXT], tmp_path, segment_bytes=1000, object_bytes=5000)
    command = [sys.executable, "-W", "ignore", "-c", FORKED, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_files_of_a_glob_are_indexed_by_many_threads(tmp_path: Path) -> None:
    for number in range(300):
        (tmp_path / f"{number:03}.txt").write_text(f"{number}\n" * (number % 5))
    context: Context = open_context(str(tmp_path / "*.txt"))
    assert context[:] == "".join(f"{number}\n" * (number % 5) for number in range(300))
    assert len(context.documents) == 300
