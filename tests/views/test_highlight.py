"""Highlighted code: to the letter what it was, escaped, and readable on light and dark."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rlm_magic.views
from rlm_magic.records import Cell, CellResult, Reading, Step, SubCall, Usage
from rlm_magic.views import trace_html
from rlm_magic.views.highlight import highlighted
from rlm_magic.views.nested import read_text
from rlm_magic.views.tabular import section, sections_plain

MACROS = Path(rlm_magic.views.__file__).parent / "templates" / "macros.html"
LIGHT, DARK = (255, 255, 255), (17, 17, 17)
MIXED = re.compile(r"color-mix\(in srgb,currentColor (\d+)%,#([0-9a-f]{6})\)")


class Text(HTMLParser):
    """What a browser shows of the first <pre>, and every tag."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.code = ""
        self._depth = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._depth += tag == "pre" and self.tags.count("pre") == 1

    def handle_endtag(self, tag: str) -> None:
        self._depth -= tag == "pre" and self._depth > 0

    def handle_data(self, data: str) -> None:
        self.code += data if self._depth else ""


def trace_of(code: str) -> str:
    return trace_html([Step(1, f"```repl\n{code}\n```", (Cell(code, CellResult()),), Usage(), 0.1)])


@given(st.text(max_size=300))
def test_the_pieces_are_the_code_to_the_letter(code: str) -> None:
    assert "".join(text for _, text in highlighted(code)) == code


@pytest.mark.parametrize(
    "code",
    [
        "for x in context:\n    print('a <b>', 12)  # why\n    if not x: pass",
        'f"{a!r}<script>alert(1)</script>"  # </pre><script>',
        "</pre></details><svg/onload=alert(1)>",
        '"""unclosed\n<img src=x onerror=alert(1)>',
    ],
)
def test_code_in_a_trace_reads_as_it_was_written(code: str) -> None:
    shown = Text(trace_of(code))
    assert shown.code == code
    assert set(shown.tags) <= {"div", "details", "summary", "span", "p", "pre", "b", "i"}


def test_kinds_differ_by_more_than_colour() -> None:
    html = trace_of("for x in y: # why")
    assert ">for</b>" in html
    assert "># why</i>" in html


def test_code_of_any_length_is_shown_and_only_short_code_is_parsed() -> None:
    assert highlighted("if " * 50_000) == [("", "if " * 50_000)]


@pytest.mark.parametrize(("text", "ground"), [((33, 33, 33), LIGHT), ((222, 222, 222), DARK)])
def test_colours_pass_wcag_aa_on_light_and_dark(
    text: tuple[int, int, int], ground: tuple[int, int, int]
) -> None:
    found = MIXED.findall(MACROS.read_text(encoding="utf-8"))
    assert len(found) == 3
    for share, colour in found:
        other = tuple(bytes.fromhex(colour))
        kept = int(share) / 100
        mixed = tuple(kept * one + (1 - kept) * two for one, two in zip(text, other, strict=True))
        assert contrast(mixed, ground) >= 4.5, colour


def contrast(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """Return the contrast of two colours by WCAG 2's formula."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: tuple[float, ...]) -> float:
    shares = [part / 255 for part in colour]
    red, green, blue = (s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_a_step_shows_its_sub_calls_with_figures_and_the_lines_it_read() -> None:
    calls = (
        SubCall("sub:model", "What?", "short", Usage(1, 100, 20, 0.0012), 0.5),
        SubCall("sub:model", "Again?", "long " * 100, Usage(1, 1, 1, 0.0), 0.0, cached=True),
    )
    cell = Cell("x = 1", CellResult(stdout="done", seconds=2.0), calls)
    html = trace_html([Step(1, "", (cell,), Usage(), 3.0, reading=Reading(read=((0, 50),)))])
    for part in ("sub:model · 120 tokens · $0.0012 · 0.5 s", "cached · 2 tokens", "read L0-L49", "its reply"):
        assert part in html
    assert html.count("its reply") == 1


def test_many_places_are_counted() -> None:
    reading = Reading(read=tuple((start, start + 1) for start in range(0, 40, 2)))
    assert read_text(reading).endswith("L14 and 12 more places")
    assert read_text(Reading()) == ""


def test_sections_of_nothing_and_of_hostile_text() -> None:
    shown = sections_plain([section("empty", []), section("evil", [("a\x1b[2J\nb", "c"), ()])])
    assert "\x1b" not in shown
    assert shown.splitlines()[0] == "empty"
