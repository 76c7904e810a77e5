"""Request bodies on their way in: unframed, written down and checked against what the client promised."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping

from . import checksums
from .chunked import ChunkedDecoder
from .config import MESSAGE_BYTES
from .errors import S3Error

_SHA256_HEX = re.compile(r"[0-9a-f]{64}\Z")
_CHECKSUM = "x-amz-checksum-"


class Incoming:
    """One body: in memory when `path` is None, else in that new file, which the owner moves or discards.

    With `keep=False` it is thrown away and nothing about it is checked.

    After `finish`, `md5` and `size` describe it, and `verified` holds the checksums that were asked for.
    """

    def __init__(self, headers: Mapping[str, str], *, path: str | None = None, keep: bool = True) -> None:
        self.path = path
        self.size = 0
        self.verified: dict[str, str] = {}
        self._keep = keep
        self._headers = headers
        self._data = bytearray()
        self._descriptor = -1 if path is None else os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        self._md5 = hashlib.md5(usedforsecurity=False)
        payload_hash = headers.get("x-amz-content-sha256", "")
        self._sha256 = hashlib.sha256() if _SHA256_HEX.match(payload_hash) else None
        self._sums = {name: checksums.start(name) for name in _promised(headers)} if keep else {}

    @property
    def data(self) -> bytes:
        return bytes(self._data)

    @property
    def md5(self) -> str:
        return self._md5.hexdigest()

    def write(self, data: bytes) -> None:
        """Take the next bytes. Raises S3Error("EntityTooLarge") for a message, OSError for a full disk."""
        self.size += len(data)
        if not self._keep:
            return
        if self.path is None:
            if self.size > MESSAGE_BYTES:
                raise S3Error("EntityTooLarge", f"this request takes at most {MESSAGE_BYTES} bytes")
            self._data += data
        else:
            view = memoryview(data)
            while view:
                view = view[os.write(self._descriptor, view) :]
        self._md5.update(data)
        if self._sha256 is not None:
            self._sha256.update(data)
        for running in self._sums.values():
            running.update(data)

    def finish(self, trailers: Mapping[str, str]) -> None:
        """Close the file and compare length, MD5, SHA-256 and checksums. Raises S3Error on a mismatch."""
        self._close()
        if not self._keep:
            return
        decoded = self._headers.get("x-amz-decoded-content-length")
        if decoded is not None and decoded != str(self.size):
            raise S3Error("IncompleteBody", f"{decoded} bytes were announced and {self.size} came")
        self._check_md5()
        if self._sha256 and self._sha256.hexdigest() != self._headers["x-amz-content-sha256"]:
            raise S3Error("XAmzContentSHA256Mismatch", "x-amz-content-sha256 is not the body's")
        for name, running in self._sums.items():
            self._check_sum(name, running.digest(), {**self._headers, **trailers})

    def _check_md5(self) -> None:
        promised = self._headers.get("content-md5")
        if promised is None:
            return
        digest = checksums.decode(promised)
        if digest is None or len(digest) != 16:
            raise S3Error("InvalidDigest", f"Content-MD5 {promised[:60]!r} is not an MD5 in base64")
        if digest != self._md5.digest():
            raise S3Error("BadDigest", "Content-MD5 is not the body's")

    def _check_sum(self, name: str, digest: bytes, promises: Mapping[str, str]) -> None:
        promised = promises.get(_CHECKSUM + name)
        if promised is None:
            raise S3Error("InvalidRequest", f"the trailer {_CHECKSUM}{name} was announced and did not come")
        if checksums.decode(promised) != digest:
            raise S3Error("BadDigest", f"{_CHECKSUM}{name} is not the body's")
        self.verified[name] = checksums.encode(digest)

    def discard(self) -> None:
        """Close and delete the file, if there is one; harmless after it was moved, and when called twice."""
        self._close()
        if self.path is not None:
            try:
                os.unlink(self.path)
            except FileNotFoundError:
                return

    def _close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _promised(headers: Mapping[str, str]) -> list[str]:
    announced = {part.strip() for part in headers.get("x-amz-trailer", "").lower().split(",")}
    return [name for name in checksums.ALGORITHMS if _CHECKSUM + name in announced.union(headers)]


class BodyReader:
    """Takes a body's bytes off a connection, whatever framing they wear, and hands them to an `Incoming`."""

    def __init__(self, incoming: Incoming, *, length: int | None, aws_chunked: bool) -> None:
        self.done = length == 0
        self._incoming = incoming
        self._left = length
        self._transfer = ChunkedDecoder() if length is None else None
        self._signed = ChunkedDecoder() if aws_chunked and not self.done else None

    def feed(self, data: bytes) -> bytes:
        """Take what belongs to the body and return the rest. Raises S3Error on broken framing."""
        if self._transfer is not None:
            data, rest = self._transfer.feed(data)
            self.done = self._transfer.done
        else:
            assert self._left is not None
            data, rest = data[: self._left], data[self._left :]
            self._left -= len(data)
            self.done = not self._left
        if self._signed is not None:
            # Chunk signatures are skipped: nothing here is authenticated.
            data, surplus = self._signed.feed(data)
            if surplus:
                raise S3Error("IncompleteBody", "bytes follow the last chunk")
        if data:
            self._incoming.write(data)
        return rest

    def finish(self) -> None:
        """Check the whole body once `done`. Raises S3Error when it is not what was promised."""
        if self._signed is not None and not self._signed.done:
            raise S3Error("IncompleteBody", "the body ends before its last chunk")
        self._incoming.finish(self._signed.trailers if self._signed else {})


def is_aws_chunked(headers: Mapping[str, str]) -> bool:
    """Return whether the body wears aws-chunked framing."""
    streamed = headers.get("x-amz-content-sha256", "").startswith("STREAMING-")
    return streamed or "aws-chunked" in headers.get("content-encoding", "").lower()
