"""Where objects live, behind one small Protocol.

`directory` is the local file system; `objects` is anything that obstore reaches. The contract suite in
tests/contracts runs over every store.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class Head:
    """What a store knows of an object. `version` changes whenever the object is replaced or edited."""

    size: int
    version: str


@runtime_checkable
class Store(Protocol):
    """Objects under keys such as "data/0f3a.txt".

    A missing object is SegmentMissing, naming it; any other refusal is StoreUnavailable. A reader never sees
    an object half written, whenever the writer dies. Stores may be used from several threads.
    """

    url: str

    def head(self, key: str) -> Head:
        """Return the size and version of an object."""
        ...

    def get(self, key: str, *, start: int = 0, stop: int | None = None, version: str | None = None) -> bytes:
        """Return bytes [start, stop), as far as there are any; SnapshotChanged if `version` is another."""
        ...

    def put(self, key: str, parts: Sequence[bytes]) -> None:
        """Write an object, durably, over whatever has its key."""
        ...

    def swap(self, key: str, data: bytes, *, expected: str | None) -> None:
        """Write an object if its version is still `expected` (None: if there is none); else WriteConflict."""
        ...

    def keys(self) -> list[str]:
        """Return every key, sorted, without what the store keeps for itself."""
        ...
