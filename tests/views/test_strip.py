"""The coverage map: bars against plain counting, citations where they lie, colours that can be seen."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from rlm_magic import Answer
from rlm_magic.records import Citation, Coverage, LineRanges, merged_ranges
from rlm_magic.views.strip import LANES, WIDTH, Bin, share_text, strip_of
from rlm_magic.views.timeline import CALL_COLOUR, CODE_COLOUR, MODEL_COLOUR

_COUNT = re.compile(r"([\d,]+) (searched|read by the root's code|reached a sub-model)")


@st.composite
def answers(draw: st.DrawFn) -> Answer:
    lines = draw(st.integers(1, 700))
    spans = st.lists(st.tuples(st.integers(0, lines - 1), st.integers(1, 90)), max_size=6)

    def ranges() -> LineRanges:
        return merged_ranges(tuple((first, min(first + size, lines)) for first, size in draw(spans)))

    cited = tuple(
        Citation(first, first + more, "read" if first + more < lines else "no such line", f"L{first}")
        for first, more in draw(st.lists(st.tuples(st.integers(0, lines), st.integers(0, 50)), max_size=4))
    )
    starts = sorted(draw(st.sets(st.integers(0, lines - 1), max_size=4)))
    documents = tuple((f"d{line}", line) for line in starts)
    return Answer(
        "q",
        "",
        "answered",
        coverage=Coverage(lines, ranges(), ranges(), ranges(), documents),
        citations=cited,
    )


def bounds(shown: Bin) -> tuple[int, int]:
    found = re.match(r"lines ([\d,]+) to ([\d,]+) of", shown.title)
    assert found
    return int(found[1].replace(",", "")), int(found[2].replace(",", "")) + 1


@given(answers())
def test_bars_and_titles_say_what_plain_counting_says(answer: Answer) -> None:
    strip = strip_of(answer)
    coverage = answer.coverage
    assert coverage is not None
    used = {
        name: {line for start, stop in getattr(coverage, lane) for line in range(start, stop)}
        for lane, name, _ in LANES
    }
    cited = [
        (number, set(range(c.first, c.last + 1)))
        for number, c in enumerate(answer.citations, 1)
        if c.status != "no such line"
    ]
    if strip is None:
        assert (coverage.read, coverage.searched, answer.citations) == ((), (), ())
        return
    seen: set[int] = set()
    for shown in strip.bins:
        start, stop = bounds(shown)
        inside = set(range(start, stop))
        assert not seen & inside
        seen |= inside
        assert shown.x == round(WIDTH * start / coverage.lines, 2)
        told = {name: int(count.replace(",", "")) for count, name in _COUNT.findall(shown.title)}
        counts = {name: len(lines & inside) for name, lines in used.items() if lines & inside}
        assert told == counts
        assert [bar.colour for bar in shown.bars] == [colour for _, name, colour in LANES if name in counts]
        assert shown.citation == next((number for number, lines in cited if lines & inside), 0)
    assert set().union(*used.values(), *(lines for _, lines in cited)) <= seen
    assert [mark.number for mark in strip.citations] == [number for number, _ in cited]


def test_a_text_searched_throughout_takes_few_bars() -> None:
    answer = Answer("q", "", "answered", coverage=Coverage(1_000_000, searched=((0, 1_000_000),)))
    strip = strip_of(answer)
    assert strip is not None
    assert len(strip.bins) == 1


def test_documents_are_marked_by_name_and_cannot_act() -> None:
    coverage = Coverage(100, ((0, 10),), documents=(("a.txt", 0), ("evil\u202e\x1b[2J" + "n" * 500, 50)))
    strip = strip_of(Answer("q", "", "answered", coverage=coverage))
    assert strip is not None
    assert [mark.x for mark in strip.documents] == [0, 500]
    assert strip.documents[0].title == "a.txt starts at line 0"
    assert "\u202e" not in strip.documents[1].title
    assert len(strip.documents[1].title) < 150


def test_the_ranges_are_told_in_words_too() -> None:
    many = tuple((n, n + 1) for n in range(0, 100, 2))
    strip = strip_of(Answer("q", "", "answered", coverage=Coverage(100, many, ((0, 3),))))
    assert strip is not None
    assert strip.words[0] == "searched: 3 lines: L0-L2"
    assert strip.words[1].startswith("read by the root's code: 50 lines: L0, L2, L4")
    assert strip.words[1].endswith("and 30 more ranges")
    assert strip.words[2] == "reached a sub-model: nothing"


def test_the_share_read_is_told() -> None:
    assert share_text(Coverage(lines=1_000, read=((0, 5),))) == "read 0.50 % of the text"
    assert share_text(None) == share_text(Coverage(lines=0)) == ""


def luminance(colour: str) -> float:
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_every_colour_stands_out_from_light_and_dark_grounds() -> None:
    # JupyterLab's and browsers' grounds, light and dark; WCAG AA asks 3:1 of graphics.
    for ground in ("#ffffff", "#f7f7f7", "#111111", "#1e1e1e", "#000000"):
        for colour in (*(colour for _, _, colour in LANES), MODEL_COLOUR, CODE_COLOUR, CALL_COLOUR):
            light, dark = sorted((luminance(ground), luminance(colour)), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= 3, (ground, colour)
