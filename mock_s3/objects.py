"""The directory behind the buckets: objects are plain files DIR/bucket/key, replaced in one step.

No symbolic link is followed except one in place of an object whose target is itself inside a bucket.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from uuid import uuid4

from .address import is_file_name
from .config import CHUNK_BYTES, INLINE_HASH_BYTES, PRIVATE_NAME, SETTLED_NS
from .errors import S3Error
from .incoming import Incoming
from .records import ObjectInfo, Sidecars

_REMEMBERED = 500_000


class ObjectStore:
    """Objects of one directory, shared by threads. Readers hold open files; writers take turns."""

    def __init__(self, directory: str) -> None:
        self.root = os.path.realpath(directory)
        self.private = f"{self.root}/{PRIVATE_NAME}"
        self.lock = threading.RLock()
        self._hashing = threading.Lock()
        self._sidecars = Sidecars(f"{self.private}/objects")
        self._known: dict[str, tuple[tuple[int, ...], ObjectInfo]] = {}

    def bucket_path(self, bucket: str) -> str:
        """Return the bucket's directory. Raises S3Error("NoSuchBucket")."""
        path = f"{self.root}/{bucket}"
        if not os.path.isdir(path):
            raise S3Error("NoSuchBucket", f"there is no bucket {bucket}")
        if os.path.islink(path):
            raise S3Error("AccessDenied", f"{bucket} is a symbolic link, which no bucket may be")
        return path

    def new_file(self) -> str:
        """Return a path for a new temporary file on the file system of the objects."""
        os.makedirs(f"{self.private}/new", exist_ok=True)
        return f"{self.private}/new/{uuid4().hex}"

    def open(self, bucket: str, key: str, *, hash_bytes: int | None = None) -> tuple[int, ObjectInfo] | None:
        """Return (open file, info), or None when that would take hashing more than `hash_bytes`.

        The caller closes the file. Raises S3Error: "NoSuchBucket", "NoSuchKey", "AccessDenied".
        """
        path = self._existing_path(bucket, key)
        try:
            # O_NONBLOCK: opening a pipe that somebody put there must not hang the server.
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise _no_such_key(bucket, key) from error
        except OSError as error:
            raise S3Error("AccessDenied", f"{bucket}/{key}: {error.strerror}") from error
        try:
            info = self._info(descriptor, path, bucket, key, hash_bytes)
        except BaseException:
            os.close(descriptor)
            raise
        if info is None:
            os.close(descriptor)
            return None
        return descriptor, info

    def info(self, bucket: str, key: str) -> ObjectInfo:
        """Return what is known about an object, hashing it if need be. Raises S3Error as `open` does."""
        opened = self.open(bucket, key)
        assert opened is not None
        os.close(opened[0])
        return opened[1]

    def etag(self, bucket: str, key: str) -> str | None:
        """Return the ETag, or None when there is no such object."""
        try:
            return self.info(bucket, key).etag
        except S3Error as error:
            if error.code == "NoSuchKey":
                return None
            raise

    def commit(
        self,
        incoming: Incoming,
        bucket: str,
        key: str,
        info: ObjectInfo,
        *,
        check: Callable[[str | None], None],
    ) -> ObjectInfo:
        """Make a finished body the object, in one step, if `check(present ETag)` allows it.

        Size and time of `info` are taken from the file. Raises S3Error, also whatever `check` raises.
        """
        assert incoming.path is not None
        status = os.stat(incoming.path)
        info = replace(info, size=status.st_size, mtime_ns=status.st_mtime_ns)
        with self.lock:
            path = self._new_path(bucket, key)
            check(self.etag(bucket, key))
            try:
                os.makedirs(os.path.dirname(path), exist_ok=True)
                # The sidecar first: it names the new file by size and time, so the old one is never
                # mistaken for it, and nobody sees the new object with half of its headers.
                self._sidecars.write(bucket, key, info)
                os.replace(incoming.path, path)
            except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
                raise S3Error(
                    "InvalidRequest",
                    f"{key}: objects are files here, so {key!r} cannot be an object beside keys under it",
                ) from error
            self._known[path] = (_identity(status), info)
        return info

    def delete(self, bucket: str, key: str) -> None:
        """Delete an object and the directories it leaves empty; harmless when there is none."""
        top = self.bucket_path(bucket)
        if not is_file_name(key):
            return
        path = self._new_path(bucket, key)
        with self.lock:
            try:
                os.unlink(path)
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError):
                if os.path.isfile(path):
                    raise
                return
            self._sidecars.remove(bucket, key)
            self._known.pop(path, None)
            _prune(os.path.dirname(path), top)

    def _existing_path(self, bucket: str, key: str) -> str:
        top = self.bucket_path(bucket)
        if not is_file_name(key):
            raise _no_such_key(bucket, key)
        path = self._linkless(top, key)
        if not os.path.islink(path):
            return path
        real = os.path.realpath(path)
        inside = real.startswith(f"{self.root}/") and not real.startswith(f"{self.private}/")
        if not inside:
            raise S3Error("AccessDenied", f"{bucket}/{key} is a symbolic link that leaves the directory")
        return real

    def _new_path(self, bucket: str, key: str) -> str:
        top = self.bucket_path(bucket)
        if not is_file_name(key):
            raise S3Error("InvalidRequest", f"{key!r}: objects are files here, and no file has this name")
        return self._linkless(top, key)

    def _linkless(self, top: str, key: str) -> str:
        path = top
        for name in key.split("/")[:-1]:
            path = f"{path}/{name}"
            if os.path.islink(path):
                raise S3Error("AccessDenied", f"{key!r} leads through a symbolic link")
        return f"{top}/{key}"

    def _info(
        self, descriptor: int, path: str, bucket: str, key: str, hash_bytes: int | None
    ) -> ObjectInfo | None:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise _no_such_key(bucket, key)
        identity = _identity(status)
        known = self._known.get(path)
        if known is not None and known[0] == identity:
            return known[1]
        size, mtime_ns = status.st_size, status.st_mtime_ns
        info = self._sidecars.read(bucket, key, size=size, mtime_ns=mtime_ns)
        if info is None:
            if hash_bytes is not None and size > hash_bytes:
                return None
            info = self._hashed(descriptor, path, bucket, key, status)
        if time.time_ns() - mtime_ns > SETTLED_NS:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[path] = (identity, info)
        return info

    def _hashed(
        self, descriptor: int, path: str, bucket: str, key: str, status: os.stat_result
    ) -> ObjectInfo:
        size, mtime_ns = status.st_size, status.st_mtime_ns
        if size <= INLINE_HASH_BYTES:
            return ObjectInfo(size=size, mtime_ns=mtime_ns, etag=_md5(descriptor))
        # Many parallel ranges of a new large object arrive together: one of them hashes, the others wait.
        with self._hashing:
            known = self._known.get(path)
            if known is not None and known[0] == _identity(status):
                return known[1]
            info = ObjectInfo(size=size, mtime_ns=mtime_ns, etag=_md5(descriptor))
            self._known[path] = (_identity(status), info)
        # A gigabyte takes seconds; the next server need not spend them again. A directory that cannot be
        # written is served all the same. Not inside the lock above: a writer holds its own and waits for it.
        with self.lock, contextlib.suppress(OSError):
            if time.time_ns() - mtime_ns > SETTLED_NS and _identity(os.stat(path)) == _identity(status):
                self._sidecars.write(bucket, key, info, keep_plain=True)
        return info


def _identity(status: os.stat_result) -> tuple[int, ...]:
    return (status.st_ino, status.st_size, status.st_mtime_ns)


def _md5(descriptor: int) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    offset = 0
    while chunk := os.pread(descriptor, 4 * CHUNK_BYTES, offset):
        digest.update(chunk)
        offset += len(chunk)
    return digest.hexdigest()


def _prune(path: str, top: str) -> None:
    while path != top:
        try:
            os.rmdir(path)
        except OSError:
            return
        path = os.path.dirname(path)


def _no_such_key(bucket: str, key: str) -> S3Error:
    return S3Error("NoSuchKey", f"there is no object {key} in {bucket}")
