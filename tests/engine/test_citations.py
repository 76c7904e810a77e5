"""What an answer cites is found as it stands there, and checked against the lines that were read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlm_magic.engine.citations import citations
from rlm_magic.records import Citation, Coverage, merged_ranges

LONG = Coverage(lines=10**6, read=((0, 10**6),))


@pytest.mark.parametrize(
    ("text", "cited"),
    [
        ("It failed [L1200-L1210].", [(1200, 1210)]),
        ("[L1200]", [(1200, 1200)]),
        ("[L5, L9-L12]", [(5, 5), (9, 12)]),
        ("[L5; 9-12]", [(5, 5), (9, 12)]),
        ("[l5\u2013l9] and [ L5 - 9 ]", [(5, 9)]),
        ("[L9-L5]", [(5, 9)]),
        ("see **[L3]**, ([L4]) [L3]", [(3, 3), (4, 4)]),
        ("[12] [list] L5 [Lx] [L] [L5 or so] array[5] [5-9]", []),
        ("[L99999999999999999999]", []),
        ("[L5\n]", [(5, 5)]),
        ("", []),
    ],
)
def test_finds_what_is_cited(text: str, cited: list[tuple[int, int]]) -> None:
    assert [(found.first, found.last) for found in citations(text, LONG)] == cited


def test_labels_are_what_the_text_has() -> None:
    text = "one [L5, L9 - L12] two [L7]"
    labels = [found.label for found in citations(text, LONG)]
    assert labels == ["L5", "L9 - L12", "L7"]
    assert all(label in text for label in labels)


def test_a_line_past_the_end_is_no_line_whatever_was_read() -> None:
    coverage = Coverage(lines=3, read=((0, 3),))
    assert citations("[L2] [L3] [L2-L3]", coverage) == (
        Citation(2, 2, "read", "L2"),
        Citation(3, 3, "no such line", "L3"),
        Citation(2, 3, "no such line", "L2-L3"),
    )
    assert citations("[L0]", Coverage(lines=0))[0].status == "no such line"


@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 5)), max_size=8),
    st.integers(0, 40),
    st.integers(0, 6),
)
def test_read_means_that_every_line_was(reads: list[tuple[int, int]], first: int, more: int) -> None:
    ranges = merged_ranges(tuple((start, start + length) for start, length in reads if length))
    lines = {line for start, stop in ranges for line in range(start, stop)}
    (found,) = citations(f"[L{first}-L{first + more}]", Coverage(lines=100, read=ranges))
    assert (found.status == "read") == lines.issuperset(range(first, first + more + 1))
