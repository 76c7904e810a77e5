"""The process around the server: it is there with the block, and gone with it or with its parent."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

import mock_s3

from .raw import Raw, ask, request

ROOT = Path(__file__).resolve().parents[2]


def accepts(url: str) -> bool:
    try:
        with Raw(url):
            return True
    except ConnectionRefusedError:
        return False


def wait_until_gone(url: str) -> None:
    while accepts(url):
        time.sleep(0.01)


def test_the_url_is_a_str_and_the_server_ends_with_the_block(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "k").write_bytes(b"data")
    with mock_s3.serve(tmp_path, latency_ms=1) as url:
        assert isinstance(url, str)
        assert urlsplit(url).scheme == "http"
        assert ask(url, "GET", "/b/k").body == b"data"
        assert url.network().latency_ms == 1
        copy = pickle.loads(pickle.dumps(url))
        assert copy == url
        assert copy.stats()["requests"] == 1
    assert not accepts(url)
    with pytest.raises(mock_s3.MockS3Error, match="does not answer"):
        url.stats()


def test_the_server_ends_when_the_block_raises_and_when_requests_are_open(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "k").write_bytes(b"data")
    seen: list[str] = []

    def fail_with_a_request_open() -> None:
        with mock_s3.serve(tmp_path, latency_ms=3_600_000) as url, Raw(url) as waiting:
            waiting.send(request("GET", "/b/k"))
            seen.append(url)
            raise KeyError

    with pytest.raises(KeyError):
        fail_with_a_request_open()
    assert not accepts(seen[0])


def test_the_server_ends_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    code = (
        "import sys, mock_s3\n"
        "with mock_s3.serve(sys.argv[1]) as url:\n"
        "    print(url, flush=True)\n"
        "    sys.stdin.read()\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        text=True,
    )
    assert parent.stdout is not None
    url = parent.stdout.readline().strip()
    assert accepts(url)
    parent.send_signal(signal.SIGKILL)
    parent.communicate()
    wait_until_gone(url)


def test_a_server_that_dies_in_between_is_an_error(tmp_path: Path) -> None:
    def kill_it() -> None:
        with mock_s3.serve(tmp_path) as url:
            os.kill(url.pid(), signal.SIGKILL)
            wait_until_gone(url)

    with pytest.raises(mock_s3.MockS3Error, match="died"):
        kill_it()


def refusal(error: type[Exception], directory: Path, **options: Any) -> str:
    with pytest.raises(error) as caught, mock_s3.serve(directory, **options):
        pass
    return str(caught.value)


def test_what_cannot_be_served_is_said_at_once(tmp_path: Path) -> None:
    assert "not a directory" in refusal(mock_s3.MockS3Error, tmp_path / "none")
    assert "latency_ms=-1" in refusal(ValueError, tmp_path, latency_ms=-1)
    assert "nonsense" in refusal(ValueError, tmp_path, faults="nonsense")
    with mock_s3.serve(tmp_path) as url:
        port = urlsplit(url).port
        assert f"cannot listen on 127.0.0.1:{port}" in refusal(mock_s3.MockS3Error, tmp_path, port=port)


def test_a_directory_named_like_an_option_or_a_module_is_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = tmp_path / "--port=1"
    (odd / "b").mkdir(parents=True)
    (tmp_path / "json.py").write_text("raise SystemExit('the wrong json')")
    monkeypatch.chdir(tmp_path)
    with mock_s3.serve("--port=1") as url:
        assert ask(url, "HEAD", "/b").status == 200


def test_faults_given_at_the_start_hold(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    with mock_s3.serve(tmp_path, faults="slowdown@2", seed=3) as url:
        assert [ask(url, "HEAD", "/b").status for _ in range(3)] == [200, 503, 200]


def test_counts(url: mock_s3.Server, bucket: Path) -> None:
    (bucket / "k").write_bytes(b"12345")
    with Raw(url) as raw:
        raw.ask("GET", f"/{bucket.name}/k")
        raw.ask("GET", f"/{bucket.name}/k", Range="bytes=1-2")
        raw.ask("PUT", f"/{bucket.name}/new", body=b"1234567")
        raw.ask("GET", f"/{bucket.name}/none")
        raw.ask("HEAD", f"/{bucket.name}/k")
    stats = url.stats()
    error_bytes = url.requests()[3]["bytes_out"]
    assert stats["requests"] == 5
    assert stats["verbs"] == {"GET": 3, "PUT": 1, "HEAD": 1}
    assert stats["operations"] == {"GetObject": 3, "PutObject": 1, "HeadObject": 1}
    assert stats["errors"] == {"NoSuchKey": 1}
    assert (stats["bytes_in"], stats["bytes_out"]) == (7, 7 + error_bytes)
    assert (stats["in_flight"], stats["peak_in_flight"]) == (0, 1)
    first, second, third, fourth, fifth = url.requests()
    assert (second["operation"], second["key"], second["range"], second["status"]) == (
        "GetObject", "k", "bytes=1-2", 206,
    )  # fmt: skip
    assert [record["status"] for record in (first, third, fourth, fifth)] == [200, 200, 404, 200]
    url.reset_stats()
    assert url.stats()["requests"] == 0
    assert url.requests() == []


def test_bad_control_requests_change_nothing(url: mock_s3.Server) -> None:
    for verb, path, body, status in [
        ("GET", "/_mock/none", b"", 404),
        ("DELETE", "/_mock/stats", b"", 404),
        ("PUT", "/_mock/network", b"{", 400),
        ("PUT", "/_mock/network", b"[1]", 400),
        ("PUT", "/_mock/network", b'{"latency_ms": "far"}', 400),
        ("PUT", "/_mock/faults", b'{"faults": 3}', 400),
        ("PUT", "/_mock/faults", b'{"fault": "cut"}', 400),
    ]:
        assert ask(url, verb, path, body=body).status == status
    assert url.network() == mock_s3.Network()
    assert url.stats()["requests"] == 0
