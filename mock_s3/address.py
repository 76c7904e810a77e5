"""From a request's path and Host to bucket and key, and which of them a directory can hold. Pure.

Nothing that passes here can name a file outside DIR; symbolic links are `objects.py`'s to refuse.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from .config import KEY_BYTES, PRIVATE_NAME
from .errors import S3Error

_NEW_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\Z")
# Wider than for a new one, so that a directory made by hand is served under the name it has.
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}\Z")


class Address(NamedTuple):
    """What a request is about: the service (no bucket), a bucket (no key), or an object."""

    bucket: str = ""
    key: str = ""


def locate(path: str, host: str) -> Address:
    """Return what a path names: /bucket/key, or /key when Host is bucket.localhost.

    >>> locate("/logs/a%20b/c.txt", "127.0.0.1:9000")
    Address(bucket='logs', key='a b/c.txt')
    >>> locate("/c.txt", "logs.localhost:9000")
    Address(bucket='logs', key='c.txt')

    Raises S3Error for names which are not UTF-8, not allowed, or would leave the directory.
    """
    name, dot, suffix = host.partition(":")[0].rpartition(".")
    rest = path[1:]
    if dot and suffix.lower() == "localhost":
        bucket = name
    else:
        bucket, _, rest = rest.partition("/")
        bucket = _decoded(bucket)
    if not bucket:
        if rest:
            raise S3Error("InvalidURI", "a path must not start with two slashes")
        return Address()
    check_bucket(bucket)
    key = _decoded(rest)
    if key:
        check_key(key)
    return Address(bucket, key)


def check_bucket(bucket: str) -> None:
    """Raise S3Error("InvalidBucketName") unless a directory under DIR may have this name."""
    if not _BUCKET.match(bucket):
        raise S3Error("InvalidBucketName", f"{bucket[:80]!r} is not a bucket name")


def check_new_bucket(bucket: str) -> None:
    """Raise S3Error("InvalidBucketName") unless S3 would create a bucket of this name."""
    if not _NEW_BUCKET.match(bucket) or ".." in bucket:
        raise S3Error(
            "InvalidBucketName",
            f"{bucket[:80]!r}: 3 to 63 small letters, digits, dots and hyphens are allowed",
        )


def check_key(key: str) -> None:
    """Raise S3Error for a key that leaves the directory or that no file name can hold."""
    if "\0" in key:
        raise S3Error("InvalidURI", "a key must not hold NUL")
    if len(key.encode()) > KEY_BYTES:
        raise S3Error("KeyTooLongError", f"the key has more than {KEY_BYTES} bytes")
    for name in key.split("/"):
        if name in (".", "..", PRIVATE_NAME):
            raise S3Error("InvalidURI", f"{key[:80]!r} holds {name!r}, which names no object here")
        if len(name.encode()) > 255:
            raise S3Error("KeyTooLongError", "a file name holds at most 255 bytes between two slashes")


def is_file_name(key: str) -> bool:
    """Return whether a file can stand for this key: "a//b", "/a" and "a/" name none."""
    return "" not in key.split("/")


def _decoded(text: str) -> str:
    try:
        return unquote_to_bytes(text.encode("latin-1")).decode()
    except UnicodeDecodeError as error:
        raise S3Error("InvalidURI", f"{text[:80]!r} is not UTF-8") from error
