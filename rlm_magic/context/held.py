"""How much of a context is near at hand. Nothing is read from a store for it."""

from __future__ import annotations

from dataclasses import dataclass

from .context import Context
from .fetch import StoredSegments


@dataclass(frozen=True, slots=True)
class Held:
    """Of how many `segments` the context is made, and how many of them are in memory and on disk."""

    segments: int
    in_memory: int
    on_disk: int


def held(context: Context) -> Held:
    """Return how many segments of a context can be read without asking its store."""
    layout, segments = context._text.layout, context._text.segments
    numbers = layout.segments_between(context._span.start, context._span.stop)
    on_disk = len(segments.on_disk(numbers)) if isinstance(segments, StoredSegments) else 0
    return Held(len(numbers), sum(number in segments.resident for number in numbers), on_disk)
