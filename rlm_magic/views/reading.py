"""What a run read and cites, in words: how much of the text, and which citations do not rest on it. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ..records import Answer, Citation, Coverage, LineRanges

_GROUP = re.compile(r"\[\s*(?:([^\W\d]\w*)(?:\s*:\s*|\s+))?(L\s?\d[^\[\]\n]*)\]", re.IGNORECASE)
_LINES = re.compile(r"L?\s?\d+(?:\s*[-\u2010-\u2015\u2212]\s*L?\s?\d+)?", re.IGNORECASE)


def coverage_line(coverage: Coverage | None) -> str:
    """Return how much of the context was read, and searched; nothing if none of it was.

    >>> coverage_line(Coverage(lines=2_000, read=((0, 500),), searched=((0, 2_000),), prompted=((0, 1),)))
    'read 500 of 2,000 lines (25 %) · searched 2,000 · 1 in prompts of sub-models'
    """
    if coverage is None or not (coverage.read or coverage.searched):
        return ""
    parts = [
        f"read {_count(coverage.read):,} of {coverage.lines:,} lines ({percent(coverage.read_share)})"
        if coverage.read
        else f"read none of {coverage.lines:,} lines"
    ]
    if coverage.searched:
        parts.append(f"searched {_count(coverage.searched):,}")
    if coverage.prompted:
        parts.append(f"{_count(coverage.prompted):,} in prompts of sub-models")
    return " · ".join(parts)


def coverage_lines(answer: Answer) -> list[str]:
    """Return how much of each of the run's texts was read, those bound by other names behind their names."""
    others = answer.other_coverage.items()
    told = [
        ("", coverage_line(answer.coverage)),
        *((f"{name}: ", coverage_line(read)) for name, read in others),
    ]
    return [f"{name}{line}" for name, line in told if line]


def citations_line(citations: Iterable[Citation]) -> str:
    """Return how many of the places that an answer cites were read; nothing if it cites none.

    >>> citations_line([Citation(1, 2, "read", "L1-L2"), Citation(9, 9, "not read", "L9")])
    'cited places: 1 read, 1 not read'
    """
    found = Counter[str](citation.status for citation in citations)
    if not found:
        return ""
    statuses = ("read", "not read", "no such line")
    return "cited places: " + ", ".join(f"{found[status]:,} {status}" for status in statuses if found[status])


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of an answer's text. A citation has a `number`, from 1; `mark` says what is wrong with it."""

    text: str
    number: int = 0
    mark: str = ""


def pieces(text: str, citations: Sequence[Citation]) -> Iterator[Piece]:
    """Yield a text cut at its citations; together they are the text.

    >>> cited = [Citation(9, 12, "not read", "L9-L12")]
    >>> [(piece.text, piece.number, piece.mark) for piece in pieces("Paris [L9-L12].", cited)]
    [('Paris [', 0, ''), ('L9-L12', 1, ' (not read)'), ('].', 0, '')]
    """
    numbers = {(cited.context, cited.first, cited.last): number for number, cited in enumerate(citations, 1)}
    done = 0
    for group in _GROUP.finditer(text) if numbers else ():
        name = "" if group[1] in (None, "context") else group[1]
        for label in _LINES.finditer(text, *group.span(2)):
            found = sorted(int(number) for number in re.findall(r"\d{1,15}", label.group()))
            number = numbers.get((name, found[0], found[-1]))
            if number is not None:
                status = citations[number - 1].status
                yield Piece(text[done : label.start()])
                yield Piece(label.group(), number, "" if status == "read" else f" ({status})")
                done = label.end()
    yield Piece(text[done:])


def marked(answer: Answer) -> str:
    """Return the answer's text with every citation marked that does not rest on what the run read.

    >>> cited = (Citation(9, 12, "not read", "L9-L12"),)
    >>> marked(Answer("q", "Paris [L7, L9-L12].", "answered", citations=cited))
    'Paris [L7, L9-L12 (not read)].'
    """
    return "".join(piece.text + piece.mark for piece in pieces(answer.text, answer.citations))


def _count(ranges: LineRanges) -> int:
    return sum(stop - start for start, stop in ranges)


def percent(share: float) -> str:
    """Return a share, 0 to 1, with as many digits as a small one needs.

    >>> percent(0.25), percent(0.005)
    ('25 %', '0.50 %')
    """
    return f"{100 * share:.{0 if share >= 0.1 else 1 if share >= 0.01 else 2}f} %"
