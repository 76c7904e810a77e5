"""The Python API: open or ingest a context, ask a question about it. Joins the data and engine columns."""

from __future__ import annotations

from ..context import append, ingest, open_context
from .asking import ask, finish, resume, start
from .choosing import Models, choose_models
from .completing import with_page
from .recorded import Asked, how_asked, recorded

__all__ = [
    "Asked",
    "Models",
    "append",
    "ask",
    "choose_models",
    "finish",
    "how_asked",
    "ingest",
    "open_context",
    "recorded",
    "resume",
    "start",
    "with_page",
]
