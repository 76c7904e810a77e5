"""The header in front of every stored value. Pure.

It holds the length and the checksum of the value and the digest of its key, so that a cut, a changed and a
swapped value are told from a good one without trusting the database.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from dataclasses import dataclass

_HEADER = struct.Struct(">4sIQI32s")
_MAGIC = b"RLMc"
_VERSION = 1

HEADER_BYTES = _HEADER.size


@dataclass(frozen=True, slots=True)
class Promise:
    """What a header says of the value that follows it."""

    length_bytes: int
    crc32: int

    def is_kept(self, data: bytes) -> bool:
        """Tell whether these are the bytes that were stored."""
        return len(data) == self.length_bytes and zlib.crc32(data) == self.crc32


def framed(key: str, data: bytes) -> bytes:
    """Return a value with its header in front.

    >>> value = framed("key", b"data")
    >>> promise_of(value[:HEADER_BYTES], key="key").is_kept(b"data")
    True
    >>> promise_of(value[:HEADER_BYTES], key="other") is None
    True
    """
    header = _HEADER.pack(_MAGIC, _VERSION, len(data), zlib.crc32(data), _digest(key).digest())
    return header + data


def promise_of(header: bytes, *, key: str) -> Promise | None:
    """Return what a header promises, or None if it is not ours, of another version or of another key."""
    if len(header) != HEADER_BYTES:
        return None
    magic, version, length_bytes, crc32, digest = _HEADER.unpack(header)
    if (magic, version, digest) != (_MAGIC, _VERSION, _digest(key).digest()):
        return None
    return Promise(length_bytes, crc32)


def row_key(key: str) -> str:
    """Return what a key is called in the database: short and plain, whatever characters the key has."""
    return _digest(key).hexdigest()


def _digest(key: str) -> hashlib._Hash:
    # A lone surrogate, as in a file name that is not UTF-8, is no reason to fail.
    return hashlib.sha256(key.encode("utf-8", "surrogatepass"))
