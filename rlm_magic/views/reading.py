"""What a run read and cites, in words: how much of the text, and which citations do not rest on it. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from ..records import Answer, Citation, Coverage, LineRanges

_GROUP = re.compile(r"\[\s*L\s?\d[^\[\]\n]*\]", re.IGNORECASE)
_LINES = re.compile(r"L?\s?\d+(?:\s*[-\u2010-\u2015\u2212]\s*L?\s?\d+)?", re.IGNORECASE)


def coverage_line(coverage: Coverage | None) -> str:
    """Return how much of the context was read, and searched; nothing if none of it was.

    >>> coverage_line(Coverage(lines=2_000, read=((0, 500),), searched=((0, 2_000),), prompted=((0, 1),)))
    'read 500 of 2,000 lines (25 %) · searched 2,000 · 1 in prompts of sub-models'
    """
    if coverage is None or not (coverage.read or coverage.searched):
        return ""
    parts = [
        f"read {_count(coverage.read):,} of {coverage.lines:,} lines ({_percent(coverage.read_share)})"
        if coverage.read
        else f"read none of {coverage.lines:,} lines"
    ]
    if coverage.searched:
        parts.append(f"searched {_count(coverage.searched):,}")
    if coverage.prompted:
        parts.append(f"{_count(coverage.prompted):,} in prompts of sub-models")
    return " · ".join(parts)


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


def marked(answer: Answer) -> str:
    """Return the answer's text with every citation marked that does not rest on what the run read.

    >>> cited = (Citation(9, 12, "not read", "L9-L12"),)
    >>> marked(Answer("q", "Paris [L7, L9-L12].", "answered", citations=cited))
    'Paris [L7, L9-L12 (not read)].'
    """
    wrong = {
        (citation.first, citation.last): citation.status
        for citation in answer.citations
        if citation.status != "read"
    }

    def mark(label: re.Match[str]) -> str:
        numbers = sorted(int(number) for number in re.findall(r"\d{1,15}", label.group()))
        status = wrong.get((numbers[0], numbers[-1]))
        return label.group() if status is None else f"{label.group()} ({status})"

    # Nothing to mark is the rule: an answer may be long, and its own text is then shown as it is.
    return _GROUP.sub(lambda group: _LINES.sub(mark, group.group()), answer.text) if wrong else answer.text


def _count(ranges: LineRanges) -> int:
    return sum(stop - start for start, stop in ranges)


def _percent(share: float) -> str:
    return f"{100 * share:.{0 if share >= 0.1 else 1 if share >= 0.01 else 2}f} %"
