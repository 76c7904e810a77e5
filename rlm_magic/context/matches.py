"""What a search returns: a list of lines, which shows itself to people as a table with the hits marked."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

from ..text import counted, printable
from .describe import plain
from .shown import table

_SHOWN = 50
_AROUND_CHARS = 100
_HIT_CHARS = 100


@dataclass(frozen=True, slots=True)
class Match:
    """A line in which a pattern was found.

    `line` is its number in the context searched, `text` the line with its ending, `start` and `end` the span
    of the first match in it, `document` the name of the document it belongs to.
    """

    line: int
    text: str
    start: int
    end: int
    document: str


class Matches(list[Match]):
    """The lines that a search found, a list like any other but for how it shows itself: at most 50 lines.

    Lines are named as answers cite them: L12 is `context[12]`. Long ones are cut around the hit, shown
    in IPython between double brackets; `match.text` has the line as it is.
    """

    def __repr__(self) -> str:
        # Unmarked: model code prints it, and hands what it printed to sub-models as lines of the text.
        return self._as_text("{}{}{}")

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # noqa: ARG002 - it holds no list
        # Within another value it is one of many: its size says enough.
        nested = len(printer.stack) > 1
        printer.text(f"<{counted(len(self), 'line')} found>" if nested else self._as_text("{}[[{}]]{}"))

    def _repr_html_(self) -> str:
        if not self:
            return "<p>no lines found</p>"
        rows = [("line", "document", "text")]
        rows += [(f"L{match.line}", plain(match.document), _html(match)) for match in self[:_SHOWN]]
        rest = "".join(f"<p>{line}</p>" for line in self._rest())
        return f"<p>{counted(len(self), 'line')} found</p>{table(rows, headed=True, raw=True)}{rest}"

    def _as_text(self, form: str) -> str:
        if not self:
            return "no lines found"
        some = self[:_SHOWN]
        several = len({match.document for match in some}) > 1
        rows = [
            f"L{match.line}{' ' + plain(match.document) if several else ''}: "
            + form.format(*map(printable, _cut(match)))
            for match in some
        ]
        return "\n".join([f"{counted(len(self), 'line')} found", *rows, *self._rest()])

    def _rest(self) -> list[str]:
        left = len(self) - _SHOWN
        return [f"and {counted(left, 'more line')}"] if left > 0 else []


def _html(match: Match) -> str:
    before, hit, after = (escape(printable(part)) for part in _cut(match))
    text = f"{before}<mark>{hit}</mark>{after}"
    return f'<code style="white-space:pre-wrap;overflow-wrap:anywhere">{text}</code>'


def _cut(match: Match) -> tuple[str, str, str]:
    """Return what stands before the hit, the hit, and what stands behind it, each cut where it is long."""
    text, start, end = match.text.rstrip("\n"), match.start, match.end
    before, hit, after = text[:start], text[start:end], text[end:]
    if len(before) > _AROUND_CHARS:
        before = "..." + before[-_AROUND_CHARS:]
    if len(hit) > _HIT_CHARS:
        hit = hit[:_HIT_CHARS] + "..."
    return before, hit, after if len(after) <= _AROUND_CHARS else after[:_AROUND_CHARS] + "..."
