"""Describe a context in words: what it can do and its measures, never its text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..text import counted

if TYPE_CHECKING:
    from .info import Info

IN_MEMORY = "in memory"
_NAME_CHARS = 80

_MANUAL = {
    "lines": """\
`context` is read like a list of lines, each with its ending ("\\n"); it is read-only, and a slice costs
what it returns:
- len(context), context[i] (one line), context[a:b] (the text of lines a to b, one str), for line in context
- context.chars[a:b]: the same text by characters""",
    "chars": """\
`context` is read like a str, by characters; it is read-only, and a slice costs what it returns:
- len(context), context[a:b] (characters a to b, a str)
- context.lines: the same text as a list of lines; context.lines[a:b] is the text of lines a to b""",
}
_MANUAL_OF_BOTH = """\
- context.search(pattern, ignore_case=False, limit=1000): the lines in which a regular expression is found, as
  Match(line, text, start, end, document); line counts from 0. Fast, even over the whole text.
- context.count("word"), context.find("word"), context.findall(pattern), "word" in context
- context.documents: the documents' names; context.documents["name"] reads like context, that document only
- context.view(a, b): a part of it that reads like context, without a copy
- code that takes it for a str works too: re.findall(pattern, context), json.loads(context), context.lower();
  the positions of a match of `re` are characters: context.chars[m.start() : m.end()]"""


def describe(info: Info, names: Sequence[str]) -> str:
    """Return what a context is and can do, how large, from where: for a model's prompt."""
    sizes = [counted(info.lines, "line")]
    if info.characters is not None:
        sizes.append(counted(info.characters, "character"))
    rows = [
        f"Size: {', '.join(sizes)}.",
        f"Source: {info.kind} {plain(info.source)}".rstrip() + ".",
    ]
    if info.documents != 1:
        more = ", ..." if info.documents > len(names) else ""
        shown = f": {', '.join(map(plain, names))}{more}" if names else ""
        rows.append(f"Documents: {info.documents:,}{shown}.")
    return "\n".join([*rows, _MANUAL[info.unit], _MANUAL_OF_BOTH])


def plain(name: str) -> str:
    """Return a name fit for one line of a prompt or a repr: escaped where unprintable, cut where long."""
    shown = name if name.isprintable() else ascii(name)[1:-1]
    return (
        shown if len(shown) <= _NAME_CHARS else f"{shown[: _NAME_CHARS // 2]}...{shown[-_NAME_CHARS // 2 :]}"
    )
