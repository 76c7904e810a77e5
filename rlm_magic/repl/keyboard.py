"""Nobody sits at the keyboard of a cell: to read from it is an error of the cell, and so is to exit."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any, NoReturn

from .threads import CellThreads

_NOBODY = "nobody sits at the keyboard of this cell; decide in code, or read from the variables that are here"


class NoKeyboard(io.TextIOBase):
    """A sys.stdin that refuses to be read, where waiting would hang the run."""

    encoding = "utf-8"

    def read(self, _size: int | None = -1) -> str:
        raise EOFError(_NOBODY)

    def readline(self, _size: int = -1) -> str:  # type: ignore[override]
        raise EOFError(_NOBODY)

    def readable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return False


def _refuse_input(*_args: object, **_options: object) -> NoReturn:
    raise EOFError(_NOBODY)


def _refuse_debugger(*_args: object, **_options: object) -> NoReturn:
    raise RuntimeError(f"a debugger cannot be used here: {_NOBODY}")


def _refuse_exit(*_args: object) -> NoReturn:
    raise SystemExit("exit() and quit() do not end anything here; the cell ends at its last line")


def keyboard_patches(threads: CellThreads) -> list[tuple[Any, str, Any]]:
    """Return the replacements; other people's threads keep the real functions."""
    import builtins
    import getpass
    import sys

    def routed(original: Callable[..., Any] | None, refusal: Callable[..., Any]) -> Callable[..., Any]:
        def function(*args: Any, **options: Any) -> Any:
            chosen = refusal if original is None or threads.mine() else original
            return chosen(*args, **options)

        return function

    refusals = [
        (builtins, "input", _refuse_input),
        (builtins, "exit", _refuse_exit),
        (builtins, "quit", _refuse_exit),
        (getpass, "getpass", _refuse_input),
        (sys, "breakpointhook", _refuse_debugger),
    ]
    if "pdb" in sys.modules:
        refusals += [(sys.modules["pdb"], "set_trace", _refuse_debugger)]
    patches = [(home, name, routed(getattr(home, name, None), refusal)) for home, name, refusal in refusals]
    return [*patches, (sys, "stdin", NoKeyboard())]
