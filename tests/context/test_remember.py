"""The index of plain files is remembered between processes, and a damaged one is made again."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from rlm_magic.config import ContextConfig
from rlm_magic.context import open_context
from rlm_magic.context.remember import recall, remember

CONFIG = ContextConfig(segment_bytes=20, remember_from_bytes=1, remembered_indexes=3)
TEXT = "a line\nanother líne\n" * 20


@pytest.fixture
def folder() -> Path:
    return Path(os.environ["RLM_CACHE_DIR"]) / "indexes"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "text.txt").write_text(TEXT)
    return tmp_path / "text.txt"


def test_a_remembered_index_is_used(path: Path, folder: Path) -> None:
    assert open_context(path, config=CONFIG)[:] == TEXT
    (remembered,) = folder.iterdir()
    before = remembered.stat().st_mtime_ns
    assert open_context(path, config=CONFIG)[:] == TEXT
    assert remembered.stat().st_mtime_ns == before
    if os.name == "posix":
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_changed_file_is_indexed_again(path: Path, folder: Path) -> None:
    open_context(path, config=CONFIG)
    path.write_text(TEXT + "more\n")
    assert open_context(path, config=CONFIG)[-1] == "more\n"
    assert len(list(folder.iterdir())) == 2


@pytest.mark.parametrize("damage", [b"", b"x", b"\0" * 100])
def test_a_damaged_index_is_made_again(path: Path, folder: Path, damage: bytes) -> None:
    open_context(path, config=CONFIG)
    (remembered,) = folder.iterdir()
    remembered.write_bytes(damage)
    assert open_context(path, config=CONFIG)[:] == TEXT
    assert len(remembered.read_bytes()) > len(damage)


def test_only_the_newest_are_kept(folder: Path) -> None:
    for number in range(10):
        remember(str(number), b"x", keep=3)
    assert len(list(folder.iterdir())) == 3
    assert recall("9") == b"x"
    assert recall("0") is None


def test_a_useless_cache_directory_is_no_obstacle(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RLM_CACHE_DIR", str(path))
    assert open_context(path, config=CONFIG)[:] == TEXT


def test_small_files_are_not_remembered(path: Path, folder: Path) -> None:
    open_context(path)
    assert not folder.exists()
