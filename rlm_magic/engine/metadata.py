"""The first line of a trajectory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ..models import Model
from .redact import redact_named

if TYPE_CHECKING:
    from .run import Run


def run_metadata(run: Run) -> dict[str, Any]:
    """Return what a run's record begins with, in the fields of rlms and our own behind them."""
    return {
        "root_model": run.model.name,
        "max_depth": run.ledger.root_budget.max_depth,
        "max_iterations": run.ledger.budget.steps,
        "backend": _provider(run.model),
        "backend_kwargs": _options(run.model),
        "environment_type": type(run.repl).__name__,
        "environment_kwargs": None,
        "other_backends": [_provider(run.sub_model)],
        "other_backend_kwargs": [_options(run.sub_model)],
        "run_id": run.run_id,
        "question": run.question,
        "sub_model": run.sub_model.name,
        "depth": run.depth,
        "budget": asdict(run.ledger.budget),
    }


def _provider(model: Model) -> str:
    return model.name.partition(":")[0]


def _options(model: Model) -> dict[str, Any]:
    options = getattr(model, "options", None)
    given = dict(options) if isinstance(options, Mapping) else {}
    return {"model_name": model.name, **redact_named(given)}
