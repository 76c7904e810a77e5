"""What to search for: the words, names and quotations of a question, weighed. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from operator import itemgetter

from .words import STOP_WORDS, WIDE_STOP, acronym_pattern, escaped, exact_pattern, related, stem, word_pattern

MAX_TERMS = 8
MAX_PAIRS = 3
_PAIR_GAP_CHARS = 8
_LONGEST_WORD = 60
_QUOTED_WEIGHT, _NAME_WEIGHT, _ACRONYM_WEIGHT, _PROPER_WEIGHT, _WORD_WEIGHT, _OPTIONAL_WEIGHT = (
    4.0,
    3.0,
    2.5,
    2.0,
    1.0,
    0.4,
)

_QUOTED = re.compile(
    r"\"([^\"\n]{2,120})\"|`([^`\n]{1,120})`|“([^”\n]{2,120})”|«([^»\n]{2,120})»|(?<!\w)'([^'\n]{2,120})'(?!\w)"
)
_TOKEN = re.compile(r"\w+(?:[.:/@\\-]+\w+)*")
_NAME = re.compile(r"_|\d|[a-z][A-Z]|[A-Z]{2}|\w[.:/@\\]\w|\w-\w*\d")
_HOW = re.compile(
    r"\bhow (?:long|old|far|tall|big|large|deep|wide|high|fast|heavy|soon|come)\b", re.IGNORECASE
)
_WIDE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+")
_ORDER_WORDS = frozenset({"first", "last", "earliest", "latest", "recent", "newest", "oldest", "initially"})

# Nouns that a question uses and its answer often leaves out: "the value of RETRIES" is told by "RETRIES = 3".
_GENERIC = frozenset(
    {
        "value",
        "setting",
        "meaning",
        "content",
        "contents",
        "title",
        "role",
        "purpose",
        "exact",
        "full",
        "number",
    }
)


@dataclass(frozen=True, slots=True)
class Term:
    """One thing to search for. `pattern` finds it as asked, `wider` also by words of the same meaning.

    `strong` terms (names, numbers, quotations) must be in the text for an answer to be about them; `needed`
    ones count when it is judged whether a passage answers the question. A `pair` is two terms that the
    question uses side by side: it counts for the line that has both together.
    """

    word: str
    pattern: str
    wider: str
    weight: float
    strong: bool = False
    needed: bool = True
    pair: tuple[str, ...] = ()


def find_terms(text: str, *, head: str) -> tuple[Term, ...]:
    """Return what to search for, the most telling first, then the pairs.

    `head` is the noun that the answer is one of ("service" in "Which service failed?"); a passage need not
    have it.
    """
    terms: dict[str, Term] = {}
    for phrase in quotations(text):
        terms.setdefault(phrase.lower(), _strong(phrase, weight=_QUOTED_WEIGHT))
    rest = _HOW.sub(" ", _QUOTED.sub(" ", text))
    for token in _TOKEN.finditer(rest):
        for term in _of_token(token[0], head=head, leads=_leads_sentence(rest, token.start())):
            terms.setdefault(stem(term.word), term)
    ranked = sorted(terms.values(), key=lambda term: -term.weight)[:MAX_TERMS]
    return (*ranked, *_pairs(ranked, text))


def quotations(text: str) -> list[str]:
    """Return what stands between quotation marks or backticks."""
    return [next(group for group in found.groups() if group) for found in _QUOTED.finditer(text)]


def names(text: str) -> list[str]:
    """Return the tokens that look like identifiers, codes or paths rather than words."""
    return [token for token in _TOKEN.findall(text) if _NAME.search(token)]


def pair_pattern(one: str, other: str) -> str:
    """Return a regex for two patterns side by side, in either order, with up to two words between."""
    return rf"(?:{one}){BESIDE}(?:{other})|(?:{other}){BESIDE}(?:{one})"


# Bounded, so that a giant line without blanks is searched in linear time.
BESIDE = r"\w{0,12}[\W_]{0,3}(?:\w{1,20}\W{1,2}){0,2}"


def _pairs(terms: list[Term], text: str) -> Iterator[Term]:
    single = [term for term in terms if term.needed and term.word.isascii()]
    placed = sorted(((text.find(term.word), term) for term in single), key=itemgetter(0))
    found = 0
    for (at, one), (next_at, other) in pairwise(placed):
        between = text[at + len(one.word) : next_at]
        if at >= 0 and len(between) <= _PAIR_GAP_CHARS and "\n" not in between and found < MAX_PAIRS:
            found += 1
            pattern = pair_pattern(one.wider, other.wider)
            yield Term(
                f"{one.word} {other.word}",
                pattern,
                pattern,
                _WORD_WEIGHT,
                needed=False,
                pair=(one.word, other.word),
            )


def _of_token(token: str, *, head: str, leads: bool) -> list[Term]:
    low = token.lower()
    if len(token) > _LONGEST_WORD:
        return [_strong(token[:_LONGEST_WORD], weight=_WORD_WEIGHT)]
    if _WIDE.search(token):
        return _of_wide(token)
    if token.isupper() and token.isalpha() and len(token) > 1:
        # An abbreviation, which is also a part of names: HTTP in HTTP_PORT.
        pattern = acronym_pattern(token)
        wider = "|".join((pattern, *related(token)))
        return [Term(token, pattern, wider, _ACRONYM_WEIGHT, strong=True)]
    if token.isdigit():
        return [replace(_strong(token, weight=_PROPER_WEIGHT), strong=len(token) > 1)]
    if len(token) > 1 and _NAME.search(token):
        return [_dotted(token)]
    if low in STOP_WORDS or low in _ORDER_WORDS or (len(token) < 2 and token.isascii()):
        return []
    if "-" in token:
        return [term for part in token.split("-") for term in _of_token(part, head=head, leads=leads)]
    needed = low != head and low not in _GENERIC
    return [_word(token, needed=needed, proper=needed and token[0].isupper() and not leads)]


def _of_wide(token: str) -> list[Term]:
    # Scripts without spaces: pairs of letters stand in for words.
    asked = [part for run in _WIDE.findall(token) for part in WIDE_STOP.split(run) if part]
    twos = [part[at : at + 2] for part in asked for at in range(max(1, len(part) - 1))]
    return [Term(two, escaped(two), escaped(two), _WORD_WEIGHT) for two in twos]


def _dotted(token: str) -> Term:
    name, last = _strong(token, weight=_NAME_WEIGHT), token.rpartition(".")[2]
    # "heapq.heappushpop" is written "heappushpop" where it is defined.
    return replace(name, wider=f"{name.wider}|{exact_pattern(last)}") if 4 < len(last) < len(token) else name


def _word(word: str, *, needed: bool, proper: bool) -> Term:
    pattern = word_pattern(word)
    weight = _PROPER_WEIGHT if proper else _WORD_WEIGHT if needed else _OPTIONAL_WEIGHT
    return Term(word, pattern, "|".join((pattern, *related(word))), weight, strong=proper, needed=needed)


def _strong(text: str, *, weight: float) -> Term:
    pattern = exact_pattern(text)
    return Term(text, pattern, pattern, weight, strong=True)


def _leads_sentence(text: str, at: int) -> bool:
    before = text[max(0, at - 40) : at].rstrip(" \t\"'“(")
    return not before or before[-1] in ".?!:;\n"
