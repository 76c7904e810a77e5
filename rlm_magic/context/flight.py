"""One request on its way, shared by all who want a segment of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from .connections import Job
from .latch import Latch
from .plan import Request
from .segment import Segment


@dataclass(slots=True, eq=False, kw_only=True)
class Flight:
    """`landed` gets what it brought: nothing when it failed (then `error` says why) or was dropped.

    Without a `job` it is flown by the thread that asked. `began` is on the monotonic clock, in seconds.
    `owner` is on whose behalf it is read ahead, None for a reader who waits. `hedge` is the second attempt
    at one that is late; `attempts` counts those under way. `is_here` says that the bytes have come and are
    being checked, `from_disk` that the disk tier seems to hold it. `shares_bytes` is what it shares the
    network with, itself included.
    """

    request: Request
    keep: bool
    owner: object = None
    from_disk: bool = False
    is_here: bool = False
    shares_bytes: int = 0
    job: Job | None = None
    hedge: Job | None = None
    attempts: int = 1
    began: float | None = None
    error: BaseException | None = None
    landed: Latch[dict[int, Segment]] = field(default_factory=Latch)

    @property
    def is_ahead(self) -> bool:
        """Whether nobody waited for it when it was begun."""
        return self.owner is not None
