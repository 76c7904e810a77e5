"""Objects as files of a directory.

The operating system is used directly, not through obstore: its local store reads no file with a newline or
invalid UTF-8 in its name (one such file fails a whole listing), does not flush to the disk, and cannot
replace a file on a condition.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from ...errors import SegmentMissing, SnapshotChanged, StoreUnavailable, WriteConflict
from . import Head

OUR_PREFIX = ".rlm-"
# Says that a context is being written here, so that what lies around is not taken for documents.
MARK_KEY = ".rlm-context"
_LOCK_NAME = ".rlm-lock"
_TEMPORARY_PREFIX = ".rlm-new-"


class DirectoryStore:
    """The files below a directory; a key is the path from there, with slashes."""

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self._root = Path(os.path.abspath(root))
        self.url = str(self._root)

    def __reduce__(self) -> tuple[type[DirectoryStore], tuple[str]]:
        return DirectoryStore, (self.url,)

    def head(self, key: str) -> Head:
        """Return the size and version of a file."""
        with _as_our_errors(self.url, key):
            return _head(os.stat(self._root / key))

    def get(self, key: str, *, start: int = 0, stop: int | None = None, version: str | None = None) -> bytes:
        """Return a range of a file, checking the version of the very file that is read."""
        with _as_our_errors(self.url, key), open(self._root / key, "rb", buffering=0) as file:
            found = _head(os.fstat(file.fileno()))
            if version is not None and found.version != version:
                raise SnapshotChanged(
                    f"{self._root / key} changed since the context was opened; bind it again"
                )
            return _read(file.fileno(), start, max(found.size if stop is None else stop, start))

    def put(self, key: str, parts: Sequence[bytes]) -> None:
        """Write a file beside its place, flush it, and rename it."""
        with _as_our_errors(self.url, key, writes=True):
            self._replace(self._root / key, parts)

    def swap(self, key: str, data: bytes, *, expected: str | None) -> None:
        """Replace a file if it is the one expected.

        The lock is the operating system's, so it goes away with a process that is killed; a lock file that
        merely exists would stay.
        """
        path = self._root / key
        with _as_our_errors(self.url, key, writes=True):
            self._root.mkdir(parents=True, exist_ok=True)
            with _locked(self._root / _LOCK_NAME):
                found = _head(os.stat(path)).version if path.exists() else None
                if found != expected:
                    raise WriteConflict(
                        f"somebody else wrote {path} meanwhile; nothing of theirs was touched"
                    )
                self._replace(path, [data])

    def keys(self) -> list[str]:
        """Return every file below the directory, hidden files and directories left out."""
        with _as_our_errors(self.url, ""):
            return sorted(_walk(self._root))

    def collect(self, *, older_than_s: float) -> None:
        """Delete what writers that were killed left unfinished, if nobody has written to it for so long."""
        before = time.time() - older_than_s
        for path in _unfinished(self._root):
            # Somebody else may collect at the same time, and what cannot be deleted does no harm.
            with suppress(OSError):
                if path.stat().st_mtime < before:
                    path.unlink()

    def _replace(self, path: Path, parts: Sequence[bytes]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=_TEMPORARY_PREFIX, dir=path.parent)
        try:
            with open(handle, "wb", buffering=0) as file:
                for part in parts:
                    _write(file.fileno(), part)
                os.fsync(file.fileno())
                # mkstemp makes it private; readers other than the writer get what the umask allows.
                os.chmod(temporary, 0o666 & ~_umask())
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
        _flush_directory(path.parent)


def _head(stat: os.stat_result) -> Head:
    return Head(stat.st_size, f"{stat.st_size}-{stat.st_mtime_ns}-{stat.st_ino}")


def _read(descriptor: int, start: int, stop: int) -> bytes:
    """Read a range; one pread may return less than asked, 2 GiB at most on Linux."""
    os.lseek(descriptor, start, os.SEEK_SET)
    parts: list[bytes] = []
    left = stop - start
    while left > 0 and (part := os.read(descriptor, left)):
        parts.append(part)
        left -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _write(descriptor: int, part: bytes) -> None:
    view = memoryview(part)
    while view:
        view = view[os.write(descriptor, view) :]


def _walk(root: Path) -> Iterator[str]:
    for folder, folders, files in os.walk(root, onerror=_raise):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            path = os.path.join(folder, name)
            if not name.startswith(".") and os.path.isfile(path):
                yield os.path.relpath(path, root).replace(os.sep, "/")


def _unfinished(root: Path) -> Iterator[Path]:
    # Ours are in the root and in its folders, never deeper; a glob with ** would walk all that is below.
    yield from root.glob(f"{_TEMPORARY_PREFIX}*")
    yield from root.glob(f"*/{_TEMPORARY_PREFIX}*")


def _raise(error: OSError) -> None:
    raise error


def _umask() -> int:
    # There is no way to ask for it without setting it.
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _flush_directory(path: Path) -> None:
    if sys.platform == "win32":
        return  # A directory cannot be opened there; the rename itself is journalled.
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with open(path, "ab") as file:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
        else:
            import fcntl

            fcntl.flock(file.fileno(), fcntl.LOCK_EX)
        yield


@contextmanager
def _as_our_errors(url: str, key: str, *, writes: bool = False) -> Iterator[None]:
    path = os.path.join(url, key)
    try:
        yield
    except (SegmentMissing, SnapshotChanged, WriteConflict):
        raise
    except OSError as error:
        if writes:
            raise StoreUnavailable(f"{path} cannot be written: {error.strerror or error}") from error
        if isinstance(error, FileNotFoundError | NotADirectoryError):
            raise SegmentMissing(f"{path} is not there") from error
        raise StoreUnavailable(f"{path}: {error.strerror or error}") from error
