"""The segments of a text, wherever they come from, and those of a text that was given in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from ..records import ReadStats
from .segment import Segment


class Segments(Protocol):
    """The segments of one text."""

    @property
    def resident(self) -> Mapping[int, Segment]:
        """Segments by number that can be read without waiting."""
        ...

    @property
    def stats(self) -> ReadStats:
        """What reading has cost so far."""
        ...

    def used(self, number: int, segment: Segment) -> None:
        """Note the first read of a segment whose `ahead` is set."""
        ...

    def load(self, numbers: Sequence[int]) -> list[Segment]:
        """Return the given segments, in order, all of them in memory at once."""
        ...

    def stream(self, numbers: range, *, keep: bool) -> Iterator[Segment]:
        """Yield the given segments, a few in memory at a time; `keep` lets them stay while there is room."""
        ...


class GivenSegments:
    """Segments of a text that was given in memory. They are the only copy, so none is ever evicted."""

    def __init__(self, segments: Sequence[Segment]) -> None:
        self.resident = dict(enumerate(segments))
        self.stats = ReadStats()

    def used(self, number: int, segment: Segment) -> None:  # noqa: ARG002
        """Clear the mark; nothing is ever read ahead here."""
        segment.ahead = None

    def load(self, numbers: Sequence[int]) -> list[Segment]:
        """Return the given segments."""
        return [self.resident[number] for number in numbers]

    def stream(self, numbers: range, *, keep: bool) -> Iterator[Segment]:  # noqa: ARG002
        """Yield the given segments."""
        yield from self.load(numbers)
