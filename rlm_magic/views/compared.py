"""Two runs held against each other, as rows of text. Pure."""

from __future__ import annotations

from collections.abc import Callable

from ..records import Answer
from ..text import clip
from .plain import calls_text, cost_text, printable, tree_of_calls
from .strip import share_text

_FACT_CHARS = 400
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
    return [(name, _shown(fact(first)), _shown(fact(second))) for name, fact in _FACTS]


def _shown(fact: str) -> str:
    return clip(printable(fact), limit_chars=_FACT_CHARS)
