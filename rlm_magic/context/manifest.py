"""The manifest: the immutable table of contents of a stored text, as JSON. Pure: bytes in, columns out.

    {"format": "rlm_magic context", "version": 2, "snapshot": "sha256:...", "parent": ..., "encoding": ...,
     "objects": {"key": [...], "size": [...]},
     "segments": {"object": [...], "offset": [...], "length": [...], "newlines": [...], "characters": [...],
                  "sha256": "one long hex string"},
     "documents": {"name": [...], "lines": [...], "characters": [...], "bytes": [...], "separator": [...]}}

The snapshot is the sha256 of the file as it would be without the members up to and including "snapshot", so
that a file edited or cut short anywhere is refused. Starts are cumulative sums of the columns; gaps and
overlaps of the text cannot be written down.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import msgspec

from ..errors import ManifestError
from .extents import DIGEST_BYTES, Extents
from .layout import DocumentTable, Layout

FORMAT = "rlm_magic context"
VERSION = 2
_PREFIX = f'{{"format":"{FORMAT}","version":{VERSION},"snapshot":"sha256:'.encode()
_DIGEST_CHARS = 2 * DIGEST_BYTES
# No column may sum up to more: positions are 64-bit and signed where numpy has them.
_MOST = 2**62


class _Encoding(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    errors: str
    replaced: int


class _Objects(msgspec.Struct):
    key: list[str]
    size: list[int]


class _Segments(msgspec.Struct):
    # Raw: decoded column by column, because a million segments as Python ints would not fit all at once.
    object: msgspec.Raw
    offset: msgspec.Raw
    length: msgspec.Raw
    newlines: msgspec.Raw
    characters: msgspec.Raw
    sha256: str


class _Documents(msgspec.Struct):
    name: list[str]
    lines: list[int]
    characters: list[int]
    bytes: list[int]
    separator: list[int]


class _Body(msgspec.Struct):
    parent: str | None
    encoding: _Encoding
    objects: _Objects
    segments: _Segments
    documents: _Documents


class _Head(msgspec.Struct):
    format: str = ""
    version: int = 0


@dataclass(frozen=True)
class Manifest:
    """What a manifest says. Segment columns are per segment, `keys` and `sizes` per object."""

    keys: Sequence[str]
    sizes: Sequence[int]
    objects: Sequence[int]
    offsets: Sequence[int]
    lengths: Sequence[int]
    newlines: Sequence[int]
    characters: Sequence[int]
    sha256: bytes
    documents: DocumentTable
    replaced: int = 0
    errors: str = "replace"
    parent: str | None = None
    snapshot: str = ""

    def layout(self) -> Layout:
        """Return where its lines and characters lie."""
        lines = sum(self.documents.lines)
        return Layout(self.newlines, lines=lines, lengths=self.lengths, characters=self.characters)

    def extents(self) -> Extents:
        """Return where its segments are stored."""
        versions = [None] * len(self.keys)
        return Extents(self.keys, versions, self.objects, self.offsets, self.lengths, self.sha256)


def encode(manifest: Manifest) -> tuple[str, bytes]:
    """Return the snapshot id of a manifest, and its JSON."""
    documents = manifest.documents
    body = msgspec.json.encode(
        _Body(
            parent=manifest.parent,
            encoding=_Encoding("utf-8", manifest.errors, manifest.replaced),
            objects=_Objects(list(manifest.keys), list(manifest.sizes)),
            segments=_Segments(
                object=_raw(manifest.objects),
                offset=_raw(manifest.offsets),
                length=_raw(manifest.lengths),
                newlines=_raw(manifest.newlines),
                characters=_raw(manifest.characters),
                sha256=manifest.sha256.hex(),
            ),
            documents=_Documents(
                list(documents.names),
                list(documents.lines),
                list(documents.characters),
                list(documents.bytes),
                list(documents.separators),
            ),
        )
    )
    digest = hashlib.sha256(body).hexdigest()
    return f"sha256:{digest}", _PREFIX + digest.encode() + b'",' + body[1:]


def decode(data: bytes, *, name: str) -> Manifest:
    """Return what a manifest says, all of it checked; raises ManifestError, which names the fault."""
    if not data.startswith(_PREFIX):
        raise ManifestError(f"{name}: {_foreign(data)}")
    digest = data[len(_PREFIX) : len(_PREFIX) + _DIGEST_CHARS]
    rest = memoryview(data)[len(_PREFIX) + _DIGEST_CHARS + 2 :]
    hasher = hashlib.sha256(b"{")
    hasher.update(rest)
    if hasher.hexdigest().encode() != digest:
        raise ManifestError(
            f"{name} is not what was written: its digest differs; restore it, or ingest again"
        )
    try:
        body = msgspec.json.decode(data, type=_Body)
        manifest = _manifest(body, snapshot=f"sha256:{digest.decode()}")
    except (msgspec.DecodeError, OverflowError, ValueError) as error:
        raise ManifestError(f"{name} is no valid manifest: {error}") from error
    fault = _fault(manifest)
    if fault:
        raise ManifestError(f"{name} is no valid manifest: {fault}")
    return manifest


def safe_key(key: str) -> bool:
    """Return whether a key stays inside its store."""
    path = PurePosixPath(key)
    return (
        bool(key)
        and not path.is_absolute()
        and ".." not in path.parts
        and "\\" not in key
        and "\0" not in key
    )


def _raw(column: Sequence[int]) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(list(column)))


def _column(raw: msgspec.Raw) -> array[int]:
    return array("Q", msgspec.json.decode(raw, type=list[int]))


def _manifest(body: _Body, *, snapshot: str) -> Manifest:
    segments, documents = body.segments, body.documents
    return Manifest(
        keys=body.objects.key,
        sizes=body.objects.size,
        objects=_column(segments.object),
        offsets=_column(segments.offset),
        lengths=_column(segments.length),
        newlines=_column(segments.newlines),
        characters=_column(segments.characters),
        sha256=bytes.fromhex(segments.sha256),
        documents=DocumentTable(
            documents.name, documents.lines, documents.characters, documents.bytes, documents.separator
        ),
        replaced=body.encoding.replaced,
        errors=body.encoding.errors,
        parent=body.parent,
        snapshot=snapshot,
    )


def _foreign(data: bytes) -> str:
    """Say why something is not a manifest of this version."""
    try:
        head = msgspec.json.decode(data, type=_Head)
    except msgspec.DecodeError:
        return (
            "not a manifest; to bind the files beside it as documents, name them by a glob such as 'dir/**'"
        )
    if head.format == FORMAT and head.version != VERSION:
        return f"its version is {head.version}; this release reads version {VERSION} and the older list form"
    return "not a manifest of this program; to bind the files beside it, name them by a glob such as 'dir/**'"


def _fault(manifest: Manifest) -> str | None:
    """Return what contradicts itself in a manifest, or None."""
    return _fault_of_shape(manifest) or _fault_of_segments(manifest) or _fault_of_documents(manifest)


def _fault_of_shape(manifest: Manifest) -> str | None:
    count = len(manifest.objects)
    columns = (manifest.offsets, manifest.lengths, manifest.newlines, manifest.characters)
    if any(len(column) != count for column in columns) or len(manifest.sha256) != count * DIGEST_BYTES:
        return "the segment columns differ in length"
    if len(manifest.keys) != len(manifest.sizes):
        return "the object columns differ in length"
    table = manifest.documents
    others = (table.lines, table.characters, table.bytes, table.separators)
    if any(len(column) != len(table.names) for column in others):
        return "the document columns differ in length"
    unsafe = next((key for key in manifest.keys if not safe_key(key)), None)
    return None if unsafe is None else f"the object key {unsafe!r} leads out of the store"


def _fault_of_segments(manifest: Manifest) -> str | None:
    import numpy as np

    def numbers(column: Sequence[int]) -> Any:
        return np.asarray(column, dtype=np.uint64)

    if not len(manifest.objects):
        return None
    if max(manifest.objects) >= len(manifest.keys):
        return f"segment object {max(manifest.objects)} is not among {len(manifest.keys)} objects"
    if min(manifest.sizes) < 0 or max(map(max, (manifest.offsets, manifest.lengths, manifest.sizes))) > _MOST:
        return "a size is out of range"
    lengths, characters = numbers(manifest.lengths), numbers(manifest.characters)
    sizes = numbers(manifest.sizes)[numbers(manifest.objects).astype(np.intp)]
    checks = (
        (numbers(manifest.offsets) + lengths > sizes, "reaches beyond its object"),
        (lengths == 0, "is empty"),
        (numbers(manifest.newlines) > characters, "has more newlines than characters"),
        (characters > lengths, "has more characters than bytes"),
        (characters < (lengths + 3) // 4, "has too few characters for its bytes"),
    )
    for wrong, what in checks:
        if wrong.any():
            return f"segment {int(wrong.argmax())} {what}"
    return None


def _fault_of_documents(manifest: Manifest) -> str | None:
    table = manifest.documents
    if len(table.numbers) != len(table.names):
        return "two documents have the same name"
    columns = (table.lines, table.characters, table.bytes, table.separators)
    if any(min(column, default=0) < 0 for column in columns) or max(table.separators, default=0) > 1:
        return "a document has a measure that is out of range"
    if sum(table.bytes) + sum(table.separators) != sum(manifest.lengths):
        return "the documents do not have as many bytes as the segments"
    if sum(table.characters) + sum(table.separators) != sum(manifest.characters):
        return "the documents do not have as many characters as the segments"
    if sum(table.lines) - sum(manifest.newlines) not in (0, 1):
        return "the documents do not have as many lines as the segments"
    return None
