"""A server in a process of its own, for as long as a `with` block lasts."""

from __future__ import annotations

import http.client
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast
from urllib.parse import urlsplit

from .config import CONTROL_PREFIX, CONTROL_TIMEOUT_S, HOST, START_TIMEOUT_S, STOP_TIMEOUT_S
from .errors import MockS3Error
from .faults import parse_faults
from .network import Network
from .stats import RequestRecord, Stats

_DEFAULT = Network()


class Server(str):
    """The URL of a running server, which is all that clients need; its methods watch and steer it.

    It may be pickled and used from other processes. Every method raises MockS3Error when the server is gone.
    """

    __slots__ = ()

    def stats(self) -> Stats:
        """Return the counts since the start or the last reset."""
        return cast(Stats, self._control("GET", "stats"))

    def requests(self) -> list[RequestRecord]:
        """Return the latest finished requests (up to 20,000), in the order in which they ended."""
        return cast("list[RequestRecord]", self._control("GET", "requests"))

    def pid(self) -> int:
        """Return the id of the server's process, for measuring it or ending it."""
        return cast(int, self._control("GET", "process")["pid"])

    def reset_stats(self) -> None:
        """Start counting anew."""
        self._control("POST", "reset")

    def network(self) -> Network:
        """Return the network as it is modelled now."""
        return Network(**self._control("GET", "network"))

    def set_network(self, **settings: float | None) -> None:
        """Change some of the settings of `Network`; the others stay. Raises ValueError for a bad one."""
        self._control("PUT", "network", settings)

    def set_faults(self, faults: str, *, seed: int | None = None) -> None:
        """Replace the plan of faults ("" for none) and start it anew. Raises ValueError for a bad plan."""
        given: dict[str, object] = {"faults": faults}
        self._control("PUT", "faults", given if seed is None else {**given, "seed": seed})

    def _control(self, verb: str, action: str, given: dict[str, Any] | None = None) -> Any:
        # http.client and not urllib: a proxy set in the environment has no part in this.
        connection = http.client.HTTPConnection(urlsplit(self).netloc, timeout=CONTROL_TIMEOUT_S)
        try:
            connection.request(verb, CONTROL_PREFIX + action, json.dumps(given) if given else b"")
            answer = connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise MockS3Error(f"{self} does not answer {verb} {CONTROL_PREFIX}{action}: {error}") from error
        finally:
            connection.close()
        if answer.status == 400:
            raise ValueError(json.loads(body)["error"])
        if answer.status != 200:
            raise MockS3Error(f"{self} answers {answer.status} to {verb} {CONTROL_PREFIX}{action}")
        return json.loads(body)


@contextmanager
def serve(
    directory: str | os.PathLike[str],
    *,
    latency_ms: float = _DEFAULT.latency_ms,
    jitter_ms: float = _DEFAULT.jitter_ms,
    connect_ms: float = _DEFAULT.connect_ms,
    bandwidth_mbps: float | None = _DEFAULT.bandwidth_mbps,
    connection_mbps: float | None = _DEFAULT.connection_mbps,
    faults: str = "",
    seed: int = 0,
    host: str = HOST,
    port: int = 0,
) -> Iterator[Server]:
    """Serve DIRECTORY/BUCKET/KEY as S3 from a new process, and yield its URL, which is a `Server`.

    The directory must exist. Port 0 takes a free one. `faults` is a plan as `mock_s3.faults` describes. The
    process ends with the block, and with this process even if that is killed. Signatures are not verified:
    whoever reaches the port may read and write the directory. The ETag of a file that nobody uploaded is
    the MD5 of its bytes, taken when it is first read or listed: a gigabyte then takes some seconds.

    Raises ValueError for a bad setting, MockS3Error when the server does not start, died in between, or met
    a defect of its own.
    """
    network = Network(
        latency_ms=latency_ms,
        jitter_ms=jitter_ms,
        connect_ms=connect_ms,
        bandwidth_mbps=bandwidth_mbps,
        connection_mbps=connection_mbps,
    )
    parse_faults(faults)
    options = [
        f"--{name.replace('_', '-')}={value}"
        for name, value in network.settings().items()
        if value is not None
    ]
    options += [f"--faults={faults}", f"--seed={seed}", f"--host={host}", f"--port={port}"]
    with tempfile.TemporaryFile() as log:
        process = _start([os.fspath(directory), *options], log)
        try:
            yield Server(_ready_url(process, log))
        finally:
            in_order = _stop(process)
        if not in_order:
            status = process.returncode
            raise MockS3Error(f"the server died in between (exit status {status}):\n{_read(log)}")
        if "Traceback (most recent call last)" in (logged := _read(log)):
            raise MockS3Error(f"the server met a defect of its own:\n{logged}")


def _start(arguments: list[str], log: IO[bytes]) -> subprocess.Popen[bytes]:
    package_parent = str(Path(__file__).resolve().parent.parent)
    path = os.pathsep.join(part for part in (package_parent, os.environ.get("PYTHONPATH")) if part)
    return subprocess.Popen(
        # -P: the current directory must not lend the server modules that happen to lie in it.
        [sys.executable, "-P", "-m", "mock_s3", "serve", "--until-eof", *_positional_last(arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        env={**os.environ, "PYTHONPATH": path},
        # Ctrl-C in a terminal, or a notebook's interrupt, is meant for the parent.
        start_new_session=True,
    )


def _positional_last(arguments: list[str]) -> list[str]:
    directory, *options = arguments
    return [*options, "--", directory]


def _ready_url(process: subprocess.Popen[bytes], log: IO[bytes]) -> str:
    """Wait for the line that says where the server listens."""
    assert process.stdout is not None
    deadline = time.monotonic() + START_TIMEOUT_S
    line = b""
    while not line.endswith(b"\n"):
        ready, _, _ = select.select([process.stdout], [], [], max(0.0, deadline - time.monotonic()))
        piece = os.read(process.stdout.fileno(), 4096) if ready else b""
        if not piece:
            reason = "it ended" if ready else f"it was not ready after {START_TIMEOUT_S:g} s"
            raise MockS3Error(f"the server did not start: {reason}\n{_read(log)}")
        line += piece
    return line.decode().strip()


def _stop(process: subprocess.Popen[bytes]) -> bool:
    """End the process; return whether it was there to be ended."""
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.close()
        process.terminate()
        # SIGTERM can also find it on its way out, after it saw its standard input end.
        return process.wait(STOP_TIMEOUT_S) in (0, -signal.SIGTERM)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return True
    finally:
        process.stdout.close()


def _read(log: IO[bytes]) -> str:
    log.seek(0)
    return log.read().decode(errors="replace").strip()
