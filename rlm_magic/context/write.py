"""Write a text as segment objects and a manifest: `ingest` and `append`.

Objects come first, under keys made of their content; then the snapshot's manifest; then, in one atomic step
and only if nobody else did so meanwhile, the manifest that readers open. A writer that dies leaves the old
text, or none, and objects that the next one finds done.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import replace

from ..config import ContextConfig
from ..errors import SourceError, WriteConflict
from .address import Access, is_url
from .columns import Manifest
from .context import Context
from .cutter import Cutter
from .destination import Committed, Destination, committed, writable
from .given import check_names
from .info import Unit
from .layout import DocumentTable
from .manifest import encode
from .opened import MANIFEST_KEY, open_stored, snapshot_key
from .reopen import context_of
from .sources import check_unit, open_context
from .stores import Store
from .stores.directory import MARK_KEY, DirectoryStore
from .tabulate import documents_of, extended, joined, unfinished_document, with_separator
from .text import Text
from .uploads import Uploads
from .utf8 import check_errors

OnProgress = Callable[[int, int | None], None]
_DEFAULTS = ContextConfig()
# Enough to read ahead; what is copied is read once.
_COPY_MEMORY_BYTES = 32 * 1024 * 1024


def ingest(
    source: object,
    destination: str | os.PathLike[str] | Store,
    *,
    unit: Unit = "lines",
    segment_bytes: int = _DEFAULTS.segment_bytes,
    object_bytes: int = _DEFAULTS.object_bytes,
    errors: str = "replace",
    on_progress: OnProgress | None = None,
    endpoint_url: str | None = None,
    region: str | None = None,
    profile: str | None = None,
    anonymous: bool = False,
) -> Context:
    """Write a source into a directory or a bucket as segments and a manifest, and return it bound from there.

    `source` is anything that `open_context` takes. Text is copied as a stream: memory does not grow with it.
    `segment_bytes` is what one read costs, `object_bytes` how many of them share a file. `on_progress` is
    called with the bytes done and the bytes in all (None if not known). A destination such as
    "s3://bucket/prefix/" is a prefix in a bucket; objects go there several at a time, those that an
    interrupted ingest left there are not sent again. The options say how to reach it, and a source that is a
    URL as well; see open_context. Given a context, this re-chunks it.

    A place that holds a context gets the new text in one atomic step; contexts bound before, and their
    files, stay as they are. Raises SourceError for one that holds anything else, WriteConflict if
    somebody else wrote there meanwhile; the old text is intact after any error.
    """
    _check_sizes(segment_bytes, object_bytes)
    access = Access(endpoint_url=endpoint_url, region=region, profile=profile, anonymous=anonymous)
    place = writable(destination, access=access, config=_DEFAULTS)
    before = committed(place, config=_DEFAULTS)
    copied = _opened(source, errors=errors, access=access)
    written = _Written(place, segment_bytes=segment_bytes, object_bytes=object_bytes)
    _begin(place)
    written.copy(copied, on_progress=on_progress)
    policy = check_errors(errors)
    replaced = copied._text.origin.replaced or 0
    manifest = written.manifest(documents_of(copied), replaced=replaced, errors=policy)
    return _commit(place.store, manifest, before, unit=check_unit(unit))


def append(
    destination: str | os.PathLike[str] | Store,
    source: object,
    *,
    unit: Unit = "lines",
    segment_bytes: int = _DEFAULTS.segment_bytes,
    object_bytes: int = _DEFAULTS.object_bytes,
    errors: str = "replace",
    on_progress: OnProgress | None = None,
    endpoint_url: str | None = None,
    region: str | None = None,
    profile: str | None = None,
    anonymous: bool = False,
) -> Context:
    """Add the documents of a source behind those that `ingest` wrote somewhere; return it bound.

    A new snapshot that refers to the same objects: nothing stored is rewritten. Raises SourceError if a
    document has the name of one that is there, WriteConflict if somebody else wrote there meanwhile.
    """
    _check_sizes(segment_bytes, object_bytes)
    access = Access(endpoint_url=endpoint_url, region=region, profile=profile, anonymous=anonymous)
    place = writable(destination, access=access, config=_DEFAULTS)
    before = committed(place, config=_DEFAULTS)
    if before is None or before.manifest is None:
        raise SourceError(
            f"{place.store.url} holds no context of the current form to append to; ingest into it first"
        )
    added = _opened(source, errors=errors, access=access)
    old, new = before.manifest, documents_of(added)
    check_names([*old.documents.names, *new.names])
    unfinished = unfinished_document(old) if sum(new.bytes) else None
    written = _Written(place, segment_bytes=segment_bytes, object_bytes=object_bytes)
    _collect(place.store)
    written.copy(added, on_progress=on_progress, first=b"" if unfinished is None else b"\n")
    replaced = old.replaced + (added._text.origin.replaced or 0)
    table = joined(with_separator(old.documents, unfinished), new)
    fresh = written.manifest(table, replaced=replaced, errors=check_errors(errors))
    return _commit(place.store, extended(old, fresh), before, unit=check_unit(unit))


class _Written:
    """The segments written so far, packed into objects."""

    def __init__(self, place: Destination, *, segment_bytes: int, object_bytes: int) -> None:
        self._place = place
        self._cutter = Cutter(segment_bytes)
        self._object_bytes = object_bytes
        self._parts: list[bytes] = []
        self._part_bytes = 0
        self._keys: list[str] = []
        self._sizes: list[int] = []
        self._columns: tuple[list[int], list[int], list[int], list[int], list[int]] = ([], [], [], [], [])
        self._unfinished: list[int] = []
        self._digests = bytearray()

    def copy(self, source: Context, *, on_progress: OnProgress | None, first: bytes = b"") -> None:
        """Write the text of a context, with a newline in front if it is to begin a line."""
        total = source._text.measured().bytes_between(source._span.start, source._span.stop)
        with Uploads(self._place, config=_DEFAULTS) as uploads:
            self._copy(source, total, uploads, on_progress=on_progress, first=first)
            had_to_wait = uploads.pending_bytes > 0
        if had_to_wait and on_progress is not None:
            on_progress(total, total)

    def _copy(
        self, source: Context, total: int, uploads: Uploads, *, on_progress: OnProgress | None, first: bytes
    ) -> None:
        span, text, done = source._span, source._text, 0
        self._take(self._cutter.feed(first), uploads)
        for piece in text.pieces(span.start, span.stop, keep=False):
            self._take(self._cutter.feed(piece), uploads)
            done += len(piece)
            if on_progress is not None:
                on_progress(max(done - uploads.pending_bytes, 0), total)
        self._take(self._cutter.finish(), uploads)
        self._flush(uploads)

    def manifest(self, documents: DocumentTable, *, replaced: int, errors: str) -> Manifest:
        """Return the manifest of all that was written."""
        columns = self._columns
        return Manifest(
            self._keys,
            self._sizes,
            *columns,
            self._unfinished,
            bytes(self._digests),
            documents,
            replaced=replaced,
            errors=errors,
        )

    def _take(self, segments: Iterator[bytes], uploads: Uploads) -> None:
        for segment in segments:
            if self._part_bytes and self._part_bytes + len(segment) > self._object_bytes:
                self._flush(uploads)
            characters = len(segment) if segment.isascii() else len(segment.decode())
            if not segment.endswith(b"\n"):
                self._unfinished.append(len(self._columns[0]))
            row = (len(self._keys), self._part_bytes, len(segment), segment.count(b"\n"), characters)
            for column, value in zip(self._columns, row, strict=True):
                column.append(value)
            self._digests += hashlib.sha256(segment).digest()
            self._parts.append(segment)
            self._part_bytes += len(segment)

    def _flush(self, uploads: Uploads) -> None:
        if not self._parts:
            return
        # The digest of the digests names the content as well as a second pass over the bytes would.
        digests = self._digests[-32 * len(self._parts) :]
        key = f"data/{hashlib.sha256(digests).hexdigest()}.txt"
        uploads.put(key, self._parts, self._part_bytes)
        self._keys.append(key)
        self._sizes.append(self._part_bytes)
        self._parts, self._part_bytes = [], 0


def _check_sizes(segment_bytes: int, object_bytes: int) -> None:
    if segment_bytes < 1 or object_bytes < 1:
        raise SourceError(
            f"segment_bytes={segment_bytes} and object_bytes={object_bytes} must both be at least 1"
        )


def _begin(place: Destination) -> None:
    """Mark the place, so that an unfinished first ingest is not taken for a directory of text files."""
    _collect(place.store)
    if place.listed is None or MARK_KEY not in place.listed:
        place.store.put(MARK_KEY, [b""])


def _collect(store: Store) -> None:
    if isinstance(store, DirectoryStore):
        store.collect(older_than_s=_DEFAULTS.abandoned_after_s)


def _commit(store: Store, manifest: Manifest, before: Committed | None, *, unit: Unit) -> Context:
    snapshot, data = encode(manifest)
    store.put(snapshot_key(snapshot), [data])
    try:
        store.swap(MANIFEST_KEY, data, expected=None if before is None else before.version)
    except WriteConflict as error:
        raise WriteConflict(
            f"{error}; what you wrote is not part of it: look at what is there, and try again"
        ) from error
    key = snapshot_key(snapshot)
    text: Text = open_stored(store, errors="replace", config=_DEFAULTS, key=key)
    return context_of(text, unit)


def _opened(source: object, *, errors: str, access: Access) -> Context:
    config = replace(_DEFAULTS, memory_bytes=_COPY_MEMORY_BYTES)
    if isinstance(source, str) and is_url(source):
        options = {name: getattr(access, name) for name in ("endpoint_url", "region", "profile", "anonymous")}
        return open_context(source, errors=errors, config=config, **options)
    return open_context(source, errors=errors, config=config)
