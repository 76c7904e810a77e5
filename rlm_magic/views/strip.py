"""The coverage map: a whole text as one strip, with what a run did with it and where its answer points. Pure.

Each use has a lane of its own and a bar's height is the share of its lines, so colour never tells anything
alone. The colours stand out from light and dark grounds alike (3:1 at least): a notebook's theme is unknown.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from ..records import Answer, Citation, Coverage, LineRanges
from ..text import counted
from .plain import document_name
from .reading import percent

WIDTH = 1_000
_BINS = 100
_LANE_HEIGHT = 16
_LANE_GAP = 2
_SHORTEST = 3
_TICK_WIDTH = 3
_RANGES_NAMED = 20
LANES = (
    ("searched", "searched", "#757575"),
    ("read", "read by the root's code", "#1976d2"),
    ("prompted", "reached a sub-model", "#b45f06"),
)


@dataclass(frozen=True, slots=True)
class Bar:
    """The share of a bin's lines that one lane has."""

    y: float
    height: float
    colour: str


@dataclass(frozen=True, slots=True)
class Bin:
    """A stretch of the text. `citation` is the number, from 1, of the first one in it; 0 for none."""

    x: float
    width: float
    title: str
    bars: tuple[Bar, ...]
    citation: int


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in the text: where a document starts, or what citation `number` cites."""

    x: float
    width: float
    title: str
    number: int = 0


@dataclass(frozen=True, slots=True)
class Strip:
    """The map of one answer. `words` says the same in words: each lane with the ranges that it has.

    `unmarked` documents are too many to mark.
    """

    lines: int
    bins: tuple[Bin, ...]
    documents: tuple[Mark, ...]
    citations: tuple[Mark, ...]
    lanes: tuple[tuple[str, str], ...]
    words: tuple[str, ...]
    unmarked: int = 0
    height: int = len(LANES) * (_LANE_HEIGHT + _LANE_GAP)
    tick_height: int = 10


def strip_of(answer: Answer) -> Strip | None:
    """Return the map of an answer's context; None where nothing of it was read, searched or cited."""
    coverage = answer.coverage
    if coverage is None or not coverage.lines:
        return None
    if not (coverage.read or coverage.searched or answer.citations):
        return None
    return Strip(
        coverage.lines,
        _bins(coverage, answer.citations),
        _documents(coverage),
        _ticks(coverage.lines, answer.citations),
        tuple((name, colour) for _, name, colour in LANES),
        tuple(f"{name}: {_named(getattr(coverage, field))}" for field, name, _ in LANES),
        coverage.unmarked,
    )


class _Counter:
    """Counts how many lines of a stretch lie in ranges, which may be many."""

    def __init__(self, ranges: LineRanges) -> None:
        self._ranges = ranges
        self._starts = [start for start, _ in ranges]
        self._sums = list(accumulate((stop - start for start, stop in ranges), initial=0))

    def between(self, start: int, stop: int) -> int:
        return self._before(stop) - self._before(start)

    def _before(self, line: int) -> int:
        index = bisect_right(self._starts, line) - 1
        if index < 0:
            return 0
        first, last = self._ranges[index]
        return self._sums[index] + min(line, last) - first


def _bins(coverage: Coverage, citations: Sequence[Citation]) -> tuple[Bin, ...]:
    number = min(_BINS, coverage.lines)
    edges = [index * coverage.lines // number for index in range(number + 1)]
    counters = [_Counter(getattr(coverage, field)) for field, _, _ in LANES]
    made = []
    for start, stop in _alike(
        edges, counters, [c.first for c in citations] + [s for _, s in coverage.documents]
    ):
        counts = [counter.between(start, stop) for counter in counters]
        cited = [n for n, c in enumerate(citations, 1) if _valid(c) and c.first < stop and c.last >= start]
        if any(counts) or cited:
            title = _title(coverage, start, stop, counts, [citations[n - 1].label for n in cited[:5]])
            bars = _bars(counts, stop - start)
            made.append(Bin(*_place(coverage.lines, start, stop), title, bars, cited[0] if cited else 0))
    return tuple(made)


def _alike(
    edges: Sequence[int], counters: Sequence[_Counter], breaks: Sequence[int]
) -> list[tuple[int, int]]:
    """Join neighbours that are wholly in the same lanes and out of the others: most maps stay small."""
    joined: list[tuple[int, int]] = []
    before: tuple[bool, ...] | None = None
    for start, stop in pairwise(edges):
        counts = [counter.between(start, stop) for counter in counters]
        plain = all(count in (0, stop - start) for count in counts)
        broken = any(start <= line < stop for line in breaks)
        now = tuple(map(bool, counts)) if plain and not broken else None
        if now is not None and now == before:
            joined[-1] = (joined[-1][0], stop)
        else:
            joined.append((start, stop))
        before = now
    return joined


def _bars(counts: Sequence[int], lines: int) -> tuple[Bar, ...]:
    bars = []
    for lane, count in enumerate(counts):
        if count:
            height = max(_SHORTEST, round(_LANE_HEIGHT * count / lines, 1))
            bottom = lane * (_LANE_HEIGHT + _LANE_GAP) + _LANE_HEIGHT
            bars.append(Bar(round(bottom - height, 1), height, LANES[lane][2]))
    return tuple(bars)


def _title(coverage: Coverage, start: int, stop: int, counts: Sequence[int], cited: Sequence[str]) -> str:
    parts = [f"{count:,} {name}" for count, (_, name, _) in zip(counts, LANES, strict=True) if count]
    where = _document_at(coverage, start)
    named = f"lines {start:,} to {stop - 1:,} of {coverage.lines:,}" + (f", {where}" if where else "")
    return f"{named}: " + ", ".join([*parts, *([f"cited {', '.join(cited)}"] if cited else [])])


def _document_at(coverage: Coverage, line: int) -> str:
    index = bisect_right([start for _, start in coverage.documents], line) - 1
    return document_name(coverage.documents[index][0]) if index >= 0 else ""


def _documents(coverage: Coverage) -> tuple[Mark, ...]:
    return tuple(
        Mark(_place(coverage.lines, line, line)[0], 0, f"{document_name(name)} starts at line {line:,}")
        for name, line in coverage.documents
        if line < coverage.lines
    )


def _ticks(lines: int, citations: Sequence[Citation]) -> tuple[Mark, ...]:
    marks = []
    for number, citation in enumerate(citations, 1):
        if _valid(citation):
            x, width = _place(lines, citation.first, citation.last + 1)
            x = min(x, WIDTH - _TICK_WIDTH)
            marks.append(Mark(x, max(width, _TICK_WIDTH), f"{citation.label}: {citation.status}", number))
    return tuple(marks)


def _valid(citation: Citation) -> bool:
    return citation.status != "no such line" and not citation.context


def _place(lines: int, start: int, stop: int) -> tuple[float, float]:
    return round(WIDTH * start / lines, 2), round(WIDTH * (stop - start) / lines, 2)


def _named(ranges: LineRanges) -> str:
    if not ranges:
        return "nothing"
    shown = ", ".join(
        f"L{start}" if stop == start + 1 else f"L{start}-L{stop - 1}"
        for start, stop in ranges[:_RANGES_NAMED]
    )
    left = len(ranges) - _RANGES_NAMED
    more = f" and {counted(left, 'more range')}" if left > 0 else ""
    return f"{counted(sum(stop - start for start, stop in ranges), 'line')}: {shown}{more}"


def share_text(coverage: Coverage | None) -> str:
    """Return the share of the text that was read, for the line that sums a run up; "" where it is unknown.

    >>> share_text(Coverage(lines=200, read=((0, 50),)))
    'read 25 % of the text'
    """
    if coverage is None or not coverage.lines:
        return ""
    return f"read {percent(coverage.read_share)} of the text"
