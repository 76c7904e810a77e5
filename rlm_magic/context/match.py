"""A match that was found in a piece of a text, told as one in the whole text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .chars import CharContext
    from .context import Context


class PlacedMatch:
    """Stands in for an `re.Match`: `isinstance` takes it for one, positions are those in the whole text.

    `string` is the context by characters, which is sliced as the text would be. `type()` tells it from an
    `re.Match`; nothing else should.
    """

    __slots__ = ("_before", "_context", "_found")

    def __init__(self, found: re.Match[str], before: int, context: Context) -> None:
        self._found = found
        self._before = before
        self._context = context

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        return re.Match

    @property
    def string(self) -> CharContext:
        """The text that was matched, by characters."""
        return self._context.chars

    @property
    def pos(self) -> int:
        """Where the search began, as far as this piece goes."""
        return self._before + self._found.pos

    @property
    def endpos(self) -> int:
        """The end of the text."""
        return len(self._context.chars)

    @property
    def regs(self) -> tuple[tuple[int, int], ...]:
        """The spans of the match and of its groups."""
        return tuple(self.span(group) for group in range(self._found.re.groups + 1))

    def start(self, group: int | str = 0) -> int:
        """Return where a group starts, -1 if it took no part."""
        return self.span(group)[0]

    def end(self, group: int | str = 0) -> int:
        """Return where a group ends, -1 if it took no part."""
        return self.span(group)[1]

    def span(self, group: int | str = 0) -> tuple[int, int]:
        """Return where a group starts and ends, (-1, -1) if it took no part."""
        start, end = self._found.span(group)
        return (start, end) if start < 0 else (start + self._before, end + self._before)

    def __getitem__(self, group: int | str) -> Any:
        return self._found[group]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._found, name)

    def __copy__(self) -> PlacedMatch:
        return self

    def __deepcopy__(self, _memo: Any) -> PlacedMatch:
        return self

    def __repr__(self) -> str:
        return f"<re.Match object; span={self.span()}, match={self._found[0][:50]!r}>"
