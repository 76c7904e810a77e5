"""Pass over plain objects once: where they can be cut, and what each piece measures."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice

import msgspec

from ..config import ContextConfig
from ..errors import IntegrityError
from .again import again
from .ahead import block_reads, in_order
from .cutter import Cutter
from .segment import Segment
from .stores import Head, Store
from .stores.objects import ObstoreStore
from .tally import Tally
from .utf8 import BOM, Errors, clean

# In the class below `bytes` is a column.
Digests = bytes


class Indexed(msgspec.Struct, array_like=True):
    """What one pass over an object found out; columns are per segment, `start` is behind a BOM."""

    start: int
    lengths: list[int]
    bytes: list[int]
    newlines: list[int]
    characters: list[int]
    unfinished: list[int]
    """The segments that do not end with a newline."""
    replaced: int
    sha256: Digests = b""
    """The digests of what is stored, one after another; nothing for a local file, which no network spoils."""

    @property
    def finished(self) -> bool:
        """Whether it ends with a newline or is empty."""
        return len(self.lengths) - 1 not in self.unfinished


@dataclass(frozen=True, slots=True)
class Plain:
    """A plain object to be read as a document: its key, its name, and its version as it is indexed."""

    key: str
    name: str
    head: Head


class Kept:
    """The first segments of a text, as they were read to be indexed, up to a budget of bytes."""

    def __init__(self, budget_bytes: int) -> None:
        self._left_bytes = budget_bytes
        self._data: list[tuple[bytes, bytes]] = []

    def offer(self, data: bytes, raw: bytes) -> None:
        """Take the next segment with its stored bytes; after the first that does not fit, no other."""
        self._left_bytes -= len(data)
        if self._left_bytes >= 0:
            self._data.append((data, raw))

    def segments(self, supplied: frozenset[int]) -> Iterator[tuple[int, Segment, bytes]]:
        """Yield what was taken, by number, each with its stored bytes, and hold it no longer."""
        for number in range(len(self._data)):
            (data, raw), self._data[number] = self._data[number], (b"", b"")
            yield number, Segment(data + b"\n" if number in supplied else data), raw


def index_all(
    store: Store, plain: Sequence[Plain], kept: Kept, *, errors: Errors, config: ContextConfig
) -> list[Indexed]:
    """Return what one pass over each object finds; what is read of a remote store is offered to `kept`.

    Raises BadText by the policy, SnapshotChanged if an object is not as it was when its head was taken.
    """
    # No request is so small that it could cut a BOM in two.
    step = max(config.request_bytes, len(BOM))
    tally = Tally(sum(item.head.size for item in plain))

    def index(item: Plain) -> Indexed:
        blocks = (read() for read in block_reads(store, item.key, item.head, step_bytes=step))
        return _index(store, item, tally.through(blocks), errors=errors, config=config)

    if isinstance(store, ObstoreStore):
        return _index_remote(store, plain, kept, tally, errors=errors, config=config)
    if len(plain) <= 1:
        return list(map(index, plain))
    with ThreadPoolExecutor(config.read_threads, thread_name_prefix="rlm index") as pool:
        return list(pool.map(index, plain))


def _index_remote(
    store: Store, plain: Sequence[Plain], kept: Kept, tally: Tally, *, errors: Errors, config: ContextConfig
) -> list[Indexed]:
    """The blocks of all objects are one sequence that is read ahead: many small ones as well as one large."""
    step = max(config.request_bytes, len(BOM))
    reads = [block_reads(store, item.key, item.head, step_bytes=step) for item in plain]
    largest = min(max((item.head.size for item in plain), default=0), config.request_bytes)
    ahead = max(config.read_threads, min(config.index_threads, config.index_ahead_bytes // max(largest, 1)))
    calls = (partial(again, read, config=config) for read in chain.from_iterable(reads))
    with closing(in_order(calls, ahead=ahead, idle_s=config.connection_idle_s)) as blocks:
        return [
            _index(store, item, tally.through(islice(blocks, len(own))), kept, errors=errors, config=config)
            for item, own in zip(plain, reads, strict=True)
        ]


def _index(
    store: Store,
    item: Plain,
    blocks: Iterator[bytes],
    kept: Kept | None = None,
    *,
    errors: Errors,
    config: ContextConfig,
) -> Indexed:
    found, digests, offset = Indexed(0, [], [], [], [], [], 0), bytearray(), 0
    for raw in _raw_segments(blocks, found, config=config):
        cleaned = clean(raw, errors=errors, name=f"{store.url}/{item.key}", offset=found.start + offset)
        offset += len(raw)
        if not raw.endswith(b"\n"):
            found.unfinished.append(len(found.lengths))
        found.lengths.append(len(raw))
        found.bytes.append(len(cleaned.data))
        found.newlines.append(cleaned.data.count(b"\n"))
        found.characters.append(cleaned.characters)
        found.replaced += cleaned.replaced
        if kept is not None:
            digests += hashlib.sha256(raw).digest()
            kept.offer(cleaned.data, raw)
    found.sha256 = bytes(digests)
    if found.start + offset != item.head.size:
        raise IntegrityError(
            f"{store.url}/{item.key} gave {found.start + offset} bytes of {item.head.size}; bind it again"
        )
    return found


def _raw_segments(blocks: Iterator[bytes], found: Indexed, *, config: ContextConfig) -> Iterator[bytes]:
    cutter = Cutter(config.segment_bytes)
    for number, block in enumerate(blocks):
        if number == 0 and block.startswith(BOM):
            found.start = len(BOM)
            block = block[len(BOM) :]
        yield from cutter.feed(block)
    yield from cutter.finish()
