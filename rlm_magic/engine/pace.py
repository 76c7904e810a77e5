"""How fast each model may be asked: as fast as wanted, until its provider says that it is too fast."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass


@dataclass(slots=True)
class _State:
    in_flight: int = 0
    limit: float | None = None
    not_before: float = 0.0
    slowed_at: float = float("-inf")
    refusals: int = 0


class Pace:
    """The pace of every model, by name. Safe to use from several threads.

    A refusal for the rate halves the calls in flight and pauses; each reply lets their number grow by a
    fraction of a call, so that it takes a round of replies to allow one more. `refusals` in a row double the
    pause. Calls that were under way when the pace was cut do not cut it again.
    """

    def __init__(self, *, first_s: float, most_s: float) -> None:
        self._first_s = first_s
        self._most_s = most_s
        self._lock = threading.Lock()
        self._states: dict[str, _State] = {}
        # Of our own: a pause must not move what the user, or the model's code, has seeded.
        self._chance = random.Random()

    def admit(self, model: str) -> bool:
        """Return whether a call may be sent now; if so, it counts as in flight."""
        with self._lock:
            state = self._states.setdefault(model, _State())
            full = state.limit is not None and state.in_flight >= max(1, int(state.limit))
            if full or time.monotonic() < state.not_before:
                return False
            state.in_flight += 1
            return True

    def left(self, model: str) -> None:
        """Note that a call is no longer in flight."""
        with self._lock:
            self._states[model].in_flight -= 1

    def replied(self, model: str) -> None:
        """Let the number of calls grow again, after a reply."""
        with self._lock:
            state = self._states[model]
            state.refusals = 0
            if state.limit is not None:
                state.limit += 1 / state.limit

    def refused(self, model: str, *, sent_at: float, retry_after_s: float | None) -> None:
        """Slow down after a refusal of a call that was sent at `sent_at` (monotonic seconds)."""
        with self._lock:
            state = self._states[model]
            if sent_at >= state.slowed_at:
                state.slowed_at = time.monotonic()
                state.limit = max(1.0, (state.in_flight + 1) / 2)
                state.refusals += 1
            wait_s = self._pause_s(state.refusals) if retry_after_s is None else retry_after_s
            state.not_before = max(state.not_before, time.monotonic() + wait_s)

    def _pause_s(self, refusals: int) -> float:
        longest_s = min(self._most_s, self._first_s * 2 ** (refusals - 1))
        # Random, or the calls of several notebooks that were refused together would come back together.
        return self._chance.uniform(longest_s / 2, longest_s)
