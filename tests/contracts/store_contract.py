"""What every store must do. A store's test module subclasses StoreContract and says how to make one."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod

import pytest

from rlm_magic.context import append, ingest, open_context
from rlm_magic.context.stores import Store
from rlm_magic.errors import SegmentMissing, SnapshotChanged, WriteConflict


class StoreContract(ABC):
    """Subclass it and provide `store`, an empty store that supports `swap` unless `can_swap` is False."""

    can_swap = True

    @pytest.fixture
    @abstractmethod
    def store(self) -> Store:
        """Return an empty store."""

    def test_what_was_put_is_got(self, store: Store) -> None:
        store.put("data/a.txt", [b"hello ", b"", b"world"])
        assert store.get("data/a.txt") == b"hello world"
        assert store.get("data/a.txt", start=6) == b"world"
        assert store.get("data/a.txt", start=2, stop=4) == b"ll"
        assert store.get("data/a.txt", start=3, stop=3) == b""
        assert store.get("data/a.txt", start=6, stop=99) == b"world"
        assert store.head("data/a.txt").size == 11

    def test_an_empty_object(self, store: Store) -> None:
        store.put("empty", [])
        assert store.get("empty") == b""
        assert store.head("empty").size == 0

    def test_put_replaces(self, store: Store) -> None:
        store.put("a", [b"old"])
        before = store.head("a").version
        store.put("a", [b"new"])
        assert store.get("a") == b"new"
        assert store.head("a").version != before

    def test_a_missing_object_is_named(self, store: Store) -> None:
        for ask in (store.head, store.get):
            with pytest.raises(SegmentMissing, match=r"data/none\.txt"):
                ask("data/none.txt")

    def test_another_version_is_refused(self, store: Store) -> None:
        store.put("a", [b"old"])
        version = store.head("a").version
        assert store.get("a", version=version) == b"old"
        store.put("a", [b"new"])
        with pytest.raises(SnapshotChanged, match="a changed"):
            store.get("a", version=version)

    def test_keys_are_sorted_and_not_hidden(self, store: Store) -> None:
        for key in ("b", "a/c", "a/b", ".hidden", "a/.hidden/c"):
            store.put(key, [b"x"])
        assert store.keys() == ["a/b", "a/c", "b"]

    def test_odd_keys(self, store: Store) -> None:
        for key in ("a b", "é😀", "per%20cent", "q?x#y&z", "a+b"):
            store.put(key, [key.encode()])
            assert store.get(key) == key.encode()

    def test_swap_is_on_condition(self, store: Store) -> None:
        if not self.can_swap:
            return
        store.swap("m", b"1", expected=None)
        with pytest.raises(WriteConflict, match="m"):
            store.swap("m", b"2", expected=None)
        version = store.head("m").version
        store.swap("m", b"2", expected=version)
        with pytest.raises(WriteConflict, match="m"):
            store.swap("m", b"3", expected=version)
        assert store.get("m") == b"2"

    def test_of_many_swaps_at_once_one_wins(self, store: Store) -> None:
        if not self.can_swap:
            return
        store.swap("m", b"0", expected=None)
        version = store.head("m").version
        won: list[int] = []

        def try_to_win(number: int) -> None:
            try:
                store.swap("m", str(number).encode(), expected=version)
                won.append(number)
            except WriteConflict:
                pass

        threads = [threading.Thread(target=try_to_win, args=(number,)) for number in range(1, 9)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(won) == 1
        assert store.get("m") == str(won[0]).encode()

    def test_a_context_lives_in_it(self, store: Store) -> None:
        if not self.can_swap:
            return
        lines = [f"línea {number} 😀\n" for number in range(100)]
        written = ingest(["".join(lines)], store, segment_bytes=50, object_bytes=300)
        assert written[:] == open_context(store)[:] == "".join(lines)
        grown = append(store, [("more", "the end")], segment_bytes=50)
        assert grown[:] == "".join(lines) + "the end"
        assert open_context(store)[-1] == "the end"
        assert written[:] == "".join(lines)
