"""What a manifest says, as columns. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .extents import Extents
from .layout import DocumentTable, Layout


@dataclass(frozen=True)
class Manifest:
    """What a manifest says. Segment columns are per segment, `keys` and `sizes` per object."""

    keys: Sequence[str]
    sizes: Sequence[int]
    objects: Sequence[int]
    offsets: Sequence[int]
    lengths: Sequence[int]
    newlines: Sequence[int]
    characters: Sequence[int]
    unfinished: Sequence[int]
    sha256: bytes
    documents: DocumentTable
    replaced: int = 0
    errors: str = "replace"
    parent: str | None = None
    snapshot: str = ""

    def layout(self) -> Layout:
        """Return where its lines and characters lie."""
        lines = sum(self.documents.lines)
        return Layout(
            self.newlines,
            lines=lines,
            lengths=self.lengths,
            characters=self.characters,
            unfinished=self.unfinished,
        )

    def extents(self) -> Extents:
        """Return where its segments are stored."""
        versions = [None] * len(self.keys)
        return Extents(self.keys, versions, self.objects, self.offsets, self.lengths, self.sha256)
