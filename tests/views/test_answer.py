"""The answer in a notebook and as a page: text first, citations that lead to lines, nothing that can act."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

import pytest

from rlm_magic import Answer, Step, Usage
from rlm_magic.records import Cell, CellResult, Citation, Coverage
from rlm_magic.views import answer_html, compare_html, compared, page_html, run_html, runs_html

EVIL = "<script>alert(1)</script>\u202e\x1b[2J<img src=x onerror=alert(1)>"
COVERAGE = Coverage(2_000, ((0, 10),), ((0, 2_000),), documents=(("a.txt", 0), (EVIL, 700)))
CITED = (
    Citation(7, 7, "read", "L7", "The captain is Ada.\n", "a.txt"),
    Citation(900, 912, "not read", "L900-L912", EVIL, EVIL),
    Citation(5_000, 5_000, "no such line", "L5000"),
)
STEP = Step(1, "I look.", (Cell("print(1)", CellResult(stdout="1")),), Usage(1, 10, 10, 0.1), 0.1)


def answer(text: str, **changes: object) -> Answer:
    made = Answer(
        "q?",
        text,
        "answered",
        steps=(STEP,),
        coverage=COVERAGE,
        citations=CITED,
        run_id="run-1",
        usage={"root": Usage(1, 10, 10, 0.1)},
    )
    return replace(made, **changes)  # type: ignore[arg-type]


class Seen(HTMLParser):
    """What a browser makes of a page: elements in order, links within it, ids, and text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        found = dict(attrs)
        if found.get("id"):
            self.ids.append(found["id"] or "")
        if tag == "a":
            self.links.append(found.get("href") or "")

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("text", ["Ada [L7], not [L900-L912].", "Ada <b> [L7], not [L900-L912]."])
@pytest.mark.parametrize("view", [answer_html, page_html])
def test_every_citation_leads_to_its_lines(view: object, text: str) -> None:
    seen = Seen(view(answer(text)))  # type: ignore[operator]
    assert len(seen.ids) == len(set(seen.ids)) == 3
    inner = [link for link in seen.links if link.startswith("#")]
    assert inner[:2] == [f"#{name}" for name in seen.ids[:2]]
    assert {link.removeprefix("#") for link in inner} <= set(seen.ids)
    assert "The captain is Ada." in seen.text
    assert "L900-L912 (not read)]" in seen.text


def test_two_answers_share_no_ids() -> None:
    both = Seen(compare_html(answer("Ada [L7]"), answer("Bob [L7]", run_id="run-2")))
    assert len(both.ids) == len(set(both.ids)) == 6


@pytest.mark.parametrize("view", [answer_html, page_html, run_html])
def test_cited_lines_and_document_names_cannot_act(view: object) -> None:
    hostile = Seen(view(answer(EVIL + "[L7]", question=EVIL, model=EVIL)))  # type: ignore[operator]
    harmless = Seen(view(answer("<x> [L7]")))  # type: ignore[operator]
    assert set(hostile.tags) == set(harmless.tags)
    assert hostile.attributes == harmless.attributes
    assert not {"script", "img", "iframe"} & set(hostile.tags)
    assert "\u202e" not in hostile.text
    assert "\x1b" not in hostile.text


def test_harmless_markdown_is_rendered_and_other_text_is_shown_to_the_letter() -> None:
    rendered = answer_html(answer("**Ada** is `captain` [L7].\n\n| a | b |\n|---|---|\n| 1 | 2 |"))
    assert "<strong>Ada</strong>" in rendered
    assert {"table", "code"} <= set(Seen(rendered).tags)
    assert "<strong>" not in answer_html(answer("**Ada** $x$", citations=()))


DEEP_LIST = "\n".join("  " * level + f"- level {level}" for level in range(60))
DEEP_LIST_OF_LISTS = "\n".join("  " * level + "- " * 11 + f"level {level}" for level in range(30))


@pytest.mark.parametrize("text", [">" * 30, "> " * 30, "- " * 30, "1. " * 40, "word " * 20_000, DEEP_LIST])
def test_no_text_is_lost_to_markdown(text: str) -> None:
    assert "deep" in Seen(answer_html(answer(f"{text} deep", citations=()))).text


def test_the_deepest_that_is_read_as_markdown_is_whole() -> None:
    seen = Seen(answer_html(answer(DEEP_LIST_OF_LISTS, citations=())))
    assert "ul" in seen.tags
    assert all(f"level {level}" in seen.text for level in range(30))


@pytest.mark.parametrize("levels", [1, 5, 11])
def test_nested_quotes_are_quotes(levels: int) -> None:
    seen = Seen(answer_html(answer("> " * levels + "deep", citations=())))
    assert seen.tags.count("blockquote") == levels
    assert "deep" in seen.text


def test_links_of_an_answer_stay_and_hold_no_links_of_ours() -> None:
    html = answer_html(answer("See [the log [L7]](https://example.com/a) and [L7]"))
    assert '<a href="https://example.com/a" rel="noopener noreferrer">the log [L7]</a>' in html


def test_the_text_comes_first_and_one_line_sums_up() -> None:
    text = Seen(answer_html(answer("Ada [L7].", citations=CITED[:1]))).text
    order = ["Ada", "The captain", "answered · 1 step", "Steps (1)", "Usage", "Coverage map"]
    places = [text.index(part) for part in order]
    assert places == sorted(places)
    assert "$0.0000 · read" in text.replace("$0.1000", "$0.0000")
    assert "read 0.50 % of the text" in text


def test_an_answer_that_cites_a_book_stays_small_in_a_notebook() -> None:
    many = tuple(Citation(n, n, "read", f"L{n}", "x" * 2_000) for n in range(500))
    cites = answer(" ".join(f"[L{n}]" for n in range(500)), citations=many)
    html = answer_html(cites)
    assert len(html) < 100_000
    assert "480 more cited places" in html
    seen = Seen(html)
    assert {link.removeprefix("#") for link in seen.links} == set(seen.ids)
    assert len(Seen(page_html(cites)).ids) == 500


def test_a_page_is_whole_and_needs_nothing_from_elsewhere() -> None:
    page = page_html(answer("Ada [L7]"))
    seen = Seen(page)
    for part in ("q?", "Ada", "Timeline", "Where the seconds and the money went", "Steps", "Usage"):
        assert part in seen.text
    assert {"style", "svg", "details", "title"} <= set(seen.tags)
    assert not {"script", "link", "img", "iframe", "object"} & set(seen.tags)
    assert "default-src 'none'" in page
    assert "@media print" in page
    assert "color-scheme: light dark" in page
    assert 'name="viewport"' in page
    assert "://" not in page


def test_an_answer_without_a_text_or_a_context_is_shown() -> None:
    nothing = Answer("q", "", "stopped: tokens")
    assert "no answer: stopped: tokens" in answer_html(nothing)
    assert "Coverage" not in answer_html(nothing)
    assert "Timeline" not in page_html(nothing)


def test_two_runs_are_compared_fact_by_fact() -> None:
    rows = compared(answer("Ada", model="m1"), answer("Bob", model="m2", status="stopped: steps"))
    assert ("model", "m1", "m2") in rows
    assert ("status", "answered", "stopped: steps") in rows
    assert ("cost", "$0.1000", "$0.1000") in rows


def test_a_table_of_runs_escapes_and_counts() -> None:
    seen = Seen(runs_html(["run", "question"], [["r1", EVIL]], omitted=3))
    assert seen.tags.count("tr") == 2
    assert "script" not in seen.tags
    assert "and 3 older" in seen.text
