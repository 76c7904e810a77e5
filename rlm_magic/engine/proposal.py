"""A reply that waits: what a person sees of a run that pauses before it acts. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..records import Completion, Usage
from .history import Before
from .reply import parse_reply


@dataclass(frozen=True, slots=True)
class Proposal:
    """The root model's reply for step `step`, of which nothing was carried out yet.

    `before` is what the loop did before it asked, `seconds` how long that and the reply took.
    """

    step: int
    completion: Completion
    before: Before
    seconds: float

    @property
    def reply(self) -> str:
        """The reply to the letter."""
        return self.completion.text

    @property
    def cells(self) -> tuple[str, ...]:
        """The code that would run, cell by cell."""
        return parse_reply(self.reply).cells

    def changed(self, cells: tuple[str, ...]) -> bool:
        """Return whether `cells` would run anything but what the reply has."""
        return _trimmed(cells) != _trimmed(self.cells)


def users_own(step: int, notes: tuple[str, ...]) -> Proposal:
    """Return a step that nobody was asked for: only a user's code will run in it."""
    return Proposal(step, Completion("", Usage()), Before(notes, None, Usage()), 0.0)


def cells_of(code: str | Sequence[str]) -> tuple[str, ...]:
    """Return what a person gave to run as cells; empty ones are left out. Raises TypeError for anything else.

    >>> cells_of("x = 1"), cells_of(["x = 1", " "])
    (('x = 1',), ('x = 1',))
    """
    cells = (code,) if isinstance(code, str) else code
    if not isinstance(cells, (list, tuple)) or not all(isinstance(cell, str) for cell in cells):
        raise TypeError(f"code is a cell or a list of cells, as str; not {type(code).__name__} {code!r:.60}")
    return tuple(cell for cell in cells if cell.strip())


def _trimmed(cells: Sequence[str]) -> list[str]:
    # Notebooks end a cell's text with a newline that nobody typed.
    return [cell.rstrip() for cell in cells]
