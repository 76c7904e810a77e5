"""The defaults of %rlm that a user may change: by %config, or by an environment variable below it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from IPython.core.error import UsageError
from traitlets import Bool, Enum, Float, Int, Unicode
from traitlets.config import Configurable

from ..config import Budget
from .options import LIMITS
from .progress import PROGRESS_KINDS, PROGRESS_VARIABLE


def _limit(trait: Callable[..., Any], name: str, what: str) -> Any:
    standard = getattr(Budget(), LIMITS[name])
    else_ = "no limit" if standard is None else f"{standard:,}"
    return trait(None, allow_none=True, help=f"{what}; None: RLM_{name.upper()}, else {else_}").tag(
        config=True
    )


class Defaults(Configurable):
    """What %rlm does where its options say nothing. None: as the environment says, else the default."""

    model = Unicode("", help="Root model, such as openai:gpt-5; empty: RLM_MODEL, else by the keys set").tag(
        config=True
    )
    sub_model = Unicode("", help="Model that llm_query asks; empty: RLM_SUB_MODEL, else the root's own").tag(
        config=True
    )
    max_steps = _limit(Int, "max_steps", "Turns the root model may take")
    max_depth = _limit(Int, "max_depth", "Levels of child runs that rlm_query may start")
    timeout = _limit(Float, "timeout", "Seconds the whole run may take")
    step_timeout = _limit(Float, "step_timeout", "Seconds one cell may take")
    max_sub_calls = _limit(Int, "max_sub_calls", "Calls below the root model the run may make")
    max_tokens = _limit(Int, "max_tokens", "Tokens the run may use, all models together")
    max_cost = _limit(Float, "max_cost", "Dollars the run may cost")
    cache = Bool(
        None, allow_none=True, help="Answer sub-calls made before from disk; None: RLM_REPLY_CACHE, else off"
    ).tag(config=True)
    progress = Enum(
        PROGRESS_KINDS, default_value="auto", help="How a run is shown while it goes; auto: RLM_PROGRESS"
    ).tag(config=True)

    def configured(self, name: str, environment: Mapping[str, str] = os.environ) -> Configured:
        """Return the value of one default and where it comes from. Raises UsageError for a bad variable."""
        own = getattr(self, name)
        if own is not None and own not in ("", "auto"):
            return Configured(name, own, "%config")
        variable = VARIABLES[name]
        if text := environment.get(variable, "").strip():
            return Configured(name, _parsed(variable, text, KINDS[name]), variable)
        return Configured(name, _default(name), "default")

    def budget(self) -> Budget:
        """Return the budget of a run that is given no limits of its own."""
        return Budget(**{limit: self.configured(name).value for name, limit in LIMITS.items()})

    def named(self, name: str) -> str:
        """Return a default that is a word; for a model "" leaves the choice to the keys that are set."""
        return str(self.configured(name).value or "")


@dataclass(frozen=True, slots=True)
class Configured:
    """A default: its name, its value, and where that comes from (%config, a variable's name, default)."""

    name: str
    value: Any
    source: str


KINDS: Mapping[str, type] = {
    "model": str,
    "sub_model": str,
    "max_steps": int,
    "max_depth": int,
    "timeout": float,
    "step_timeout": float,
    "max_sub_calls": int,
    "max_tokens": int,
    "max_cost": float,
    "cache": bool,
    "progress": str,
}
VARIABLES: Mapping[str, str] = {
    **{name: f"RLM_{name.upper()}" for name in KINDS},
    # RLM_CACHE is where the segments of remote texts are kept.
    "cache": "RLM_REPLY_CACHE",
    "progress": PROGRESS_VARIABLE,
}
"""The environment variable below each default."""

_SWITCHES = {"1": True, "on": True, "true": True, "yes": True, "0": False, "off": False, "false": False}
_SWITCHES["no"] = False


def _parsed(variable: str, text: str, kind: type) -> Any:
    try:
        return _SWITCHES[text.lower()] if kind is bool else kind(text)
    except (ValueError, KeyError) as error:
        wanted = {int: "a whole number", float: "a number", bool: "on or off"}[kind]
        raise UsageError(f"the environment variable {variable} is {text!r}; set it to {wanted}") from error


def _default(name: str) -> Any:
    if name in LIMITS:
        return getattr(Budget(), LIMITS[name])
    return {"cache": False, "progress": "auto"}.get(name, "")
