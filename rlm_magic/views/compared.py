"""Two runs held against each other, as rows of text. Pure."""

from __future__ import annotations

from collections.abc import Callable

from ..records import Answer
from .plain import calls_text, cost_text, printable, tree_of_calls
from .strip import share_text

_FACTS: tuple[tuple[str, Callable[[Answer], str]], ...] = (
    ("run", lambda answer: answer.run_id),
    ("question", lambda answer: answer.question),
    ("model", lambda answer: answer.model),
    ("status", lambda answer: answer.status),
    ("steps", lambda answer: f"{len(answer.steps):,}"),
    ("sub-calls", lambda answer: calls_text(tree_of_calls(answer.steps))),
    ("seconds", lambda answer: f"{answer.seconds:.1f}"),
    ("tokens", lambda answer: f"{answer.total.tokens:,}"),
    ("cost", lambda answer: cost_text(answer.total)),
    ("reading", lambda answer: share_text(answer.coverage)),
)


def compared(first: Answer, second: Answer) -> list[tuple[str, str, str]]:
    """Return (what, of the first, of the second) for each fact that sums a run up."""
    return [(name, printable(fact(first)), printable(fact(second))) for name, fact in _FACTS]
