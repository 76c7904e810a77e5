"""Facts under headings: as aligned plain text, and as the rows of an HTML table. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .plain import printable


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with rows of cells; rows may differ in length. `columns` name them, where that is needed."""

    heading: str
    rows: tuple[tuple[str, ...], ...]
    columns: tuple[str, ...] = ()
    folded: bool = False
    """Whether HTML shows the heading only, until the reader opens it."""

    @property
    def width(self) -> int:
        """How many cells the longest row has."""
        return max(map(len, [self.columns, *self.rows]))


def section(
    heading: str, rows: Sequence[Sequence[str]], *, columns: Sequence[str] = (), folded: bool = False
) -> Section:
    """Return a section whose texts cannot act on what shows them."""
    return Section(
        heading,
        tuple(tuple(printable(cell).replace("\n", " ") for cell in row) for row in rows),
        tuple(columns),
        folded,
    )


def sections_plain(sections: Sequence[Section]) -> str:
    """Return sections as text, cells below each other.

    >>> print(sections_plain([section("models", [("root", "offline"), ("sub-model", "offline")])]))
    models
      root       offline
      sub-model  offline
    """
    lines: list[str] = []
    for each in sections:
        lines.append(each.heading)
        lines += [f"  {line}" for line in _aligned([each.columns, *each.rows] if each.columns else each.rows)]
    return "\n".join(lines)


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    # The last cell of a row is as long as it likes and pushes nothing aside.
    count = max((len(row) for row in rows), default=0)
    widths = [max((len(row[at]) for row in rows if len(row) > at + 1), default=0) for at in range(count)]
    return [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row[:-1], widths, strict=False)), *row[-1:]])
        for row in rows
    ]
