"""Ask questions about texts far larger than a model's window, in a notebook.

`%load_ext rlm_magic` brings the magics; `ask`, `open_context` and `ingest` are the same from Python. Names
are imported when first used, so that loading the extension costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .config import Budget
    from .context import Context, Match
    from .errors import RLMError
    from .records import Answer, Completion, Message, Step, Usage
    from .session import append, ask, ingest, open_context, resume, start

__version__ = "0.1.0"

_HOMES = {
    "Answer": "records",
    "Budget": "config",
    "Completion": "records",
    "Context": "context",
    "Match": "context",
    "Message": "records",
    "RLMError": "errors",
    "Step": "records",
    "Usage": "records",
    "append": "session",
    "ask": "session",
    "ingest": "session",
    "open_context": "session",
    "resume": "session",
    "start": "session",
}

__all__ = [
    "Answer",
    "Budget",
    "Completion",
    "Context",
    "Match",
    "Message",
    "RLMError",
    "Step",
    "Usage",
    "append",
    "ask",
    "ingest",
    "load_ipython_extension",
    "open_context",
    "resume",
    "start",
    "unload_ipython_extension",
]


def load_ipython_extension(shell: Any) -> None:
    """Register the magics: `%load_ext rlm_magic`."""
    from .notebook import load

    load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """Remove every trace of the magics: `%unload_ext rlm_magic`."""
    from .notebook import unload

    unload(shell)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f".{_HOMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
