"""What a run looks like, as plain text and as HTML. Pure: records in, text out; no IPython, no I/O.

Whatever a model, a text or a user wrote is escaped on its way into HTML.
"""

from __future__ import annotations

from .html import answer_html, answer_markdown, page_html, status_html, trace_html
from .plain import answer_plain, reads_line, run_plain, step_plain, summary_line
from .reading import coverage_line

__all__ = [
    "answer_html",
    "answer_markdown",
    "answer_plain",
    "coverage_line",
    "page_html",
    "reads_line",
    "run_plain",
    "status_html",
    "step_plain",
    "summary_line",
    "trace_html",
]
