"""What a cell may change of the process, and how it is put back.

The working directory, sys.path, the environment, the warning filters and the recursion limit belong to the
run: a cell finds them as the cell before left them, and the notebook finds them as they were before the run.
Signal handlers and timers, streams, hooks and keyboard functions are put back after every cell.
"""

from __future__ import annotations

import os
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

_ABSENT = object()
# A cell inside a cell stands on some 30 frames of ours; this is for as many as a batch may have.
_NESTED_FRAMES = 1_000
Patch = tuple[Any, str, Any]


def running_shell() -> Any:
    """Return the IPython shell that this process runs, or None. IPython is not imported for the question."""
    interactiveshell = sys.modules.get("IPython.core.interactiveshell")
    if interactiveshell is None or not interactiveshell.InteractiveShell.initialized():
        return None
    return interactiveshell.InteractiveShell.instance()


@contextmanager
def patched(patches: list[Patch]) -> Iterator[None]:
    """Set attributes; put them back, or remove them again, whatever happened to them meanwhile."""
    before = [(target, name, _own_attribute(target, name)) for target, name, _ in patches]
    try:
        for target, name, value in patches:
            setattr(target, name, value)
        yield
    finally:
        for target, name, value in reversed(before):
            if value is not _ABSENT:
                setattr(target, name, value)
            elif _own_attribute(target, name) is not _ABSENT:
                delattr(target, name)


def _own_attribute(target: Any, name: str) -> Any:
    # An inherited method that was shadowed must not come back as an instance attribute.
    return vars(target).get(name, _ABSENT)


@contextmanager
def signals_kept() -> Iterator[None]:
    """Put back signal handlers and the alarm: one that goes off later would kill the kernel."""
    handlers = {number: signal.getsignal(number) for number in signal.valid_signals()}
    alarm = signal.getitimer(signal.ITIMER_REAL) if hasattr(signal, "getitimer") else None
    started = time.monotonic()
    try:
        yield
    finally:
        if alarm is not None:
            _keep_alarm(alarm, time.monotonic() - started)
        for number, handler in handlers.items():
            if handler is not None and signal.getsignal(number) is not handler:
                # Only the main thread may set one, so only it can have changed one.
                with suppress(ValueError, OSError):
                    signal.signal(number, handler)


def _keep_alarm(before: tuple[float, float], elapsed_s: float) -> None:
    due_s, interval_s = before
    if due_s:
        expected_s = max(due_s - elapsed_s, 1e-3)
        now_s = signal.getitimer(signal.ITIMER_REAL)[0]
        if abs(now_s - expected_s) > 0.5 and not interval_s:
            signal.setitimer(signal.ITIMER_REAL, expected_s, interval_s)
    elif signal.getitimer(signal.ITIMER_REAL)[0]:
        signal.setitimer(signal.ITIMER_REAL, 0)


def leave_forked_child(parent_id: int) -> None:
    """End a process that model code forked and let run on into the notebook's own code."""
    if os.getpid() != parent_id:
        os._exit(0)


class RunState:
    """The parts of the process that a run has its own version of.

    `begin_here` fixes all of them as they are now: the cells of a child run may run inside another's, whose
    working directory is no business of theirs. Otherwise what a run leaves alone follows the notebook.
    """

    def __init__(self, *, begin_here: bool = False) -> None:
        self._pinned = begin_here
        self._of_run: dict[str, Any] = {}
        if begin_here:
            self._of_run = {name: read() for name, (read, _) in _PARTS.items()}
            self._of_run["recursion limit"] += _NESTED_FRAMES

    @contextmanager
    def swapped(self) -> Iterator[None]:
        """Put the run's version in place for one cell, and the notebook's back afterwards."""
        # The filters get saved by warnings itself, which knows how to drop its caches.
        with warnings.catch_warnings():
            outside = {name: read() for name, (read, _) in _PARTS.items()}
            try:
                for name, value in self._of_run.items():
                    _PARTS[name][1](value)
                yield
            finally:
                self._take_back(outside)

    def _take_back(self, outside: dict[str, Any]) -> None:
        for name, (read, write) in _PARTS.items():
            inside = read()
            if inside != outside[name]:
                self._of_run[name] = inside
                write(outside[name])
            elif self._pinned:
                self._of_run[name] = inside
            else:
                self._of_run.pop(name, None)


def _read_directory() -> str | None:
    try:
        return os.getcwd()
    except FileNotFoundError:
        return None


def _write_directory(path: str | None) -> None:
    # Gone meanwhile: there is nothing to go back to.
    with suppress(FileNotFoundError, NotADirectoryError, PermissionError):
        os.chdir(path or os.sep)


def _read_path() -> tuple[list[str], list[str]]:
    return sys.path, list(sys.path)


def _write_path(saved: tuple[list[str], list[str]]) -> None:
    # The very list, too: others hold it.
    sys.path, sys.path[:] = saved[0], saved[1]


def _write_environment(saved: dict[str, str]) -> None:
    for name in set(os.environ) - set(saved):
        del os.environ[name]
    for name, value in saved.items():
        if os.environ.get(name) != value:
            os.environ[name] = value


def _write_filters(saved: list[Any]) -> None:
    warnings.filters[:] = saved  # type: ignore[index]


def _write_recursion_limit(limit: int) -> None:
    # A lower one, found in place by the next cell, would break the repl before it broke the cell.
    sys.setrecursionlimit(max(limit, 500))


_PARTS: dict[str, tuple[Callable[[], Any], Callable[[Any], None]]] = {
    "directory": (_read_directory, _write_directory),
    "path": (_read_path, _write_path),
    "environment": (lambda: dict(os.environ), _write_environment),
    "filters": (lambda: list(warnings.filters), _write_filters),
    "recursion limit": (sys.getrecursionlimit, _write_recursion_limit),
}
