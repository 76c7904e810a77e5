"""How contexts and documents show themselves in a notebook and in IPython; `repr` alone takes one line.

A look never waits for a network: head and tail are shown when they are in memory or in a local file, and only
a few kilobytes of them are decoded. What a look shows to model code counts as read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import islice
from typing import TYPE_CHECKING, Any, cast

from ..errors import ContextError
from ..text import counted, printable, size_text
from .describe import IN_MEMORY, plain
from .fetch import StoredSegments
from .passage import Passage

if TYPE_CHECKING:
    from .context import Context
    from .documents import Documents

_LINES = 4
_LINE_CHARS = 160
_LOOK_BYTES = 4_096
_DOCUMENTS = 20
_CELL = 'style="text-align:left;vertical-align:top;padding-right:1em"'
_PRE = 'style="white-space:pre-wrap;overflow-wrap:anywhere;margin:0"'


@dataclass(frozen=True, slots=True)
class Ends:
    """The first and the last lines of a text, cut to a width; `tail` is empty where `head` has it all."""

    head: tuple[str, ...]
    tail: tuple[str, ...]


class Shown(Passage):
    """What a context has to show itself by."""

    def __repr__(self) -> str:
        # Here and not with Context: IPython takes the first of `__repr__` and `_repr_pretty_` in line.
        context = cast("Context", self)
        info = context.info
        sizes = [counted(info.lines, "line")]
        if info.characters is not None:
            sizes.append(counted(info.characters, "character"))
        sizes.append(counted(info.documents, "document"))
        source = plain(info.source)
        what = source if context.name is None else f"{plain(context.name)} of {source}"
        of = "" if what == IN_MEMORY else "of "
        return f"<Context {of}{what}: {', '.join(sizes)}, unit={context.unit!r}>"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self))
        ends = None if cycle or len(printer.stack) > 1 else ends_of(cast("Context", self))
        if ends is not None:
            rows = [*ends.head, *(["..."] if ends.tail else []), *ends.tail]
            printer.text("".join(f"\n  {row}" for row in rows))

    def _repr_html_(self) -> str:
        context = cast("Context", self)
        ends = ends_of(context)
        rows: list[tuple[str, str | tuple[str, ...]]] = [*_facts(context)]
        if ends is not None:
            rows += [(name, lines) for name, lines in (("head", ends.head), ("tail", ends.tail)) if lines]
        return table(rows, headed=False)


def ends_of(context: Context) -> Ends | None:
    """Return the ends of a context; None if that takes a network, nothing is there, or it cannot be read."""
    span, text = context._span, context._text
    numbers = text.layout.segments_between(span.start, span.stop)
    needed = {*numbers[:2], *numbers[-2:]}
    far = isinstance(text.segments, StoredSegments) and text.segments.is_remote
    if not context.info.lines or (far and not needed <= text.segments.resident.keys()):
        return None
    try:
        head, tail = context.first_bytes(_LOOK_BYTES), context.last_bytes(_LOOK_BYTES)
    except ContextError:
        # Whoever reads the text is told what is wrong with it; a look at its measures still works.
        return None
    return _noted(context, _ends(head, tail, lines=span.lines))


def _ends(head: bytes, tail: bytes, *, lines: int) -> Ends:
    first = head.decode("utf-8", "ignore").split("\n")[: min(_LINES, lines)]
    wanted = max(0, min(_LINES, lines - len(first)))
    ended = tail.removesuffix(b"\n").decode("utf-8", "ignore").split("\n")
    # The first may be the end of a line that began before the bytes at hand.
    last = ended[-wanted:] if wanted else []
    return Ends(tuple(map(_line, first)), tuple(map(_line, last)))


def _noted(context: Context, ends: Ends) -> Ends:
    lines = context._span.lines
    context._note_read(0, len(ends.head))
    if ends.tail:
        context._note_read(lines - len(ends.tail), lines)
    return ends


def _line(line: str) -> str:
    shown = printable(line[: 2 * _LINE_CHARS])
    return shown if len(shown) <= _LINE_CHARS else shown[: _LINE_CHARS - 4] + " ..."


def _facts(context: Context) -> Iterable[tuple[str, str]]:
    info = context.info
    yield "context" if context.name is None else "document", plain(context.name or info.source)
    yield "from", f"{info.kind}, {plain(info.source)}"
    sizes = [counted(info.lines, "line")]
    sizes += [] if info.characters is None else [counted(info.characters, "character")]
    sizes += [] if info.bytes is None else [size_text(info.bytes)]
    yield "size", ", ".join(sizes)
    if info.documents != 1:
        more = ", ..." if info.documents > 3 else ""
        yield "documents", f"{info.documents:,}: {', '.join(map(plain, context.documents.some(3)))}{more}"
    yield "read by", f"{info.unit}, in {counted(info.segments, 'segment')}"


def documents_html(documents: Documents) -> str:
    """Return the first documents as a table: number, name, lines, size."""
    names = islice(documents, _DOCUMENTS)
    rows: list[Sequence[str | tuple[str, ...]]] = [("", "document", "lines", "size")]
    for number, name in enumerate(names):
        info = documents[number].info
        size = "" if info.bytes is None else size_text(info.bytes)
        rows.append((str(number), plain(name), f"{info.lines:,}", size))
    left = len(documents) - _DOCUMENTS
    return table(rows, headed=True) + (f"<p>and {counted(left, 'more document')}</p>" if left > 0 else "")


def table(rows: Sequence[Sequence[str | tuple[str, ...]]], *, headed: bool, raw: bool = False) -> str:
    """Return rows as an HTML table, everything in them escaped; a tuple is lines of a text.

    The first row, or else the first column, is the heading. `raw` leaves the last column as it is.
    """
    shown = []
    for number, row in enumerate(rows):
        cells = []
        for column, value in enumerate(row):
            is_head = number == 0 if headed else column == 0
            tag = "th" if is_head else "td"
            kept = raw and not is_head and column == len(row) - 1
            cells.append(f"<{tag} {_CELL}>{value if kept else _escaped(value)}</{tag}>")
        shown.append(f"<tr>{''.join(cells)}</tr>")
    # JupyterLab would set `$5 and $6` as a formula.
    return f'<table class="mathjax_ignore" style="border-collapse:collapse">{"".join(shown)}</table>'


def _escaped(value: str | tuple[str, ...]) -> str:
    if isinstance(value, str):
        return escape(value)
    return f"<pre {_PRE}>{escape(chr(10).join(value))}</pre>"
