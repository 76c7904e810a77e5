"""A run as HTML: the status line, the trace, the answer, and a page that stands on its own.

Templates are jinja2's, because its autoescaping makes forgetting to escape impossible rather than unlikely.
No scripts, no styles from elsewhere, no remote pictures; folding is <details>.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from textwrap import shorten
from typing import TYPE_CHECKING

from ..records import Answer, Step
from ..text import clip
from .plain import call_line, cost_text, printable, reads_line, reasoning_of, summary_line, summary_lines

if TYPE_CHECKING:
    from jinja2 import Environment

_TEXT_CHARS = 2_000
_TRACE_CHARS = 50_000
_HEADLINE_CHARS = 90

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
        fold = _render("step.html", step=_StepView(step))
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
    if not answer.text or _UNSAFE_MARKDOWN.search(answer.text) or printable(answer.text) != answer.text:
        return None
    sums = "  \n".join(f"*{line}*" for line in summary_lines(answer))
    return f"{answer.text}\n\n{sums}"


def page_html(answer: Answer) -> str:
    """Return a page that stands on its own: question, answer, usage and every step."""
    return _render(
        "page.html",
        answer=answer,
        text=_visible_text(answer),
        summary=summary_line(answer),
        reads=reads_line(answer.reads),
        steps=[_StepView(step, limit_chars=20 * _TEXT_CHARS) for step in answer.steps],
        usage=[(model, usage, cost_text(usage)) for model, usage in answer.usage.items()],
    )


class _StepView:
    """A step as the templates want it: clipped, and free of control characters."""

    def __init__(self, step: Step, *, limit_chars: int = _TEXT_CHARS) -> None:
        def shown(text: str) -> str:
            return clip(printable(text), limit_chars=limit_chars)

        self.number = step.number
        self.seconds = step.seconds
        self.reasoning = shown(reasoning_of(step))
        self.notes = [shown(note) for note in step.notes]
        self.failed = any(cell.result.error is not None for cell in step.cells)
        self.headline = _headline(step)
        self.cells = [
            {
                "code": shown(cell.code.rstrip()),
                "output": shown(cell.result.output),
                "failed": cell.result.error is not None,
                "calls": [shown(call_line(call)) for call in cell.sub_calls],
            }
            for cell in step.cells
        ]


def _headline(step: Step) -> str:
    """Return the first line of the reasoning, which says what the step is for."""
    lines = reasoning_of(step).splitlines()
    return shorten(lines[0], _HEADLINE_CHARS, placeholder=" ...") if lines else ""


def _visible_text(answer: Answer) -> str:
    return printable(answer.text) if answer.text else printable(f"(no answer: {answer.status})")


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
