"""Put cells together from snippets. Pure; every constant goes in by repr, never by pasting text."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from . import snippets
from .extract import TEXT_HEADING
from .scoring import COMMON
from .terms import BESIDE
from .words import escaped

Spot = tuple[int, int]
"""A place in the text: a line, and a piece of it where it is giant."""

_ALL = 100_000
_SPOTS = 12


def probe(scope: Sequence[str]) -> str:
    """Look at the size, the documents and both ends; find documents named like one of `scope`."""
    if not scope:
        return _joined(snippets.PROBE, "scope = []\n")
    stems = dict.fromkeys(form for name in scope for form in (name, re.sub(r"\.\w{1,4}$", "", name)))
    endings = "|".join(escaped(stem).replace("/", r"[./\\]").replace(r"\.", r"[./\\]") for stem in stems)
    wanted = rf"(?:^|[/\\])(?:{endings})(?:[/\\]__init__)?(?:\.\w+)?$"
    return _joined(snippets.PROBE, f"wanted = {wanted!r}\n{snippets.SCOPE}")


def search(
    terms: Mapping[str, tuple[str, float]],
    *,
    pairs: Sequence[tuple[str, ...]],
    unless: str,
    order: str | None,
    needed: Sequence[str],
) -> str:
    """Search for every word of `terms` (its regex and weight), then rank the places where rare words meet.

    With an `order` ("first", "last") the places that hold most of the `needed` words stand in their order
    instead. Lines that match `unless` are left out.
    """
    limit = _ALL if order else COMMON
    words = "".join(f"    {word!r}: {tuple(value)!r},\n" for word, value in terms.items())
    constants = f"terms = {{\n{words}}}\npairs, beside = {list(pairs)!r}, {BESIDE!r}\n"
    constants += f"unless = {unless!r}\n{_limits(limit)}"
    if not order:
        return _joined(
            constants, snippets.PLACES, snippets.LOOK, snippets.RANK, snippets.SPREAD, snippets.SHOW
        )
    ordered = f"needed, latest = set({sorted(needed)!r}), {order == 'last'}\n\n\n{snippets.IN_ORDER}"
    return _joined(constants, snippets.PLACES, snippets.LOOK, snippets.RANK, ordered, snippets.SHOW)


def define(subject: str, patterns: Sequence[str]) -> str:
    """Search for lines that define a name, the likeliest forms first."""
    forms = "".join(f"    {pattern!r},\n" for pattern in patterns)
    constants = f"subject = {subject!r}\npatterns = [\n{forms}]\n{_limits(COMMON)}"
    return _joined(constants, snippets.PLACES, snippets.DEFINE, snippets.SHOW)


def read(picked: Sequence[Spot], *, inside: str) -> str:
    """Read around the best places; `inside` ("function" or "class") also asks what each stands in."""
    code = f"picked = {list(picked)!r}\n{snippets.READ}"
    return _joined(code, f"classes = {inside == 'class'}\n{snippets.INSIDE}") if inside else code


def ask(question: str) -> str:
    """Ask the sub-model about every window at once."""
    return f"question = {question!r}\nheading = {TEXT_HEADING!r}\n{snippets.ASK}"


def follow(names: Sequence[str], *, document: str) -> str:
    """Look up the numbers that `names` stand for, first in the `document` that uses them."""
    form = r"^\s*(?:const\s+)?{name}\s*(?::[^=]+)?=\s*\S*\d"
    return f"pointed, document = {list(names)!r}, {document!r}\nform = {form!r}\n{snippets.FOLLOW}"


def count(patterns: Sequence[str], *, ignore_case: bool) -> str:
    """Count the lines that hold all `patterns`, and how often the first occurs on them."""
    return f"patterns, ignore_case = {list(patterns)!r}, {ignore_case}\n{snippets.COUNT}"


def list_documents(pattern: str, *, ignore_case: bool) -> str:
    """List the documents in which a pattern occurs."""
    return f"pattern, ignore_case = {pattern!r}, {ignore_case}\n{snippets.LIST}"


def plain(words: Sequence[str]) -> str:
    """Go through the lines with nothing but `in`: for when a cell failed."""
    return f"words = {list(words)!r}\n{snippets.PLAIN}"


def final(answer: str) -> str:
    """End the run with `answer`, one literal per line: no line of it can close a fence."""
    pieces = answer.splitlines(keepends=True) or [""]
    return "FINAL(\n" + "".join(f"    {piece!r}\n" for piece in pieces) + ")\n"


def _limits(limit: int) -> str:
    return f"limit, spots = {limit}, {_SPOTS}\n"


def _joined(*parts: str) -> str:
    return "\n".join(parts)
