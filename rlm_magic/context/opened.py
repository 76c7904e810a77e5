"""Open a text that a manifest describes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from ..config import ContextConfig
from ..errors import BadText, SegmentMissing, SourceNotFound, StoreUnavailable
from .columns import Manifest
from .fetch import StoredSegments
from .manifest import decode
from .older import decode_older, documents_of, extents_of, heads_of, layout_of
from .stores import Head, Store
from .stores.objects import ObstoreStore
from .text import Origin, Text
from .utf8 import Errors, warn_of_replacements

MANIFEST_KEY = "manifest.json"


def snapshot_key(snapshot: str) -> str:
    """Return where the manifest of a snapshot stays, whatever is committed later."""
    return f"manifests/{snapshot.removeprefix('sha256:')}.json"


def open_stored(
    store: Store, *, errors: Errors, config: ContextConfig, key: str = MANIFEST_KEY, data: bytes | None = None
) -> Text:
    """Return the text of a manifest; SourceNotFound if there is none, ManifestError if it is corrupt.

    `data` is the manifest, if it has been read already.
    """
    data = _manifest_bytes(store, key) if data is None else data
    if data.lstrip()[:1] == b"[":
        return _open_older(store, data, key=key, errors=errors, config=config)
    return _open(store, decode(data, name=f"{store.url}/{key}"), errors=errors, config=config)


def _manifest_bytes(store: Store, key: str) -> bytes:
    try:
        return store.get(key)
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


def _open_older(store: Store, data: bytes, *, key: str, errors: Errors, config: ContextConfig) -> Text:
    rows = decode_older(data, name=f"{store.url}/{key}")
    keys = list(dict.fromkeys(row.key for row in rows))
    heads = heads_of(rows, _heads(store, keys, config=config).get)
    layout = layout_of(rows, heads)
    segments = StoredSegments(store, extents_of(rows, heads, errors=errors), layout, config=config)
    snapshot = f"sha256:{hashlib.sha256(data + repr(heads).encode()).hexdigest()}"
    origin = Origin("older manifest", store.url, snapshot, replaced=None)
    table = documents_of(rows, name=store.url.rstrip("/").rsplit("/", 1)[-1])
    return Text(layout, segments, table, origin, config=config)


def _heads(store: Store, keys: Sequence[str], *, config: ContextConfig) -> dict[str, Head | None]:
    """Return what the store knows of each object, None for a missing one: the other lines can be read."""

    def head(key: str) -> Head | None:
        try:
            return store.head(key)
        except SegmentMissing:
            return None

    if not isinstance(store, ObstoreStore):
        return {key: head(key) for key in keys}
    try:
        # One request for a thousand objects, instead of a thousand.
        return {key: found.get(key) for found in [store.listing()] for key in keys}
    except StoreUnavailable:
        # Who may read objects need not be allowed to list them.
        with ThreadPoolExecutor(config.index_threads, thread_name_prefix="rlm head") as pool:
            return dict(zip(keys, pool.map(head, keys), strict=True))
