"""The only module that imports diskcache: bytes under str keys, and nothing else, go in and come out.

diskcache unpickles what its database calls a pickle, reads and deletes whatever file it names, and applies
whatever settings it holds (CVE-2025-69872). Here the database is taken for data from a stranger: rows of any
other form are doubtful, settings are ours alone, and nothing is pickled or unpickled.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from typing import Any

import diskcache
from diskcache.core import DEFAULT_SETTINGS, ENOVAL, METADATA, MODE_BINARY, MODE_RAW

from .database import connect, is_new, meaning_of
from .faults import Busy, Damaged, Doubtful
from .folder import DATABASE, identity_of
from .inside import new_name, open_value, remove_all_values, remove_value, write_value

# Smaller values are kept in the database itself.
_FILE_FROM_BYTES = 32 * 1024
# What every SQLite takes in one query.
_MOST_VARIABLES = 900
_SETTINGS = {
    **DEFAULT_SETTINGS,
    # Least recently used would write to the database, and so lock it, on every read.
    "eviction_policy": "least-recently-stored",
    # The default of 10 evicts what was just stored when values are large.
    "cull_limit": 2,
}
_KNOWN: dict[str, Any] = {**_SETTINGS, **METADATA}
# size, mode, filename, value
_Columns = tuple[int, int, str | None, bytes | None]


class Vault:
    """One open cache folder; for one thread at a time.

    Raises Doubtful for a faulty entry, Damaged for a faulty database, Busy when another process holds it, and
    OSError when the system refuses.
    """

    def __init__(self, folder: Path, *, size_bytes: int, busy_s: float) -> None:
        self._root = folder
        with _our_faults():
            self._cache = _Cache(folder, size_bytes=size_bytes, busy_s=busy_s)
        self.identity = identity_of(folder)

    def find(self, key: str) -> FileIO | bytes | None:
        """Return a value as it was stored, or the open file that holds it, which the caller closes."""
        with _our_faults():
            found: FileIO | bytes | None = self._cache.get(key, read=True)
            return found

    def among(self, keys: Sequence[str]) -> set[str]:
        """Return which of the given keys have an entry, faulty or not."""
        with _our_faults():
            return set(self._cache.among(keys))

    def store(self, key: str, value: bytes) -> None:
        """Store a value in the place of an older one; evict the oldest if there is too much."""
        with _our_faults():
            try:
                self._cache.set(key, value, retry=False)
            except BaseException:
                # The row is not there, so nobody else will ever remove the file.
                self._cache.disk.forget_latest()
                raise

    def delete(self, key: str) -> None:
        """Delete an entry, if it is there."""
        with _our_faults():
            self._cache.delete(key, retry=False)

    def usage(self) -> tuple[int, int]:
        """Return how many entries there are, and the bytes they take."""
        with _our_faults():
            return len(self._cache), int(self._cache.volume())

    def empty(self) -> None:
        """Delete every entry, and every value file that no entry names."""
        with _our_faults():
            self._cache.clear(retry=False)
            self._cache.shrink()
        remove_all_values(self._root)

    def close(self) -> None:
        """Let go of the database."""
        self._cache.shut()

    def __del__(self) -> None:
        # From Python 3.13 on, a connection that is collected open is warned of.
        with suppress(AttributeError, sqlite3.Error):
            self.close()


class _Disk(diskcache.Disk):  # type: ignore[misc]  # diskcache is not typed
    def __init__(self, directory: str, **_settings: object) -> None:
        super().__init__(directory, min_file_size=_FILE_FROM_BYTES)
        self._root = Path(directory)
        self._latest: str | None = None

    def put(self, key: object) -> tuple[str, bool]:
        if type(key) is not str:
            raise TypeError(f"a key is a str, not {type(key).__name__}")
        return key, True

    def get(self, key: object, raw: object) -> str:
        if type(key) is not str or raw != 1:
            raise Doubtful("a key is not a str")
        return key

    def store(self, value: object, read: bool, **_key: object) -> _Columns:
        if type(value) is not bytes or read:
            raise TypeError(f"a value is bytes, not {type(value).__name__}")
        self._latest = None
        if len(value) < _FILE_FROM_BYTES:
            return 0, MODE_RAW, None, value
        name = new_name()
        write_value(self._root, name, value)
        self._latest = name
        return len(value), MODE_BINARY, name, None

    def forget_latest(self) -> None:
        if self._latest is not None:
            self.remove(self._latest)

    def fetch(self, mode: object, filename: object, value: object, read: bool) -> FileIO | bytes:
        if mode == MODE_RAW and type(value) is bytes:
            return value
        if mode == MODE_BINARY and read:
            return open_value(self._root, filename)
        raise Doubtful(f"a value of mode {mode!r} is none of ours")

    def remove(self, file_path: object) -> None:
        with suppress(OSError, Doubtful):
            remove_value(self._root, file_path)


class _Cache(diskcache.Cache):  # type: ignore[misc]
    def __init__(self, folder: Path, *, size_bytes: int, busy_s: float) -> None:
        # One connection for all threads, in place of one each: its owner lets one thread in at a time.
        self._connection = connect(folder / DATABASE, busy_s=busy_s, settings=_KNOWN)
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            is_made_now = is_new(self._connection)
            super().__init__(str(folder), disk=_Disk, **{**_SETTINGS, "size_limit": size_bytes})
            # The base class makes the tables and writes every setting. A new database gets all of it or
            # nothing; one that is there is left as it is, so that a full disk can still be read from.
            self._connection.execute("COMMIT" if is_made_now else "ROLLBACK")
        except BaseException:
            self.shut()
            raise

    @property
    def _con(self) -> sqlite3.Connection:
        return self._connection

    @property
    def _sql_retry(self) -> Any:
        # diskcache's own would try for a minute.
        return self._connection.execute

    def close(self) -> None:
        """Stay open: the base class closes and opens again while it is being made."""

    def shut(self) -> None:
        self._connection.close()

    def shrink(self) -> None:
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def among(self, keys: Sequence[str]) -> Iterator[str]:
        for first in range(0, len(keys), _MOST_VARIABLES):
            some = keys[first : first + _MOST_VARIABLES]
            marks = ",".join("?" * len(some))
            # Not through the base class, which has one query, and one result, for each key.
            query = f"SELECT key FROM Cache WHERE raw = 1 AND key IN ({marks})"
            yield from (key for (key,) in self._connection.execute(query, some) if isinstance(key, str))

    def reset(self, key: str, value: Any = ENOVAL, update: bool = True) -> Any:
        # The base class sets attributes of cache and disk by the names it finds in the database, and runs a
        # pragma for each that begins with "sqlite_". Ours are set when connecting.
        if key not in _KNOWN or key.startswith("sqlite_"):
            return None
        return super().reset(key, value, update)


@contextmanager
def _our_faults() -> Iterator[None]:
    try:
        yield
    except diskcache.Timeout as error:
        raise Busy("the database is held by another process") from error
    except sqlite3.Error as error:
        raise meaning_of(error) from error
    except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
        # Values of other types than diskcache stores, wherever it stumbles over them.
        raise Damaged(f"the database holds what diskcache never writes: {error}") from error
