"""Make a text of plain objects of a store, each a document, by one pass over them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import msgspec

from ..config import ContextConfig
from .extents import Extents
from .fetch import StoredSegments
from .given import check_names
from .indexing import Indexed, Kept, Plain, index_all
from .layout import DocumentTable, Layout
from .remember import recall, remember
from .stores import Store
from .stores.objects import ObstoreStore
from .text import Origin, Text
from .utf8 import Errors, warn_of_replacements


def text_of_objects(
    store: Store,
    plain: Sequence[Plain],
    *,
    kind: str,
    address: str,
    errors: Errors,
    exclude: tuple[str, ...],
    config: ContextConfig,
) -> Text:
    """Return objects as one text, each a document that starts on a line of its own.

    What the pass finds is remembered by key and version, and what it reads of a remote store stays in memory
    as far as it fits there. Raises BadText by the policy, SnapshotChanged if an object changes meanwhile,
    SourceError for two documents of one name.
    """
    check_names(item.name for item in plain)
    snapshot = _snapshot(store, plain)
    is_remote = isinstance(store, ObstoreStore)
    # A small file is indexed sooner than its index is found, a remote one never. What has no version could
    # have changed unnoticed.
    is_large = sum(item.head.size for item in plain) >= config.remember_from_bytes
    is_remembered = (is_remote or is_large) and all(item.head.version for item in plain)
    indexed = _recalled(snapshot, plain, errors=errors, config=config) if is_remembered else None
    kept = Kept(config.memory_bytes if is_remote else 0)
    if indexed is None:
        indexed = index_all(store, plain, kept, errors=errors, config=config)
        if is_remembered:
            name = _index_name(snapshot, errors=errors, config=config)
            remember(name, msgspec.json.encode(indexed), keep=config.remembered_indexes)
    replaced = sum(item.replaced for item in indexed)
    warn_of_replacements(replaced, of=address)
    supplied = _where_newlines_are_supplied(indexed)
    layout, table = _layout(plain, indexed, supplied)
    extents = _extents(plain, indexed, supplied, errors=errors)
    origin = Origin(kind=kind, address=address, exclude=exclude, snapshot=snapshot, replaced=replaced)
    segments = StoredSegments(store, extents, layout, config=config)
    segments.admit_all(kept.segments(extents.supplied))
    return Text(layout, segments, table, origin, config=config)


def _where_newlines_are_supplied(indexed: Sequence[Indexed]) -> list[bool]:
    """Say of each document whether a newline is to follow it: it is unfinished and more text follows."""
    supplied, text_follows = [], False
    for item in reversed(indexed):
        supplied.append(text_follows and not item.finished)
        text_follows = text_follows or bool(item.lengths)
    return supplied[::-1]


def _layout(
    plain: Sequence[Plain], indexed: Sequence[Indexed], supplied: Sequence[bool]
) -> tuple[Layout, DocumentTable]:
    table = DocumentTable(
        names=[item.name for item in plain],
        lines=[sum(item.newlines) + (not item.finished) for item in indexed],
        characters=[sum(item.characters) for item in indexed],
        bytes=[sum(item.bytes) for item in indexed],
        separators=list(map(int, supplied)),
    )
    layout = Layout(
        _column(indexed, supplied, "newlines"),
        lines=sum(table.lines),
        lengths=_column(indexed, supplied, "bytes"),
        characters=_column(indexed, supplied, "characters"),
        unfinished=_unfinished(indexed, supplied),
    )
    return layout, table


def _column(indexed: Sequence[Indexed], supplied: Sequence[bool], name: str) -> Iterator[int]:
    for item, newline in zip(indexed, supplied, strict=True):
        *others, last = getattr(item, name) or [None]
        yield from others
        if last is not None:
            yield last + newline


def _unfinished(indexed: Sequence[Indexed], supplied: Sequence[bool]) -> Iterator[int]:
    first = 0
    for item, newline in zip(indexed, supplied, strict=True):
        last = len(item.lengths) - 1
        yield from (first + number for number in item.unfinished if not (newline and number == last))
        first += len(item.lengths)


def _extents(
    plain: Sequence[Plain], indexed: Sequence[Indexed], supplied: Sequence[bool], *, errors: Errors
) -> Extents:
    objects: list[int] = []
    offsets: list[int] = []
    lengths: list[int] = []
    ends: list[int] = []
    for number, (item, newline) in enumerate(zip(indexed, supplied, strict=True)):
        offset = item.start
        for length in item.lengths:
            objects.append(number)
            offsets.append(offset)
            lengths.append(length)
            offset += length
        if newline:
            ends.append(len(objects) - 1)
    return Extents(
        keys=[item.key for item in plain],
        versions=[item.head.version for item in plain],
        objects=objects,
        offsets=offsets,
        lengths=lengths,
        sha256=b"".join(item.sha256 for item in indexed),
        supplied=frozenset(ends),
        errors=errors,
    )


def _snapshot(store: Store, plain: Sequence[Plain]) -> str:
    digest = hashlib.sha256(msgspec.json.encode(store.url))
    for item in plain:
        # A file name may hold bytes that are not UTF-8, which come as lone surrogates.
        digest.update(repr((item.key, item.head.size, item.head.version)).encode("utf-8", "surrogatepass"))
    return f"sha256:{digest.hexdigest()}"


def _index_name(snapshot: str, *, errors: Errors, config: ContextConfig) -> str:
    return f"index-3-{snapshot.removeprefix('sha256:')}-{config.segment_bytes}-{errors}"


def _recalled(
    snapshot: str, plain: Sequence[Plain], *, errors: Errors, config: ContextConfig
) -> list[Indexed] | None:
    data = recall(_index_name(snapshot, errors=errors, config=config))
    if data is None:
        return None
    try:
        found = msgspec.json.decode(data, type=list[Indexed])
    except msgspec.DecodeError:
        return None
    return found if len(found) == len(plain) else None
