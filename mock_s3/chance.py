"""Seeded choices that are the same under every version of Python.

Of `random.Random`, only the sequence of `random()` is promised to stay; the choices here are made from that.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Chance:
    """A seeded source of choices."""

    def __init__(self, seed: object) -> None:
        self.random = random.Random(str(seed)).random

    def pick(self, choices: Sequence[T]) -> T:
        """Return one of the choices."""
        return choices[int(self.random() * len(choices))]

    def between(self, low: int, high: int) -> int:
        """Return a whole number from `low` to `high`, both included."""
        return low + int(self.random() * (high - low + 1))

    def happens(self, probability: float) -> bool:
        """Return true as often as `probability` says."""
        return self.random() < probability
