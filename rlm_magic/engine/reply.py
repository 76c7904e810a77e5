"""Take a model's reply apart: thought, cells, prose. Pure; nothing here runs code.

Fences follow CommonMark (https://spec.commonmark.org/0.31.2/#fenced-code-blocks) through markdown-it-py, so
longer fences, tildes, fences in lists and fences quoted inside strings mean what every Markdown reader says.
"""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.token import Token

CODE_TAGS = frozenset({"repl", "python", "py", "python3"})

# A tag right after a backtick is a mention of the tag, not a use of it.
_THOUGHT_TAG = re.compile(r"(?<!`)<(/?)(think|thinking)>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply taken apart.

    `cells` is the code to run, in order. `prose` is what stands outside code and thought. `unclosed` says
    that the last fence was never closed, `unclosed_thought` the same of a thought; neither is run.
    `untagged` counts closed fences whose tag is not one that runs.
    """

    cells: tuple[str, ...]
    prose: str
    unclosed: bool = False
    unclosed_thought: bool = False
    untagged: int = 0


def parse_reply(text: str) -> Reply:
    r"""Split a reply into cells and prose.

    >>> parse_reply("Look:\n```repl\nprint(1)\n```\nFINAL(1)").cells
    ('print(1)\n',)
    """
    # Only "\n" and its CRLF form end a line here, as in Markdown; markdown-it normalises the same way.
    visible, unclosed_thought = _without_thought(text.replace("\r\n", "\n"))
    lines = visible.split("\n")
    cells, untagged, unclosed = [], 0, False
    code_lines: set[int] = set()
    for token in _code_tokens(visible):
        first, stop = token.map or (0, 0)
        code_lines.update(range(first, stop))
        if token.type != "fence":
            continue
        if not _is_closed(token, lines, stop):
            unclosed = True
        elif _tag(token) in CODE_TAGS:
            cells.append(_dedented(token.content))
        else:
            untagged += 1
    prose = "\n".join(line for number, line in enumerate(lines) if number not in code_lines)
    runnable = tuple(cell for cell in cells if cell.strip())
    return Reply(runnable, prose, unclosed, unclosed_thought, untagged)


@cache
def _markdown() -> MarkdownIt:
    # html_block is off: by the standard "<answer>" on a line of its own would hide a fence right below it.
    return MarkdownIt("commonmark").disable(["html_block", "inline"])


def _code_tokens(text: str) -> list[Token]:
    return [token for token in _markdown().parse(text) if token.type in ("fence", "code_block")]


def _tag(token: Token) -> str:
    words = token.info.split(maxsplit=1)
    return words[0].lower() if words else ""


def _is_closed(token: Token, lines: list[str], stop: int) -> bool:
    first = (token.map or (0, 0))[0]
    last = lines[stop - 1].lstrip(" >") if stop - 1 > first else ""
    return bool(re.fullmatch(rf"{re.escape(token.markup[0])}{{{len(token.markup)},}}[ \t]*", last))


def _dedented(code: str) -> str:
    """Undo a uniform indentation, which could not run as it is; other code is left to the letter."""
    body = code.lstrip("\n")
    return textwrap.dedent(body) if body[:1] in (" ", "\t") else code


def _without_thought(text: str) -> tuple[str, bool]:
    """Cut every <think> span that is not itself inside a fence. Also say whether the last one stayed open."""
    while (tag := _first_tag_outside_code(text)) is not None:
        if tag.group(1):
            # A closing tag alone: the opening one was part of the prompt, as some chat templates have it.
            text = text[tag.end() :]
            continue
        close = re.compile(rf"</{tag.group(2)}>", re.IGNORECASE).search(text, tag.end())
        if close is None:
            return text[: tag.start()], True
        # A newline in its place, so that a fence right behind the thought starts its line.
        text = text[: tag.start()] + "\n" + text[close.end() :]
    return text, False


def _first_tag_outside_code(text: str) -> re.Match[str] | None:
    if "think" not in text.lower():
        return None
    spans = _code_spans(text)
    for tag in _THOUGHT_TAG.finditer(text):
        if not any(start <= tag.start() < stop for start, stop in spans):
            return tag
    return None


def _code_spans(text: str) -> list[tuple[int, int]]:
    starts = [0]
    for line in text.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    return [(starts[token.map[0]], starts[token.map[1]]) for token in _code_tokens(text) if token.map]
