"""One server for the whole suite; each test gets a bucket of its own and a quiet server."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import mock_s3

_numbers = itertools.count()


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # In a directory of its own: what is beside it must not change, and other tests' caches are written late.
    path = tmp_path_factory.mktemp("s3") / "served"
    path.mkdir()
    return path


@pytest.fixture(scope="session")
def shared_url(root: Path) -> Iterator[mock_s3.Server]:
    with mock_s3.serve(root) as url:
        yield url


@pytest.fixture
def url(shared_url: mock_s3.Server) -> Iterator[mock_s3.Server]:
    """A server without latency or faults, whatever the test before asked for, counting from zero."""
    shared_url.reset_stats()
    yield shared_url
    shared_url.set_faults("", seed=0)
    shared_url.set_network(latency_ms=0, jitter_ms=0, connect_ms=0, bandwidth_mbps=None, connection_mbps=None)


@pytest.fixture
def bucket(root: Path, url: mock_s3.Server) -> Path:
    """The directory of a new bucket; its name is the bucket's."""
    path = root / f"bucket-{next(_numbers)}"
    path.mkdir()
    return path


@pytest.fixture(scope="session")
def s3(shared_url: mock_s3.Server) -> Any:
    """A boto3 client of the shared server, path style, without retries."""
    return boto3_client(shared_url)


def boto3_client(url: str) -> Any:
    import boto3
    from botocore.config import Config

    return boto3.client(
        "s3",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
    )
