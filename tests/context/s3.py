"""S3 for tests: mock_s3 and moto, each a server on loopback, and the environment that points at them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import mock_s3


def point_at(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the AWS environment name a server, and nothing of the user's own."""
    isolate(monkeypatch)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


def isolate(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take everything of AWS out of the environment."""
    import os

    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def settle() -> None:
    """Wait for what opening asked for and did not need: it asks for a manifest and for a listing at once."""
    for thread in threading.enumerate():
        if thread.name == "rlm open":
            thread.join()


def wait_for_server(server: mock_s3.Server) -> None:
    """Wait until no request is on its way any more."""
    for _ in range(3_000):
        if not server.stats()["in_flight"]:
            return
        time.sleep(0.01)
    raise AssertionError("requests are still on their way")


def forget_requests(server: mock_s3.Server) -> None:
    """Let the server count from here: nothing that was asked before is still on its way."""
    settle()
    server.reset_stats()


@contextmanager
def moto() -> Iterator[str]:
    """Yield the URL of a moto server in this process."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def make_bucket(root: Path, bucket: str, objects: dict[str, bytes]) -> Path:
    """Write objects as mock_s3 serves them."""
    (root / bucket).mkdir(parents=True, exist_ok=True)
    for key, data in objects.items():
        path = root / bucket / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return root
