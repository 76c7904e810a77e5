"""What a session may hang into a run, so that the engine needs to know nothing of contexts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ..records import Reading

Accept = Callable[[object], object]
"""Return the final value in the form that was asked for. Raises AnswerRejected, written for the model."""


class ReadObserver(Protocol):
    """Sees what the cells read of the context."""

    def take(self, prompts: Sequence[str]) -> Reading:
        """Return what was read since the last call, and which lines of it occur in `prompts`."""
        ...

    def forget(self) -> None:
        """Leave out what was read since the last call."""
        ...


@dataclass(frozen=True, slots=True)
class ChildContext:
    """What a child run sees: the names in its namespace, and what its model is told about them."""

    names: Mapping[str, object]
    description: str


OpenChild = Callable[[object], ChildContext]
"""Return what a child run sees of the object that model code passed as `context=`."""


def open_text(value: object) -> ChildContext:
    """Return a plain str as the context of a child run. Raises TypeError for anything else."""
    if not isinstance(value, str):
        raise TypeError(f"context= takes a str here, not {type(value).__name__}; pass the text itself")
    return ChildContext(
        {"context": value},
        f"`context` is a Python str of {len(value):,} characters and {value.count(chr(10)):,} line breaks.",
    )
