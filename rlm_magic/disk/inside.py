"""Read, write and remove value files inside one folder. No link is followed, so nothing outside is touched.

A value file is named as diskcache names it, `ab/cd/<28 hex digits>.val`; any other name is refused, since a
tampered database may hold any. Each folder on the way is opened in turn, relative to the one before: a check
of the whole path could be outrun by somebody who swaps a folder for a link.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path

from .faults import Damaged, Doubtful

_NAME = re.compile(r"([0-9a-f]{2})/([0-9a-f]{2})/([0-9a-f]{28}\.val)", re.ASCII)
_FOLDER_NAME = re.compile(r"[0-9a-f]{2}", re.ASCII)
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | _NO_FOLLOW
# Opening a named pipe would wait for its other end.
_READ = os.O_RDONLY | _NO_FOLLOW | getattr(os, "O_NONBLOCK", 0)
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_FOLLOW
_IN_THE_WAY = {errno.ENOTDIR, errno.ELOOP}
_NOT_THERE = {errno.ENOENT, errno.ENXIO} | _IN_THE_WAY
# Another process may remove a folder that it has just emptied while we are on our way into it.
_ATTEMPTS = 5


def new_name() -> str:
    """Return a name that no value file has yet."""
    digits = secrets.token_hex(16)
    return f"{digits[:2]}/{digits[2:4]}/{digits[4:]}.val"


def open_value(root: Path, name: object) -> FileIO:
    """Open a value file for reading. Raises Doubtful if it is not there, or not a regular file of ours."""
    first, second, last = _parts(name)
    try:
        with _inside(root, first, second) as folder:
            file = FileIO(os.open(last, _READ, dir_fd=folder))
    except OSError as error:
        if error.errno in _NOT_THERE:
            raise Doubtful(f"{name} cannot be opened: {error}") from error
        raise
    status = os.fstat(file.fileno())
    if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid():
        file.close()
        raise Doubtful(f"{name} is not a regular file of ours")
    return file


def write_value(root: Path, name: str, data: bytes) -> None:
    """Write a new value file; leave nothing behind if that fails. Raises Damaged if a link is in the way."""
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            _write(root, name, data)
        except FileNotFoundError:
            if attempt == _ATTEMPTS:
                raise
        except OSError as error:
            if error.errno in _IN_THE_WAY:
                raise Damaged(f"something that is not a folder is in the way of {name}") from error
            raise
        else:
            return


def _write(root: Path, name: str, data: bytes) -> None:
    first, second, last = _parts(name)
    with _inside(root, first, second, make=True) as folder:
        handle = os.open(last, _CREATE, 0o600, dir_fd=folder)
        try:
            with open(handle, "wb") as file:
                file.write(data)
        except BaseException:
            with suppress(OSError):
                os.unlink(last, dir_fd=folder)
            raise


def remove_value(root: Path, name: object) -> None:
    """Remove a value file, and the folders that this leaves empty. Raises Doubtful for any other name."""
    first, second, last = _parts(name)
    with _inside(root, first, second) as folder:
        os.unlink(last, dir_fd=folder)
    # A folder that is not empty stays, and an empty one costs little.
    with suppress(OSError):
        with _inside(root, first) as folder:
            os.rmdir(second, dir_fd=folder)
        with _inside(root) as folder:
            os.rmdir(first, dir_fd=folder)


def remove_all_values(root: Path) -> None:
    """Remove every value file, whether the database knows of it or not; one that cannot be removed stays."""
    for name in _all_names(root):
        with suppress(OSError):
            remove_value(root, name)


def _all_names(root: Path) -> list[str]:
    found = [
        f"{first}/{second}/{last}"
        for first in _entries(root)
        for second in _entries(root, first)
        for last in _entries(root, first, second)
    ]
    return [name for name in found if _NAME.fullmatch(name)]


def _entries(root: Path, *parts: str) -> list[str]:
    if not all(map(_FOLDER_NAME.fullmatch, parts)):
        return []
    try:
        with _inside(root, *parts) as folder:
            return os.listdir(folder)
    except OSError:
        # Gone meanwhile, or not a folder.
        return []


def _parts(name: object) -> tuple[str, str, str]:
    match = _NAME.fullmatch(name) if isinstance(name, str) else None
    if match is None:
        raise Doubtful(f"{name!r} is not the name of a value file")
    first, second, last = match.groups()
    return first, second, last


@contextmanager
def _inside(root: Path, *parts: str, make: bool = False) -> Iterator[int]:
    folder = os.open(root, _FOLDER)
    try:
        for part in parts:
            if make:
                with suppress(FileExistsError):
                    os.mkdir(part, 0o700, dir_fd=folder)
            inner = os.open(part, _FOLDER, dir_fd=folder)
            os.close(folder)
            folder = inner
        yield folder
    finally:
        os.close(folder)
