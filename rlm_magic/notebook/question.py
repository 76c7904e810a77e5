"""A question as the user typed it, to the letter: question marks stay, and `{name}` stands for a variable."""

from __future__ import annotations

import re
from collections.abc import Mapping

from IPython.core.error import UsageError

_LONGEST_VALUE_CHARS = 2_000

_ENDS_IN_QUESTION_MARK = re.compile(r"^(\s*(?:[\w., \t]+=\s*)?%rlm(?:_step)?\b[^\S\n]+\S.*\?)(\n?)$")
_BRACES = re.compile(r"\{\{([^\W\d]\w*)\}\}|\{([^\W\d]\w*)\}")


def keep_question(lines: list[str]) -> list[str]:
    """Keep IPython from reading `%rlm What is this?` as a request for help on `this`.

    A trailing space is enough to say so. `%rlm?` and `%%rlm?` still give help (ipython issue 14258).
    """
    if lines and lines[0].startswith("%%"):
        return lines
    return [_ENDS_IN_QUESTION_MARK.sub(r"\1 \2", line) for line in lines]


def question_in(text: str, cell: str | None, variables: Mapping[str, object], *, resumed: str | None) -> str:
    """Return the question of a line or a cell; none where a run is `resumed`. Raises UsageError for none."""
    if resumed is not None:
        if text or (cell or "").strip():
            raise UsageError(f"--resume {resumed} goes on with that run's own question; leave yours out")
        return ""
    if cell is not None and text:
        raise UsageError(f"%%rlm takes its question from the cell; move {text!r} below the first line")
    question = interpolate((text if cell is None else cell).strip(), variables)
    if not question:
        raise UsageError("ask something: %rlm Which service failed first, and why?")
    return question


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
