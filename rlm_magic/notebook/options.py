"""Options of the magics: before a question that is free text, or on a line that is all options."""

from __future__ import annotations

import json
import re
import shlex
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError

if TYPE_CHECKING:
    from ..config import Budget

LIMITS = {
    "max_steps": "steps",
    "max_depth": "max_depth",
    "timeout": "seconds",
    "step_timeout": "cell_seconds",
    "max_sub_calls": "sub_calls",
    "max_tokens": "tokens",
    "max_cost": "cost_usd",
}
"""Each option that sets a limit, with the limit's name in Budget."""

_WORD = re.compile(r"""\s*((?:[^\s"']|"[^"]*"|'[^']*')+)""")


def parser_of(magic: Any) -> ArgumentParser:
    """Return the parser that IPython made of a magic's option decorators."""
    parser: ArgumentParser = magic.parser
    return parser


def parse_line(parser: ArgumentParser, line: str) -> Namespace:
    """Parse a line that holds nothing but options and arguments, quoted as in a shell."""
    try:
        # Not IPython's own splitter, which leaves the quotes of "my dir" on; backslashes stay, for Windows.
        splitter = shlex.shlex(line, posix=True, punctuation_chars=False)
        splitter.whitespace_split, splitter.commenters, splitter.escape = True, "", ""
        return _parsed(parser, list(splitter))
    except ValueError as error:  # shlex's own words for an unbalanced quote
        raise UsageError(f"cannot read {line.strip()!r}: {error}") from error


def split_options(parser: ArgumentParser, line: str) -> tuple[Namespace, str]:
    """Parse the options at the head of `line` and return the rest as it was typed.

    The first word that is no option begins the free text, as in %timeit; `--` ends the options too. One pair
    of quotes around the whole text is taken off. Raises UsageError for an unknown option.
    """
    words: list[str] = []
    position = 0
    known = parser._option_string_actions
    while (match := _WORD.match(line, position)) is not None and match.group(1).startswith("-"):
        word = match.group(1)
        position = match.end()
        if word == "--":
            break
        name, has_value, _ = word.partition("=")
        action = known.get(name)
        if action is None:
            raise UsageError(
                f"unknown option {name!r}. If the question begins so, put -- first: "
                f"%{parser.prog} -- {line.strip()}"
            )
        words.append(_unquoted(word))
        if action.nargs != 0 and not has_value:
            value = _WORD.match(line, position)
            if value is None:
                raise UsageError(_without_value(name, line[position:].strip()))
            words.append(_unquoted(value.group(1)))
            position = value.end()
    return _parsed(parser, words), _without_outer_quotes(line[position:].strip())


def _parsed(parser: ArgumentParser, words: Sequence[str]) -> Namespace:
    try:
        return parser.parse_args(words)
    except UsageError as error:
        raise UsageError(f"{error}. See %{parser.prog}?") from error


def _without_value(option: str, rest: str) -> str:
    return f"option {option}: the quote of {rest} is not closed" if rest else f"option {option} needs a value"


def names_in(text: str | None) -> list[str]:
    """Return the names of a list such as "a,b"."""
    return [name.strip() for name in text.split(",") if name.strip()] if text else []


def options_in(pairs: Sequence[str], option: str) -> dict[str, object]:
    """Return sampling options from words such as "temperature=0"; a value is JSON, else a str.

    >>> options_in(["temperature=0", "reasoning_effort=high"], "--option")
    {'temperature': 0, 'reasoning_effort': 'high'}
    """
    found: dict[str, object] = {}
    for pair in pairs:
        key, has_value, value = pair.partition("=")
        if not (has_value and key.isidentifier()):
            raise UsageError(f"{option} {pair}: write KEY=VALUE, such as {option} temperature=0")
        try:
            found[key] = json.loads(value)
        except ValueError:
            found[key] = value
    return found


def budget_of(args: Namespace, *, base: Budget | None = None) -> Budget:
    """Return the budget that the options of %rlm ask for; the rest is as in `base`, else the default."""
    from ..config import Budget

    chosen = {limit: getattr(args, option) for option, limit in LIMITS.items()}
    return replace(base or Budget(), **{name: value for name, value in chosen.items() if value is not None})


def reach_of(args: Namespace) -> dict[str, Any]:
    """Return the options that say how to reach a remote store."""
    return {name: getattr(args, name) for name in ("endpoint_url", "region", "profile", "anonymous")}


def _unquoted(word: str) -> str:
    return re.sub(
        r""""([^"]*)"|'([^']*)'""", lambda m: m.group(1) if m.group(1) is not None else m.group(2), word
    )


def _without_outer_quotes(text: str) -> str:
    quoted = len(text) >= 2 and text[0] == text[-1] and text[0] in "'\""
    return text[1:-1] if quoted and text[0] not in text[1:-1] else text
