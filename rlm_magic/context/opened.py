"""Open a text that a manifest describes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from ..config import ContextConfig
from ..errors import BadText, ManifestError, SegmentMissing, SourceNotFound, StoreUnavailable
from .again import again
from .columns import Manifest
from .fetch import StoredSegments
from .manifest import decode
from .older import Row, decode_older, documents_of, extents_of, heads_of, layout_of, promised
from .stores import Head, Store
from .stores.objects import ObstoreStore
from .text import Origin, Text
from .utf8 import Errors, warn_of_replacements

MANIFEST_KEY = "manifest.json"
_Parsed = TypeVar("_Parsed")


def snapshot_key(snapshot: str) -> str:
    """Return where the manifest of a snapshot stays, whatever is committed later."""
    return f"manifests/{snapshot.removeprefix('sha256:')}.json"


def open_stored(
    store: Store,
    *,
    errors: Errors,
    config: ContextConfig,
    key: str = MANIFEST_KEY,
    data: bytes | None = None,
    listing: Callable[[], Mapping[str, Head]] | None = None,
) -> Text:
    """Return the text of a manifest; SourceNotFound if there is none, ManifestError if it is corrupt.

    `data` is the manifest, if it has been read already, and `listing` gives what a listing says, if one has
    been asked for.
    """
    read = partial(_manifest_bytes, store, key, config=config)
    open_ = partial(_open_either, store, key=key, errors=errors, config=config, listing=listing)
    return parsed(read, open_, data=data)


def parsed(
    read: Callable[[], bytes], parse: Callable[[bytes], _Parsed], *, data: bytes | None = None
) -> _Parsed:
    """Return what `parse` makes of what `read` gives, or gave; read once more where it is a ManifestError.

    A bit that flipped on its way is right the second time; what is wrong in the store is wrong again.
    """
    data = read() if data is None else data
    try:
        return parse(data)
    except ManifestError:
        second = read()
        if second == data:
            raise
        return parse(second)


def _open_either(
    store: Store,
    data: bytes,
    *,
    key: str,
    errors: Errors,
    config: ContextConfig,
    listing: Callable[[], Mapping[str, Head]] | None,
) -> Text:
    name = f"{store.url}/{key}"
    if data.lstrip()[:1] == b"[":
        rows = decode_older(data, name=name)
        heads = heads_of(rows, _heads(store, rows, listing=listing, config=config).get)
        if isinstance(store, ObstoreStore):
            # Elsewhere versions are no ETags, so an ETag in a row says nothing.
            heads = list(map(promised, rows, heads))
        return _open_older(store, rows, heads, data, errors=errors, config=config)
    return _open(store, decode(data, name=name), errors=errors, config=config)


def _manifest_bytes(store: Store, key: str, *, config: ContextConfig) -> bytes:
    try:
        return again(partial(store.get, key), config=config)
    except SegmentMissing as error:
        raise SourceNotFound(f"no manifest: {error}") from error


def _open(store: Store, manifest: Manifest, *, errors: Errors, config: ContextConfig) -> Text:
    if errors == "strict" and manifest.replaced:
        raise BadText(
            f"{store.url}: {manifest.replaced:,} invalid parts were replaced as it was ingested; "
            "ingest the source again with errors='strict' to be told where"
        )
    warn_of_replacements(manifest.replaced, of=store.url)
    layout, extents = manifest.layout(), manifest.extents()
    origin = Origin("manifest", store.url, manifest.snapshot, manifest.replaced)
    return Text(
        layout,
        StoredSegments(store, extents, layout, config=config),
        manifest.documents,
        origin,
        config=config,
    )


def _open_older(
    store: Store,
    rows: Sequence[Row],
    heads: Sequence[Head | None],
    data: bytes,
    *,
    errors: Errors,
    config: ContextConfig,
) -> Text:
    layout = layout_of(rows, heads)
    segments = StoredSegments(store, extents_of(rows, heads, errors=errors), layout, config=config)
    snapshot = f"sha256:{hashlib.sha256(data + repr(heads).encode()).hexdigest()}"
    origin = Origin("older manifest", store.url, snapshot, replaced=None)
    table = documents_of(rows, name=store.url.rstrip("/").rsplit("/", 1)[-1])
    return Text(layout, segments, table, origin, config=config)


def _heads(
    store: Store,
    rows: Sequence[Row],
    *,
    listing: Callable[[], Mapping[str, Head]] | None,
    config: ContextConfig,
) -> Mapping[str, Head | None]:
    """Return what the store knows of each object, None for a missing one: the other lines can be read."""
    keys = list(dict.fromkeys(row.key for row in rows))

    def head(key: str) -> Head | None:
        try:
            return again(partial(store.head, key), config=config)
        except SegmentMissing:
            return None

    if not isinstance(store, ObstoreStore):
        return {key: head(key) for key in keys}
    try:
        # One request for a thousand objects, instead of a thousand.
        return listing() if listing is not None else again(store.listing, config=config)
    except StoreUnavailable:
        # Who may read objects need not be allowed to list them.
        with ThreadPoolExecutor(config.index_threads, thread_name_prefix="rlm head") as pool:
            return dict(zip(keys, pool.map(head, keys), strict=True))
