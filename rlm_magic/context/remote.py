"""Bind what is at a URL: what `ingest` wrote there, an object, a pattern, or everything below a prefix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import partial

from ..config import ContextConfig
from ..errors import SegmentMissing, SourceNotFound
from .address import Access, Address, parse
from .again import again, begun
from .exclude import but, kept
from .files import text_of_objects
from .globbing import glob_pattern
from .indexing import Plain
from .opened import MANIFEST_KEY, open_stored
from .stores import Head
from .stores.connect import RemoteStore
from .stores.directory import MARK_KEY
from .stores.objects import is_hidden
from .text import Text
from .utf8 import Errors

NOT_REMOTE = "endpoint_url, region, profile and anonymous are options of s3:// sources"
_Listed = Mapping[str, Head]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Binding:
    """How to bind what is found, wherever that is."""

    address: Address
    errors: Errors
    name: str | None
    exclude: tuple[str, ...]
    config: ContextConfig


def text_at_url(
    url: str,
    *,
    errors: Errors,
    name: str | None,
    exclude: tuple[str, ...],
    config: ContextConfig,
    access: Access,
) -> Text:
    """Return the text at a URL; SourceNotFound if nothing is there, SourceError if it names no object.

    `s3://bucket/x` is the object x; else the context in x/, else all objects below x/.
    """
    address = parse(url)
    binding = _Binding(address=address, errors=errors, name=name, exclude=exclude, config=config)
    store = RemoteStore(replace(address, key=""), access=access, config=config)
    if address.is_web:
        return _one(binding, store, address.key, _head(binding, store))
    if address.is_glob:
        return _glob(binding, store.at(address.fixed_prefix))
    if not address.key or address.key.endswith("/"):
        return _prefix(binding, store.at(address.key))
    return _named(binding, store)


def _named(binding: _Binding, store: RemoteStore) -> Text:
    """Ask for the object and for what may be below its name at once: one round trip decides."""
    key = binding.address.key
    below = store.at(f"{key}/")
    head = begun(partial(again, partial(store.head, key), config=binding.config))
    manifest, listed = _asked(binding, below)
    refusal = head.exception()
    if refusal is None:
        folder, slash, last = key.rpartition("/")
        return _one(binding, store.at(folder + slash), last, head.result())
    if not isinstance(refusal, SegmentMissing) and isinstance(manifest.exception(), SegmentMissing):
        # What is below the name must not stand in for an object that may be there.
        raise refusal
    return _below(binding, below, manifest, listed)


def _prefix(binding: _Binding, store: RemoteStore) -> Text:
    return _below(binding, store, *_asked(binding, store))


def _asked(binding: _Binding, store: RemoteStore) -> tuple[Future[bytes], Future[_Listed]]:
    """Begin to ask for a manifest, and for the keys, which are needed where there is none.

    A listing in vain is cheap; one that begins when the manifest is known to be missing is a round trip more.
    """
    config = binding.config
    manifest = begun(partial(again, partial(store.get, MANIFEST_KEY), config=config))
    return manifest, begun(partial(again, store.listing, config=config))


def _below(binding: _Binding, store: RemoteStore, manifest: Future[bytes], listing: Future[_Listed]) -> Text:
    try:
        data = manifest.result()
    except SegmentMissing:
        return _all(binding, store, listing.result())
    return open_stored(store, errors=binding.errors, config=binding.config, data=data, listing=listing.result)


def _all(binding: _Binding, store: RemoteStore, listed: _Listed) -> Text:
    if MARK_KEY in listed:
        raise SourceNotFound(
            f"the ingest into {store.url} was not finished, so there is no context yet; run it again"
        )
    keys = kept(_files(listed), binding.exclude)
    if not keys:
        raise SourceNotFound(
            f"nothing is at {binding.address}{but(binding.exclude)}; check bucket and prefix"
        )
    return _many(binding, store, listed, keys, kind="prefix")


def _glob(binding: _Binding, store: RemoteStore) -> Text:
    named = binding.address.key.removeprefix(binding.address.fixed_prefix)
    listed, pattern = again(store.listing, config=binding.config), glob_pattern(named)
    if named in listed:
        # As with files, what has the very name comes first: "report[1].txt" is a common name for a copy.
        return _one(binding, store, named, listed[named])
    keys = kept([key for key in _files(listed) if pattern.fullmatch(key)], binding.exclude)
    if not keys:
        raise SourceNotFound(f"no object matches {binding.address}{but(binding.exclude)}")
    return _many(binding, store, listed, keys, kind="glob")


def _files(listed: _Listed) -> list[str]:
    """Return the keys of documents, sorted, without the empty objects that some tools make for folders."""
    folders = {key[:at] for key in listed for at, character in enumerate(key) if character == "/"}
    return sorted(
        key
        for key, head in listed.items()
        if key and not is_hidden(key) and not (head.size == 0 and key in folders)
    )


def _one(binding: _Binding, store: RemoteStore, key: str, head: Head) -> Text:
    name = binding.name or key.rsplit("/", 1)[-1]
    return _bound(binding, store, [Plain(key, name, head)], kind="object")


def _many(binding: _Binding, store: RemoteStore, listed: _Listed, keys: Sequence[str], *, kind: str) -> Text:
    return _bound(binding, store, [Plain(key, key, listed[key]) for key in keys], kind=kind)


def _bound(binding: _Binding, store: RemoteStore, plain: Sequence[Plain], *, kind: str) -> Text:
    return text_of_objects(
        store,
        plain,
        kind=kind,
        address=str(binding.address),
        errors=binding.errors,
        exclude=binding.exclude,
        config=binding.config,
    )


def _head(binding: _Binding, store: RemoteStore) -> Head:
    try:
        return again(partial(store.head, binding.address.key), config=binding.config)
    except SegmentMissing as error:
        raise SourceNotFound(f"nothing is at {binding.address}") from error
