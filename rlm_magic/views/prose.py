"""An answer's text as HTML: Markdown where that is harmless, else to the letter. Citations become links.

Only what the gate lets through is read as Markdown. markdown-it escapes what it renders, and drops links that
are neither http nor https; raw HTML is off, so that the gate is not the only lock on the door.
"""

from __future__ import annotations

import re
from collections.abc import Callable, MutableMapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from .plain import printable

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.renderer import RendererHTML
    from markdown_it.token import Token

# Markdown that could hold HTML, math, images, reference links or entities is shown as text instead. Making
# it safe by rewriting was tried and is a trap: a fence in mid-line turns the rewritten parts back on.
# So is a diagram: nbconvert's pages load the script that draws one from elsewhere.
_UNSAFE_MARKDOWN = re.compile(r"[<$\\]|!\[|\]:|&#|\]\((?!https?://)|(?i:[`~]{3,}[^\n]*mermaid)")


# Longer answers are data rather than prose, and some take seconds to parse.
_MARKDOWN_CHARS = 50_000
# What lies deeper the parser drops. So no line may come near: by markers in a row, or by its indentation; a
# level of a list takes two of depth, and two columns.
_MOST_NESTED = 100
_DEEP = re.compile(r"(?m)^(?:[ \t]*(?:[>*+-]|\d+[.)])){12}|^[ \t]{60}")


def is_prose(text: str) -> bool:
    """Return whether a harmless text is also worth reading as Markdown: neither huge nor deeply nested."""
    return is_harmless(text) and len(text) <= _MARKDOWN_CHARS and not _DEEP.search(text)


def is_harmless(text: str) -> bool:
    r"""Return whether a text may be shown as Markdown.

    >>> is_harmless("```python\n1 + 1\n```"), is_harmless("```mermaid\ngraph TD\n```")
    (True, False)
    """
    return bool(text) and not _UNSAFE_MARKDOWN.search(text) and printable(text) == text


def markdown_html(text: str, *, link: Callable[[str], str]) -> str:
    """Return a harmless text as HTML. `link` escapes a piece of it and links its citations."""
    return str(_parser().render(text, {"link": link, "depth": 0}))


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": _MOST_NESTED}).enable("table")
    parser.add_render_rule("text", _text)
    parser.add_render_rule("link_open", _link_open)
    parser.add_render_rule("link_close", _link_close)
    for rule in ("table_open", "table_close", "th_open", "td_open"):
        parser.add_render_rule(rule, _table)
    return parser


_TABLE = '<div style="overflow-x:auto" role="region" tabindex="0" aria-label="table">'
_TABLE_STYLE = "border-collapse:collapse;overflow-wrap:break-word"
_Env = MutableMapping[str, Any]


def _text(_renderer: RendererHTML, tokens: Sequence[Token], index: int, _options: object, env: _Env) -> str:
    from markupsafe import escape

    content = tokens[index].content
    # A link within a link is none: browsers end the outer one.
    return str(escape(content)) if env["depth"] else str(env["link"](content))


def _table(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: _Env) -> str:
    """Set a table at the left, where a notebook's own rules would not, and let it scroll by itself."""
    token = tokens[index]
    if token.type == "table_open":
        token.attrSet("style", _TABLE_STYLE)
        return _TABLE + str(renderer.renderToken(tokens, index, options, env))
    if token.nesting == 1 and token.attrGet("style") is None:
        token.attrSet("style", "text-align:left")
    told = str(renderer.renderToken(tokens, index, options, env))
    return f"{told}</div>" if token.type == "table_close" else told


def _link_open(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: _Env) -> str:
    env["depth"] += 1
    tokens[index].attrSet("rel", "noopener noreferrer")
    return str(renderer.renderToken(tokens, index, options, env))


def _link_close(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: _Env) -> str:
    env["depth"] -= 1
    return str(renderer.renderToken(tokens, index, options, env))
