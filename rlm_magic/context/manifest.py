"""The manifest: the immutable table of contents of a stored text, as JSON. Pure: bytes in, columns out.

    {"format": "rlm_magic context", "version": 2, "snapshot": "sha256:...", "parent": ..., "encoding": ...,
     "objects": {"key": [...], "size": [...]},
     "segments": {"object": [...], "offset": [...], "length": [...], "newlines": [...], "characters": [...],
                  "unfinished": [numbers of segments without a newline at their end],
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

import msgspec

from ..errors import ManifestError
from .columns import Manifest
from .extents import DIGEST_BYTES
from .faults import fault_of
from .layout import DocumentTable

FORMAT = "rlm_magic context"
VERSION = 2
_PREFIX = f'{{"format":"{FORMAT}","version":{VERSION},"snapshot":"sha256:'.encode()
_DIGEST_CHARS = 2 * DIGEST_BYTES


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
    unfinished: list[int]
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
                unfinished=list(manifest.unfinished),
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
    fault = fault_of(manifest)
    if fault:
        raise ManifestError(f"{name} is no valid manifest: {fault}")
    return manifest


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
        unfinished=segments.unfinished,
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
