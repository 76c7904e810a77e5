"""What a run looks like: everything foreign is escaped, sizes are bounded, plain text is always there."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from rlm_magic import Answer, Step, Usage
from rlm_magic.records import Cell, CellResult, SubCall
from rlm_magic.views import (
    answer_html,
    answer_markdown,
    answer_plain,
    page_html,
    run_plain,
    status_html,
    summary_line,
    trace_html,
)

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
    assert len(html) < 120_000
    assert "earlier step(s) not shown" in html
    assert "Step 100" in html


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
