"""Small results remembered on disk between processes. Any fault of the disk means: not remembered.

A remembered file starts with the digest of the rest, so that a damaged one is as good as none. Nothing is
unpickled. Files live beside the cache of segments, in a folder that only its owner may enter.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from contextlib import suppress
from pathlib import Path

from ..disk import cache_folder

_DIGEST_BYTES = 32


def recall(name: str) -> bytes | None:
    """Return what was remembered under a name, or None."""
    try:
        data = (_folder() / name).read_bytes()
    except OSError:
        return None
    digest, body = data[:_DIGEST_BYTES], data[_DIGEST_BYTES:]
    return body if hashlib.sha256(body).digest() == digest else None


def remember(name: str, body: bytes, *, keep: int) -> None:
    """Remember something under a name; of all that is remembered, only the newest `keep` stay."""
    try:
        folder = _folder()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write(folder, name, hashlib.sha256(body).digest() + body)
        newest_first = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime_ns, reverse=True)
        for path in newest_first[keep:]:
            path.unlink()
    except OSError:
        # A full, read-only or shared disk costs the next binding a pass over the files, nothing else.
        return


def remembered() -> tuple[int, int]:
    """Return how many things are remembered, and the bytes they take."""
    sizes = [path.lstat().st_size for path in _paths()]
    return len(sizes), sum(sizes)


def forget_all() -> int:
    """Forget everything; return the bytes freed."""
    freed_bytes = 0
    for path in _paths():
        with suppress(OSError):
            size_bytes = path.lstat().st_size
            path.unlink()
            freed_bytes += size_bytes
    return freed_bytes


def _paths() -> list[Path]:
    try:
        return list(_folder().iterdir())
    except OSError:
        return []


def _write(folder: Path, name: str, data: bytes) -> None:
    handle, temporary = tempfile.mkstemp(dir=folder)
    try:
        with open(handle, "wb") as file:
            file.write(data)
        os.replace(temporary, folder / name)
    except BaseException:
        os.unlink(temporary)
        raise


def _folder() -> Path:
    return cache_folder() / "indexes"
