"""Render an exception for the model: its own frames, its own lines, plain text."""

from __future__ import annotations

import traceback
from collections.abc import Container

from .capped import cap


def render(error: BaseException, *, own_files: Container[str], limit_chars: int) -> str:
    """Return the traceback of `error` without the frames of any file but `own_files`.

    Causes, contexts and the members of groups are trimmed alike; the middle of a very long one is left out.
    """
    shown = traceback.TracebackException(type(error), error, error.__traceback__, compact=True)
    waiting, seen = [shown], set[int]()
    while waiting:
        part = waiting.pop()
        if id(part) not in seen:
            seen.add(id(part))
            _keep_own_frames(part, own_files)
            waiting += [
                p for p in (part.__cause__, part.__context__, *(part.exceptions or ())) if p is not None
            ]
    return cap("".join(shown.format()).rstrip("\n"), limit_chars)


def _keep_own_frames(part: traceback.TracebackException, own_files: Container[str]) -> None:
    own = [frame for frame in part.stack if frame.filename in own_files]
    part.stack = traceback.StackSummary.from_list(own)
    if not own:
        # None leaves out the header, which would announce frames that do not follow.
        part.stack = None  # type: ignore[assignment]
