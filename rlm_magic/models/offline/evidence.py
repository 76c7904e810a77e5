"""The lines that an answer rests on: gathered from what the cells printed, ranked, and quoted. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from .conversation import Conversation
from .extract import NOTHING, continues
from .question import Question
from .scoring import Scored, compiled, score
from .terms import Term

SHOWN_CHARS = 400


@dataclass(frozen=True, slots=True)
class Evidence:
    """One line of the text. `line` indexes the context; `document_line` counts from 1 in its document, and is
    0 where that is not known."""

    line: int
    document: str
    document_line: int
    text: str

    @property
    def place(self) -> str:
        """The line as a person would look it up."""
        if self.document and not self.document_line:
            return self.document
        number = f"line {self.document_line or self.line + 1}"
        return f"{self.document}, {number}" if self.document else number

    def cited(self) -> str:
        """Return one line that shows the text, where it stands, and its number in the context."""
        return f"- {self.place} [L{self.line}]: {clipped(self.text)}"


@dataclass(frozen=True, slots=True)
class Findings:
    """Lines found, with their ranking for a question; `counts` tells how often each word is in the text."""

    lines: Sequence[Evidence]
    ranked: Sequence[Scored]
    counts: Mapping[str, int]

    def best(self, number: int) -> list[Evidence]:
        """Return the `number` best lines."""
        return [self.lines[each.index] for each in self.ranked[:number]]


def spots(conversation: Conversation) -> list[Evidence]:
    """Return the places that the latest search printed, best first.

    The only document of a text needs no name; it may be one that the loader made up.
    """
    alone = any(documents <= 1 for _lines, _chars, documents in conversation.tagged("size"))
    return [
        Evidence(line, "" if alone else document, document_line, text)
        for line, _piece, document, document_line, _words, text in conversation.tagged("spot")
    ]


def gather(question: Question, conversation: Conversation) -> Findings:
    """Return what was found: the lines that the sub-model picked, else the places themselves."""
    picked = rank(question, conversation, _picked(conversation))
    return picked if picked.ranked else rank(question, conversation, spots(conversation))


def said(conversation: Conversation) -> str:
    """Return what a sub-model that talks said first, instead of picking lines; "" when none did."""
    told = [
        text for _window, text in conversation.tagged("said") if not text.startswith((NOTHING, "[llm_query"))
    ]
    return clipped(told[0]) if told else ""


def rank(question: Question, conversation: Conversation, lines: Sequence[Evidence]) -> Findings:
    """Return `lines` ranked for `question`; in the order it asks for ("first", "last") if it does."""
    counts = {str(word): int(number) for word, number in conversation.tagged("count")}
    numbers = [each.line for each in lines]
    ranked = score([each.text for each in lines], question, numbers=numbers, counts=counts)
    if question.order:
        ranked = _in_order(question, ranked, lines, conversation)
    return Findings(lines, ranked, counts)


def _picked(conversation: Conversation) -> list[Evidence]:
    picked: dict[tuple[int, str], Evidence] = {}
    windows, places = conversation.tagged("window"), {spot.line: spot for spot in spots(conversation)}
    for number, reply in conversation.tagged("reply"):
        spot = places.get(windows[number][0]) if number < len(windows) else None
        for label, text in re.findall(r"^(\d+)(?:@\d+)?: (.*)$", reply, re.MULTILINE) if spot else ():
            line = int(label)
            if spot is not None and text.strip():
                at = Evidence(line, spot.document, spot.document_line + line - spot.line, text.strip())
                picked.setdefault((line, at.text[:80]), at)
    return list(picked.values())


def _in_order(
    question: Question, ranked: Sequence[Scored], lines: Sequence[Evidence], conversation: Conversation
) -> list[Scored]:
    # The search has put its places in order already: the first of them that counts leads.
    order = {spot.line: position for position, spot in enumerate(spots(conversation))}
    needed = {term.word for term in question.terms if term.needed}
    most = max((len(each.words & needed) for each in ranked), default=0)

    def position(each: Scored) -> tuple[bool, int, float]:
        return len(each.words & needed) < most, order.get(lines[each.index].line, len(order)), -each.worth

    return sorted(ranked, key=position)


def whole_sentence(best: Evidence, lines: Sequence[Evidence]) -> Evidence:
    """Return `best` with the lines beside it that its sentence runs over, as far as they were found."""
    texts = {each.line: each.text for each in lines}
    text = best.text
    if best.line + 1 in texts and continues(text, texts[best.line + 1]):
        text = f"{text} {texts[best.line + 1]}"
    if best.line - 1 in texts and continues(texts[best.line - 1], text):
        text = f"{texts[best.line - 1]} {text}"
    return replace(best, text=text)


def best_sentence(text: str, terms: Sequence[Term]) -> str:
    """Return the sentence of `text` that holds most of the terms; a short text is its own best sentence."""
    if len(text) <= SHOWN_CHARS // 4:
        return text
    sentences = re.split(r"(?<=[.!?])\s+|(?<=[。！？])", text)
    best = max(sentences, key=lambda each: sum(t.weight for t in terms if compiled(t.wider).search(each)))
    if len(best) <= SHOWN_CHARS:
        return best.strip()
    found = [match.start() for term in terms for match in [compiled(term.wider).search(best)] if match]
    start = max(0, min(found, default=0) - SHOWN_CHARS // 3)
    cut = best[start : start + SHOWN_CHARS]
    return cut.partition(" ")[2].strip() or cut


def clipped(text: str) -> str:
    """Return `text` on one line and not much longer than a sentence."""
    flat = " ".join(text.split())
    return flat if len(flat) <= SHOWN_CHARS else flat[:SHOWN_CHARS] + "..."
