"""Interrupts, forks, other processes and credentials that run out, while a text in S3 is read."""

from __future__ import annotations

import json
import multiprocessing
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import mock_s3
from mock_s3 import Server
from rlm_magic.config import ContextConfig
from rlm_magic.context import Context, ingest, open_context
from rlm_magic.context.connections import READAHEAD
from rlm_magic.context.fetch import StoredSegments
from rlm_magic.errors import StoreUnavailable

from .s3 import forget_requests, isolate, make_bucket, point_at

LINES = [f"línea {number} 😀 {'x' * (number % 60)}\n" for number in range(3_000)]
TEXT = "".join(LINES)
CHILD_S = 120


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = make_bucket(tmp_path_factory.mktemp("s3"), "bucket", {"plain/a.txt": TEXT.encode()})
    ingest([("log", TEXT)], root / "bucket" / "text", segment_bytes=300, object_bytes=300)
    return root


@pytest.fixture(scope="module")
def running(root: Path) -> Iterator[Server]:
    with mock_s3.serve(root) as url:
        yield url


@pytest.fixture
def server(running: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    point_at(str(running), monkeypatch)
    forget_requests(running)
    yield running
    running.set_faults("")
    running.set_network(latency_ms=0)


def opened(**config: Any) -> Context:
    return open_context("s3://bucket/text/", config=ContextConfig(**config))


def until(holds: Callable[[], object]) -> None:
    for _ in range(3_000):
        if holds():
            return
        time.sleep(0.01)
    raise AssertionError("it never happened")


INTERRUPTED = """
import json, sys
from rlm_magic.context import open_context
context = open_context("s3://bucket/text/")
print("slicing", flush=True)
try:
    context[:]
    print("not interrupted", flush=True)
except KeyboardInterrupt:
    print("interrupted", flush=True)
for number in json.loads(sys.stdin.readline()):
    sys.stdout.buffer.write(context[number].encode())
"""


def lines_outside(context: Context, prefix: str) -> list[int]:
    """Return the lines that no object below a prefix holds."""
    layout, segments = context._text.layout, context._text.segments
    assert isinstance(segments, StoredSegments)
    extents = segments.extents
    keys = [extents.keys[extents.objects[layout.line_place(number)[0]]] for number in range(len(context))]
    return [number for number, key in enumerate(keys) if not key.startswith(prefix)]


def test_an_interrupted_slice_leaves_the_context_readable(server: Server) -> None:
    # So late that the interrupt comes before it on any machine; what lies there is not asked for again.
    server.set_faults("slow seconds=60 key=*/data/0*")
    others = lines_outside(opened(), "data/0")
    assert len(LINES) // 2 < len(others) < len(LINES)
    command = [sys.executable, "-c", INTERRUPTED]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stdout.readline() == b"slicing\n"
        until(lambda: server.stats()["faults"])
        child.send_signal(signal.SIGINT)
        assert child.stdout.readline() == b"interrupted\n"
        server.set_faults("")
        answer, _ = child.communicate(json.dumps(others).encode() + b"\n", timeout=CHILD_S)
    assert answer.decode() == "".join(LINES[number] for number in others)
    assert child.returncode == 0


WRITING = """
import sys
from rlm_magic.context import ingest
ingest([sys.argv[2]], sys.argv[1], segment_bytes=100, object_bytes=300)
"""


@pytest.mark.parametrize("moment", ["data", "manifests", "manifest.json"])
def test_a_writer_killed_on_its_way_leaves_the_old_text(server: Server, moment: str) -> None:
    place, new = f"s3://bucket/killed-{moment}/", "a new line\n" * 200
    ingest(["old\n"], place)
    server.set_faults(f"slow verb=PUT seconds=30 key=bucket/killed-{moment}/{moment}*")
    with subprocess.Popen([sys.executable, "-c", WRITING, place, new]) as child:
        until(lambda: server.stats()["faults"])
        child.kill()
    server.set_faults("")
    assert child.returncode == -signal.SIGKILL
    # A request that had arrived is carried out, whoever sent it; a text that is half written never shows.
    found = open_context(place)[:]
    assert found in (["old\n", new] if moment == "manifest.json" else ["old\n"])
    assert ingest([new], place)[:] == open_context(place)[:] == new


@pytest.mark.parametrize(
    ("code", "verb"),
    [
        ("ingest(['x' * 100], 's3://bucket/given-up/')", "PUT key=*/given-up/data/*"),
        ("open_context('s3://bucket/plain/')", "GET key=*/plain/a.txt"),
    ],
    ids=["writing", "binding"],
)
def test_a_process_that_gives_up_does_not_wait_for_what_is_on_its_way(
    server: Server, code: str, verb: str
) -> None:
    server.set_faults(f"slow seconds=3600 verb={verb}")
    script = f"from rlm_magic.context import ingest, open_context\n{code}"
    with subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.DEVNULL) as child:
        try:
            until(lambda: server.stats()["faults"])
            child.send_signal(signal.SIGINT)
            # Long before the request would be given up.
            assert child.wait(timeout=20) == -signal.SIGINT
        finally:
            child.kill()


def test_a_reader_does_not_queue_behind_what_is_read_ahead(server: Server) -> None:
    context = opened(connections=4, background_connections=2, split_bytes=1)
    segments = context._text.segments
    assert isinstance(segments, StoredSegments)
    assert len(segments.extents.keys) > 400
    wanted = segments.extents.keys[-50]
    # In the time of the twenty that may go before it, the busiest machine gets to ask.
    server.set_network(latency_ms=300)
    segments.prefetch(range(len(segments.extents.keys)), priority=READAHEAD, owner="scan")
    until(lambda: server.stats()["in_flight"])
    line = int(context._text.layout.newline_starts[len(segments.extents.keys) - 50])
    assert context[line] == LINES[line]
    segments.cancel("scan")
    began = sorted((request["started_s"], request["key"]) for request in server.requests())
    keys = [key for _, key in began if "/data/" in key]
    assert keys.count(f"text/{wanted}") == 1
    # Ahead of it are those that were under way already, not the hundreds that were queued.
    assert keys.index(f"text/{wanted}") < 20


def _in_child(context: Context, answers: Any) -> None:
    held = context[0]
    try:
        context[-1]
    except StoreUnavailable as error:
        answers.put((held, str(error)))


def test_a_forked_child_reads_what_is_in_memory_and_is_told_about_the_rest(server: Server) -> None:
    context = opened(retry_first_s=0.01)
    assert context[0] == LINES[0]
    until(lambda: not server.stats()["in_flight"])
    forking = multiprocessing.get_context("fork")
    answers = forking.SimpleQueue()
    child = forking.Process(target=_in_child, args=(context, answers))
    child.start()
    child.join(CHILD_S)
    assert child.exitcode == 0
    held, refusal = answers.get()
    assert held == LINES[0]
    assert "spawn" in refusal
    assert context[-1] == LINES[-1]
    assert context[:] == TEXT


READING = """
import hashlib, random, sys
from rlm_magic.config import ContextConfig
from rlm_magic.context import open_context
source, seed = sys.argv[1], int(sys.argv[2])
context = open_context(source, config=ContextConfig(memory_bytes=20_000))
chance, digest = random.Random(seed), hashlib.sha256()
for _ in range(40):
    start = chance.randrange(len(context))
    digest.update(context[start : start + chance.randrange(200)].encode())
digest.update(context[:].encode())
print(digest.hexdigest())
"""


@pytest.mark.parametrize("source", ["s3://bucket/text/", "s3://bucket/plain/"])
def test_two_processes_read_the_same_text_at_once(server: Server, root: Path, source: str) -> None:
    server.set_faults("error:0.02, reset:0.02, flip:0.02 key=*/data/*")
    command = [sys.executable, "-c", READING]
    both = [
        subprocess.Popen([*command, source, str(seed)], stdout=subprocess.PIPE, text=True) for seed in (7, 7)
    ]
    found = [child.communicate(timeout=CHILD_S)[0] for child in both]
    server.set_faults("")
    local = root / "bucket" / source.removeprefix("s3://bucket/")
    alone = subprocess.run([*command, str(local), "7"], capture_output=True, text=True, check=True)
    assert found == [alone.stdout] * 2
    assert [child.returncode for child in both] == [0, 0]


ISSUES_CREDENTIALS = """
import json, sys
from pathlib import Path
folder = Path(sys.argv[1])
if (folder / "refuses").exists():
    sys.exit("sign in again")
with open(folder / "calls", "a") as calls:
    calls.write("x")
number = len((folder / "calls").read_text())
print(json.dumps({
    "Version": 1, "AccessKeyId": f"key{number}", "SecretAccessKey": "s", "SessionToken": "t",
    "Expiration": "2099-01-01T00:00:00Z",
}))
"""


@pytest.fixture
def issuer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: Server) -> Path:
    """A folder whose file `calls` has a letter for every time that credentials were issued."""
    isolate(monkeypatch)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", str(server))
    script, config = tmp_path / "issue.py", tmp_path / "config"
    script.write_text(ISSUES_CREDENTIALS)
    config.write_text(f"[default]\ncredential_process = {sys.executable} {script} {tmp_path}\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    return tmp_path


def test_credentials_that_run_out_are_renewed_once_and_reading_goes_on(server: Server, issuer: Path) -> None:
    context = opened()
    assert (issuer / "calls").read_text() == "x"
    server.set_faults("expired@1 key=*/data/*")
    assert context[:] == TEXT
    assert (issuer / "calls").read_text() == "xx"


def test_many_reads_refused_at_once_renew_credentials_once(server: Server, issuer: Path) -> None:
    context = opened(split_bytes=1)
    # Twenty have been asked for before the first is refused, so none of them with renewed credentials.
    server.set_network(latency_ms=500)
    server.set_faults("expired@1-20 key=*/data/*")
    assert context[:] == TEXT
    assert server.stats()["faults"] == {"expired": 20}
    assert (issuer / "calls").read_text() == "xx"


def test_credentials_that_cannot_be_renewed_are_said_to_be_the_reason(server: Server, issuer: Path) -> None:
    context = opened(retry_first_s=0.01)
    (issuer / "refuses").touch()
    server.set_faults("expired@1 key=*/data/*")
    with pytest.raises(StoreUnavailable, match=r"credentials.*sign in again"):
        context[0]
    (issuer / "refuses").unlink()
    assert context[:] == TEXT


def test_static_credentials_that_run_out_say_so(server: Server) -> None:
    context = opened()
    server.set_faults("expired key=*/data/*")
    with pytest.raises(StoreUnavailable, match=r"data/.*ExpiredToken.*sign in again.*lines 0 to"):
        context[0]
    server.set_faults("")
    assert context[0] == LINES[0]


def test_threads_that_read_at_once_share_requests(server: Server) -> None:
    context = opened()
    server.set_network(latency_ms=30)
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(context[500:900])) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["".join(LINES[500:900])] * 8
    keys = [request["key"] for request in server.requests() if "/data/" in request["key"]]
    # Twice only what was late, which is asked for a second time.
    assert len(keys) <= len(set(keys)) + context.stats.hedges
