"""Latency and bandwidth: the arithmetic with a clock of our own, the server by what overtakes what."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mock_s3
from mock_s3.network import Link, Network, TokenBucket

from .raw import Raw, ask, request


@settings(deadline=None)
@given(
    sizes=st.lists(st.integers(1, 10_000), min_size=1, max_size=20),
    gaps=st.lists(st.floats(0, 5), min_size=20, max_size=20),
)
def test_a_link_never_carries_more_than_its_rate(sizes: list[int], gaps: list[float]) -> None:
    bucket, now, ends = TokenBucket(1000, slack_s=0), 0.0, [0.0]
    for size, gap in zip(sizes, gaps, strict=False):
        now += gap
        end = now + bucket.reserve(size, now)
        # A piece takes its time, starting when it comes or when the link is free.
        assert end == pytest.approx(max(now, ends[-1]) + size / 1000)
        ends.append(end)


def test_a_late_sender_catches_up_by_no_more_than_the_slack() -> None:
    bucket = TokenBucket(1000, slack_s=0.5)
    assert bucket.reserve(1000, now=100.0) == 0.5
    assert bucket.reserve(1000, now=100.0) == 1.5
    assert bucket.reserve(1000, now=200.0) == 0.5


def test_connections_share_the_bandwidth_in_all() -> None:
    link = Link(Network(bandwidth_mbps=8, connection_mbps=6), seed=0)
    first, second = link.pacer(), link.pacer()
    assert first is not None
    assert second is not None
    alone = first.send_wait_s(6_000_000, now=0.0)
    assert alone == pytest.approx(8.0, abs=0.02)  # 6 MB at its own 6 Mbit/s
    assert second.send_wait_s(6_000_000, now=0.0) == pytest.approx(12.0, abs=0.02)  # 12 MB at 8 Mbit/s
    assert first.receive_wait_s(6_000_000, now=0.0) == pytest.approx(8.0, abs=0.02)
    assert Link(Network(latency_ms=5), seed=0).pacer() is None


def test_delays_are_latency_and_seeded_jitter() -> None:
    network = Network(latency_ms=100, jitter_ms=50, connect_ms=200)
    link = Link(network, seed=4)
    delays = [link.delay_s(first=False) for _ in range(1000)]
    assert 0.1 <= min(delays) < 0.105
    assert 0.145 < max(delays) < 0.15
    again = Link(network, seed=4)
    assert [again.delay_s(first=False) for _ in range(1000)] == delays
    assert 0.3 <= again.delay_s(first=True) < 0.35
    assert Link(Network(latency_ms=100), seed=0).delay_s(first=False) == 0.1


@pytest.mark.parametrize(
    "settings",
    [
        {"latency_ms": -1},
        {"jitter_ms": float("nan")},
        {"bandwidth_mbps": 0},
        {"connection_mbps": float("inf")},
    ],
)
def test_impossible_networks_are_refused(url: mock_s3.Server, settings: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(settings))):
        Network(**settings)
    with pytest.raises(ValueError, match=next(iter(settings))):
        url.set_network(**settings)


def test_parallel_requests_wait_side_by_side(url: mock_s3.Server, bucket: Path) -> None:
    (bucket / "k").write_bytes(b"data")
    url.set_network(latency_ms=3_600_000)
    connections = [Raw(url) for _ in range(30)]
    for raw in connections:
        raw.send(request("GET", f"/{bucket.name}/k"))
    while url.stats()["in_flight"] < 30:
        pass
    stats = url.stats()
    assert (stats["peak_in_flight"], stats["bytes_out"]) == (30, 0)
    for raw in connections:
        raw.__exit__()
    while url.stats()["in_flight"]:
        pass
    assert [record["status"] for record in url.requests()] == [200] * 30


def test_a_later_request_over_a_nearer_network_overtakes(url: mock_s3.Server, bucket: Path) -> None:
    (bucket / "k").write_bytes(b"data")
    url.set_network(latency_ms=300)
    with Raw(url) as far, Raw(url) as near:
        far.send(request("GET", f"/{bucket.name}/k?far", Range="bytes=0-0"))
        while not url.stats()["in_flight"]:
            pass
        url.set_network(latency_ms=0)
        near.ask("GET", f"/{bucket.name}/k")
        far.answer()
    near_record, far_record = url.requests()
    assert (near_record["range"], far_record["range"]) == ("", "bytes=0-0")
    # By the server's own clock: not a moment less than the round trip.
    assert far_record["ended_s"] - far_record["started_s"] >= 0.3


def test_latency_is_one_round_trip_for_a_whole_body_and_bandwidth_comes_on_top(
    url: mock_s3.Server, bucket: Path
) -> None:
    (bucket / "k").write_bytes(bytes(1_000_000))
    url.set_network(latency_ms=50, connect_ms=100, connection_mbps=80)
    with Raw(url) as raw:
        assert len(raw.ask("GET", f"/{bucket.name}/k").body) == 1_000_000
        assert raw.ask("PUT", f"/{bucket.name}/k", body=bytes(500_000)).status == 200
    read, written = url.requests()
    # 1 MB at 10 MB/s, and up to 10 ms that a sender may catch up; never faster than the model.
    assert read["ended_s"] - read["started_s"] >= 0.05 + 0.1 + 0.1 - 0.011
    assert written["ended_s"] - written["started_s"] >= 0.05
    assert (bucket / "k").read_bytes() == bytes(500_000)


def test_paced_bodies_arrive_unharmed(url: mock_s3.Server, bucket: Path) -> None:
    data = bytes(range(256)) * 2000
    (bucket / "k").write_bytes(data)
    url.set_network(bandwidth_mbps=100, connection_mbps=60)
    with Raw(url) as one, Raw(url) as two:
        for raw in (one, two):
            raw.send(request("GET", f"/{bucket.name}/k"))
        assert one.answer().body == data
        assert two.answer().body == data
    assert ask(url, "PUT", f"/{bucket.name}/up", body=data).status == 200
    assert (bucket / "up").read_bytes() == data


def test_settings_can_be_read_back(url: mock_s3.Server) -> None:
    url.set_network(latency_ms=7, bandwidth_mbps=100)
    url.set_network(jitter_ms=2)
    assert url.network() == Network(latency_ms=7, jitter_ms=2, bandwidth_mbps=100)
    with pytest.raises(ValueError, match="distance_km"):
        url.set_network(distance_km=3)
