"""What recorded runs have cost, read off the ends of their trajectories."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ..errors import TrajectoryError
from ..records import Usage
from .archive import read_trajectory, read_usage
from .trajectory import runs_dir

_TAIL_BYTES = 262_144


@dataclass(frozen=True, slots=True)
class Spending:
    """What so many `runs` have cost together; `unreadable` ones are not part of it."""

    runs: int
    usage: Usage
    unreadable: int = 0


def spent_since(moment: datetime, *, directory: Path | None = None) -> Spending:
    """Return what the runs have cost that were written to since `moment`; each counts as a whole."""
    since = moment.timestamp()
    paths = [path for path in (directory or runs_dir()).glob("*.jsonl") if path.stat().st_mtime >= since]
    usages, unreadable = [], 0
    for path in paths:
        try:
            usages.append(_usage_of(path))
        except TrajectoryError:
            unreadable += 1
    return Spending(len(usages), sum(usages, Usage()), unreadable)


def _usage_of(path: Path) -> Usage:
    """Return what a run has cost: its last line says so, unless it goes on or was cut off."""
    try:
        last = json.loads(_tail(path).rstrip(b"\n").rpartition(b"\n")[2])
        return sum(map(read_usage, last["usage"].values()), Usage()) if "status" in last else _added_up(path)
    except (ValueError, TypeError, KeyError, AttributeError):
        # Half a line, or one longer than the tail.
        return _added_up(path)


def _added_up(path: Path) -> Usage:
    return read_trajectory(path).total


def _tail(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
        return file.read()
