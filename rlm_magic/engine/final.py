"""Find `FINAL(...)` and `FINAL_VAR(name)` written as text. Pure; what a name stands for is asked elsewhere.

A text form counts on a line of its own. Its body may span lines and hold parentheses and strings.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_OPENING = re.compile(r"^[ \t]*(FINAL_VAR|FINAL)\(", re.MULTILINE)
_REST_OF_LINE = re.compile(r"[ \t.;]*(?:\n|$)")
_CLOSE_AT_LINE_END = re.compile(r"\)(?=[ \t.;]*(?:\n|\Z))")
_NAME = re.compile(r"""(['"`]?)([^\W\d]\w*)\1""")


@dataclass(frozen=True, slots=True)
class FinalText:
    """The answer itself."""

    text: str


@dataclass(frozen=True, slots=True)
class FinalVariable:
    """The name of the variable that holds the answer."""

    name: str


@dataclass(frozen=True, slots=True)
class MalformedFinal:
    """Something that was meant to end the run and could not. `reason` is written for the model."""

    reason: str


Final = FinalText | FinalVariable | MalformedFinal


def find_finals(prose: str) -> list[Final]:
    r"""Return every text form in `prose` (a reply without its code and thought), in order.

    >>> find_finals("Done.\nFINAL(f(a, b))")
    [FinalText(text='f(a, b)')]
    >>> find_finals("I will end with FINAL(x).")
    []
    """
    found: list[Final] = []
    position = 0
    while (opening := _OPENING.search(prose, position)) is not None:
        following = _OPENING.search(prose, opening.end())
        limit = following.start() if following else len(prose)
        close = _closing(prose, opening.end(), limit)
        if close is None and following is not None:
            # The next opening may stand inside this one's body, as in an answer about FINAL itself.
            close = _balanced(prose, opening.end(), len(prose), strings=True)
        body = None if close is None else prose[opening.end() : close].strip()
        found.append(_read(opening.group(1), body))
        position = opening.end() if close is None else close + 1
    return found


def _read(form: str, body: str | None) -> Final:
    if body is None:
        return MalformedFinal(f"{form}(...) was not understood: close its parenthesis and end the line there")
    if form == "FINAL":
        return FinalText(body) if body else MalformedFinal("FINAL() is empty: put the answer inside")
    name = _NAME.fullmatch(body)
    if name is None:
        return MalformedFinal(f"FINAL_VAR takes the name of one variable, not {body[:80]!r}")
    return FinalVariable(name.group(2))


def _closing(text: str, start: int, limit: int) -> int | None:
    """Return where the body ends: at the balancing parenthesis if possible, else at the last of a line."""
    for strings in (True, False):
        close = _balanced(text, start, limit, strings=strings)
        if close is not None:
            return close
    candidates = [match.start() for match in _CLOSE_AT_LINE_END.finditer(text, start, limit)]
    return candidates[-1] if candidates else None


def _balanced(text: str, start: int, limit: int, *, strings: bool) -> int | None:
    """Return the balancing parenthesis if it ends its line, skipping strings when asked to."""
    depth, position = 1, start
    while position < limit:
        character = text[position]
        if strings and character in "'\"" and (end := _string_end(text, position, limit)) is not None:
            position = end
            continue
        depth += (character == "(") - (character == ")")
        if depth == 0:
            return position if _REST_OF_LINE.match(text, position + 1) else None
        position += 1
    return None


def _string_end(text: str, start: int, limit: int) -> int | None:
    """Return the index behind the string that opens at `start`; None if that quote opens none.

    A quote after a letter is an apostrophe ("it's"), and one that is not closed on its line is not a string.
    """
    quote = text[start]
    if start and text[start - 1].isalnum():
        return None
    if text.startswith(quote * 3, start):
        close = text.find(quote * 3, start + 3, limit)
        return close + 3 if close >= 0 else None
    match = re.compile(rf"{quote}(?:[^{quote}\\\n]|\\.)*{quote}").match(text, start, limit)
    return match.end() if match else None
