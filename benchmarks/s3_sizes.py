"""How much the S3 benchmark measures."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How much is measured, and how often. The defaults are those of the published figures."""

    repetitions: int = 5
    far_ms: float = 150
    near_ms: float = 20
    separate_lines: int = 1_000
    """Lines in each of the 50 separate objects."""
    many_objects: int = 1_000
    many_megabytes: int = 100
    sequential_part: int = 40
    """Of the many objects, boto3 reads so many one by one; the rest is scaled."""
    think_s: float = 0.5
    scan_steps: int = 60
    step_lines: int = 2_000
    jumps: int = 20
    reply_s: float = 0.3
    """From the slice in a reply to the reply's end."""
    queued: int = 500
    large_megabytes: int = 1_000
    large_ms: float = 20
    manifest_segments: tuple[int, int] = (10_000, 1_000_000)


QUICK = Sizes(
    repetitions=1,
    far_ms=10,
    near_ms=5,
    separate_lines=20,
    many_objects=520,
    many_megabytes=2,
    sequential_part=5,
    think_s=0.05,
    scan_steps=6,
    step_lines=100,
    jumps=3,
    reply_s=0.05,
    queued=250,
    large_megabytes=3,
    large_ms=1,
    manifest_segments=(100, 1_000),
)
