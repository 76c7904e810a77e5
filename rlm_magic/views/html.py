"""A run as HTML: the status line, the trace, the answer, and a page that stands on its own.

Templates are jinja2's, because its autoescaping makes forgetting to escape impossible rather than unlikely.
No scripts, no styles from elsewhere, no remote pictures; folding is <details>.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from markupsafe import Markup

from ..records import Answer, Step
from ..text import clip
from .compared import compared
from .nested import Limits, Room, StepView, counted_if_any, headline
from .paused import WAYS_ON, paused_head
from .plain import (
    ANSWER_CHARS,
    TRACE_CHARS,
    cost_text,
    no_answer,
    printable,
    reads_line,
    summary_line,
    summary_lines,
)
from .prose import is_harmless, is_prose, markdown_html
from .quotes import new_anchor, quotes_of
from .reading import citations_line, coverage_lines, marked, pieces
from .strip import share_text, strip_of
from .tabular import Section
from .timeline import spending, timeline

if TYPE_CHECKING:
    from jinja2 import Environment

_TEXT_CHARS = 2_000
# Who is to decide about code must see all of it.
_PAUSED_CHARS = 50_000
_PAUSED_CELLS = 1_000
_PAGE_CHILDREN_CHARS = 5_000_000
_PAGE_LIMITS = Limits(chars=20 * _TEXT_CHARS, cells=1_000, calls=2_000, child_chars=_PAGE_CHILDREN_CHARS)
# A trace must hold the last step at least, however much that step holds.
_LIMITS = (
    Limits(chars=_TEXT_CHARS, cells=40, calls=20, child_chars=20_000),
    Limits(chars=800, cells=20, calls=20, child_chars=4_000),
    Limits(chars=400, cells=10, calls=10, child_chars=800),
    Limits(chars=100, cells=4, calls=4, child_chars=0),
)
_ROWS_SHOWN = 100
_PAGE_ROWS_SHOWN = 400
_QUOTES_SHOWN = 20
_QUOTE_CHARS = 600


def status_html(text: str) -> str:
    """Return the one line that says what a run is doing now."""
    return _shown("status.html", text=printable(text))


def trace_html(steps: Sequence[Step]) -> str:
    """Return the steps as folds. Beyond about 50 kB the earliest are counted, not shown."""
    shown: list[str] = []
    room = TRACE_CHARS
    for step in reversed(steps):
        fold = _fold(step, most_chars=room, must_fit=not shown)
        room -= len(fold)
        if room < 0:
            break
        shown.insert(0, fold)
    return _shown("trace.html", folds=shown, omitted=counted_if_any(len(steps) - len(shown), "earlier step"))


def _fold(step: Step, *, most_chars: int, must_fit: bool) -> str:
    """Return a step as a fold. One that must fit shows less of each thing, and fewer, until it does."""
    fold = ""
    for limits in _LIMITS if must_fit else _LIMITS[:1]:
        fold = _render("step.html", step=StepView(step, limits), headline=headline(step))
        if len(fold) <= most_chars:
            break
    return fold


def answer_html(answer: Answer) -> str:
    """Return the answer for a notebook: its text beside what it cites, one line that sums up, and folds.

    The folds hold the steps, the cost per model and the map of what was read; all of it is bounded.
    """
    trace = Markup(trace_html(answer.steps)) if answer.steps else ""
    limits = {"most": _QUOTES_SHOWN, "limit_chars": _QUOTE_CHARS}
    return _shown("answer.html", **_parts(answer, **limits), trace=trace)


def answer_markdown(answer: Answer) -> str | None:
    """Return the answer as Markdown if showing it as Markdown is harmless, else None."""
    text = marked(answer)
    if len(text) > ANSWER_CHARS or not is_harmless(text):
        return None
    sums = "  \n".join(f"*{line}*" for line in summary_lines(answer))
    return f"{text}\n\n{sums}"


def page_html(answer: Answer) -> str:
    """Return a page that stands on its own: question, answer, map, timeline, costs and every step."""
    room = Room(_PAGE_CHILDREN_CHARS)
    steps = [StepView(step, _PAGE_LIMITS, room) for step in answer.steps]
    limits = {"most": len(answer.citations), "limit_chars": _TEXT_CHARS}
    times = {"timeline": timeline(answer, most_rows=_PAGE_ROWS_SHOWN), "spending": spending(answer)}
    question = clip(answer.question, limit_chars=ANSWER_CHARS)
    return _render("page.html", **_parts(answer, **limits), **times, question=question, steps=steps)


def run_html(answer: Answer) -> str:
    """Return a recorded run for a notebook: its question, its answer, its timeline and costs."""
    shown = Markup(answer_html(answer))
    times = {"timeline": timeline(answer, most_rows=_ROWS_SHOWN), "spending": spending(answer)}
    return _shown("run.html", question=clip(answer.question, limit_chars=_TEXT_CHARS), shown=shown, **times)


def paused_html(step: Step, *, max_steps: int) -> str:
    """Return a reply that waits with its code and the ways on."""
    view = StepView(step, Limits(chars=_PAUSED_CHARS, cells=_PAUSED_CELLS, calls=0, child_chars=0))
    return _shown("paused.html", head=paused_head(step, max_steps=max_steps), step=view, ways=WAYS_ON)


def compare_html(first: Answer, second: Answer) -> str:
    """Return two runs side by side: what differs in a table, then each answer."""
    sides = [Markup(answer_html(answer)) for answer in (first, second)]
    return _shown("compare.html", rows=compared(first, second), sides=sides)


def runs_html(columns: Sequence[str], rows: Sequence[Sequence[str]], *, omitted: int) -> str:
    """Return a table of runs; `omitted` older ones are counted below it."""
    return _shown("runs.html", columns=columns, rows=rows, omitted=omitted)


def _parts(answer: Answer, *, most: int, limit_chars: int) -> dict[str, object]:
    """Return what every view of an answer shows: at most `most` citations, each clipped to `limit_chars`."""
    anchor, cited = new_anchor(), quotes_of(answer, most=most, limit_chars=limit_chars)
    details = (*coverage_lines(answer), citations_line(answer.citations), reads_line(answer.reads))
    summary = (summary_line(answer), share_text(answer.coverage))
    return {
        "answer": answer,
        "anchor": anchor,
        "cited": cited,
        "prose": _prose(answer, anchor, linked=cited.linked),
        "summary": " · ".join(filter(None, summary)),
        "reading": list(filter(None, details)),
        "strip": strip_of(answer),
        "usage": [(model, usage, cost_text(usage)) for model, usage in answer.usage.items()],
    }


def _prose(answer: Answer, anchor: str, *, linked: int) -> dict[str, object]:
    macro = _environment().get_template("parts.html").module.cited  # type: ignore[attr-defined]

    def link(text: str) -> str:
        return str(macro(list(pieces(text, answer.citations)), anchor, linked))

    said = clip(answer.text, limit_chars=ANSWER_CHARS)
    if is_prose(said):
        return {"is_markdown": True, "html": Markup(markdown_html(said, link=link))}
    text = said or no_answer(answer)
    return {"is_markdown": False, "html": Markup(link(printable(text)))}


def sections_html(sections: Sequence[Section]) -> str:
    """Return facts under headings as one table each."""
    return _shown("sections.html", sections=sections)


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("rlm_magic.views"),
        autoescape=True,
        finalize=_visible,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _visible(value: object) -> object:
    # What is Markup was made of visible text before; anything else may hold characters that reverse a line.
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _shown(template: str, **values: object) -> str:
    """Return what a notebook is to show, out of the reach of its MathJax: `$5 and $6` are no formula."""
    return f'<div class="mathjax_ignore">{_render(template, **values)}</div>'


def _render(template: str, **values: object) -> str:
    return _environment().get_template(template).render(**values)
