"""What the offline model does next, from the conversation alone. Pure; ends within eight turns.

probe -> search (or define, count, list) -> read around the best places -> ask the sub-model -> answer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from . import cells
from .answers import LABEL, compose, counted_terms, pointed_names
from .conversation import Conversation
from .evidence import gather
from .question import Question, read_question, within
from .terms import Term
from .words import escaped, exact_pattern, stem

MAX_TURNS = 7
_WINDOWS = 6

_PROBE = "I look at the size and shape of the text first."
_SEARCH = "I search for the words of the question."
_DEFINE = "I search for lines that define the name."
_VARIANTS = "None of the words is there, so I try looser forms of them."
_COUNT = "I count in Python; no model is needed for that."
_LIST = "I list the documents in which it occurs."
_READ = "I read around the best places."
_ASK = "I ask the sub-model which lines of these windows answer the question."
_FOLLOW = "The best line only names its value, so I look that name up."
_PLAIN = "That cell failed, so I go through the lines in the plainest way."
_ANSWER = "This is what the lines say."

_MODIFIERS = (
    r"(?:(?:export|default|public|private|protected|static|final|abstract|pub|async|inline|extern|unsafe|"
    r"override|declare)\s+)*"
)
_CALLABLE = r"(?:def|function|fn|func|fun|sub|proc|macro_rules!)"
_TYPE = r"(?:class|struct|interface|enum|trait|type|union|record|protocol|object)"
_VALUE = r"(?:const|let|var|val|define|#define)"

_FAILED = re.compile(r"fail|crash|break|broke|down|error", re.IGNORECASE)
_NOT_A_FAILURE = (
    r"(?i)\b(?:no|zero|without|0)\s+(?:\w+\s+)?(?:errors?|failures?|failed|exceptions?|timeouts?)\b"
    r"|\b(?:errors?|failed|failures?|exceptions?|timeouts?)\b\W{0,2}[=:]\s*(?:0|none|null|false)\b"
    r"|^(?!.*fail)(?!.*crash).*\b(?:INFO|DEBUG|TRACE|NOTICE)\b"
)


def next_reply(conversation: Conversation) -> str:
    """Return the next reply of the root model: a sentence and one block of code."""
    scope = [name for row in conversation.tagged("scope") for name in row[0]]
    question = within(read_question(conversation.question), scope)
    prose, code = _next(question, conversation)
    return f"{prose}\n\n```repl\n{code}```\n"


def _next(question: Question, conversation: Conversation) -> tuple[str, str]:
    done = _stages(conversation)
    answer = _ANSWER, cells.final(compose(question, conversation))
    if conversation.must_answer or len(conversation.replies) >= MAX_TURNS:
        return answer
    if not done:
        return f"{_PROBE} {LABEL}", cells.probe(question.scope)
    if conversation.failed and (_PLAIN in done or not _stems(question)):
        return answer
    if conversation.failed:
        return _PLAIN, cells.plain(_stems(question))
    if done[-1] == _PROBE:
        return _first_search(question) or answer
    if done[-1] in (_SEARCH, _DEFINE, _VARIANTS):
        return _after_search(question, conversation, done) or answer
    if done[-1] == _READ and conversation.sub_calls_left != 0:
        return _ASK, cells.ask(question.text)
    if done[-1] == _ASK and (names := pointed_names(question, conversation)):
        return _FOLLOW, cells.follow(names, document=gather(question, conversation).best(1)[0].document)
    return answer


def _stages(conversation: Conversation) -> list[str]:
    known = (_PROBE, _SEARCH, _DEFINE, _VARIANTS, _COUNT, _LIST, _READ, _ASK, _FOLLOW, _PLAIN, _ANSWER)
    return [stage for reply in conversation.replies for stage in known if reply.startswith(stage)]


def _first_search(question: Question) -> tuple[str, str] | None:
    if question.kind == "define":
        return _DEFINE, cells.define(question.subject, definition_patterns(question))
    if question.kind == "list":
        return _LIST, cells.list_documents(_listing_pattern(question), ignore_case=False)
    if question.kind in ("size", "overview") or not question.terms:
        return None
    if question.kind == "count":
        exact = [exact_pattern(question.subject)] if question.subject else []
        patterns = exact or [term.pattern for term in counted_terms(question)]
        return _COUNT, cells.count(patterns, ignore_case=not exact)
    return _SEARCH, _search(question, _patterns(question.terms))


def _search(question: Question, terms: Mapping[str, tuple[str, float]]) -> str:
    failure = any(_FAILED.search(term.word) for term in question.terms)
    return cells.search(
        terms,
        pairs=[term.pair for term in question.terms if term.pair and terms.keys() >= {*term.pair}],
        unless=_NOT_A_FAILURE if failure else "",
        order=question.order,
        needed=[term.word for term in question.terms if term.needed],
    )


def _patterns(terms: tuple[Term, ...]) -> dict[str, tuple[str, float]]:
    return {term.word: (term.wider, term.weight) for term in terms if not term.pair}


def _after_search(question: Question, conversation: Conversation, done: list[str]) -> tuple[str, str] | None:
    spots = conversation.tagged("spot")
    if spots:
        allowed = (
            _WINDOWS
            if conversation.sub_calls_left is None
            else max(1, min(_WINDOWS, conversation.sub_calls_left))
        )
        return _READ, cells.read(
            [(spot[0], spot[1]) for spot in spots[:allowed]], inside=_enclosing(question)
        )
    if done[-1] == _DEFINE:
        return _SEARCH, _search(question, {question.subject: (escaped(question.subject), 1.0)})
    if done[-1] == _SEARCH and question.kind != "define" and _looser(question):
        return _VARIANTS, _search(question, _looser(question))
    return None


def _enclosing(question: Question) -> str:
    if question.wanted != "code":
        return ""
    return (
        "class"
        if re.search(r"\b(?:which|what)\s+(?:\w+\s+)?class", question.text, re.IGNORECASE)
        else "function"
    )


def _looser(question: Question) -> dict[str, tuple[str, float]]:
    """Return shorter forms: names in their parts, words by their first letters."""
    looser = {}
    for term in question.terms:
        if term.pair:
            continue
        parts = re.findall(r"[A-Z]?[a-z]{3,}|[A-Z]{3,}|\d{3,}", term.word) if term.strong else []
        for part in parts if len(parts) > 1 else [stem(term.word)[: max(4, len(term.word) * 2 // 3)]]:
            if len(part) >= 3 or not part.isascii():
                looser[part] = (escaped(part), term.weight)
    return looser


def _stems(question: Question) -> list[str]:
    words = [question.subject] if question.subject else [term.word for term in question.terms]
    return [stem(word) if word.isalpha() else word.lower() for word in words]


def definition_patterns(question: Question) -> list[str]:
    """Return regexes for lines that define the question's subject, the form it asks for first."""
    name = escaped(question.subject)
    called = rf"^\s*{_MODIFIERS}{_CALLABLE}\s+(?:\([^)]*\)\s*)?\*?{name}\b"
    typed = rf"^\s*{_MODIFIERS}{_TYPE}\s+{name}\b"
    forms = (
        [typed, called]
        if re.search(r"\bclass|\btype|\bstruct", question.text, re.IGNORECASE)
        else [called, typed]
    )
    return [
        *forms,
        rf"^\s*{_MODIFIERS}{_VALUE}\s+{name}\b",
        rf"^{name}\s*(?::[^=\n]+)?=[^=]",
        rf"^\s+(?:self\.|this\.)?{name}\s*(?::[^=\n]+)?=[^=]",
        rf"^[A-Za-z_][\w\s\*&<>,:]*\b{name}\s*\([^;]*\)\s*\{{",
    ]


def _listing_pattern(question: Question) -> str:
    name = exact_pattern(question.subject)
    if re.search(r"\bimport", question.text, re.IGNORECASE):
        return rf"^\s*(?:from\s+{name}|import\s+(?:.*,\s*)?{name})"
    return name
