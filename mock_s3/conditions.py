"""Preconditions and byte ranges, as S3 judges them. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from .errors import S3Error

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})\Z", re.ASCII)


def parse_range(header: str | None, size: int) -> tuple[int, int] | None:
    """Return [start, stop) asked for by a Range header, or None for the whole object.

    A stop past the end is clipped. A malformed range, and a list of ranges, mean the whole object, as in S3.
    Raises S3Error("InvalidRange") when no byte of the object is in it.

    >>> parse_range("bytes=2-3", 10), parse_range("bytes=-4", 10), parse_range("bytes=8-", 10)
    ((2, 4), (6, 10), (8, 10))
    >>> parse_range("bytes=0-1,4-5", 10) is None
    True
    """
    found = _RANGE.match(header.strip()) if header else None
    if found is None or not (found[1] or found[2]):
        return None
    if not found[1]:
        start, stop = max(0, size - int(found[2])), size
    else:
        start, stop = int(found[1]), min(int(found[2]) + 1, size) if found[2] else size
        if found[2] and int(found[2]) < start:
            return None
    if start >= size:
        raise S3Error(
            "InvalidRange", f"{header} starts past the end", headers={"Content-Range": f"bytes */{size}"}
        )
    return start, stop


def etag_matches(header: str, etag: str) -> bool:
    """Return whether an If-Match style header names this ETag (both with or without quotes).

    >>> etag_matches('"abc", "def"', "def"), etag_matches("*", "x"), etag_matches("abc", "abd")
    (True, True, False)
    """
    wanted = (part.strip().removeprefix("W/").strip('"') for part in header.split(","))
    return any(part in ("*", etag) for part in wanted)


def check_read(headers: Mapping[str, str], *, etag: str, modified_s: int, prefix: str = "") -> None:
    """Judge the four conditions on a read; `prefix` selects the x-amz-copy-source- family.

    If-Match outranks If-Unmodified-Since, and If-None-Match outranks If-Modified-Since. A date which does
    not parse is ignored. Raises S3Error("PreconditionFailed") or S3Error("NotModified").
    """
    match, none_match = headers.get(f"{prefix}if-match"), headers.get(f"{prefix}if-none-match")
    if match is not None:
        if not etag_matches(match, etag):
            raise S3Error("PreconditionFailed", f"If-Match {match}: the ETag is {etag}")
    elif _seconds(headers.get(f"{prefix}if-unmodified-since"), default=modified_s) < modified_s:
        raise S3Error("PreconditionFailed", "modified since the time in If-Unmodified-Since")
    if none_match is not None:
        unchanged = etag_matches(none_match, etag)
    else:
        since = _seconds(headers.get(f"{prefix}if-modified-since"), default=-1)
        unchanged = since >= modified_s
    if unchanged:
        # A copy has no "not modified" answer: there is nothing cached that it could refer to.
        raise S3Error("PreconditionFailed" if prefix else "NotModified", "the object is the one you have")


def check_write(headers: Mapping[str, str], etag: str | None) -> None:
    """Judge the conditions on a write over an object with this ETag, or None when there is none.

    Raises S3Error: "PreconditionFailed", "NoSuchKey" (If-Match and no object), "NotImplemented".
    """
    none_match, match = headers.get("if-none-match"), headers.get("if-match")
    if none_match is not None and none_match.strip() != "*":
        raise S3Error("NotImplemented", f"If-None-Match: {none_match} on a write; S3 takes only *")
    if none_match is not None and etag is not None:
        raise S3Error("PreconditionFailed", f"If-None-Match: *, but an object with ETag {etag} is there")
    if match is not None:
        if etag is None:
            raise S3Error("NoSuchKey", f"If-Match {match}, but there is no object")
        if not etag_matches(match, etag):
            raise S3Error("PreconditionFailed", f"If-Match {match}: the ETag is {etag}")


def _seconds(header: str | None, *, default: int) -> int:
    if header is None:
        return default
    try:
        return int(parsedate_to_datetime(header).timestamp())
    except (ValueError, OverflowError):
        return default
