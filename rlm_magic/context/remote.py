"""Bind what is at a URL: what `ingest` wrote there, an object, a pattern, or everything below a prefix."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeVar

from ..config import ContextConfig
from ..errors import RLMError, SegmentMissing, SourceNotFound
from .address import Access, Address, parse
from .exclude import but, kept
from .files import Plain, text_of_objects
from .globbing import glob_pattern
from .opened import MANIFEST_KEY, open_stored
from .stores import Head
from .stores.connect import RemoteStore
from .stores.directory import MARK_KEY
from .stores.objects import is_hidden
from .text import Text
from .utf8 import Errors

NOT_REMOTE = "endpoint_url, region, profile and anonymous are options of s3:// sources"
_Found = TypeVar("_Found")


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
        return _one(binding, store, address.key, _head(store, address))
    if address.is_glob:
        return _glob(binding, store.at(address.fixed_prefix))
    if not address.key or address.key.endswith("/"):
        return _prefix(binding, store.at(address.key))
    return _named(binding, store)


def _named(binding: _Binding, store: RemoteStore) -> Text:
    """Ask for the object and for a manifest below its name at once: one round trip decides."""
    key = binding.address.key
    below = store.at(f"{key}/")
    with ThreadPoolExecutor(1, thread_name_prefix="rlm open") as pool:
        asked = pool.submit(_outcome, lambda: below.get(MANIFEST_KEY))
        head = _outcome(lambda: store.head(key))
        manifest = asked.result()
    if isinstance(head, Head):
        folder, slash, last = key.rpartition("/")
        return _one(binding, store.at(folder + slash), last, head)
    if isinstance(manifest, bytes):
        return open_stored(below, errors=binding.errors, config=binding.config, data=manifest)
    for error in (manifest, head):
        if not isinstance(error, SegmentMissing):
            raise error
    return _below(binding, below)


def _prefix(binding: _Binding, store: RemoteStore) -> Text:
    try:
        data = store.get(MANIFEST_KEY)
    except SegmentMissing:
        return _below(binding, store)
    return open_stored(store, errors=binding.errors, config=binding.config, data=data)


def _below(binding: _Binding, store: RemoteStore) -> Text:
    listed = store.listing()
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
    pattern = glob_pattern(binding.address.key.removeprefix(binding.address.fixed_prefix))
    listed = store.listing()
    keys = kept([key for key in _files(listed) if pattern.fullmatch(key)], binding.exclude)
    if not keys:
        raise SourceNotFound(f"no object matches {binding.address}{but(binding.exclude)}")
    return _many(binding, store, listed, keys, kind="glob")


def _files(listed: Mapping[str, Head]) -> list[str]:
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


def _many(
    binding: _Binding, store: RemoteStore, listed: Mapping[str, Head], keys: Sequence[str], *, kind: str
) -> Text:
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


def _head(store: RemoteStore, address: Address) -> Head:
    try:
        return store.head(address.key)
    except SegmentMissing as error:
        raise SourceNotFound(f"nothing is at {address}") from error


def _outcome(ask: Callable[[], _Found]) -> _Found | RLMError:
    try:
        return ask()
    except RLMError as error:
        return error
