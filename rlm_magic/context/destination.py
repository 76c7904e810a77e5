"""Where a context is to be written, and what is there already."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import partial

from ..config import ContextConfig
from ..errors import SegmentMissing, SnapshotChanged, SourceError, WriteConflict
from .address import Access, is_url, parse
from .again import again
from .columns import Manifest
from .manifest import decode
from .older import decode_older
from .opened import MANIFEST_KEY, parsed
from .remote import NOT_REMOTE
from .stores import Head, Store
from .stores.connect import RemoteStore
from .stores.directory import MARK_KEY, OUR_PREFIX, DirectoryStore
from .stores.objects import ObstoreStore


@dataclass(frozen=True, slots=True)
class Destination:
    """A store to write to, and all that one request found there; None if it is to be asked key by key."""

    store: Store
    listed: Mapping[str, Head] | None


@dataclass(frozen=True, slots=True)
class Committed:
    """What readers of a store open now; `manifest` is None for the older form."""

    version: str
    manifest: Manifest | None


def writable(
    destination: str | os.PathLike[str] | Store, *, access: Access, config: ContextConfig
) -> Destination:
    """Return where to write to; raises SourceError rather than mix a context with other objects."""
    if isinstance(destination, ObstoreStore):
        return Destination(destination, again(destination.listing, config=config))
    if isinstance(destination, Store):
        return Destination(destination, None)
    path = os.fspath(destination)
    if isinstance(destination, str) and is_url(path):
        return _remote(path, access=access, config=config)
    if not access.is_default:
        raise SourceError(f"{NOT_REMOTE} and destinations; {path} is local")
    path = os.path.expanduser(path)
    if os.path.exists(path) and not os.path.isdir(path):
        raise SourceError(f"{path} is a file; name a directory to write a context to")
    _check_ours(path, os.listdir(path) if os.path.isdir(path) else [], noun="directory")
    return Destination(DirectoryStore(path), None)


def committed(place: Destination, *, config: ContextConfig) -> Committed | None:
    """Return what readers find there now; raises ManifestError if its manifest.json is somebody else's.

    Raises WriteConflict if it is replaced meanwhile.
    """
    store, name = place.store, f"{place.store.url}/{MANIFEST_KEY}"
    try:
        version = again(partial(_version, place), config=config)
        read = partial(again, partial(store.get, MANIFEST_KEY, version=version), config=config)
        return Committed(version, parsed(read, partial(_manifest, name=name)))
    except SegmentMissing:
        return None
    except SnapshotChanged as error:
        raise WriteConflict(f"somebody else wrote {name} meanwhile; nothing of theirs was touched") from error


def _manifest(data: bytes, *, name: str) -> Manifest | None:
    if data.lstrip()[:1] == b"[":
        decode_older(data, name=name)
        return None
    return decode(data, name=name)


def _version(place: Destination) -> str:
    if place.listed is None:
        return place.store.head(MANIFEST_KEY).version
    if MANIFEST_KEY not in place.listed:
        raise SegmentMissing(f"{place.store.url}/{MANIFEST_KEY} is not there")
    return place.listed[MANIFEST_KEY].version


def _remote(url: str, *, access: Access, config: ContextConfig) -> Destination:
    address = parse(url)
    if address.is_web or address.is_glob:
        raise SourceError(f"{address} cannot be written to; name a prefix such as s3://bucket/prefix/")
    prefix = f"{address.key.rstrip('/')}/" if address.key else ""
    store = RemoteStore(address, access=access, config=config).at(prefix)
    listed = again(store.listing, config=config)
    _check_ours(store.url, {key.split("/", 1)[0] for key in listed if key}, noun="prefix")
    return Destination(store, listed)


def _check_ours(place: str, names: Collection[str], *, noun: str) -> None:
    # What a killed writer left is ours, even if it came no further than the file that was to be the mark.
    foreign = {name for name in names if not name.startswith(OUR_PREFIX)}
    if foreign and MANIFEST_KEY not in names and MARK_KEY not in names:
        what = "files" if noun == "directory" else "objects"
        raise SourceError(
            f"{place} holds other {what}, such as {min(foreign)!r}; name a new or an empty {noun}"
        )
