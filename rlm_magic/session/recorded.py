"""How a recorded run was asked: of which models, under which budget. What it found the engine reads."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, fields
from os import PathLike
from typing import Any

from ..config import Budget
from ..engine import find_run, read_trajectory
from ..engine.jsonlines import whole_records
from ..models import Model
from ..records import Answer
from ..redact import PLACEHOLDER


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The models that a run is asked of, as the user names them. None leaves the choice to the keys set."""

    model: str | Model | None = None
    sub_model: str | Model | None = None
    options: Mapping[str, object] | None = None
    sub_options: Mapping[str, object] | None = None


def recorded(run: Answer | str | PathLike[str]) -> Answer:
    """Return a run by its answer, id or file. Raises RunNotFound, or TrajectoryError for another file."""
    return run if isinstance(run, Answer) else read_trajectory(find_run(str(run)))


def how_asked(answer: Answer) -> tuple[Asked, Budget]:
    """Return the models and the budget of a run, as the file that records it has them.

    What it lacks is left to the defaults, as are options that were redacted.
    """
    metadata: Mapping[str, Any] = {}
    if answer.trajectory is not None:
        # A run that was resumed before has several; the last is that of its latest part.
        # What is wrong with the file has been said, when it was read as a trajectory.
        records = whole_records(answer.trajectory)
        metadata = deque((each for each in records if each.get("type") == "metadata"), maxlen=1).pop()
    asked = Asked(
        model=metadata.get("root_model"),
        sub_model=metadata.get("sub_model"),
        options=_options(metadata.get("backend_kwargs")),
        sub_options=_options(next(iter(metadata.get("other_backend_kwargs") or ()), None)),
    )
    return asked, _budget(metadata.get("budget") or {})


def _options(recorded_kwargs: Mapping[str, Any] | None) -> dict[str, object] | None:
    kept = {
        name: value
        for name, value in (recorded_kwargs or {}).items()
        if name != "model_name" and PLACEHOLDER not in json.dumps(value)
    }
    return kept or None


def _budget(limits: Mapping[str, Any]) -> Budget:
    known = {item.name for item in fields(Budget)}
    return Budget(**{name: limit for name, limit in limits.items() if name in known})
