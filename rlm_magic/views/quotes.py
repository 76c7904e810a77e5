"""What an answer cites, as its views show it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from uuid import uuid4

from ..records import Answer, Citation
from ..text import clip, counted
from .plain import document_name, printable


@dataclass(frozen=True, slots=True)
class Quote:
    """One citation with its number, from 1, free of control characters."""

    number: int
    label: str
    status: str
    text: str
    document: str


@dataclass(frozen=True, slots=True)
class Quotes:
    """The citations shown; those up to number `linked` have a place to link to. `omitted` counts the rest."""

    shown: tuple[Quote, ...]
    omitted: str

    @property
    def linked(self) -> int:
        """The number of the last citation that is shown."""
        return len(self.shown)


def quotes_of(answer: Answer, *, most: int, limit_chars: int) -> Quotes:
    """Return the first `most` citations of an answer, the text of each clipped to `limit_chars`."""
    shown = [_quote(number, citation) for number, citation in enumerate(answer.citations[:most], 1)]
    left = len(answer.citations) - len(shown)
    clipped = tuple(replace(quote, text=clip(quote.text, limit_chars=limit_chars)) for quote in shown)
    return Quotes(clipped, counted(left, "more cited place") if left else "")


def new_anchor() -> str:
    """Return what the ids within one view begin with.

    Not even another view of the same answer has them: a notebook shows an answer as often as it is asked to.
    """
    return f"rlm-{uuid4().hex[:12]}"


def _quote(number: int, citation: Citation) -> Quote:
    text = printable(citation.text.replace("\r\n", "\n").rstrip())
    label = f"{citation.context} {citation.label}".lstrip()
    return Quote(number, label, citation.status, text, document_name(citation.document))
