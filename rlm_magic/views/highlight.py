"""Cut Python code into pieces by what they are, so that a template can set them apart. Pure."""

from __future__ import annotations

from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pygments.lexer import Lexer

# Of a longer text the colours are worth less than the seconds that a hostile one could cost.
_LONGEST_CHARS = 40_000

Pieces = list[tuple[str, str]]
"""What a piece is ("keyword", "string", "comment", "number" or ""), and its text."""


def highlighted(code: str) -> Pieces:
    """Return the pieces of Python code; joined, their texts are the code to the letter.

    >>> highlighted("if x: # why")
    [('keyword', 'if'), ('', ' x: '), ('comment', '# why')]
    """
    if len(code) > _LONGEST_CHARS:
        return [("", code)]
    tokens = ((_kind(token), text) for _, token, text in _lexer().get_tokens_unprocessed(code))
    return [
        (kind, "".join(text for _, text in run)) for kind, run in groupby(tokens, key=lambda each: each[0])
    ]


@cache
def _lexer() -> Lexer:
    from pygments.lexers.python import PythonLexer

    return PythonLexer()


def _kind(token: object) -> str:
    from pygments.token import Comment, Keyword, Number, Operator, String

    kinds = {Keyword: "keyword", Operator.Word: "keyword", String: "string", Comment: "comment"}
    kinds[Number] = "number"
    return next((kind for parent, kind in kinds.items() if token in parent), "")
