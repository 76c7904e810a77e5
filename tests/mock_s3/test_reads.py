"""GET and HEAD: ranges and conditions, against slices of the bytes."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mock_s3
from mock_s3.conditions import parse_range
from mock_s3.errors import S3Error

from .raw import Raw, ask

DATA = b"".join(number.to_bytes(2, "big") for number in range(512))


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-0", DATA[:1]),
        ("bytes=10-19", DATA[10:20]),
        ("bytes=1000-", DATA[1000:]),
        ("bytes=-24", DATA[-24:]),
        ("bytes=-5000", DATA),
        ("bytes=1000-99999", DATA[1000:]),
    ],
)
def test_range_gives_that_slice(url: mock_s3.Server, bucket: Path, header: str, expected: bytes) -> None:
    (bucket / "k").write_bytes(DATA)
    answer = ask(url, "GET", f"/{bucket.name}/k", Range=header)
    assert (answer.status, answer.body) == (206, expected)
    start = DATA.index(expected)
    assert answer.headers["content-range"] == f"bytes {start}-{start + len(expected) - 1}/{len(DATA)}"
    head = ask(url, "HEAD", f"/{bucket.name}/k", Range=header)
    assert (head.status, head.headers["content-length"]) == (206, str(len(expected)))


@pytest.mark.parametrize(
    "header",
    ["bytes=0-1,4-5", "bytes=5-2", "bytes=-", "bytes=a-b", "lines=0-1", "0-1", "bytes=" + "9" * 5000 + "-"],
)
def test_ranges_s3_does_not_understand_give_the_whole_object(
    url: mock_s3.Server, bucket: Path, header: str
) -> None:
    (bucket / "k").write_bytes(DATA)
    answer = ask(url, "GET", f"/{bucket.name}/k", Range=header)
    assert (answer.status, answer.body) == (200, DATA)


@pytest.mark.parametrize("header", ["bytes=1024-", "bytes=99999-100000", "bytes=-0"])
def test_range_past_the_end_is_416(url: mock_s3.Server, bucket: Path, header: str) -> None:
    (bucket / "k").write_bytes(DATA)
    answer = ask(url, "GET", f"/{bucket.name}/k", Range=header)
    assert (answer.status, answer.code) == (416, "InvalidRange")
    assert answer.headers["content-range"] == "bytes */1024"


def test_any_range_of_an_empty_object_is_416(url: mock_s3.Server, bucket: Path) -> None:
    (bucket / "empty").write_bytes(b"")
    assert ask(url, "GET", f"/{bucket.name}/empty").body == b""
    assert ask(url, "GET", f"/{bucket.name}/empty", Range="bytes=0-").status == 416


@settings(deadline=None)
@given(size=st.integers(0, 50), start=st.none() | st.integers(0, 60), stop=st.none() | st.integers(0, 60))
def test_ranges_are_slices(size: int, start: int | None, stop: int | None) -> None:
    data = bytes(range(size))
    header = f"bytes={'' if start is None else start}-{'' if stop is None else stop}"
    if start is None:
        expected = data if stop is None else data[max(0, size - stop) :]
    else:
        expected = data[start:] if stop is None else data[start : stop + 1]
    try:
        span = parse_range(header, size)
    except S3Error:
        assert expected == b""
    else:
        whole = (start is None and stop is None) or (start is not None and stop is not None and stop < start)
        assert (span is None) == whole
        assert span is None or data[span[0] : span[1]] == expected


def _conditions(etag: str) -> list[tuple[dict[str, str], int]]:
    before, after = "Mon, 01 Jan 2001 00:00:00 GMT", "Fri, 01 Jan 2100 00:00:00 GMT"
    return [
        ({"If_Match": etag}, 200),
        ({"If_Match": "*"}, 200),
        ({"If_Match": f'"other", {etag}'}, 200),
        ({"If_Match": '"other"'}, 412),
        ({"If_None_Match": etag}, 304),
        ({"If_None_Match": etag.strip('"')}, 304),
        ({"If_None_Match": "*"}, 304),
        ({"If_None_Match": '"other"'}, 200),
        ({"If_Modified_Since": before}, 200),
        ({"If_Modified_Since": after}, 304),
        ({"If_Modified_Since": "yesterday"}, 200),
        ({"If_Unmodified_Since": before}, 412),
        ({"If_Unmodified_Since": after}, 200),
        ({"If_Match": etag, "If_Unmodified_Since": before}, 200),
        ({"If_None_Match": '"other"', "If_Modified_Since": after}, 200),
        ({"If_Match": '"other"', "If_None_Match": etag}, 412),
    ]


@pytest.mark.parametrize("verb", ["GET", "HEAD"])
def test_conditions(url: mock_s3.Server, bucket: Path, verb: str) -> None:
    (bucket / "k").write_bytes(DATA)
    etag = f'"{hashlib.md5(DATA).hexdigest()}"'
    with Raw(url) as raw:
        for headers, status in _conditions(etag):
            answer = raw.ask(verb, f"/{bucket.name}/k", **headers)
            assert (answer.status, headers) == (status, headers)
            assert answer.body == (DATA if (verb, status) == ("GET", 200) else answer.body)


def test_etag_follows_a_file_that_is_edited_by_hand(url: mock_s3.Server, bucket: Path) -> None:
    path = bucket / "k"
    for content in (b"first", b"other", b"longer than before"):
        path.write_bytes(content)
        answer = ask(url, "GET", f"/{bucket.name}/k")
        assert answer.body == content
        assert answer.headers["etag"] == f'"{hashlib.md5(content).hexdigest()}"'


def test_etag_follows_an_edit_within_one_tick_of_the_clock(url: mock_s3.Server, bucket: Path) -> None:
    path, now = bucket / "k", time.time_ns() + 3_600 * 10**9
    for content in (b"first", b"other"):
        path.write_bytes(content)
        os.utime(path, ns=(now, now))
        etag = ask(url, "HEAD", f"/{bucket.name}/k").headers["etag"]
        assert etag == f'"{hashlib.md5(content).hexdigest()}"'


def test_a_read_keeps_its_version_while_the_object_is_replaced(url: mock_s3.Server, bucket: Path) -> None:
    old, new = b"o" * 20_000_000, b"n" * 20_000_000
    (bucket / "k").write_bytes(old)
    with Raw(url) as raw:
        raw.send(f"GET /{bucket.name}/k HTTP/1.1\r\n\r\n".encode())
        raw.head()
        assert ask(url, "PUT", f"/{bucket.name}/k", body=new).status == 200
        assert raw.read(len(old)) == old
    assert ask(url, "GET", f"/{bucket.name}/k").body == new


def test_missing_things_are_named(url: mock_s3.Server, bucket: Path) -> None:
    assert ask(url, "GET", f"/{bucket.name}/none").code == "NoSuchKey"
    assert ask(url, "GET", "/no-such-bucket/k").code == "NoSuchBucket"
    assert ask(url, "PUT", "/no-such-bucket/k", body=b"x").code == "NoSuchBucket"
    assert ask(url, "GET", "/no-such-bucket").code == "NoSuchBucket"
    assert ask(url, "HEAD", "/no-such-bucket").status == 404


def test_parallel_first_ranges_of_a_large_file_agree(url: mock_s3.Server, bucket: Path) -> None:
    data = bytes(range(256)) * 40_000
    (bucket / "large").write_bytes(data)
    connections = [Raw(url) for _ in range(40)]
    for number, raw in enumerate(connections):
        raw.send(f"GET /{bucket.name}/large HTTP/1.1\r\nRange: bytes={number}-{number + 9}\r\n\r\n".encode())
    answers = [raw.answer() for raw in connections]
    for raw in connections:
        raw.__exit__()
    assert [answer.body for answer in answers] == [data[number : number + 10] for number in range(40)]
    assert {answer.headers["etag"] for answer in answers} == {f'"{hashlib.md5(data).hexdigest()}"'}


def test_etag_of_a_large_file_is_remembered_until_it_is_edited(tmp_path: Path) -> None:
    path = tmp_path / "b" / "large"
    path.parent.mkdir()
    etags = []
    for content in (b"1" * 2_000_000, b"1" * 2_000_000, b"2" * 2_000_000):
        if not path.exists() or path.read_bytes() != content:
            path.write_bytes(content)
            os.utime(path, ns=(1_700_000_000 * 10**9, 1_700_000_000 * 10**9 + content[0]))
        with mock_s3.serve(tmp_path) as url:
            etags.append(ask(url, "HEAD", "/b/large").headers["etag"])
            assert len(list((tmp_path / ".mock_s3" / "objects" / "b").iterdir())) == 1
    assert etags == [f'"{hashlib.md5(digit * 2_000_000).hexdigest()}"' for digit in (b"1", b"1", b"2")]


def test_a_directory_that_cannot_be_written_is_served(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "large").write_bytes(b"1" * 2_000_000)
    os.utime(tmp_path / "b" / "large", (1_700_000_000, 1_700_000_000))
    # A file where the private directory would be stands for a read-only disk, which root would not notice.
    (tmp_path / ".mock_s3").write_bytes(b"")
    with mock_s3.serve(tmp_path) as url:
        assert ask(url, "GET", "/b/large", Range="bytes=0-1").body == b"11"
        assert ask(url, "PUT", "/b/new", body=b"x").code == "InternalError"
        assert b"<Key>large</Key>" in ask(url, "GET", "/b").body
