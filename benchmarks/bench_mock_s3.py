"""How fast mock_s3 serves and writes samples: figures beside a baseline on the same files.

Run: python benchmarks/bench_mock_s3.py. Server and client are processes of their own; the client is raw
sockets with keep-alive, so that it costs little beside the server.
"""

from __future__ import annotations

import asyncio
import http.server
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from urllib.parse import urlsplit

import mock_s3

CONNECTIONS = 16
SECONDS = 2.0
KIB = 1024


class Client(asyncio.Protocol):
    """One connection that asks for the same thing again and again and reads the answers whole."""

    def __init__(self, request: bytes, deadline: float) -> None:
        self.answers = 0
        self.done = asyncio.get_running_loop().create_future()
        self._request = request
        self._deadline = deadline
        self._left = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        if not self._left:
            head, _, data = data.partition(b"\r\n\r\n")
            assert head.startswith((b"HTTP/1.1 200", b"HTTP/1.1 206")), head
            self._left = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        self._left -= len(data)
        if self._left:
            return
        self.answers += 1
        if time.perf_counter() < self._deadline:
            self._transport.write(self._request)
        else:
            self._transport.close()
            self.done.set_result(None)


async def _answers_per_s(url: str, path: str, headers: str, connections: int) -> float:
    address = urlsplit(url)
    assert address.hostname is not None
    assert address.port is not None
    request = f"GET {path} HTTP/1.1\r\nHost: {address.netloc}\r\n{headers}\r\n".encode()
    started = time.perf_counter()
    clients = []
    for _ in range(connections):
        _, client = await asyncio.get_running_loop().create_connection(
            partial(Client, request, started + SECONDS), address.hostname, address.port
        )
        clients.append(client)
    await asyncio.gather(*(client.done for client in clients))
    return sum(client.answers for client in clients) / (time.perf_counter() - started)


def answers_per_s(url: str, path: str, *, headers: str = "", connections: int = CONNECTIONS) -> float:
    """Return how many answers a second arrive whole, over some seconds."""
    return asyncio.run(_answers_per_s(url, path, headers, connections))


class _QuietHandler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Otherwise head and body, two writes, wait 40 ms for each other, which would flatter us.
    disable_nagle_algorithm = True

    def log_message(self, *_: object) -> None:
        return


def _run_baseline(directory: str, port: Connection) -> None:
    handler = partial(_QuietHandler, directory=directory)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    port.send(server.server_port)
    server.serve_forever()


@contextmanager
def baseline(directory: str) -> Iterator[str]:
    """Serve a directory with the standard library's threading server, in a process of its own."""
    parent, child = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_run_baseline, args=(directory, child))
    process.start()
    try:
        yield f"http://127.0.0.1:{parent.recv()}"
    finally:
        process.terminate()
        process.join()


def bench_gets(directory: str) -> None:
    bucket = Path(directory, "bucket")
    bucket.mkdir()
    for size_kib in (1, 100):
        (bucket / f"{size_kib}k").write_bytes(os.urandom(size_kib * KIB))
    (bucket / "8m").write_bytes(os.urandom(8 * KIB * KIB))
    cases = [
        ("1 KiB object", "/bucket/1k", "", True),
        ("100 KiB object", "/bucket/100k", "", True),
        (
            "100 KiB range of 8 MiB",
            "/bucket/8m",
            f"Range: bytes=1000000-{1_000_000 + 100 * KIB - 1}\r\n",
            False,
        ),
    ]
    print(f"GETs a second from one server process, {CONNECTIONS} connections, and its CPU time for each")
    for name, path, headers, has_baseline in cases:
        ours, ours_us = _with_cpu(mock_s3.serve(directory), path, headers)
        line = f"  {name:24} mock_s3 {ours:7,.0f} {ours_us:4.0f} us"
        if has_baseline:
            theirs, theirs_us = _with_cpu(baseline(directory), path, headers)
            line += f"   ThreadingHTTPServer {theirs:7,.0f} {theirs_us:4.0f} us   ratio {ours / theirs:.2f}"
        print(line)


def _with_cpu(server: AbstractContextManager[str], path: str, headers: str) -> tuple[float, float]:
    """Return answers a second, and the server process's CPU microseconds for each, its start included."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with server as url:
        rate = answers_per_s(url, path, headers=headers)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return rate, cpu_s / (rate * SECONDS) * 1e6


async def _one_round(url: str, count: int) -> float:
    """Seconds until `count` objects, one on each of as many open connections, have come."""
    address = urlsplit(url)
    streams = [await asyncio.open_connection(address.hostname, address.port) for _ in range(count)]
    started = time.perf_counter()
    for _, writer in streams:
        writer.write(b"GET /bucket/100k HTTP/1.1\r\nHost: x\r\n\r\n")

    async def whole(reader: asyncio.StreamReader) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(100 * KIB)

    await asyncio.gather(*(whole(reader) for reader, _ in streams))
    elapsed_s = time.perf_counter() - started
    for _, writer in streams:
        writer.close()
    return elapsed_s


def bench_latency(directory: str) -> None:
    print("50 objects of 100 KiB at once, each on its connection, median of 5: round trips")
    for latency_ms in (20.0, 150.0):
        with mock_s3.serve(directory, latency_ms=latency_ms) as url:
            taken_s = sorted(asyncio.run(_one_round(url, 50)) for _ in range(5))[2]
        print(
            f"  at {latency_ms:g} ms: {taken_s * 1000:.1f} ms, {taken_s * 1000 / latency_ms:.3f} round trips"
        )


def bench_bandwidth(directory: str) -> None:
    print("8 MiB object under a limit: measured megabits a second")
    for mbps in (100.0, 800.0):
        with mock_s3.serve(directory, connection_mbps=mbps) as url:
            answers = answers_per_s(url, "/bucket/8m", connections=1)
        print(f"  {mbps:g} Mbit/s: {answers * 8 * KIB * KIB * 8 / 1e6:.1f}")


def bench_sample(directory: str) -> None:
    started = time.perf_counter()
    sample = mock_s3.write_sample(directory, lines=1_000_000, bucket="sample")
    taken_s = time.perf_counter() - started
    folder = Path(directory, "sample", sample.prefix)
    started = time.perf_counter()
    for number, path in enumerate(sorted(folder.iterdir())):
        Path(directory, f"copy-{number}").write_bytes(path.read_bytes())
    copied_s = time.perf_counter() - started
    print(
        f"sample of {sample.bytes / 1e6:.0f} MB in {sample.objects} objects: "
        f"{sample.bytes / 1e6 / taken_s:.0f} MB/s, {taken_s / copied_s:.1f}x the time of copying the files"
    )


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        print(f"Python {sys.version.split()[0]}, {os.cpu_count()} cores")
        bench_gets(directory)
        bench_latency(directory)
        bench_bandwidth(directory)
        bench_sample(directory)


if __name__ == "__main__":
    main()
