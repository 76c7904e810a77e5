"""Which of some lines answer a question best. Pure; shared by the root model's rules and the sub-model's."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from .question import Question, Wanted
from .terms import Term

NEAR_LINES = 2
"""A word this many lines away still counts, by a share."""
_NEAR_SHARE = 0.35
_RELATED_SHARE = 0.75
_SHAPE_BONUS = 0.6

_SHAPES: Mapping[Wanted, str] = {
    "number": (
        r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|hundred|thousand|"
        r"million)\b"
    ),
    "time": (
        r"\d{4}-\d\d-\d\d|\d{1,2}:\d\d|\b(?:1\d|20)\d\d\b|"
        r"\b(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*\b|"
        r"\b(?:mon|tues|wednes|thurs|fri|satur|sun)day\b|\b(?:noon|midnight|dawn|o'clock|morning|evening)\b"
    ),
    "place": r"\b(?:in|at|near|to|from|on)\s+(?:the\s+)?[A-Z]\w+|\b\d+\s+[A-Z]\w+\s+(?:street|road|avenue)\b",
    "reason": r"\b(?:because|due to|caused?|reason|since|so that|therefore|owing to)\b",
    "person": (
        r"\b[A-Z][a-z]+\b.*\b[A-Z][a-z]+\b|\b(?:is|was)\s+[A-Z][a-z]+|\b[A-Z][a-z]+\s+(?:is|was)\b|\bby\s+[A-Z]"
    ),
}
_DENIED = re.compile(
    r"\b(?:no|zero|without|0)\s+(?:\w+\s+)?(?:errors?|failures?|exceptions?|timeouts?)\b"
    r"|\b(?:errors?|failed|failures?|exceptions?|timeouts?)\b[\"']?\s*[=:]\s*(?:0|none|null|false)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Scored:
    """A line with its worth. `words` are on the line, `near` on it or close by."""

    index: int
    worth: float
    words: frozenset[str]
    near: frozenset[str]


@lru_cache(maxsize=512)
def compiled(pattern: str) -> re.Pattern[str]:
    """Return the regex, ignoring case."""
    return re.compile(pattern, re.IGNORECASE)


def words_in(text: str, terms: Sequence[Term]) -> dict[str, float]:
    """Return how well each term that `text` holds is met: 1 as asked, less by a related word."""
    return {
        term.word: 1.0 if compiled(term.pattern).search(text) else _RELATED_SHARE
        for term in terms
        if compiled(term.wider).search(text) and not denied(text, term)
    }


def denied(text: str, term: Term) -> bool:
    """Return whether `text` names a failure only to say that there is none ("0 errors")."""
    return bool(_DENIED.search(text)) and not compiled(term.wider).search(_DENIED.sub(" ", text))


def score(
    lines: Sequence[str],
    question: Question,
    *,
    numbers: Sequence[int] | None = None,
    counts: Mapping[str, int] | None = None,
) -> list[Scored]:
    """Return the lines that hold any word of the question, best first; earlier ones first among equals.

    `numbers` are the lines' places in the text, when they are not one after another. `counts` says how often
    a word is found in the whole text: the rarer, the more it tells.
    """
    places = list(numbers) if numbers is not None else list(range(len(lines)))
    on_line = [words_in(line, question.terms) for line in lines]
    at_place: dict[int, set[str]] = {}
    for place, words in zip(places, on_line, strict=True):
        at_place.setdefault(place, set()).update(words)
    weights = {term.word: _weight(term, (counts or {}).get(term.word)) for term in question.terms}
    pairs = {term.word for term in question.terms if term.pair}
    scored = []
    for index, (place, words) in enumerate(zip(places, on_line, strict=True)):
        if words:
            around = range(place - NEAR_LINES, place + NEAR_LINES + 1)
            near = {word for other in around for word in at_place.get(other, ())} - (pairs - words.keys())
            worth = sum(weights[word] * share for word, share in words.items())
            worth += sum(weights[word] * _NEAR_SHARE for word in near - words.keys())
            worth += _bonus(lines[index], question) * max(weights.values())
            scored.append(Scored(index, worth, frozenset(words), frozenset(near)))
    return sorted(scored, key=lambda each: (-each.worth, each.index))


def coverage(words: frozenset[str], terms: Sequence[Term], *, counts: Mapping[str, int]) -> float:
    """Return the share, by weight, of the needed terms that `words` holds; 1.0 when none is needed.

    Terms found all over the text tell nothing either way and are left out where others remain.
    """
    needed = [term for term in terms if term.needed] or list(terms)
    telling = [term for term in needed if counts.get(term.word, 0) < COMMON] or needed
    total = sum(term.weight for term in telling)
    return sum(term.weight for term in telling if term.word in words) / total if total else 1.0


COMMON = 2000
"""A word found this often is common; searches stop counting there."""


def _weight(term: Term, count: int | None) -> float:
    return term.weight if count is None else term.weight / math.log2(2 + min(count, COMMON))


def _bonus(line: str, question: Question) -> float:
    shape = _SHAPES.get(question.wanted)
    bonus = _SHAPE_BONUS if shape and re.search(shape, line) else 0.0
    # "NAME = value", "the name is value": the line gives what others only use.
    if any(
        compiled(rf"(?:{term.wider})\w{{0,20}}[\"']?\s*(?:=(?!=)|:|\bis\b|\bwas\b)").search(line)
        for term in question.terms
    ):
        bonus += _SHAPE_BONUS / 2
    return bonus
