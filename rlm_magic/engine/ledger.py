"""What a run has spent, against what it may spend. Safe to use from several threads at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from typing import Any

from ..config import Budget
from ..errors import BudgetError, BudgetExceeded
from ..records import Usage

_REQUIRED = ("steps", "cell_seconds", "max_depth", "child_steps")
_WHOLE = ("steps", "sub_calls", "tokens", "max_depth", "child_steps")


@dataclass(slots=True)
class Reservation:
    """One call's place in the ledger; `settle` replaces the estimate by what the call consumed."""

    model: str
    usage: Usage = field(default_factory=Usage)
    withdrawn: bool = False

    def settle(self, usage: Usage) -> None:
        """Note what the call really consumed."""
        self.usage = usage

    def withdraw(self) -> None:
        """Undo it: the provider did not take the call, and it will be made again."""
        self.withdrawn = True


@dataclass(frozen=True, slots=True)
class Left:
    """What may still be spent; None where there is no limit."""

    seconds: float | None
    sub_calls: int | None
    tokens: int | None
    cost_usd: float | None


class Ledger:
    """Account for every call of a run, however many threads make them.

    Calls are checked and reserved before they are sent. A limit can thus be passed only by what the calls
    already in flight turn out to consume. `clock` is monotonic seconds.

    A child run has a ledger of its own, whose `parent` is asked first and charged too: the limits are those
    of the whole tree, the usage is the child's. `spent` is what an earlier part of this run has consumed, in
    the course of `spent_sub_calls` sub-calls; its seconds, `earlier_s`, do not count again.
    """

    def __init__(
        self,
        budget: Budget,
        *,
        clock: Callable[[], float] = time.monotonic,
        parent: Ledger | None = None,
        spent: Mapping[str, Usage] | None = None,
        spent_sub_calls: int = 0,
        earlier_s: float = 0.0,
    ) -> None:
        check_budget(budget)
        self.budget = budget
        self._clock = clock
        self._parent = parent
        self._started = clock()
        self._held_at: float | None = None
        self._lock = threading.Lock()
        self._usage: dict[str, Usage] = dict(spent or {})
        self._sub_calls = spent_sub_calls
        self._earlier_s = earlier_s
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
        return (self._clock() if self._held_at is None else self._held_at) - self._started

    def hold(self) -> None:
        """Let the run's clock stand still until `go_on`, while a person decides and no call is under way."""
        if self._held_at is None:
            self._held_at = self._clock()

    def go_on(self) -> bool:
        """Let the run's clock go on. Returns whether it stood still."""
        if self._held_at is None:
            return False
        self._started += self._clock() - self._held_at
        self._held_at = None
        return True

    @property
    def seconds_in_all(self) -> float:
        """Seconds that the run has gone on, those before it was resumed included: the time of its record."""
        return self._earlier_s + self.seconds

    @property
    def seconds_left(self) -> float | None:
        """Seconds until the run's limit, never negative; None without one."""
        return self.left().seconds

    def left(self) -> Left:
        """Return what is left of every limit, of the whole tree."""
        budget = self.budget
        with self._lock:
            total = sum(self._usage.values(), Usage())
        own = Left(
            _difference(budget.seconds, self.seconds),
            _difference(budget.sub_calls, self._sub_calls),
            _difference(budget.tokens, total.tokens),
            _difference(budget.cost_usd, total.cost_usd or 0.0),
        )
        if self._parent is None:
            return own
        above = self._parent.left()
        return Left(*(_least(getattr(own, item.name), getattr(above, item.name)) for item in fields(Left)))

    def child(self) -> Ledger:
        """Return the ledger of a child run: its steps are limited by `child_steps`, the rest by this one."""
        budget = replace(
            self.budget,
            steps=self.budget.child_steps,
            seconds=None,
            sub_calls=None,
            tokens=None,
            cost_usd=None,
        )
        return Ledger(budget, clock=self._clock, parent=self)

    @property
    def root_budget(self) -> Budget:
        """The budget of the whole tree."""
        return self.budget if self._parent is None else self._parent.root_budget

    @property
    def spent(self) -> str | None:
        """The limit that forbids any further call, by its name in Budget; None while there is none."""
        if self._parent is not None and (limit := self._parent.spent) is not None:
            return limit
        with self._lock:
            return self._spent(0)

    @contextmanager
    def call(self, model: str, *, tokens: int, sub_call: bool) -> Iterator[Reservation]:
        """Reserve one call of about `tokens` input tokens for the length of the block.

        Raises BudgetExceeded, naming the limit, when the budget does not cover it.
        """
        reservation = Reservation(model)
        self._reserve(tokens, sub_call)
        try:
            yield reservation
        finally:
            self._release(reservation, tokens, sub_call)

    def refuse(self, limit: str, message: str) -> BudgetExceeded:
        """Note that a call was refused for the sake of `limit`, and return the error to raise."""
        self.refused = limit
        return BudgetExceeded(message, limit=limit)

    def _reserve(self, tokens: int, sub_call: bool) -> None:
        if self._parent is not None:
            try:
                self._parent._reserve(tokens, sub_call)
            except BudgetExceeded as refused:
                self.refused = refused.limit
                raise
        with self._lock:
            limit = self._spent(tokens)
            if limit is None and sub_call and self._at_limit(self._sub_calls, self.budget.sub_calls):
                limit = "sub_calls"
            if limit is not None:
                raise self.refuse(limit, self._refusal(limit))
            self._sub_calls += sub_call
            self._reserved_tokens += tokens

    def _release(self, reservation: Reservation, tokens: int, sub_call: bool) -> None:
        with self._lock:
            self._reserved_tokens -= tokens
            if reservation.withdrawn:
                self._sub_calls -= sub_call
            elif reservation.usage != Usage():
                spent = self._usage.get(reservation.model, Usage())
                self._usage[reservation.model] = spent + reservation.usage
        if self._parent is not None:
            self._parent._release(reservation, tokens, sub_call)

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


def _difference(limit: float | None, spent: float) -> Any:
    return None if limit is None else max(type(limit)(0), limit - spent)


def _least(one: Any, other: Any) -> Any:
    known = [number for number in (one, other) if number is not None]
    return min(known, default=None)


def check_budget(budget: Budget) -> None:
    """Raise BudgetError for a limit that is not a number or that no run could keep."""
    for item in fields(budget):
        value = getattr(budget, item.name)
        optional = item.name not in _REQUIRED
        if value is None and optional:
            continue
        lowest = 1 if item.name in ("steps", "child_steps") else 0
        whole = item.name in _WHOLE
        number = int if whole else (int, float)
        if isinstance(value, bool) or not isinstance(value, number) or not value >= lowest:
            allowed = f"a {'whole ' if whole else ''}number of at least {lowest}" + (
                " or None for no limit" if optional else ""
            )
            raise BudgetError(f"budget {item.name}={value!r}: give {allowed}")
    if budget.cell_seconds == 0:
        raise BudgetError("budget cell_seconds=0: no cell could run; give more than 0")
