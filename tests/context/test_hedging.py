"""A request that is late is asked for a second time; a store that asks for fewer requests gets fewer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

import mock_s3
from mock_s3 import Server
from rlm_magic.config import ContextConfig
from rlm_magic.context import Context, ingest, open_context
from rlm_magic.context.connections import FOREGROUND, READAHEAD, Connections
from rlm_magic.context.pace import Pace
from rlm_magic.errors import StoreUnavailable

from .s3 import make_bucket, point_at

LINES = [f"line {number} {'x' * (number % 60)}\n" for number in range(3_000)]
TEXT = "".join(LINES)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    root = make_bucket(tmp_path_factory.mktemp("s3"), "bucket", {})
    ingest([("log", TEXT)], root / "bucket" / "text", segment_bytes=4_000, object_bytes=4_000)
    with mock_s3.serve(root) as url:
        yield url


@pytest.fixture
def server(running: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    point_at(str(running), monkeypatch)
    monkeypatch.setenv("RLM_CACHE", "off")
    yield running
    running.set_faults("")


def opened(**settings: object) -> Context:
    # The hedge must come long before the request's own time is over, or the test would show nothing.
    config = ContextConfig(request_timeout_s=60.0, retry_first_s=0.01, prefetch_bytes=0, **settings)  # type: ignore[arg-type]
    return open_context("s3://bucket/text/", config=config)


def test_a_stalled_body_is_asked_for_again(server: Server) -> None:
    context = opened()
    for line in range(0, 1_000, 100):
        assert context[line] == LINES[line]
    server.set_faults("stall@1")
    assert context[1_500:] == "".join(LINES[1_500:])
    # One for the stall; on a machine that is busy others may be late, too.
    assert context.stats.hedges >= 1
    assert context.stats.retries == 0


def test_the_very_first_request_may_stall(server: Server) -> None:
    context = opened(hedge_unknown_s=0.1)
    server.set_faults("stall@1")
    assert context[:] == TEXT
    assert context.stats.hedges >= 1


def test_a_hedge_that_stalls_too_ends_at_the_deadline(server: Server) -> None:
    context = opened(hedge_unknown_s=0.1, read_deadline_s=2.0)
    server.reset_stats()
    server.set_faults("stall@1-2")
    with pytest.raises(StoreUnavailable, match=r"did not arrive within 2 s"):
        context[0]
    assert server.stats()["faults"] == {"stall": 2}
    assert context[0] == LINES[0]


def test_the_first_to_fail_leaves_it_to_the_other(server: Server) -> None:
    # The hedge is refused at once; the request it was to replace is slow, but comes.
    context = opened(hedge_unknown_s=0.1)
    server.reset_stats()
    server.set_faults("slow@1 seconds=2, forbidden@2")
    assert context[0] == LINES[0]
    assert context.stats.hedges == 1
    assert server.stats()["faults"] == {"slow": 1, "forbidden": 1}


def test_hedges_are_a_small_share_of_the_requests(server: Server) -> None:
    context = opened(hedge_unknown_s=0.01)
    server.set_network(latency_ms=60)
    try:
        assert context[:] == TEXT
    finally:
        server.set_network(latency_ms=0)
    assert context.stats.hedges <= 4 + 0.05 * context.stats.requests + 1


def test_a_store_that_asks_for_fewer_requests_gets_fewer(server: Server) -> None:
    context = opened()
    # Long enough that all are sent before the first is answered, however busy the machine is.
    server.set_network(latency_ms=200)
    server.reset_stats()
    context[:]
    at_first = server.stats()["peak_in_flight"]
    server.set_network(latency_ms=20)
    again = opened()
    server.set_faults("slowdown@1-10")
    try:
        assert again[0] == LINES[0]
        server.reset_stats()
        assert again[:] == TEXT
    finally:
        server.set_network(latency_ms=0)
    assert again.stats.retries >= 4
    assert server.stats()["peak_in_flight"] < at_first
    assert again.stats.hedges == 0


def test_late_is_what_takes_longer_than_the_others() -> None:
    pace = Pace(unknown_s=2.0)
    assert pace.late_after_s(1) == 2.0
    for _ in range(20):
        pace.note(0.1, 1_000)
    assert pace.late_after_s(1_000) == pytest.approx(0.3)
    assert pace.late_after_s(10_000) == pytest.approx(3.0)
    for _ in range(10):
        pace.note(1.0, 1_000)
    assert pace.late_after_s(1_000) == pytest.approx(1.5)


class Watched:
    """Jobs that wait for each other's end, and how many ran at once."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._changed = threading.Condition()
        self._open = False
        self.running = self.most = self.done = 0

    def submit(self, number: int, priority: int = FOREGROUND) -> None:
        for _ in range(number):
            self._connections.submit(self._run, priority)

    def let_go(self) -> None:
        with self._changed:
            self._open = True
            self._changed.notify_all()

    def _run(self) -> None:
        with self._changed:
            self.running += 1
            self.most = max(self.most, self.running)
            self._changed.wait_for(lambda: self._open)
            self.running -= 1
            self.done += 1


def test_connections_halve_when_told_and_grow_with_success() -> None:
    connections = Connections(16, background=8, idle_s=1.0, fewest=2)
    first = Watched(connections)
    first.submit(20)
    until(lambda: first.running == 16)
    connections.fewer()
    connections.fewer()  # of the same burst
    assert connections.allowed == 8
    first.let_go()
    until(lambda: first.done == 20)
    second = Watched(connections)
    second.submit(20)
    until(lambda: second.running == 8)
    for _ in range(8 * 10 + 100):
        connections.well()
    until(lambda: second.running == 16)
    second.let_go()
    until(lambda: second.done == 20)
    assert second.most == 16


def test_reading_ahead_leaves_connections_free_even_when_there_are_few() -> None:
    connections = Connections(8, background=4, idle_s=1.0, fewest=2)
    ahead, wanted = Watched(connections), Watched(connections)
    wanted.submit(8)
    until(lambda: wanted.running == 8)
    connections.fewer()
    wanted.let_go()
    until(lambda: wanted.done == 8)
    ahead.submit(10, READAHEAD)
    until(lambda: ahead.running == 3)
    reader = Watched(connections)
    reader.submit(1)
    until(lambda: reader.running == 1)
    reader.let_go()
    ahead.let_go()
    until(lambda: ahead.done == 10)
    assert ahead.most == 3


def until(holds: Callable[[], bool]) -> None:
    for _ in range(1_000):
        if holds():
            return
        time.sleep(0.01)
    raise AssertionError("it never happened")
