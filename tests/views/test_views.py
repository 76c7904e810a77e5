"""What a run looks like: everything foreign is escaped, sizes are bounded, plain text is always there."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

import pytest

from rlm_magic import Answer, Step, Usage
from rlm_magic.records import Cell, CellResult, Citation, Coverage, SubCall
from rlm_magic.views import (
    answer_html,
    answer_markdown,
    answer_plain,
    compare_html,
    page_html,
    run_html,
    run_plain,
    status_html,
    summary_line,
    trace_html,
)
from rlm_magic.views.strip import strip_of

MOST_TRACE_CHARS = 52_000

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "</pre></details><svg/onload=alert(1)>",
    '" onmouseover="alert(1)',
    "<a href='javascript:alert(1)'>x</a>",
    "{{ 7 * 7 }}{% raw %}",
    "<style>*{display:none}</style>",
    "<iframe src='http://example.com'></iframe>",
]


def run_of(text: str, *, steps: int = 1) -> Answer:
    call = SubCall("sub", text, text, Usage(1, 1, 1, 0.0), 0.1)
    cell = Cell(text, CellResult(stdout=text, error=text, value=text), (call,))
    made = tuple(Step(n, text, (cell,), Usage(1, 1, 1, 0.0), 0.1, notes=(text,)) for n in range(1, steps + 1))
    return Answer(text, text, text, steps=made, usage={text: Usage(1, 2, 3, None)}, run_id=text)


class Tags(HTMLParser):
    """Collects the tags and attributes that a browser would see."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("text", HOSTILE)
def test_no_view_lets_foreign_text_become_html(text: str) -> None:
    answer = run_of(text)
    plain_tags = Tags(page_html(run_of("harmless"))).tags
    plain_attributes = Tags(page_html(run_of("harmless"))).attributes
    for html in (answer_html(answer), trace_html(answer.steps), status_html(text), page_html(answer)):
        seen = Tags(html)
        assert seen.tags <= plain_tags | {"div", "details", "p", "span"}
        assert seen.attributes <= plain_attributes | {"style", "aria-label"}
        assert "script" not in seen.tags


def test_the_text_itself_is_shown() -> None:
    assert "<script>alert(1)</script>" in Tags(answer_html(run_of(HOSTILE[0]))).text


@pytest.mark.parametrize(
    "text",
    [
        *HOSTILE[:3],
        "![x](http://a/b.png)",
        "[x](javascript:alert(1))",
        "[x]: http://a",
        "&#x3c;b",
        "$x$",
        "a\\b",
        "\x1b[2J",
    ],
)
def test_markdown_that_could_do_harm_is_not_shown_as_markdown(text: str) -> None:
    assert answer_markdown(run_of(text)) is None


@pytest.mark.parametrize(
    "text", ["**bold** answer", "see [docs](https://example.com)", "- a\n- b", "`code`", "1 & 2"]
)
def test_ordinary_markdown_passes(text: str) -> None:
    assert text in (answer_markdown(run_of(text)) or "")


def test_controls_cannot_repaint_a_terminal() -> None:
    shown = run_plain(run_of("a\x1b[2J\x07\u202eb"))
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert "\u202e" not in shown
    assert "\\x1b[2J" in shown


def test_a_trace_is_bounded_and_says_what_it_left_out() -> None:
    html = trace_html(run_of("<" * 5_000, steps=100).steps)
    assert len(html) < MOST_TRACE_CHARS
    assert "earlier steps not shown" in html
    assert "Step 100" in html


def crowded(*, cells: int = 60, calls: int = 30) -> Step:
    """A step that alone is larger than a trace may be, in every way that one can be large."""
    made = [SubCall("sub", "<&>" * 300, "r<&> " * 400, Usage(1, 2, 3, 0.0), 1.0) for _ in range(calls)]
    cell = Cell("x = '<&>'\n" * 400, CellResult(stdout="<&>" * 3_000), tuple(made))
    return Step(7, "look " * 900, (cell,) * cells, Usage(), 2.0, notes=("told <&> " * 500,) * 20)


@pytest.mark.parametrize(("cells", "calls"), [(60, 30), (1, 1_000), (500, 0)])
def test_one_crowded_step_is_bounded_too(cells: int, calls: int) -> None:
    step = crowded(cells=cells, calls=calls)
    html = trace_html([run_of("x").steps[0], step])
    assert len(html) < MOST_TRACE_CHARS
    assert "Step 7" in html
    assert "more cells" in html or cells == 1
    assert "more sub-calls" in html or not calls


@pytest.mark.parametrize("name", ["question", "status", "model"])
def test_one_huge_word_of_a_run_is_cut_wherever_it_is_shown(name: str) -> None:
    answer = replace(Answer("q", "", "failed", run_id="a"), **{name: "<word> " * 100_000})
    shown = (answer_html(answer), answer_plain(answer), run_html(answer), run_plain(answer))
    assert max(map(len, [*shown, page_html(answer), compare_html(answer, answer)])) < MOST_TRACE_CHARS


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        ("FINAL(Ada (the captain) [L0].)", "answer: Ada (the captain) [L0]."),
        ("FINAL(Two:\n- a)", "answer: Two:"),
    ],
)
def test_a_step_that_answers_is_called_by_its_answer(reply: str, told: str) -> None:
    assert f"· {told}</span>" in trace_html([Step(1, reply, (), Usage(), 0.1)])


def test_a_run_as_text_is_bounded_and_says_what_it_left_out() -> None:
    answer = Answer(
        "Who? " * 100_000, "Ada", "answered", steps=(crowded(cells=20),) * 8, run_id="2026-11-28_a"
    )
    for shown in (run_plain(answer), run_html(answer)):
        assert len(shown) < 3 * MOST_TRACE_CHARS
        assert "Ada" in shown
    assert "earlier steps not shown here; %rlm_log 2026-11-28_a -o FILE has them all" in run_plain(answer)


def test_the_summary_counts() -> None:
    answer = run_of("x", steps=2)
    assert "2 steps · 2 sub-calls" in summary_line(answer)
    assert "cost unknown" in summary_line(answer)


def test_an_unanswered_run_says_so() -> None:
    answer = Answer("q", "", "stopped: tokens")
    assert "no answer: stopped: tokens" in answer_plain(answer)
    assert "no answer: stopped: tokens" in answer_html(answer)


def test_a_page_needs_nothing_from_elsewhere() -> None:
    page = page_html(run_of("x"))
    assert "http://" not in page
    assert "https://" not in page
    assert "<script" not in page


def run_with_child(text: str = "child said", *, children: int = 1, steps: int = 1) -> Answer:
    child = run_of(text, steps=steps)
    calls = tuple(
        SubCall("sub", f"look {n}", "found", Usage(2, 1, 1, 0.0), 0.1, child=child) for n in range(children)
    )
    cached = SubCall("sub", "again", "from before", Usage(), 0.0, cached=True)
    cell = Cell("rlm_query('look')", CellResult(stdout="parent said"), (*calls, cached))
    return Answer("q", "done", "answered", steps=(Step(1, "I delegate.", (cell,), Usage(), 0.1),))


def test_child_runs_are_shown_under_the_cell_that_called_them() -> None:
    answer = run_with_child()
    steps_of_page = Tags(page_html(answer)).text.partition("\nSteps\n")[2]
    for shown in (run_plain(answer), Tags(trace_html(answer.steps)).text, steps_of_page):
        call, child, said, parent = (
            shown.index(part) for part in ("rlm_query(look 0)", "child run:", "child said", "parent said")
        )
        assert call < child < said < parent
    plain = run_plain(answer).splitlines()
    assert any(line.startswith("      Step 1") for line in plain)


def test_a_child_of_a_child_is_deeper_still() -> None:
    inner = run_of("innermost")
    call = SubCall("sub", "deeper", "found", Usage(1, 1, 1, 0.0), 0.1, child=run_with_child())
    outer = Answer(
        "q", "t", "answered", steps=(Step(1, "", (Cell("code", CellResult(), (call,)),), Usage(), 0.1),)
    )
    depths = [
        len(line) - len(line.lstrip()) for line in run_plain(outer).splitlines() if "child run:" in line
    ]
    assert depths == sorted(set(depths))
    assert len(depths) == 2
    assert inner.steps


def test_what_a_cache_answered_is_marked_and_counted() -> None:
    answer = run_with_child()
    assert "(cached) -> from before" in run_plain(answer)
    assert "(cached)" in Tags(trace_html(answer.steps)).text
    # The child's own sub-call counts too.
    assert "3 sub-calls (1 cached)" in summary_line(answer)


def test_a_large_batch_is_shown_in_part_and_its_failures_with_it() -> None:
    calls = [SubCall("sub", f"prompt {n}", "fine", Usage(1, 1, 1, 0.0), 0.1) for n in range(1_000)]
    calls[700] = SubCall("sub", "prompt 700", "", Usage(), 0.1, error="it broke")
    answer = Answer(
        "q", "t", "answered", steps=(Step(1, "", (Cell("code", CellResult(), tuple(calls)),), Usage(), 0.1),)
    )
    for shown in (run_plain(answer), trace_html(answer.steps)):
        assert len(shown) < 20_000
        assert "prompt 3)" in shown
        assert "it broke" in shown
        assert "prompt 500)" not in shown
        assert "and 979 more sub-calls" in shown
    assert "prompt 500)" in page_html(answer)
    assert "1,000 sub-calls (1 failed)" in summary_line(answer)


def test_a_long_status_is_told_whole_once() -> None:
    answer = Answer("q", "", "failed: ModelError: " + "word " * 200)
    assert len(summary_line(answer)) < 300
    assert answer_plain(answer).count("word word") < 150


def test_many_children_leave_the_trace_bounded_and_say_what_is_missing() -> None:
    html = trace_html(run_with_child("<" * 1_000, children=50, steps=5).steps)
    assert len(html) < MOST_TRACE_CHARS
    assert "more steps of this child run not shown" in html
    assert Tags(html).text.count("rlm_query(look") >= 10
    assert "more sub-calls" in html


READ = Coverage(lines=2_000, read=((0, 10),), searched=((0, 2_000),), prompted=((5, 7),))
CITED = (
    Citation(7, 7, "read", "L7"),
    Citation(900, 912, "not read", "L900-L912"),
    Citation(5_000, 5_000, "no such line", "L5000"),
)


def test_coverage_and_citations_are_told() -> None:
    text = "Paris [L7, L900-912]; later [L5000], and [L900\u2013L912] again. Not L900-L912, nor [x900]."
    answer = Answer("q", text, "answered", coverage=READ, citations=CITED)
    page = Tags(page_html(answer)).text
    for shown in (answer_plain(answer), answer_markdown(answer) or "", Tags(answer_html(answer)).text, page):
        assert "Paris [L7, L900-912 (not read)]" in shown
        assert "[L5000 (no such line)]" in shown
        assert "[L900\u2013L912 (not read)] again" in shown
        assert "Not L900-L912, nor [x900]" in shown
        assert "read 10 of 2,000 lines (0.50 %) · searched 2,000 · 2 in prompts of sub-models" in shown
        assert "cited places: 1 read, 1 not read, 1 no such line" in shown


def test_texts_under_other_names_are_told_by_their_names() -> None:
    text = "Paris [L7], [notes L7] and [notes: L9]; [other L7]."
    cited = (
        Citation(7, 7, "read", "L7"),
        Citation(7, 7, "not read", "L7", text="of the notes", context="notes"),
        Citation(9, 9, "read", "L9", context="notes"),
    )
    others = {"notes": Coverage(lines=10, read=((0, 5),)), "unread": Coverage(lines=10)}
    answer = Answer("q", text, "answered", coverage=READ, citations=cited, other_coverage=others)
    for shown in (answer_plain(answer), Tags(answer_html(answer)).text, Tags(page_html(answer)).text):
        assert "Paris [L7], [notes L7 (not read)] and [notes: L9]; [other L7]." in shown
        assert "notes: read 5 of 10 lines (50 %)" in shown
        assert "unread" not in shown
    assert "notes L7" in Tags(page_html(answer)).text.replace(text, "")
    strip = strip_of(answer)
    assert strip is not None
    assert [mark.number for mark in strip.citations] == [1]


def test_an_answer_that_cites_well_is_shown_to_the_letter() -> None:
    answer = Answer("q", "Paris [L7].", "answered", coverage=READ, citations=CITED[:1])
    assert answer_plain(answer).startswith("Paris [L7].\n")


def test_nothing_read_and_nothing_cited_need_no_words() -> None:
    answer = Answer("q", "4", "answered", coverage=Coverage(lines=10))
    assert "read" not in answer_plain(answer)
    assert "cited" not in answer_plain(answer)
    only_searched = Answer("q", "4", "answered", coverage=Coverage(lines=10, searched=((0, 10),)))
    assert "read none of 10 lines · searched 10" in answer_plain(only_searched)
