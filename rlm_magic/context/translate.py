"""Translate Python's regular expressions for re2, which takes time linear in the text. Pure.

re2 means something else by \\d, \\w, \\s, \\b and by ignoring case, and would let \\s run over a line ending
into the next line. So nothing is passed on as written: the expression is parsed by Python's own parser, and
for each part that takes one character `re` itself is asked which characters it takes.

Two translations of one expression:

- for a block of lines: finds every line that has a match, and may find some that have not (`exact` says that
  it does not). It never takes a newline. Where the expression could take the one that ends a line, it stops
  in front of it instead; whatever may follow a line's last character matches nothing but emptiness.
- for one line with its ending: matches what `re` matches, if it exists (`line` is None if not).
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from re import _constants as op  # type: ignore[attr-defined]  # the parser has no public name
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

_END_OF_LINE = "(?m:$)"
_START_OF_LINE = "(?m:^)"
_NEWLINE = 10
_ASCII = "".join(map(chr, range(128)))
_CATEGORIES = {
    op.CATEGORY_DIGIT: r"\d",
    op.CATEGORY_NOT_DIGIT: r"\D",
    op.CATEGORY_SPACE: r"\s",
    op.CATEGORY_NOT_SPACE: r"\S",
    op.CATEGORY_WORD: r"\w",
    op.CATEGORY_NOT_WORD: r"\W",
}

Ranges = tuple[tuple[int, int], ...]


class Untranslatable(Exception):
    """Raised for what re2 cannot do: backreferences, lookaround, atomic groups."""


@dataclass(frozen=True, slots=True)
class Translation:
    """What to give to re2 for text of one alphabet (ASCII only, or any)."""

    block: str
    exact: bool
    line: str | None


def parse(pattern: re.Pattern[str]) -> Any:
    """Return the parse tree of a compiled pattern."""
    with warnings.catch_warnings():
        # Compiling it has warned already.
        warnings.simplefilter("ignore")
        return parser.parse(pattern.pattern, pattern.flags)


def literal_of(pattern: re.Pattern[str]) -> str | None:
    """Return the text a pattern stands for, if it is nothing but that text.

    >>> literal_of(re.compile(r"a\\.b")), literal_of(re.compile("a.b"))
    ('a.b', None)
    """
    tree = parse(pattern)
    if tree.state.flags & re.IGNORECASE or not all(kind is op.LITERAL for kind, _ in tree):
        return None
    return "".join(chr(value) for _, value in tree)


def translate(pattern: re.Pattern[str], *, ascii_only: bool) -> Translation:
    """Translate for text that is ASCII throughout, or for any; raises Untranslatable."""
    tree = parse(pattern)
    writer = _Writer(ascii_only=ascii_only, for_block=True)
    block = writer.sequence(tree, tree.state.flags)
    line_writer = _Writer(ascii_only=ascii_only, for_block=False)
    line = line_writer.sequence(tree, tree.state.flags)
    return Translation(block, writer.exact, line if line_writer.exact else None)


class _Writer:
    """Writes a parse tree as an re2 expression; `exact` turns False where it means more than the original."""

    def __init__(self, *, ascii_only: bool, for_block: bool) -> None:
        self._ascii_only = ascii_only
        self._for_block = for_block
        self.exact = True

    def sequence(self, tree: Iterable[tuple[Any, Any]], flags: int) -> str:
        return "".join(self._node(kind, value, flags) for kind, value in tree)

    def _node(self, kind: Any, value: Any, flags: int) -> str:
        if kind in (op.LITERAL, op.NOT_LITERAL, op.ANY, op.IN):
            return self._one_character(kind, value, flags)
        if kind is op.AT:
            return self._place(value, flags)
        if kind is op.SUBPATTERN:
            group, added, removed, tree = value
            inner = self.sequence(tree, _combined(flags, added, removed))
            return f"({inner})" if group is not None else f"(?:{inner})"
        if kind is op.BRANCH:
            return "(?:" + "|".join(self.sequence(tree, flags) for tree in value[1]) + ")"
        if kind in (op.MAX_REPEAT, op.MIN_REPEAT):
            return self._repeat(*value, flags=flags, lazy=kind is op.MIN_REPEAT)
        raise Untranslatable(str(kind))

    def _one_character(self, kind: Any, value: Any, flags: int) -> str:
        ranges = self._ranges(kind, value, flags)
        if not self._for_block or not any(low <= _NEWLINE <= high for low, high in ranges):
            return _as_class(ranges)
        self.exact = False
        return f"(?:{_as_class(_without_newline(ranges))}|{_END_OF_LINE})"

    def _ranges(self, kind: Any, value: Any, flags: int) -> Ranges:
        if kind is op.LITERAL and not flags & re.IGNORECASE:
            return ((value, value),)
        if kind is op.LITERAL and not self._ascii_only:
            return _taken_for_letter(chr(value), flags)
        return _taken(written(kind, value), flags, ascii_only=self._ascii_only)

    def _repeat(self, least: int, most: Any, tree: Any, *, flags: int, lazy: bool) -> str:
        many = most is op.MAXREPEAT or most > 1
        if many and tree.getwidth()[0] == 0 and has_choices(tree):
            # The two engines end a loop over nothing differently; what is found first may be another span.
            self.exact = False
        times = f"{{{least},{'' if most is op.MAXREPEAT else most}}}{'?' if lazy else ''}"
        return f"(?:{self.sequence(tree, flags)}){times}"

    def _place(self, place: Any, flags: int) -> str:
        if place is op.AT_BEGINNING_STRING or (place is op.AT_BEGINNING and not flags & re.MULTILINE):
            return _START_OF_LINE if self._for_block else r"\A"
        if place is op.AT_BEGINNING:
            return self._also_behind_the_newline() if self._for_block else _START_OF_LINE
        if place is op.AT_END:
            return _END_OF_LINE
        if place is op.AT_END_STRING:
            self.exact = self.exact and not self._for_block
            return _END_OF_LINE if self._for_block else r"\z"
        return self._word_boundary(place)

    def _also_behind_the_newline(self) -> str:
        self.exact = False
        return f"(?:{_START_OF_LINE}|{_END_OF_LINE})"

    def _word_boundary(self, place: Any) -> str:
        if self._ascii_only and place is op.AT_BOUNDARY:
            return r"\b"
        if self._ascii_only and not self._for_block:
            return r"\B"
        self.exact = False
        return ""


def _combined(flags: int, added: int, removed: int) -> int:
    if added & (re.ASCII | re.UNICODE):
        # Python's own search misses matches of these: re.search(r"(?a:\W)", "ß") is None, re.match finds it.
        raise Untranslatable("a change of alphabet within the expression")
    return (flags | added) & ~removed


def has_choices(tree: Iterable[Any]) -> bool:
    """Return whether an expression holds an alternative, a lazy repeat or a place, at any depth."""
    for kind, value in tree:
        if kind in (op.BRANCH, op.MIN_REPEAT, op.AT):
            return True
        if kind is op.SUBPATTERN and has_choices(value[3]):
            return True
        if kind is op.MAX_REPEAT and has_choices(value[2]):
            return True
    return False


def written(kind: Any, value: Any) -> str:
    """Return a part that takes one character as Python writes it."""
    if kind is op.ANY:
        return "."
    if kind is op.IN:
        return "[" + "".join(_item(*item) for item in value) + "]"
    return f"[{'^' if kind is op.NOT_LITERAL else ''}{_escaped(value)}]"


def _item(kind: Any, value: Any) -> str:
    if kind is op.NEGATE:
        return "^"
    if kind is op.RANGE:
        return f"{_escaped(value[0])}-{_escaped(value[1])}"
    return _CATEGORIES[value] if kind is op.CATEGORY else _escaped(value)


def _escaped(character: int) -> str:
    return f"\\U{character:08x}"


@lru_cache(maxsize=512)
def _taken(written: str, flags: int, *, ascii_only: bool) -> Ranges:
    """Return the characters that a part takes, as `re` says, in ranges."""
    runs = re.compile(f"(?:{written})+", flags & (re.IGNORECASE | re.DOTALL | re.ASCII))
    if ascii_only:
        return tuple((run.start(), run.end() - 1) for run in runs.finditer(_ASCII))
    below, above = _all_characters()
    low = tuple((run.start(), run.end() - 1) for run in runs.finditer(below))
    return low + tuple((run.start() + 0xE000, run.end() - 1 + 0xE000) for run in runs.finditer(above))


@lru_cache(maxsize=512)
def _taken_for_letter(letter: str, flags: int) -> Ranges:
    """The same for one letter whatever its case: few characters can be meant, and this is asked often."""
    same = re.compile(re.escape(letter), flags & (re.IGNORECASE | re.ASCII))
    return tuple((ord(other), ord(other)) for other in sorted({letter, *same.findall(_cased())}))


@lru_cache(maxsize=1)
def _all_characters() -> tuple[str, str]:
    """Every character below and above the surrogates, which no text holds."""
    return "".join(map(chr, range(0xD800))), "".join(map(chr, range(0xE000, 0x110000)))


@lru_cache(maxsize=1)
def _cased() -> str:
    """Every character that has another case."""
    return "".join(
        character
        for part in _all_characters()
        for character in part
        if character.lower() != character or character.upper() != character
    )


def _without_newline(ranges: Ranges) -> Ranges:
    parts: list[tuple[int, int]] = []
    for low, high in ranges:
        if low <= _NEWLINE <= high:
            parts += [(low, _NEWLINE - 1)] if low < _NEWLINE else []
            parts += [(_NEWLINE + 1, high)] if high > _NEWLINE else []
        else:
            parts.append((low, high))
    return tuple(parts)


def _as_class(ranges: Ranges) -> str:
    if not ranges:
        return r"[^\x{0}-\x{10FFFF}]"
    if len(ranges) == 1 and ranges[0][0] == ranges[0][1]:
        return f"\\x{{{ranges[0][0]:x}}}"
    return "[" + "".join(f"\\x{{{low:x}}}-\\x{{{high:x}}}" for low, high in ranges) + "]"
