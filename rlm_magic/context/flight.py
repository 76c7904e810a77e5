"""One request on its way, shared by all who want a segment of it."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field

from .connections import Job
from .plan import Request
from .segment import Segment


@dataclass(slots=True, eq=False, kw_only=True)
class Flight:
    """`landed` gets what it brought: nothing when it failed (then `error` says why) or was dropped.

    Without a `job` it is flown by the thread that asked. `began` is on the monotonic clock, in seconds.
    """

    request: Request
    keep: bool
    owner: object = None
    is_ahead: bool = False
    job: Job | None = None
    began: float | None = None
    error: BaseException | None = None
    landed: Future[dict[int, Segment]] = field(default_factory=Future)
