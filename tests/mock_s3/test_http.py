"""HTTP as raw sockets speak it: keep-alive, pipelining, framing, and what is no HTTP."""

from __future__ import annotations

import contextlib
import hashlib
import socket
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import mock_s3

from .raw import Raw, ask, request


def test_one_connection_serves_many_requests(url: mock_s3.Server, bucket: Path) -> None:
    (bucket / "a").write_bytes(b"one")
    with Raw(url) as raw:
        bodies = [raw.ask("GET", f"/{bucket.name}/a").body for _ in range(5)]
    assert bodies == [b"one"] * 5
    assert url.stats()["connections"] == 2  # that one, and the one this question came over


def test_pipelined_requests_are_answered_in_order(url: mock_s3.Server, bucket: Path) -> None:
    names = [f"k{number}" for number in range(20)]
    for name in names:
        (bucket / name).write_bytes(name.encode() * 1000)
    with Raw(url) as raw:
        raw.send(b"".join(request("GET", f"/{bucket.name}/{name}") for name in names))
        assert [raw.answer().body for _ in names] == [name.encode() * 1000 for name in names]


def test_pipelining_mixes_slow_writes_and_reads_in_order(url: mock_s3.Server, bucket: Path) -> None:
    with Raw(url) as raw:
        for number in range(10):
            raw.send(request("PUT", f"/{bucket.name}/k", body=b"%d" % number))
            raw.send(request("GET", f"/{bucket.name}/k"))
        bodies = []
        for _ in range(10):
            assert raw.answer().status == 200
            bodies.append(raw.answer().body)
    assert bodies == [b"%d" % number for number in range(10)]


def test_a_request_may_arrive_byte_by_byte(url: mock_s3.Server, bucket: Path) -> None:
    with Raw(url) as raw:
        raw.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in request("PUT", f"/{bucket.name}/slow", body=b"payload"):
            raw.send(bytes([byte]))
        assert raw.answer().status == 200
    assert (bucket / "slow").read_bytes() == b"payload"


def test_connection_close_and_http_1_0_are_honoured(url: mock_s3.Server, bucket: Path) -> None:
    (bucket / "a").write_bytes(b"one")
    with Raw(url) as raw:
        answer = raw.ask("GET", f"/{bucket.name}/a", Connection="close")
        assert answer.headers["connection"] == "close"
        assert raw.at_end()
    with Raw(url) as raw:
        raw.send(f"GET /{bucket.name}/a HTTP/1.0\r\n\r\n".encode())
        assert raw.answer().body == b"one"
        assert raw.at_end()


def test_client_that_gives_up_waiting_is_noticed(url: mock_s3.Server, bucket: Path) -> None:
    (bucket / "a").write_bytes(b"one")
    url.set_network(latency_ms=3_600_000)
    with Raw(url) as raw:
        raw.send(request("GET", f"/{bucket.name}/a"))
        while not url.stats()["in_flight"]:
            pass
    while url.stats()["in_flight"]:
        pass
    assert [record["bytes_out"] for record in url.requests()] == [0]


def test_head_has_the_length_and_no_body(url: mock_s3.Server, bucket: Path) -> None:
    (bucket / "a").write_bytes(b"x" * 1234)
    with Raw(url) as raw:
        answer = raw.ask("HEAD", f"/{bucket.name}/a")
        assert (answer.status, answer.headers["content-length"]) == (200, "1234")
        assert raw.ask("HEAD", f"/{bucket.name}/none").status == 404
        assert raw.ask("GET", f"/{bucket.name}/a").body == b"x" * 1234


def test_answers_carry_what_s3_clients_read(url: mock_s3.Server, bucket: Path) -> None:
    (bucket / "a").write_bytes(b"one")
    headers = ask(url, "GET", f"/{bucket.name}/a").headers
    assert headers["etag"] == f'"{hashlib.md5(b"one").hexdigest()}"'
    assert headers["accept-ranges"] == "bytes"
    assert headers["content-type"] == "binary/octet-stream"
    assert headers["last-modified"].endswith(" GMT")
    assert len(headers["x-amz-request-id"]) == 16


def test_expect_100_continue_is_answered_before_the_body(url: mock_s3.Server, bucket: Path) -> None:
    whole = request("PUT", f"/{bucket.name}/k", body=b"payload", Expect="100-continue")
    head, body = whole[: -len(b"payload")], b"payload"
    with Raw(url) as raw:
        raw.send(head)
        assert raw.head()[0] == 100
        raw.send(body)
        assert raw.answer().status == 200
        # Who does not wait for it gets none: it would come when it says nothing any more.
        url.set_network(latency_ms=20)
        raw.send(whole)
        assert raw.head()[0] == 200
    assert (bucket / "k").read_bytes() == b"payload"


def test_chunked_transfer_encoding_is_decoded(url: mock_s3.Server, bucket: Path) -> None:
    with Raw(url) as raw:
        head = f"PUT /{bucket.name}/k HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        raw.send(head.encode() + b"5;ext=1\r\nhello\r\n1\r\n \r\nA\r\nworld12345\r\n0\r\nTrailer: x\r\n\r\n")
        assert raw.answer().status == 200
        assert raw.ask("GET", f"/{bucket.name}/k").body == b"hello world12345"


def test_large_object_passes_whole(url: mock_s3.Server, bucket: Path) -> None:
    data = bytes(range(256)) * 40_000
    answer = ask(url, "PUT", f"/{bucket.name}/large", body=data)
    assert answer.headers["etag"] == f'"{hashlib.md5(data).hexdigest()}"'
    assert ask(url, "GET", f"/{bucket.name}/large").body == data


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\n\r\n", 400),
        (b"PATCH / HTTP/1.1\r\n\r\n", 405),
        (b"GET noslash HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nspace before : x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 70_000 + b"\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * 20_000, 400),
        (b"PUT /b/k HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"PUT /b/k HTTP/1.1\r\nContent-Length: 1_0\r\n\r\n", 400),
        (b"PUT /b/k HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc", 400),
        (b"PUT /b/k HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"PUT /b/k HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", 400),
    ],
)
def test_what_is_not_http_is_refused_and_the_connection_closed(
    url: mock_s3.Server, data: bytes, status: int
) -> None:
    with Raw(url) as raw:
        raw.send(data)
        answer = raw.answer()
        assert answer.status == status
        assert answer.headers["connection"] == "close"
    assert ask(url, "GET", "/").status == 200


def test_a_put_of_an_object_needs_a_length(url: mock_s3.Server, bucket: Path) -> None:
    with Raw(url) as raw:
        raw.send(f"PUT /{bucket.name}/k HTTP/1.1\r\n\r\n".encode())
        assert raw.answer().status == 411
        raw.send(f"PUT /{bucket.name} HTTP/1.1\r\n\r\n".encode())
        assert raw.answer().status == 200


@pytest.mark.parametrize(
    "body", [b"zz\r\nhello\r\n", b"5\r\nhelloXX0\r\n\r\n", b"-5\r\n", b"+5\r\nhello\r\n"]
)
def test_broken_chunks_are_refused_and_store_nothing(url: mock_s3.Server, bucket: Path, body: bytes) -> None:
    with Raw(url) as raw:
        raw.send(f"PUT /{bucket.name}/k HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n".encode() + body)
        assert raw.answer().code == "IncompleteBody"
    assert list(bucket.iterdir()) == []


def test_client_that_leaves_in_mid_body_stores_nothing(url: mock_s3.Server, root: Path, bucket: Path) -> None:
    with Raw(url) as raw:
        raw.send(request("PUT", f"/{bucket.name}/k", body=b"x" * 100_000)[:-1])
    while url.stats()["in_flight"]:
        pass
    assert list(bucket.iterdir()) == []
    assert list((root / ".mock_s3" / "new").iterdir()) == []


def test_unknown_subresources_are_refused_rather_than_answered_with_the_object(
    url: mock_s3.Server, bucket: Path
) -> None:
    (bucket / "a").write_bytes(b"one")
    assert ask(url, "GET", f"/{bucket.name}/a?acl").code == "NotImplemented"
    assert ask(url, "GET", f"/{bucket.name}?policy").code == "NotImplemented"
    assert ask(url, "GET", f"/{bucket.name}/a?versionId=null").body == b"one"
    assert ask(url, "GET", f"/{bucket.name}/a?versionId=7").code == "NotImplemented"
    assert ask(url, "GET", f"/{bucket.name}/a?X-Amz-Signature=0&x-id=GetObject").body == b"one"


def test_virtual_host_style_names_the_bucket(url: mock_s3.Server, bucket: Path) -> None:
    (bucket / "a").write_bytes(b"one")
    assert ask(url, "GET", "/a", Host=f"{bucket.name}.localhost:9000").body == b"one"
    assert ask(url, "GET", f"http://127.0.0.1/{bucket.name}/a").body == b"one"


FRAGMENTS = [
    *(b"GET ", b"PUT ", b"POST ", b"/", b"/b/k", b"?uploads", b"?delete", b" HTTP/1.1\r\n", b"\r\n"),
    *(b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b"Range: bytes=-\r\n", b"0\r\n\r\n"),
    *(b"Expect: 100-continue\r\n", b"Content-Encoding: aws-chunked\r\n", b"Host: a.localhost\r\n"),
]


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    pieces=st.lists(
        st.one_of(
            st.binary(max_size=60),
            st.sampled_from(FRAGMENTS),
        ),
        max_size=14,
    )
)
def test_no_bytes_whatever_upset_the_server(url: mock_s3.Server, pieces: list[bytes]) -> None:
    # A defect would print a traceback, which ends the suite's server with an error.
    with Raw(url) as raw:
        raw.send(b"".join(pieces))
        raw.socket.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionResetError):
            while raw.read(1 << 16):
                pass
    while url.stats()["in_flight"]:
        pass
