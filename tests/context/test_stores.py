"""The stores, each under the contract of all stores."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from obstore.store import LocalStore, MemoryStore

from rlm_magic.context.stores import Store
from rlm_magic.context.stores.directory import DirectoryStore
from rlm_magic.context.stores.objects import ObstoreStore
from rlm_magic.errors import StoreUnavailable, WriteConflict

from ..contracts.store_contract import StoreContract


class TestDirectoryStore(StoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        return DirectoryStore(tmp_path)

    def test_names_that_object_stores_cannot_have(self, tmp_path: Path) -> None:
        store = DirectoryStore(tmp_path)
        for name in (b"new\nline", b"not-utf8-\xff", b"back\\slash"):
            (tmp_path / os.fsdecode(name)).write_bytes(name)
            assert store.get(os.fsdecode(name)) == name
        assert len(store.keys()) == 3

    def test_files_are_written_with_the_usual_permissions(self, tmp_path: Path) -> None:
        DirectoryStore(tmp_path).put("a", [b"x"])
        (tmp_path / "usual").write_bytes(b"x")
        assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == stat.S_IMODE(
            (tmp_path / "usual").stat().st_mode
        )

    def test_a_refusal_of_the_system_names_the_file(self, tmp_path: Path) -> None:
        (tmp_path / "folder").mkdir()
        with pytest.raises(StoreUnavailable, match="folder: Is a directory"):
            DirectoryStore(tmp_path).get("folder")

    def test_a_failed_put_leaves_nothing_behind(self, tmp_path: Path) -> None:
        (tmp_path / "folder" / "full").mkdir(parents=True)
        with pytest.raises(StoreUnavailable):
            DirectoryStore(tmp_path / "folder").put("full", [b"x"])
        assert os.listdir(tmp_path / "folder") == ["full"]


class TestMemory(StoreContract):
    @pytest.fixture
    def store(self) -> Store:
        return ObstoreStore(MemoryStore(), url="memory://test")


class TestObstoreLocal(StoreContract):
    # obstore's local store has no conditional replacement; DirectoryStore is used for directories.
    can_swap = False

    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        return ObstoreStore(LocalStore(str(tmp_path)), url=str(tmp_path))

    def test_swap_says_that_it_cannot(self, store: Store) -> None:
        store.swap("m", b"1", expected=None)
        with pytest.raises((StoreUnavailable, WriteConflict), match="m"):
            store.swap("m", b"2", expected=store.head("m").version)
