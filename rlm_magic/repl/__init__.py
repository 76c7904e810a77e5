"""Where model-written code runs. Every repl keeps the contract of `Repl`."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Protocol

from ..records import CellResult
from .live import LiveRepl

__all__ = ["LiveRepl", "Repl"]


class Repl(Protocol):
    """A namespace that persists over the cells of one run.

    Whatever model code does (errors, SystemExit, exit(), input(), endless loops, rebinding the loop's own
    names) ends up in a CellResult; only an interrupt of the host outside a cell, and faults of the repl
    itself (ReplError), are raised. State from before an error is kept.
    """

    def own(self, names: Mapping[str, object]) -> None:
        """Bind names of the loop: they are set again after every cell, whatever it did to them."""
        ...

    def give(self, names: Mapping[str, object]) -> None:
        """Bind names that belong to the model from now on: it may rebind or delete them."""
        ...

    def inherit(self, names: Mapping[str, object]) -> None:
        """Bind what an earlier run has left, as if cells of this one had made it."""
        ...

    def run(self, code: str, *, name: str, timeout_s: float) -> CellResult:
        """Run one cell. `name` labels it in tracebacks. The cell stops once it ran `timeout_s`."""
        ...

    def spawn(self) -> Repl:
        """Return a repl for a child run; its cells may run while a cell of this one has its clock stopped."""
        ...

    def clock_stopped(self) -> AbstractContextManager[None]:
        """Stop the running cell's clock, on the cell's own thread, while it waits for a sub-call."""
        ...

    def variables(self) -> dict[str, object]:
        """Return what the run has left: names not the loop's, not given and left unchanged, not private."""
        ...

    def rest(self) -> None:
        """Release what the repl holds besides the namespace; cells may be run again later."""
        ...

    def close(self) -> None:
        """Release what the repl holds. The namespace is gone afterwards."""
        ...
