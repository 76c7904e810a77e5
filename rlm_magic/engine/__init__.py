"""The loop, its protocol, its limits and its record. It sees `context` only as a name and a description."""

from __future__ import annotations

from .archive import find_run, list_runs, read_trajectory
from .ledger import Ledger
from .run import Run
from .trajectory import Trajectory, runs_dir

__all__ = ["Ledger", "Run", "Trajectory", "find_run", "list_runs", "read_trajectory", "runs_dir"]
