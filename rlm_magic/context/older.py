"""The older manifest form: a JSON array of rows, one per segment object. Pure: bytes in, columns out.

A row is {"segment": key, "start_line": n, "line_count": n}; it may say more ("object" with "offset" and
"length" or "bytes" where segments are packed, "sha256", "etag"). Rows may come in any order; sorted, their
lines must be contiguous from 0. Characters are unknown until the text is read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from ..errors import ManifestError
from .extents import DIGEST_BYTES, Extents
from .faults import safe_key
from .layout import DocumentTable, Layout
from .stores import Head
from .utf8 import Errors


class Row(msgspec.Struct):
    """One row of the older form."""

    segment: str
    start_line: int
    line_count: int
    object: str | None = None
    offset: int | None = None
    length: int | None = None
    bytes: int | None = None
    sha256: str | None = None
    etag: str | None = None

    @property
    def key(self) -> str:
        """The object that holds the segment."""
        return self.object or self.segment

    @property
    def size(self) -> int | None:
        """How many bytes the segment has, if the row says so."""
        return self.bytes if self.length is None else self.length


def decode_older(data: bytes, *, name: str) -> list[Row]:
    """Return the rows in the order of their lines; raises ManifestError if they are not contiguous from 0."""
    try:
        rows = msgspec.json.decode(data, type=list[Row])
    except msgspec.DecodeError as error:
        raise ManifestError(f"{name} is no valid manifest: {error}") from error
    # An empty segment has the start of the one behind it.
    rows.sort(key=lambda row: (row.start_line, row.line_count > 0))
    expected = 0
    for row in rows:
        if row.line_count < 0 or (row.size or 0) < 0 or (row.offset or 0) < 0:
            raise ManifestError(f"{name}: segment {row.segment!r} has a negative measure")
        if row.start_line != expected:
            raise ManifestError(
                f"{name}: segment {row.segment!r} starts at line {row.start_line}, "
                f"but the one before it ends at {expected}"
            )
        if not safe_key(row.key):
            raise ManifestError(f"{name}: the segment key {row.key!r} leads out of the store")
        expected += row.line_count
    return rows


def layout_of(rows: Sequence[Row], heads: Sequence[Head | None]) -> Layout:
    """Return where the lines of the rows lie."""
    counts = [row.line_count for row in rows]
    lengths = [_length(row, head) for row, head in zip(rows, heads, strict=True)]
    return Layout(counts, lines=sum(counts), lengths=[max(length, 0) for length in lengths])


def documents_of(rows: Sequence[Row], *, name: str) -> DocumentTable:
    """Return the one document that such a text is."""
    return DocumentTable([name], [sum(row.line_count for row in rows)], [0], [0], [0])


def extents_of(rows: Sequence[Row], heads: Sequence[Head | None], *, errors: Errors) -> Extents:
    """Return where the segments of the rows are stored."""
    return Extents(
        keys=[row.key for row in rows],
        versions=[None if head is None else head.version for head in heads],
        objects=range(len(rows)),
        offsets=[row.offset or 0 for row in rows],
        lengths=[_length(row, head) for row, head in zip(rows, heads, strict=True)],
        sha256=b"".join(map(_digest, rows)),
        errors=errors,
        is_older_form=True,
    )


def heads_of(rows: Sequence[Row], head: Callable[[str], Head | None]) -> list[Head | None]:
    """Return what the store knows of each row's object, asked once per object; None where it is missing."""
    known = {key: head(key) for key in dict.fromkeys(row.key for row in rows)}
    return [known[row.key] for row in rows]


def promised(row: Row, head: Head | None) -> Head | None:
    """Return what must be there: what the store says, but the version of the row if it names an ETag."""
    if head is None or row.etag is None or row.etag.strip('"') == head.version.strip('"'):
        return head
    return Head(head.size, row.etag)


def _length(row: Row, head: Head | None) -> int:
    if row.size is not None:
        return row.size
    return -1 if head is None else max(head.size - (row.offset or 0), 0)


def _digest(row: Row) -> bytes:
    try:
        digest = bytes.fromhex((row.sha256 or "").removeprefix("sha256:"))
    except ValueError as error:
        raise ManifestError(f"segment {row.segment!r} has a sha256 that is not hexadecimal") from error
    if len(digest) not in (0, DIGEST_BYTES):
        raise ManifestError(f"segment {row.segment!r} has a sha256 of {len(digest)} bytes")
    return digest.ljust(DIGEST_BYTES, b"\0")
