"""What an ETag of S3 says of the bytes of an object. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

_MD5 = re.compile(r'"?(?P<digest>[0-9a-f]{32})(?:-(?P<parts>\d+))?"?')


def may_be_of(etag: str, data: bytes, *, part_bytes: int) -> bool:
    """Return False if an object with this ETag holds other bytes; `part_bytes` is for one stored in parts.

    An ETag that is no MD5, or of other parts, says nothing. One that only looks like an MD5, as where a
    bucket encrypts with keys of its own, says of any bytes that they are others.

    >>> may_be_of('"900150983cd24fb0d6963f7d28e17f72"', b"abc", part_bytes=8)
    True
    >>> may_be_of('"900150983cd24fb0d6963f7d28e17f72"', b"abd", part_bytes=8)
    False
    """
    found = _MD5.fullmatch(etag)
    if found is None:
        return True
    if found["parts"] is None:
        return found["digest"] == _md5([data]).hexdigest()
    parts = [data[start : start + part_bytes] for start in range(0, len(data), part_bytes)]
    if int(found["parts"]) != len(parts):
        return True
    return found["digest"] == _md5(_md5([part]).digest() for part in parts).hexdigest()


def _md5(pieces: Iterable[bytes]) -> hashlib._Hash:
    digest = hashlib.md5(usedforsecurity=False)
    for piece in pieces:
        digest.update(piece)
    return digest
