"""The offline sub-model: pick, from a prompt, the lines that answer best. Pure.

Its own root sends a question and numbered lines. From any other prompt it takes the part that asks as the
question and the rest as the text.
"""

from __future__ import annotations

import re

from .question import Question, read_question
from .scoring import Scored, score

TEXT_HEADING = "Text, each line after its number:"
NOTHING = "I found nothing"
MAX_LINES = 5
_SHOWN_CHARS = 600
_LONG_LINE_CHARS, _PIECE_CHARS = 2_500, 1_000
_KEPT_SHARE = 0.45
_LABEL = re.compile(r"\A\d+(?:@\d+)?: ")


def extract(prompt: str) -> str:
    """Return the lines of `prompt` that answer it best, best first, or a sentence that none does."""
    asked, text = split_prompt(prompt)
    question = read_question(asked)
    lines = [piece for line in text.split("\n") if line.strip() for piece in _pieces(line)]
    best = _best(lines, question)
    if not best:
        topic = ", ".join(term.word for term in question.terms) or "that"
        return f"{NOTHING} about {topic} in this text. (Offline rules, not a language model.)"
    told = [_cut(lines[each.index], best_words=each, question=question) for each in best]
    return "\n".join(dict.fromkeys([*told, *_rest_of_sentence(lines, best[0].index)]))


def split_prompt(prompt: str) -> tuple[str, str]:
    """Return the part of `prompt` that asks, and the text it asks about.

    >>> split_prompt("Who sings?\\n\\nThe choir sings.")
    ('Who sings?', 'The choir sings.')
    >>> split_prompt("The choir sings.\\n\\nQuestion: Who sings?")
    ('Who sings?', 'The choir sings.')
    """
    head, own_form, text = prompt.partition(f"\n\n{TEXT_HEADING}\n")
    if own_form:
        return head.removeprefix("Question: "), text
    paragraphs = [part for part in re.split(r"\n\s*\n", prompt) if part.strip()]
    if len(paragraphs) < 2:
        paragraphs = [part for part in prompt.split("\n") if part.strip()]
    if len(paragraphs) < 2:
        first, _, rest = prompt.partition(": ")
        return first, rest or prompt
    # Instructions stand first or last; a question mark tells which, else the first.
    asks = -1 if "?" in paragraphs[-1] and "?" not in paragraphs[0] else 0
    asked = paragraphs.pop(asks)
    return re.sub(r"\A\s*(?:question|task)\s*:\s*", "", asked, flags=re.IGNORECASE), "\n".join(paragraphs)


def _pieces(line: str) -> list[str]:
    """Return `line`, or its pieces when it is too long to be judged as one."""
    if len(line) <= _LONG_LINE_CHARS:
        return [line]
    return [line[at : at + _PIECE_CHARS] for at in range(0, len(line), _PIECE_CHARS)]


def _best(lines: list[str], question: Question) -> list[Scored]:
    ranked = score([_LABEL.sub("", line) for line in lines], question)
    return [each for each in ranked if each.worth >= ranked[0].worth * _KEPT_SHARE][:MAX_LINES]


def _rest_of_sentence(lines: list[str], index: int) -> list[str]:
    """Return the neighbours that a sentence of hard-wrapped prose runs over: code and logs have none."""
    bare = [_LABEL.sub("", line) for line in lines]
    before = lines[index - 1 : index] if index and continues(bare[index - 1], bare[index]) else []
    after = (
        lines[index + 1 : index + 2]
        if index + 1 < len(bare) and continues(bare[index], bare[index + 1])
        else []
    )
    return [line[:_SHOWN_CHARS] for line in (*before, *after)]


def continues(line: str, following: str) -> bool:
    """Return whether `line` is prose whose last sentence goes on in `following`.

    >>> continues("Her brother Bob moved to Oslo because the winters are dark and he", "wanted to sleep.")
    True
    >>> continues("10:03:11 ERROR inventory could not reach the database on db-1 at all", "10:03:12 INFO ok")
    False
    """
    end = line.rstrip()[-1:]
    prose = len(line.split()) >= 6 and (end.isalnum() or end in ",;-") and not _CODE.search(line + following)
    return prose and following[:1].isalpha() and (following[0].islower() or not _STAMPED.match(line))


_CODE = re.compile(r"[=#{}<>|\\]|\w\(")
_STAMPED = re.compile(r"\W*\d")


def _cut(line: str, *, best_words: Scored, question: Question) -> str:
    if len(line) <= _SHOWN_CHARS:
        return line
    label = _LABEL.match(line)
    start = label.end() if label else 0
    found = [
        match.start()
        for term in question.terms
        if term.word in best_words.words
        for match in [re.search(term.wider, line[start:], re.IGNORECASE)]
        if match
    ]
    at = start + max(0, min(found, default=0) - _SHOWN_CHARS // 3)
    return line[:start] + line[at : at + _SHOWN_CHARS]
