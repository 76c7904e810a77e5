"""Binding and writing over S3: what a URL finds, what it costs, and what is said when it fails."""

from __future__ import annotations

import json
import multiprocessing
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import mock_s3
from mock_s3.serve import Server
from rlm_magic.config import ContextConfig
from rlm_magic.context import append, ingest, open_context
from rlm_magic.context.address import Access, parse
from rlm_magic.context.stores.connect import RemoteStore
from rlm_magic.errors import SnapshotChanged, SourceError, SourceNotFound, StoreUnavailable, WriteConflict

from .s3 import forget_requests, isolate, make_bucket, moto, point_at, settle, wait_for_server

LINES = [f"línea {number} 😀 {'x' * (number % 90)}\n" for number in range(2_000)]
TEXT = "".join(LINES)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bucket(
        tmp_path_factory.mktemp("s3"),
        "bucket",
        {
            "logs/a.txt": b"a1\na2",
            "logs/b.txt": b"b1\n",
            "logs/deep/c.txt": b"c1\n",
            "logs/deep/d.md": b"d1\n",
            "logs/.hidden": b"h",
            "logs/empty.txt": b"",
            "both": b"the object",
            "copies/report[1].txt": b"the copy\n",
            "copies/report1.txt": b"the report\n",
            "older/s1.txt": b"2\n3\n",
            "older/s0.txt": b"0\n1\n",
            "older/manifest.json": json.dumps(
                [
                    {"segment": "s1.txt", "start_line": 2, "line_count": 2},
                    {"segment": "s0.txt", "start_line": 0, "line_count": 2},
                ]
            ).encode(),
        },
    )


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


def asked(server: Server) -> list[tuple[str, str]]:
    return [(request["verb"], request["key"]) for request in server.requests()]


@pytest.mark.parametrize(
    ("key", "names", "kind"),
    [
        ("logs/", ["a.txt", "b.txt", "deep/c.txt", "deep/d.md", "empty.txt"], "prefix"),
        ("logs", ["a.txt", "b.txt", "deep/c.txt", "deep/d.md", "empty.txt"], "prefix"),
        ("logs/a.txt", ["a.txt"], "object"),
        ("logs/*.txt", ["a.txt", "b.txt", "empty.txt"], "glob"),
        ("logs/**/*.txt", ["a.txt", "b.txt", "deep/c.txt", "empty.txt"], "glob"),
        ("l?gs/[ab].txt", ["logs/a.txt", "logs/b.txt"], "glob"),
        ("older/", ["older"], "older manifest"),
        ("older", ["older"], "older manifest"),
        ("both", ["both"], "object"),
        ("copies/report[1].txt", ["report[1].txt"], "object"),
    ],
)
def test_what_a_url_finds(server: Server, root: Path, key: str, names: list[str], kind: str) -> None:
    context = open_context(f"s3://bucket/{key}")
    assert (context.documents.names, context.info.kind) == (names, kind)
    assert pickle.loads(pickle.dumps(context))[:] == context[:]
    if kind not in ("object", "older manifest"):
        fixed = root / "bucket" / ("logs" if key.startswith("logs") else "")
        pattern = key.removeprefix("logs/") if "*" in key or "?" in key else ""
        assert context[:] == open_context(f"{fixed}/{pattern}" if pattern else str(fixed))[:]


def test_the_older_form_reads_right(server: Server) -> None:
    assert open_context("s3://bucket/older")[:] == "0\n1\n2\n3\n"


@pytest.mark.parametrize("key", ["none", "none/", "none*", "logs/none.txt"])
def test_nothing_there(server: Server, key: str) -> None:
    with pytest.raises(SourceNotFound, match="none"):
        open_context(f"s3://bucket/{key}")


def test_exclude_and_name(server: Server) -> None:
    context = open_context("s3://bucket/logs/", exclude=["deep/*", "empty*"])
    assert context.documents.names == ["a.txt", "b.txt"]
    assert open_context("s3://bucket/logs/a.txt", name="mine").documents.names == ["mine"]


@pytest.mark.parametrize("slash", ["", "/"])
def test_ingest_and_append_live_in_a_prefix(server: Server, slash: str) -> None:
    url = f"s3://bucket/written{bool(slash)}"
    told: list[tuple[int, int | None]] = []

    def note(done: int, total: int | None) -> None:
        told.append((done, total))

    written = ingest(
        [TEXT],
        url + slash,
        segment_bytes=5_000,
        object_bytes=20_000,
        on_progress=lambda *now: told.append(now),
    )
    assert written[:] == TEXT
    assert told[-1] == (len(TEXT.encode()), len(TEXT.encode()))
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    grown = append(url, [("more", "the end")])
    assert open_context(url + "/")[:] == open_context(url)[:] == grown[:] == TEXT + "the end"
    assert written[:] == TEXT
    again = pickle.loads(pickle.dumps(written.view(100, 200)))
    assert again[:] == "".join(LINES[100:200])


@pytest.mark.parametrize(("key", "heads"), [("cost/", []), ("cost", ["HeadObject"])])
def test_opening_asks_everything_at_once(server: Server, key: str, heads: list[str]) -> None:
    ingest([TEXT], "s3://bucket/cost/")
    forget_requests(server)
    # Longer than any machine takes to send two requests that do not wait for each other.
    server.set_faults("slow verb=GET seconds=3")
    assert len(open_context(f"s3://bucket/{key}")) == len(LINES)
    server.set_faults("")
    expected = sorted([*heads, "GetObject", "ListObjectsV2"])
    settle()  # Nobody waited for the listing.
    requests = server.requests()
    assert sorted(request["operation"] for request in requests) == expected
    first_end = min(request["ended_s"] for request in requests if request["verb"] == "GET")
    assert max(request["started_s"] for request in requests) < first_end


def test_an_interrupted_ingest_sends_only_what_is_missing(server: Server) -> None:
    sizes = {"segment_bytes": 5_000, "object_bytes": 20_000}
    server.set_faults("forbidden@3 verb=PUT key=bucket/resumed/data/*")
    with pytest.raises(StoreUnavailable, match="AccessDenied"):
        ingest([TEXT], "s3://bucket/resumed/", **sizes)
    server.set_faults("")
    with pytest.raises(SourceNotFound, match="not finished"):
        open_context("s3://bucket/resumed/")
    wait_for_server(server)
    sent = {request["key"]: request["status"] for request in server.requests() if request["verb"] == "PUT"}
    there = {key for key, status in sent.items() if "/data/" in key and status == 200}
    assert there
    forget_requests(server)
    assert ingest([TEXT], "s3://bucket/resumed/", **sizes)[:] == TEXT
    sent_again = [key for verb, key in asked(server) if verb == "PUT" and "/data/" in key]
    assert sent_again
    assert not there & set(sent_again)
    forget_requests(server)
    ingest([TEXT], "s3://bucket/resumed/", **sizes)
    assert not [key for verb, key in asked(server) if verb == "PUT" and "/data/" in key]


def test_a_large_object_that_is_there_is_not_sent_again(server: Server) -> None:
    line = "x" * 1_000 + "\n"
    text = line * (2 * ContextConfig().upload_part_bytes // len(line))
    for sends in (True, False):
        forget_requests(server)
        ingest([text], "s3://bucket/parts/")
        assert any("/data/" in key for verb, key in asked(server) if verb == "PUT") == sends


def test_rechunking(server: Server) -> None:
    context = open_context("s3://bucket/logs/")
    written = ingest(context, "s3://bucket/rechunked/")
    assert written[:] == context[:]
    assert written.documents.names == context.documents.names


def test_foreign_objects_are_not_mixed_with(server: Server) -> None:
    with pytest.raises(SourceError, match="other objects, such as"):
        ingest(["x"], "s3://bucket/logs/")
    for url in ("s3://bucket/x*", "https://example.org/x"):
        with pytest.raises(SourceError, match="cannot be written"):
            ingest(["x"], url)


def test_a_lost_answer_to_our_own_commit_is_a_success(server: Server) -> None:
    server.set_faults("lost@1 verb=PUT key=bucket/lost/manifest.json")
    assert ingest([TEXT], "s3://bucket/lost/")[:] == TEXT
    server.set_faults("lost@1 verb=PUT key=bucket/lost/manifest.json")
    assert append("s3://bucket/lost/", [("b", "b")])[:] == TEXT + "b"


def test_a_lost_race_says_so(server: Server) -> None:
    ingest([("a", "a\n")], "s3://bucket/race/")

    def meanwhile(done: int, total: int | None) -> None:
        ingest([("other", "other\n")], "s3://bucket/race/")

    with pytest.raises(WriteConflict, match="somebody else wrote s3://bucket/race/manifest"):
        append("s3://bucket/race/", [("mine", "mine")], on_progress=meanwhile)
    assert open_context("s3://bucket/race/")[:] == "other\n"


def test_a_changed_object_is_never_mixed_in(server: Server, root: Path) -> None:
    path = root / "bucket" / "changing.txt"
    path.write_bytes(b"old\n" * 10)
    context = open_context("s3://bucket/changing.txt")
    path.write_bytes(b"new\n" * 10)
    # What was kept of the pass that bound it is still the old text.
    assert context[:] == "old\n" * 10
    path.write_bytes(b"old\n" * 10)
    context = open_context("s3://bucket/changing.txt", config=ContextConfig(memory_bytes=0))
    path.write_bytes(b"new\n" * 10)
    with pytest.raises(SnapshotChanged, match=r"changing\.txt"):
        context[:]
    with pytest.raises(SnapshotChanged, match=r"changing\.txt"):
        pickle.loads(pickle.dumps(context))


def test_a_refusal_names_the_key_and_what_to_check(server: Server) -> None:
    server.set_faults("forbidden")
    for key in ("logs/a.txt", "logs/"):
        with pytest.raises(StoreUnavailable, match=r"s3://bucket/logs.*403.*s3:GetObject") as caught:
            open_context(f"s3://bucket/{key}")
        assert "<" not in str(caught.value)
        assert "Debug" not in str(caught.value)


def test_an_expired_token_is_renewed_once(server: Server) -> None:
    server.set_faults("expired@1")
    assert open_context("s3://bucket/logs/*.txt").documents.names[0] == "a.txt"
    server.set_faults("expired")
    with pytest.raises(StoreUnavailable, match=r"ExpiredToken.*sign in again"):
        open_context("s3://bucket/logs/*.txt")


def test_a_bucket_that_is_not_there(server: Server) -> None:
    for use in (
        lambda: open_context("s3://no-such/logs/"),
        lambda: open_context("s3://no-such/logs"),
        lambda: open_context("s3://no-such/*.txt"),
        lambda: ingest(["x"], "s3://no-such/new/"),
    ):
        with pytest.raises(SourceNotFound, match="no bucket 'no-such'"):
            use()


def test_no_credentials_name_the_ways_out(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    isolate(monkeypatch)
    with pytest.raises(StoreUnavailable, match=r"AWS_ACCESS_KEY_ID.*profile.*anonymous"):
        open_context("s3://bucket/logs/", endpoint_url=str(server))
    context = open_context("s3://bucket/logs/", endpoint_url=str(server), anonymous=True)
    assert pickle.loads(pickle.dumps(context))[0] == "a1\n"
    with pytest.raises(SourceError, match="no AWS profile 'nobody'"):
        open_context("s3://bucket/logs/", profile="nobody")


def test_an_endpoint_that_is_named_goes_before_that_of_the_environment(
    server: Server, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = str(server)
    for variable in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv("AWS_ENDPOINT_URL_S3", raising=False)
        # Nothing listens there, so whoever asks it fails.
        monkeypatch.setenv(variable, "http://127.0.0.1:1")
        assert open_context("s3://bucket/logs/b.txt", endpoint_url=named)[:] == "b1\n"
        assert ingest(["x"], f"s3://bucket/named-{variable}/", endpoint_url=named)[:] == "x"
    assert (root / "bucket" / "named-AWS_ENDPOINT_URL_S3" / "manifest.json").exists()


def test_configured_endpoints_are_ignored_where_aws_is_told_so(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
    # No request leaves this machine: only where it would go is looked at.
    store = RemoteStore(parse("s3://bucket/"), access=Access(region="eu-west-1"), config=ContextConfig())
    config = store._connection(writes=False).config  # type: ignore[union-attr]
    assert "https://s3.eu-west-1.amazonaws.com" in config.values()
    assert not {value for value in config.values() if str(server) in str(value)}


def test_a_profile_brings_endpoint_region_and_keys(
    server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    isolate(monkeypatch)
    config = tmp_path / "config"
    config.write_text(
        "[profile lab]\nregion = eu-central-1\nservices = local\naws_access_key_id = k\n"
        f"aws_secret_access_key = SECRET-OF-LAB\n[services local]\ns3 =\n  endpoint_url = {server}\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    context = open_context("s3://bucket/logs/a.txt", profile="lab")
    assert context[:] == "a1\na2"
    pickled = pickle.dumps(context)
    assert b"SECRET-OF-LAB" not in pickled
    assert pickle.loads(pickled)[:] == "a1\na2"


def test_a_key_that_cannot_be_read_here_is_named_with_a_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    import boto3

    with moto() as url:
        point_at(url, monkeypatch)
        client = boto3.client("s3", endpoint_url=url, region_name="us-east-1")
        client.create_bucket(Bucket="bucket")
        for key in ("logs/a.txt", "logs//b.txt"):
            client.put_object(Bucket="bucket", Key=key, Body=b"x\n")
        with pytest.raises(StoreUnavailable, match=r"logs//b\.txt.*rename or delete that object") as caught:
            open_context("s3://bucket/logs/")
    assert caught.value.is_final


def test_an_object_of_a_web_server(server: Server) -> None:
    context = open_context(f"{server}/bucket/logs/a.txt")
    assert (context[:], context.documents.names) == ("a1\na2", ["a.txt"])
    assert pickle.loads(pickle.dumps(context))[:] == "a1\na2"
    with pytest.raises(SourceNotFound, match="nothing is at"):
        open_context(f"{server}/bucket/logs/none.txt")


def test_a_large_object_is_indexed_in_parallel_and_right(server: Server, root: Path) -> None:
    (root / "bucket" / "large.txt").write_text(TEXT, encoding="utf-8")
    config = ContextConfig(request_bytes=10_000, segment_bytes=7_000)
    assert open_context("s3://bucket/large.txt", config=config)[:] == TEXT


def test_a_forked_child_is_told_instead_of_hanging(server: Server) -> None:
    context = open_context("s3://bucket/logs/")
    assert context[0] == "a1\n"
    process_context = multiprocessing.get_context("fork")
    answers: Any = process_context.SimpleQueue()
    child = process_context.Process(target=lambda: answers.put(_refusal_of("s3://bucket/logs/b.txt")))
    child.start()
    child.join(120)
    assert child.exitcode == 0
    assert "spawn" in answers.get()


def _refusal_of(url: str) -> str:
    try:
        return open_context(url)[:]
    except StoreUnavailable as error:
        return str(error)
