"""A cache on disk of a test's own, and how to look at it from outside."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from rlm_magic.config import DiskConfig
from rlm_magic.disk import DiskCache

MIB = 1024 * 1024
# Patient with a machine that is busy with something else.
CONFIG = DiskConfig(busy_s=20.0, retry_after_s=0.0, free_share=0.0)
FLUSH_S = 60.0

Open = Callable[..., DiskCache]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "caches" / "segments"


@pytest.fixture
def open_cache(folder: Path) -> Iterator[Open]:
    """Open caches on the folder, as several processes would; they are closed in the end."""
    opened: list[DiskCache] = []

    def open_one(
        where: Path = folder, *, size_bytes: int = 1024 * MIB, config: DiskConfig = CONFIG
    ) -> DiskCache:
        opened.append(DiskCache(where, size_bytes=size_bytes, config=config))
        return opened[-1]

    yield open_one
    for cache in opened:
        cache.finish()


@pytest.fixture
def cache(open_cache: Open) -> DiskCache:
    return open_cache()


def store(cache: DiskCache, **values: bytes) -> None:
    """Put values, and wait until they are on disk."""
    for key, data in values.items():
        cache.put(key, data)
    assert cache.flush(FLUSH_S)


def value_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*/*/*.val"))


def execute(folder: Path, sql: str, *parameters: Any) -> list[Any]:
    """Run SQL on the cache's database, as somebody who tampers with it would."""
    with closing(sqlite3.connect(folder / "cache.db", isolation_level=None)) as database:
        return database.execute(sql, parameters).fetchall()
