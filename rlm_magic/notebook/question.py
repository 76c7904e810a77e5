"""What the user typed, taken to the letter: question marks, options before free text, `{name}`."""

from __future__ import annotations

import re
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping

from IPython.core.error import UsageError

_LONGEST_VALUE_CHARS = 2_000

_ENDS_IN_QUESTION_MARK = re.compile(r"^(\s*(?:[\w., \t]+=\s*)?%rlm\b[^\S\n]+\S.*\?)(\n?)$")
_WORD = re.compile(r"""\s*((?:[^\s"']|"[^"]*"|'[^']*')+)""")
_BRACES = re.compile(r"\{\{([^\W\d]\w*)\}\}|\{([^\W\d]\w*)\}")


def keep_question(lines: list[str]) -> list[str]:
    """Keep IPython from reading `%rlm What is this?` as a request for help on `this`.

    A trailing space is enough to say so. `%rlm?` and `%%rlm?` still give help (ipython issue 14258).
    """
    if lines and lines[0].startswith("%%"):
        return lines
    return [_ENDS_IN_QUESTION_MARK.sub(r"\1 \2", line) for line in lines]


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
                f"unknown option {name!r}. If the question begins so, put -- first: %rlm -- {line.strip()}"
            )
        words.append(_unquoted(word))
        if action.nargs != 0 and not has_value:
            value = _WORD.match(line, position)
            if value is None:
                raise UsageError(f"option {name} needs a value")
            words.append(_unquoted(value.group(1)))
            position = value.end()
    return parser.parse_args(words), without_outer_quotes(line[position:].strip())


def interpolate(text: str, variables: Mapping[str, object]) -> str:
    """Replace `{name}` by the user's variable of that name; every other brace stays; `{{name}}` is literal.

    Raises UsageError when the value is so long that it should be bound as a context instead.
    """

    def value_of(match: re.Match[str]) -> str:
        literal, name = match.groups()
        if literal is not None:
            return f"{{{literal}}}" if literal in variables else match.group()
        if name not in variables:
            return match.group()
        value = str(variables[name])
        if len(value) > _LONGEST_VALUE_CHARS:
            raise UsageError(
                f"{{{name}}} stands for {len(value):,} characters; a question holds at most "
                f"{_LONGEST_VALUE_CHARS:,} of a variable. Bind it instead: %rlm_context {name}_text ${name}"
            )
        return value

    return _BRACES.sub(value_of, text)


def _unquoted(word: str) -> str:
    return re.sub(
        r""""([^"]*)"|'([^']*)'""", lambda m: m.group(1) if m.group(1) is not None else m.group(2), word
    )


def without_outer_quotes(text: str) -> str:
    """Take one pair of quotes off a text that is quoted as a whole."""
    quoted = len(text) >= 2 and text[0] == text[-1] and text[0] in "'\""
    return text[1:-1] if quoted and text[0] not in text[1:-1] else text
