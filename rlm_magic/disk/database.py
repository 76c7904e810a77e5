"""Open the database as one would a stranger's: its form is checked, and none of its settings is applied."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from pathlib import Path

from .faults import Busy, Damaged

_PRAGMAS = (
    "journal_mode = wal",
    "synchronous = 1",
    # A database that is cut while it is mapped into memory would end the process.
    "mmap_size = 0",
    "trusted_schema = 0",
    "cell_size_check = 1",
)
# What diskcache makes of a new database.
_SCHEMA = {
    "table": {"Settings", "Cache"},
    "index": {"sqlite_autoindex_Settings_1", "Cache_key_raw", "Cache_expire_time", "Cache_store_time"},
    "trigger": {
        "Settings_count_insert",
        "Settings_count_delete",
        "Settings_size_insert",
        "Settings_size_update",
        "Settings_size_delete",
    },
}
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_OF_THE_SYSTEM = {
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
}


def connect(path: Path, *, busy_s: float, settings: Mapping[str, object]) -> sqlite3.Connection:
    """Return a connection for one thread at a time. Raises Damaged unless the database has diskcache's form.

    `settings` are those that it may hold, each with a value of its type; numbers are not negative.
    """
    connection = sqlite3.connect(path, timeout=busy_s, isolation_level=None, check_same_thread=False)
    try:
        connection.text_factory = _text
        # This one writes to the database even when it changes nothing.
        first = ("auto_vacuum = 1",) if is_new(connection) else ()
        for pragma in (*first, *_PRAGMAS):
            connection.execute(f"PRAGMA {pragma}").fetchall()
        _check(connection, settings)
    except BaseException:
        connection.close()
        raise
    return connection


def is_new(connection: sqlite3.Connection) -> bool:
    """Tell whether there is nothing in the database yet."""
    return connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is None


def meaning_of(error: sqlite3.Error) -> Exception:
    """Return the fault that an error of SQLite is to us: Busy, an OSError, or else Damaged."""
    # The lower byte names the kind of error, the rest its variety.
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code in _BUSY:
        return Busy(str(error))
    return OSError(str(error)) if code in _OF_THE_SYSTEM else Damaged(str(error))


def _text(data: bytes) -> str:
    # One name that is not UTF-8 is one doubtful row, not a database that cannot be read.
    return data.decode("utf-8", "replace")


def _check(connection: sqlite3.Connection, settings: Mapping[str, object]) -> None:
    for kind, name, sql in connection.execute("SELECT type, name, sql FROM sqlite_master").fetchall():
        is_virtual = kind == "table" and not str(sql).startswith("CREATE TABLE")
        if name not in _SCHEMA.get(kind, ()) or is_virtual:
            raise Damaged(f"the database holds a {kind} {name!r}")
    if is_new(connection):
        return
    for key, value in connection.execute("SELECT key, value FROM Settings").fetchall():
        is_known = isinstance(key, str) and key in settings and type(value) is type(settings[key])
        if not is_known or (isinstance(value, int) and value < 0):
            raise Damaged(f"the database holds a setting {key!r}")
