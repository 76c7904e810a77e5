"""The measures of a context."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Unit = Literal["lines", "chars"]


@dataclass(frozen=True, slots=True)
class Info:
    """The measures of a context.

    `characters` and `bytes` (in UTF-8) are None for a manifest of the older form until somebody asked for
    characters: its rows count lines only. `replaced` counts the characters that stand for invalid bytes of
    the whole source, None as long as that is not known. `snapshot` identifies what was bound, None for text
    given in memory.
    """

    source: str
    kind: str
    unit: Unit
    lines: int
    characters: int | None
    bytes: int | None
    segments: int
    documents: int
    replaced: int | None
    snapshot: str | None
