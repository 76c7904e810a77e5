"""What a run has spent, against what it may spend. Safe to use from several threads at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields

from ..config import Budget
from ..errors import BudgetError, BudgetExceeded
from ..records import Usage


@dataclass(slots=True)
class Reservation:
    """One call's place in the ledger; `settle` replaces the estimate by what the call consumed."""

    model: str
    usage: Usage = field(default_factory=Usage)

    def settle(self, usage: Usage) -> None:
        """Note what the call really consumed."""
        self.usage = usage


class Ledger:
    """Account for every call of a run, however many threads make them.

    Calls are checked and reserved before they are sent. A limit can thus be passed only by what the calls
    already in flight turn out to consume. `clock` is monotonic seconds.
    """

    def __init__(self, budget: Budget, *, clock: Callable[[], float] = time.monotonic) -> None:
        check_budget(budget)
        self.budget = budget
        self._clock = clock
        self._started = clock()
        self._lock = threading.Lock()
        self._usage: dict[str, Usage] = {}
        self._sub_calls = 0
        self._reserved_tokens = 0
        self.refused: str | None = None
        """The limit that last refused a call, by its name in Budget."""

    @property
    def usage(self) -> Mapping[str, Usage]:
        """What was consumed so far, per model name."""
        with self._lock:
            return dict(self._usage)

    @property
    def sub_calls(self) -> int:
        """How many sub-calls were sent."""
        return self._sub_calls

    @property
    def seconds(self) -> float:
        """Seconds since the run began."""
        return self._clock() - self._started

    @property
    def seconds_left(self) -> float | None:
        """Seconds until the run's limit, never negative; None without one."""
        return None if self.budget.seconds is None else max(0.0, self.budget.seconds - self.seconds)

    @property
    def spent(self) -> str | None:
        """The limit that forbids any further call, by its name in Budget; None while there is none."""
        with self._lock:
            return self._spent(0)

    @contextmanager
    def call(self, model: str, *, tokens: int, sub_call: bool) -> Iterator[Reservation]:
        """Reserve one call of about `tokens` input tokens for the length of the block.

        Raises BudgetExceeded, naming the limit, when the budget does not cover it.
        """
        self._reserve(tokens, sub_call)
        reservation = Reservation(model)
        try:
            yield reservation
        finally:
            with self._lock:
                self._reserved_tokens -= tokens
                self._usage[model] = self._usage.get(model, Usage()) + reservation.usage

    def _reserve(self, tokens: int, sub_call: bool) -> None:
        with self._lock:
            limit = self._spent(tokens)
            if limit is None and sub_call and self._at_limit(self._sub_calls, self.budget.sub_calls):
                limit = "sub_calls"
            if limit is not None:
                self.refused = limit
                raise BudgetExceeded(self._refusal(limit), limit=limit)
            self._sub_calls += sub_call
            self._reserved_tokens += tokens

    def _spent(self, tokens: int) -> str | None:
        total = sum(self._usage.values(), Usage())
        budget = self.budget
        if self._at_limit(self.seconds, budget.seconds):
            return "seconds"
        if self._at_limit(total.tokens + self._reserved_tokens + max(0, tokens - 1), budget.tokens):
            return "tokens"
        # An unknown cost cannot be bounded; Run refuses such a budget before it starts.
        if total.cost_usd is not None and self._at_limit(total.cost_usd, budget.cost_usd):
            return "cost_usd"
        return None

    @staticmethod
    def _at_limit(value: float, limit: float | None) -> bool:
        return limit is not None and value >= limit

    def _refusal(self, limit: str) -> str:
        allowed = getattr(self.budget, limit)
        return f"this call was not sent: the run's budget of {limit}={allowed:,} does not cover it"


def check_budget(budget: Budget) -> None:
    """Raise BudgetError for a limit that is not a number or that no run could keep."""
    for item in fields(budget):
        value = getattr(budget, item.name)
        optional = item.name not in ("steps", "cell_seconds")
        if value is None and optional:
            continue
        lowest = 1 if item.name == "steps" else 0
        whole = item.name in ("steps", "sub_calls", "tokens")
        number = int if whole else (int, float)
        if isinstance(value, bool) or not isinstance(value, number) or not value >= lowest:
            allowed = f"a {'whole ' if whole else ''}number of at least {lowest}" + (
                " or None for no limit" if optional else ""
            )
            raise BudgetError(f"budget {item.name}={value!r}: give {allowed}")
    if budget.cell_seconds == 0:
        raise BudgetError("budget cell_seconds=0: no cell could run; give more than 0")
