"""What reading does about faults, and about what is read ahead; all faults are in test_fault_matrix."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

import pytest

import mock_s3
from mock_s3 import Server
from rlm_magic.config import ContextConfig
from rlm_magic.context import Context, ingest, open_context
from rlm_magic.context.fetch import StoredSegments
from rlm_magic.context.retry import may_pass, pause_s
from rlm_magic.errors import IntegrityError, SegmentMissing, StoreUnavailable

from .s3 import make_bucket, point_at

LINES = [f"línea {number} {'x' * (number % 60)}\n" for number in range(3_000)]
TEXT = "".join(LINES)
QUICK = ContextConfig(retry_first_s=0.01, read_deadline_s=8.0)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    root = make_bucket(tmp_path_factory.mktemp("s3"), "bucket", {})
    ingest([("log", TEXT)], root / "bucket" / "text", segment_bytes=4_000, object_bytes=20_000)
    with mock_s3.serve(root) as url:
        yield url


@pytest.fixture
def server(running: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    point_at(str(running), monkeypatch)
    yield running
    running.set_faults("")


def opened(config: ContextConfig = QUICK) -> Context:
    return open_context("s3://bucket/text/", config=config)


def engine(context: Context) -> StoredSegments:
    segments = context._text.segments
    assert isinstance(segments, StoredSegments)
    return segments


@pytest.mark.parametrize("fault", ["slowdown", "error", "reset", "cut", "flip", "short"])
def test_a_fault_that_passes_leaves_the_text_right(server: Server, fault: str) -> None:
    context = opened()
    server.set_faults(f"{fault}@1 per=key")
    assert context[:] == TEXT
    if fault in ("slowdown", "error", "flip"):
        assert context.stats.retries > 0


def test_asking_again_leaves_the_random_numbers_of_the_user_alone(server: Server) -> None:
    context = opened()
    server.set_faults("error@1 per=key")
    random.seed(7)
    seeded = random.getstate()
    assert context[:] == TEXT
    assert context.stats.retries > 0
    assert random.getstate() == seeded


def test_a_refusal_is_not_asked_again(server: Server) -> None:
    context = opened()
    server.set_faults("forbidden verb=GET")
    with pytest.raises(StoreUnavailable, match="403"):
        context[0]
    assert (context.stats.requests, context.stats.retries) == (1, 0)


def test_a_stalled_body_ends_at_the_deadline_and_can_be_read_anew(server: Server) -> None:
    # No second request is sent for it, and no timeout of its own ends it before.
    context = opened(ContextConfig(read_deadline_s=2.0, hedge_unknown_s=60.0, request_timeout_s=60.0))
    server.set_faults("stall@1")
    with pytest.raises(StoreUnavailable, match=r"did not arrive within 2 s \(lines 0 to"):
        context[0]
    assert context[0] == LINES[0]


def test_prefetched_segments_are_read_without_another_request(server: Server) -> None:
    context = opened()
    segments = engine(context)
    told: list[tuple[list[int], bool]] = []
    segments.listener = lambda numbers, stalled: told.append((list(numbers), stalled))
    segments.prefetch([0, 1, 2], priority=2, owner="scan")
    _until(lambda: not segments._flights.under_way)
    assert {0, 1, 2} <= set(segments.resident)
    requests = context.stats.requests
    assert context[0] == LINES[0]
    assert (context.stats.requests, told) == (requests, [([0], False)])
    assert 0 < context.stats.prefetched_used_bytes < context.stats.prefetched_bytes
    context[-1]
    assert told[-1][1]


def test_a_cancelled_prefetch_is_dropped_and_the_text_stays_readable(server: Server) -> None:
    context = opened(ContextConfig(connections=3, background_connections=1, split_bytes=1))
    segments = engine(context)
    numbers = range(len(segments.extents.objects))
    server.set_network(latency_ms=100)
    try:
        segments.prefetch(numbers, priority=3, owner="a")
        segments.cancel("a")
        assert context[-5:] == "".join(LINES[-5:])
        assert context.stats.requests <= 5
    finally:
        server.set_network(latency_ms=0)
    assert context[:] == TEXT


def test_what_is_read_ahead_is_bounded(server: Server) -> None:
    context = opened(ContextConfig(prefetch_bytes=9_000))
    segments = engine(context)
    segments.prefetch(range(len(segments.extents.objects)), priority=2, owner="a")
    _until(lambda: context.stats.prefetched_bytes > 0 and not segments._flights.under_way)
    assert context.stats.prefetched_bytes <= 9_000


def test_evicted_unread_bytes_count_as_wasted(server: Server) -> None:
    context = opened(ContextConfig(memory_bytes=12_000))
    segments = engine(context)
    segments.listener = None  # nothing else is to read ahead
    segments.prefetch([0], priority=2, owner="a")
    _until(lambda: 0 in segments.resident)
    for number in range(4, 16):
        segments.load([number])
    assert 0 not in segments.resident
    assert (
        context.stats.prefetched_wasted_bytes == context.stats.prefetched_bytes == segments.extents.lengths[0]
    )
    assert context[0] == LINES[0]


def test_what_is_retried() -> None:
    slow, passing, final = (
        StoreUnavailable("slow down", status=503),
        StoreUnavailable("internal error", status=500),
        StoreUnavailable("forbidden", status=403),
    )
    assert may_pass(slow, attempt=9, attempts=2)
    assert may_pass(passing, attempt=1, attempts=2)
    assert not may_pass(passing, attempt=2, attempts=2)
    assert not may_pass(final, attempt=1, attempts=9)
    assert may_pass(StoreUnavailable("slow down", status=429), attempt=1, attempts=2)
    assert may_pass(IntegrityError("x"), attempt=1, attempts=9)
    assert not may_pass(IntegrityError("x"), attempt=2, attempts=9)
    assert not may_pass(SegmentMissing("x"), attempt=1, attempts=9)
    assert [pause_s(n, first_s=1, most_s=5, chance=0.5) for n in (1, 2, 3, 4)] == [0.5, 1.0, 2.0, 2.5]


def _until(holds: object) -> None:
    for _ in range(3_000):
        if holds():  # type: ignore[operator]
            return
        time.sleep(0.01)
    raise AssertionError("it never happened")
