"""What the connections of one server share."""

from __future__ import annotations

import asyncio
import itertools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from .faults import FaultPlan
from .network import Link, Network
from .service import Service
from .stats import Counts

_THREADS = 32  # most of them wait for files, or for one that hashes


@dataclass(slots=True)
class State:
    """Service, network, faults and counts. Only `service` is used by threads."""

    service: Service
    link: Link
    plan: FaultPlan
    seed: int
    counts: Counts = field(default_factory=Counts)
    threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(_THREADS, "mock_s3"))
    transports: set[asyncio.Transport] = field(default_factory=set)
    """The open connections."""
    request_ids: itertools.count[int] = field(default_factory=lambda: itertools.count(1))


def new_state(directory: str, *, network: Network, faults: str, seed: int) -> State:
    """Return the state of a server over a directory. Raises ValueError for a bad fault plan."""
    return State(
        service=Service(directory),
        link=Link(network, seed=seed),
        plan=FaultPlan(faults, seed=seed),
        seed=seed,
    )
