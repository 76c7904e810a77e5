"""A run as HTML: the status line, the trace, the answer, and a page that stands on its own.

Templates are jinja2's, because its autoescaping makes forgetting to escape impossible rather than unlikely.
No scripts, no styles from elsewhere, no remote pictures; folding is <details>.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from ..records import Answer, Step
from .nested import Room, StepView, headline
from .plain import cost_text, printable, reads_line, summary_line, summary_lines
from .reading import citations_line, coverage_line, marked

if TYPE_CHECKING:
    from jinja2 import Environment

_TEXT_CHARS = 2_000
_TRACE_CHARS = 50_000
_CALLS_SHOWN = 20
_PAGE_CALLS_SHOWN = 2_000
_CHILDREN_CHARS = 20_000
_PAGE_CHILDREN_CHARS = 5_000_000

# Markdown that could hold HTML, math, images, reference links or entities is shown as text instead. Making
# it safe by rewriting was tried and is a trap: a fence in mid-line turns the rewritten parts back on.
_UNSAFE_MARKDOWN = re.compile(r"[<$\\]|!\[|\]:|&#|\]\((?!https?://)")


def status_html(text: str) -> str:
    """Return the one line that says what a run is doing now."""
    return _render("status.html", text=printable(text))


def trace_html(steps: Sequence[Step]) -> str:
    """Return the steps as folds. Beyond about 50 kB the earliest are counted, not shown."""
    shown: list[str] = []
    room = _TRACE_CHARS
    for step in reversed(steps):
        view = StepView(step, limit_chars=_TEXT_CHARS, calls=_CALLS_SHOWN, room=Room(_CHILDREN_CHARS))
        fold = _render("step.html", step=view, headline=headline(step))
        room -= len(fold)
        if room < 0 and shown:
            break
        shown.insert(0, fold)
    return _render("trace.html", folds=shown, omitted=len(steps) - len(shown))


def answer_html(answer: Answer) -> str:
    """Return the answer's text and the line that sums the run up."""
    return _render(
        "answer.html", answer=answer, text=_visible_text(answer), summary="\n".join(summary_lines(answer))
    )


def answer_markdown(answer: Answer) -> str | None:
    """Return the answer as Markdown if showing it as Markdown is harmless, else None."""
    text = marked(answer)
    if not text or _UNSAFE_MARKDOWN.search(text) or printable(text) != text:
        return None
    sums = "  \n".join(f"*{line}*" for line in summary_lines(answer))
    return f"{text}\n\n{sums}"


def page_html(answer: Answer) -> str:
    """Return a page that stands on its own: question, answer, usage and every step."""
    room = Room(_PAGE_CHILDREN_CHARS)
    return _render(
        "page.html",
        answer=answer,
        text=_visible_text(answer),
        summary=summary_line(answer),
        reading=list(
            filter(
                None,
                [coverage_line(answer.coverage), citations_line(answer.citations), reads_line(answer.reads)],
            )
        ),
        steps=[
            StepView(step, limit_chars=20 * _TEXT_CHARS, calls=_PAGE_CALLS_SHOWN, room=room)
            for step in answer.steps
        ],
        usage=[(model, usage, cost_text(usage)) for model, usage in answer.usage.items()],
    )


def _visible_text(answer: Answer) -> str:
    return printable(marked(answer)) if answer.text else printable(f"(no answer: {answer.status})")


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("rlm_magic.views"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _render(template: str, **values: object) -> str:
    return _environment().get_template(template).render(**values)
