"""The loop, its protocol, its limits and its record. It sees `context` only as a name and a description."""

from __future__ import annotations

from .archive import find_run, list_runs, read_trajectory
from .hooks import Accept, ChildContext, OpenChild, ReadObserver
from .ledger import Ledger
from .resume import resting_repl
from .run import Run
from .trajectory import Trajectory, runs_dir

__all__ = [
    "Accept",
    "ChildContext",
    "Ledger",
    "OpenChild",
    "ReadObserver",
    "Run",
    "Trajectory",
    "find_run",
    "list_runs",
    "read_trajectory",
    "resting_repl",
    "runs_dir",
]
