"""Show a run while it goes: one status line and one trace in Jupyter, a line per step in a terminal.

The progress displays are callables that take each Event. They write to what the shell had before the cell
began (its display publisher, its stderr), because the repl captures what model code displays and prints.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from IPython.core.error import UsageError

from ..events import Event
from .live import Meter

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

PROGRESS_VARIABLE = "RLM_PROGRESS"
PROGRESS_KINDS = ("auto", "html", "plain", "none")


class Progress(Protocol):
    """Takes each event of a run as it happens, and remarks that concern the user."""

    def __call__(self, event: Event) -> None: ...

    def say(self, remark: str) -> None:
        """Show a remark once, for good."""
        ...

    def update(self, line: str, *, is_last: bool = False) -> None:
        """Show something other than a run in the status line, in place of what it said."""
        ...

    def watch(self, meter: Meter) -> None:
        """Ask `meter` for the figures of the run from now on."""
        ...

    def close(self) -> None:
        """Show what is still to be shown and stop moving; the next event begins anew."""
        ...


def progress_for(shell: InteractiveShell, kind: str) -> Progress:
    """Return the display for `kind`; "auto" asks $RLM_PROGRESS, then whether this is Jupyter."""
    from .in_jupyter import HtmlProgress
    from .in_terminal import PlainProgress

    if kind == "auto":
        kind = os.environ.get(PROGRESS_VARIABLE, "auto")
    if kind not in PROGRESS_KINDS:
        raise UsageError(
            f"progress {kind!r} is not known; set {PROGRESS_VARIABLE} to one of {', '.join(PROGRESS_KINDS)}"
        )
    if kind == "auto":
        kind = "html" if hasattr(shell, "kernel") else "plain"
    if kind == "html":
        return HtmlProgress(shell.display_pub)
    return PlainProgress(sys.stderr) if kind == "plain" else SilentProgress()


class SilentProgress:
    """Shows nothing, so that a notebook's outputs are the same every time."""

    def __call__(self, event: Event) -> None:
        """Ignore the event."""

    def say(self, remark: str) -> None:
        """Ignore the remark."""

    def update(self, line: str, *, is_last: bool = False) -> None:
        """Ignore the line."""

    def watch(self, meter: Meter) -> None:
        """Ignore the meter."""

    def close(self) -> None:
        """Do nothing: nothing moves."""


@contextmanager
def warnings_in_one_line() -> Iterator[None]:
    """Show what is warned of as one line each, without the place in our code that it came from."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    for warning in caught:
        print(f"{warning.category.__name__}: {warning.message}", file=sys.stderr)
