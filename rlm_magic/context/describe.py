"""Describe a context in words: its measures, never its text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .context import Info

_NAME_CHARS = 80


def describe(info: Info, names: Sequence[str]) -> str:
    """Return sizes, unit, source and the first few document names, for a model's prompt."""
    unit = "a line" if info.unit == "lines" else "a character"
    sizes = [f"{info.lines:,} lines"]
    if info.characters is not None:
        sizes.append(f"{info.characters:,} characters")
    rows = [
        f"Size: {', '.join(sizes)}. Its unit is {unit}: len(context) is "
        f"{info.lines if info.unit == 'lines' else info.characters}.",
        f"Source: {info.kind} {plain(info.source)}".rstrip() + ".",
    ]
    if info.documents != 1:
        more = ", ..." if info.documents > len(names) else ""
        shown = f": {', '.join(map(plain, names))}{more}" if names else ""
        rows.append(f"Documents: {info.documents:,}{shown}.")
    return "\n".join(rows)


def plain(name: str) -> str:
    """Return a name fit for one line of a prompt or a repr: escaped where unprintable, cut where long."""
    shown = name if name.isprintable() else ascii(name)[1:-1]
    return (
        shown if len(shown) <= _NAME_CHARS else f"{shown[: _NAME_CHARS // 2]}...{shown[-_NAME_CHARS // 2 :]}"
    )
