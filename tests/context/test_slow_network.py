"""A network that is slow is waited for, as long as it brings something."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import mock_s3
from mock_s3 import Server
from rlm_magic.config import ContextConfig
from rlm_magic.context import ingest, open_context
from rlm_magic.context.address import Access, parse
from rlm_magic.context.stores.connect import RemoteStore

from .s3 import make_bucket, point_at

TEXT = "".join(f"line {number} {'x' * (number % 60)}\n" for number in range(10_000))


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    root = make_bucket(tmp_path_factory.mktemp("s3"), "bucket", {"plain.txt": TEXT.encode()})
    ingest([("log", TEXT)], root / "bucket" / "text", segment_bytes=20_000, object_bytes=40_000)
    monkeypatch.setenv("RLM_CACHE", "off")
    with mock_s3.serve(root) as url:
        point_at(str(url), monkeypatch)
        yield url


def slow_down(server: Server) -> None:
    """Let all of the text take two seconds."""
    server.set_network(bandwidth_mbps=len(TEXT) * 8 / 2 / 1e6)


def test_a_wide_slice_may_take_longer_than_one_request_alone(server: Server) -> None:
    context = open_context(
        "s3://bucket/text/", config=ContextConfig(read_deadline_s=0.5, slowest_bytes_per_s=10_000)
    )
    slow_down(server)
    assert context[:] == TEXT
    assert context.stats.stall_s > 1


def test_a_large_answer_may_take_longer_than_silence(server: Server) -> None:
    slow_down(server)
    context = open_context("s3://bucket/plain.txt", config=ContextConfig(request_timeout_s=1.0))
    assert context[:] == TEXT


def test_what_is_sent_may_take_longer_than_silence(server: Server) -> None:
    config = ContextConfig(request_timeout_s=0.5, read_attempts=1)
    store = RemoteStore(parse("s3://bucket/"), access=Access(), config=config)
    slow_down(server)
    store.put("sent.txt", [TEXT.encode()])
    server.set_network(bandwidth_mbps=None)
    assert store.get("sent.txt") == TEXT.encode()
