"""Read a question: what it is about, and what shape the answer should have. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from .terms import Term, find_terms, names, quotations
from .words import STOP_WORDS

Kind = Literal["lookup", "define", "count", "list", "size", "overview"]
Order = Literal["first", "last"] | None
Wanted = Literal["number", "time", "place", "reason", "person", "code", "other"]

READ_CHARS = 4_000
"""Rules look at this much of a question: its first half and its last; nobody asks in more words than that."""

_CODE_NOUNS = (
    r"function|method|class|module|constant|variable|struct|type|interface|enum|trait|macro|exception|symbol|"
    r"attribute|decorator|procedure|package|object|error"
)
_DEFINED = r"(?:defin|declar|implement|live|locat|coded)\w*"
_DOCUMENT_NOUNS = ("module", "package", "file", "document", "session", "script")
_DOCUMENTS = r"(?:modules|files|documents|sources|scripts|sessions)"
_HAS = r"(?:mention|contain|import|use|match|have|with|include|say)"

_SIZE = rf"\bhow (?:many|much) (?:lines|characters|{_DOCUMENTS})\b(?! (?:\w+ )*{_HAS})"
# "How many legs had Ahab?" asks for a number the text gives; "How many times ...?" for a count of the text.
_COUNTING = (
    r"\bhow (?:many|often)\b.*\b(?:times|occur\w*|appear\w*|mention\w*|contain\w*|lines|instances|are there|"
    r"were there|exist|in total|logged|happen\w*|fail\w*|crash\w*|restart\w*|timed out)\b"
    r"|\bhow often\b|\bnumber of (?:times|lines|occurrences)\b|^\s*count\b"
)
_LISTING = (
    rf"\b(?:which|what|list(?: all| the)*) (?:\w+ )?{_DOCUMENTS}\b.*?\b"
    r"(?:import|use|mention|contain|refer|include|call)\w*\s+(?:to\s+)?(?:the\s+)?(.+?)[?.!]*$"
)
_OVERVIEW = (
    r"\bsummar|\boverview\b|\bwhat(?:'s| is| does)? (?:this|the) (?:\w+ )?(?:about|contain)\b"
    r"|\bwhat is (?:this|it|the \w+) about\b"
)
_WANTED: tuple[tuple[Wanted, str], ...] = (
    ("code", r"\b(?:which|what)\s+(?:\w+\s+)?(?:function|method|class|procedure|routine)s?\b"),
    ("reason", r"^\s*why\b|\bfor what reason\b|\bwhat caused\b"),
    ("time", r"\bwhen\b|\b(?:what|which) (?:time|date|day|year|month)\b"),
    ("place", r"\bwhere\b|\b(?:what|which) (?:city|town|country|place|room|street)\b"),
    ("person", r"\bwho\b|\bwhose\b|\bwhom\b"),
    ("number", r"\bhow (?:much|many|old|long|far|tall|big|large)\b"),
    ("number", r"\b(?:port|number|price|cost|amount|size|age|version|percent\w*|rate|limit|timeout|total)\b"),
    ("number", r"\b(?:code|pin|score|value|temperature|budget|maximum|minimum)\b"),
)


@dataclass(frozen=True, slots=True)
class Question:
    """What the rules understood of a question. `subject` is the name to be defined, counted or listed."""

    text: str
    kind: Kind
    terms: tuple[Term, ...]
    subject: str = ""
    order: Order = None
    wanted: Wanted = "other"
    scope: tuple[str, ...] = ()
    """Names in the question that may be document names, such as "http.client"."""


def read_question(text: str) -> Question:
    """Return what the rules understand of `text`; never fails, whatever it holds."""
    half = READ_CHARS // 2
    asked = text if len(text) <= READ_CHARS else f"{text[:half]}\n{text[-half:]}"
    kind, subject = _kind(asked)
    return Question(
        text=text,
        kind=kind,
        terms=find_terms(asked, head=_head(asked)),
        subject=subject,
        order=_order(asked),
        wanted=next((wanted for wanted, form in _WANTED if re.search(form, asked, re.IGNORECASE)), "other"),
        scope=_scope(asked),
    )


def within(question: Question, documents: Sequence[str]) -> Question:
    """Return the question without the words that named `documents`, once the search is inside them.

    The nouns beside such a name ("module") go too. Unchanged when no word would be left.
    """
    paths = [_slashed(name) for name in documents]
    spent = {
        term.word
        for term in question.terms
        if term.word.lower() in _DOCUMENT_NOUNS or any(_slashed(term.word) in path for path in paths)
    }
    left = tuple(term for term in question.terms if term.word not in spent and not spent & {*term.pair})
    return replace(question, terms=left) if documents and any(term.needed for term in left) else question


def _slashed(name: str) -> str:
    return re.sub(r"[./\\]", "/", name).lower()


def _kind(text: str) -> tuple[Kind, str]:
    flat = " ".join(text.split())
    if re.search(_SIZE, flat, re.IGNORECASE):
        return "size", ""
    if re.search(_COUNTING, flat, re.IGNORECASE):
        return "count", _counted(text)
    if subject := _defined(flat):
        return "define", subject
    if listed := re.search(_LISTING, flat, re.IGNORECASE):
        return "list", listed[1].strip().strip("`'\"“”").removesuffix("()")
    return ("overview" if re.search(_OVERVIEW, flat, re.IGNORECASE) else "lookup"), ""


def _defined(flat: str) -> str:
    """Return the name whose definition is asked for, or ""."""
    name = r"[`'\"“]?([A-Za-z_][\w.]*\w|[A-Za-z_])[`'\"”]?(?:\(\))?"
    nouns = rf"(?:the |an? )?(?:(?:{_CODE_NOUNS})s? )*(?:called |named )?"
    asked = r"\b(?:which|what|where|find|locate|show)\b"
    for form in (
        rf"{asked}.*\b(?:define|declare|implement)s?\s+{nouns}{name}",
        rf"\bwhere(?: is| are|'s| was| can I find)\s+(?:the )?(?:{_CODE_NOUNS})\s+{name}",
        rf"{asked}.*\b(?:is|are|was)\s+{nouns}{name}(?:\s+(?:{_CODE_NOUNS}))?\s+{_DEFINED}",
        rf"\bdefinition of\s+{nouns}{name}",
        rf"\b(?:module|file|package)\b.*\b(?:has|contains|holds)\s+(?:the )?(?:{_CODE_NOUNS})\s+{name}",
    ):
        found = re.search(form, flat, re.IGNORECASE)
        if found and found[1].lower() not in STOP_WORDS:
            # "http.client.HTTPConnection" is defined as "HTTPConnection".
            return found[1].rpartition(".")[2] or found[1]
    return ""


def _counted(text: str) -> str:
    """Return what is to be counted to the letter: a quotation, else the only identifier, else ""."""
    quoted, named = quotations(text), names(text)
    return quoted[0] if quoted else named[0] if len(named) == 1 else ""


def _order(text: str) -> Order:
    if re.search(r"\b(?:first|earliest|initially|oldest)\b", text, re.IGNORECASE):
        return "first"
    if re.search(r"\b(?:last|latest|most recent|final|newest)\b", text, re.IGNORECASE):
        return "last"
    return None


def _scope(text: str) -> tuple[str, ...]:
    paths = re.findall(r"[\w\-]+(?:[./\\][\w\-]+)+", text)
    before = r"\b(?:in|of|from|module|file|document|package|session|chapter)\s+[`'\"]?([A-Za-z_][\w\-]{2,})"
    after = r"\b([A-Za-z_][\w\-]+)\s+(?:module|file|document|package)\b"
    found = dict.fromkeys([*paths, *re.findall(before, text), *re.findall(after, text)])
    return tuple(name for name in found if name.lower() not in STOP_WORDS)


def _head(text: str) -> str:
    found = re.search(r"\b(?:which|what)\s+(?:\w+\s+of\s+)?(\w+)\b(?!\s+of\b)", text, re.IGNORECASE)
    return found[1].lower() if found else ""
