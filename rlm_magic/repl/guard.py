"""The border of what may be stopped: the model's code and what it calls, and nothing around it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


def guarded(body: Callable[[], None], guard: object) -> None:  # noqa: ARG001 - read from this function's frame
    """Run `body`: only what it calls may be stopped, and only by this `guard`."""
    body()


def guard_of(frame: FrameType | None) -> object:
    """Return the guard of the innermost guarded body that `frame` is called from, or None."""
    if frame is not None and frame.f_code is guarded.__code__:
        # About to call or to return: nothing to stop.
        return None
    while frame is not None and frame.f_code is not guarded.__code__:
        frame = frame.f_back
    return None if frame is None else frame.f_locals["guard"]


def corner(frame: FrameType | None, reason: Callable[[], BaseException]) -> None:
    """Stop code that has caught a stop before.

    A bare `except:` would catch one more in the same way, so the first line that runs after it, inside the
    handler, raises again; from there the same `try` cannot catch it.
    """

    def tracer(_frame: FrameType, event: str, _argument: object) -> Any:
        if event == "line":
            raise reason()
        return tracer

    while frame is not None and frame.f_code is not guarded.__code__:
        if not frame.f_code.co_filename.startswith(_PACKAGE):
            frame.f_trace = tracer
        frame = frame.f_back
    # Tracing has to be on for f_trace to count; no new frame is traced.
    sys.settrace(lambda *_: None)
