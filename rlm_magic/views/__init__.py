"""What a run looks like, as plain text and as HTML. Pure: records in, text out; no IPython, no I/O.

Whatever a model, a text or a user wrote is escaped on its way into HTML.
"""

from __future__ import annotations

from .compared import compared
from .html import (
    answer_html,
    answer_markdown,
    compare_html,
    page_html,
    paused_html,
    run_html,
    runs_html,
    status_html,
    trace_html,
)
from .paused import paused_plain, waiting_step
from .plain import answer_plain, cost_text, printable, reads_line, run_plain, step_plain, summary_line
from .reading import coverage_line

__all__ = [
    "answer_html",
    "answer_markdown",
    "answer_plain",
    "compare_html",
    "compared",
    "cost_text",
    "coverage_line",
    "page_html",
    "paused_html",
    "paused_plain",
    "printable",
    "reads_line",
    "run_html",
    "run_plain",
    "runs_html",
    "status_html",
    "step_plain",
    "summary_line",
    "trace_html",
    "waiting_step",
]
