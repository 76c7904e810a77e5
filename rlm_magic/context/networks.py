"""The connections that texts read over: those of one bucket share theirs, a directory has its own."""

from __future__ import annotations

from collections.abc import Hashable
from functools import partial

from ..config import ContextConfig
from .connections import Connections
from .recent import Recent

_KEPT = 4


def network_for(config: ContextConfig, *, is_remote: bool, shared_as: Hashable) -> Connections:
    """Return the connections to a store; the same ones for the same `shared_as`, unless that is None."""
    if not is_remote:
        threads = config.read_threads
        return Connections(threads, background=max(1, threads - 1), idle_s=config.connection_idle_s)
    if shared_as is None:
        return _remote(config)
    return _SHARED.get((shared_as, config), partial(_remote, config))


def _remote(config: ContextConfig) -> Connections:
    return Connections(
        config.connections,
        background=config.background_connections,
        idle_s=config.connection_idle_s,
        fewest=config.fewest_connections,
    )


_SHARED: Recent[Connections] = Recent(_KEPT)
