"""PUT, copy and DELETE: conditions, checksums, framing, atomicity."""

from __future__ import annotations

import base64
import hashlib
import threading
import zlib
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mock_s3
from mock_s3 import checksums
from mock_s3.chunked import ChunkedDecoder
from mock_s3.incoming import Incoming
from mock_s3.objects import ObjectStore
from mock_s3.records import ObjectInfo

from .raw import ask


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def test_put_makes_a_plain_file(url: mock_s3.Server, bucket: Path) -> None:
    answer = ask(url, "PUT", f"/{bucket.name}/a/b/c%20d.txt", body=b"text")
    assert answer.headers["etag"] == f'"{hashlib.md5(b"text").hexdigest()}"'
    assert (bucket / "a" / "b" / "c d.txt").read_bytes() == b"text"


def test_conditional_puts(url: mock_s3.Server, bucket: Path) -> None:
    target = f"/{bucket.name}/k"
    first = ask(url, "PUT", target, body=b"1", If_None_Match="*")
    assert first.status == 200
    assert ask(url, "PUT", target, body=b"2", If_None_Match="*").code == "PreconditionFailed"
    assert ask(url, "PUT", target, body=b"2", If_Match='"other"').code == "PreconditionFailed"
    assert ask(url, "PUT", target, body=b"2", If_Match=first.headers["etag"]).status == 200
    assert ask(url, "PUT", target, body=b"3", If_Match=first.headers["etag"]).status == 412
    assert ask(url, "PUT", f"{target}-none", body=b"3", If_Match="*").code == "NoSuchKey"
    assert ask(url, "PUT", target, body=b"3", If_None_Match='"etag"').code == "NotImplemented"
    assert (bucket / "k").read_bytes() == b"2"


def test_one_of_many_parallel_creations_wins(url: mock_s3.Server, bucket: Path) -> None:
    answers: dict[int, int] = {}

    def create(number: int) -> None:
        body = b"%d" % number
        answers[number] = ask(url, "PUT", f"/{bucket.name}/k", body=body, If_None_Match="*").status

    threads = [threading.Thread(target=create, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers.values()) == [200] + [412] * 15
    winner = next(number for number, status in answers.items() if status == 200)
    assert (bucket / "k").read_bytes() == b"%d" % winner


def test_a_writer_waits_while_another_judges_its_condition(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    store = ObjectStore(str(tmp_path))
    judging, go_on = threading.Event(), threading.Event()
    seen: list[str | None] = []

    def write(data: bytes, check: Callable[[str | None], None]) -> None:
        incoming = Incoming({}, path=store.new_file())
        incoming.write(data)
        incoming.finish({})
        store.commit(incoming, "b", "k", ObjectInfo(size=0, mtime_ns=0, etag=incoming.md5), check=check)

    def judge_slowly(etag: str | None) -> None:
        seen.append(etag)
        judging.set()
        go_on.wait()

    first = threading.Thread(target=write, args=(b"1", judge_slowly))
    second = threading.Thread(target=write, args=(b"2", seen.append))
    first.start()
    judging.wait()
    second.start()
    second.join(0.2)
    go_on.set()
    first.join()
    second.join()
    assert seen == [None, hashlib.md5(b"1").hexdigest()]


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Content_MD5": b64(hashlib.md5(b"other").digest())}, "BadDigest"),
        ({"Content_MD5": "no base64!"}, "InvalidDigest"),
        ({"Content_MD5": b64(b"short")}, "InvalidDigest"),
        ({"x_amz_checksum_crc32": b64(zlib.crc32(b"other").to_bytes(4, "big"))}, "BadDigest"),
        ({"x_amz_checksum_crc32c": b64(b"\0" * 4)}, "BadDigest"),
        ({"x_amz_checksum_crc64nvme": b64(b"\0" * 8)}, "BadDigest"),
        ({"x_amz_checksum_sha1": b64(hashlib.sha1(b"other").digest())}, "BadDigest"),
        ({"x_amz_checksum_sha256": b64(hashlib.sha256(b"other").digest())}, "BadDigest"),
        ({"x_amz_content_sha256": hashlib.sha256(b"other").hexdigest()}, "XAmzContentSHA256Mismatch"),
    ],
)
def test_wrong_digests_are_refused_and_store_nothing(
    url: mock_s3.Server, bucket: Path, headers: dict[str, str], code: str
) -> None:
    assert ask(url, "PUT", f"/{bucket.name}/k", body=b"body", **headers).code == code
    assert list(bucket.iterdir()) == []


def test_right_digests_are_accepted_and_given_back(url: mock_s3.Server, bucket: Path) -> None:
    body = b"123456789"
    sums = {
        "crc32": zlib.crc32(body).to_bytes(4, "big"),
        "crc32c": bytes.fromhex("e3069283"),
        "crc64nvme": bytes.fromhex("ae8b14860a799888"),
        "sha1": hashlib.sha1(body).digest(),
        "sha256": hashlib.sha256(body).digest(),
    }
    headers = {f"x_amz_checksum_{name}": b64(digest) for name, digest in sums.items()}
    headers |= {
        "Content_MD5": b64(hashlib.md5(body).digest()),
        "x_amz_content_sha256": hashlib.sha256(body).hexdigest(),
    }
    answer = ask(url, "PUT", f"/{bucket.name}/k", body=body, **headers)
    assert answer.status == 200
    read = ask(url, "GET", f"/{bucket.name}/k", x_amz_checksum_mode="ENABLED")
    for name, digest in sums.items():
        assert answer.headers[f"x-amz-checksum-{name}"] == b64(digest)
        assert read.headers[f"x-amz-checksum-{name}"] == b64(digest)
    # A checksum of the whole says nothing about a part of it.
    part = ask(url, "GET", f"/{bucket.name}/k", x_amz_checksum_mode="ENABLED", Range="bytes=0-1")
    assert not [name for name in part.headers if name.startswith("x-amz-checksum")]


def aws_chunked(pieces: list[bytes], trailers: dict[str, str]) -> bytes:
    framed = b"".join(
        b"%x;chunk-signature=%064x\r\n%s\r\n" % (len(piece), 7, piece) for piece in pieces if piece
    )
    return framed + b"0\r\n" + "".join(f"{n}:{v}\r\n" for n, v in trailers.items()).encode() + b"\r\n"


def put_chunked(url: str, bucket: Path, framed: bytes, *, length: int, trailer: str = "x-amz-checksum-crc32"):
    return ask(
        url,
        "PUT",
        f"/{bucket.name}/k",
        body=framed,
        Content_Encoding="aws-chunked",
        x_amz_content_sha256="STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        x_amz_decoded_content_length=str(length),
        x_amz_trailer=trailer,
    )


def test_aws_chunked_body_is_decoded_and_its_trailer_verified(url: mock_s3.Server, bucket: Path) -> None:
    pieces = [b"first\r\n", b"0\r\n\r\n", b"x" * 100_000]
    data = b"".join(pieces)
    right = {"x-amz-checksum-crc32": b64(zlib.crc32(data).to_bytes(4, "big"))}
    wrong = {"x-amz-checksum-crc32": b64(zlib.crc32(b"other").to_bytes(4, "big"))}
    framed = aws_chunked(pieces, right)
    assert put_chunked(url, bucket, aws_chunked(pieces, wrong), length=len(data)).code == "BadDigest"
    assert put_chunked(url, bucket, aws_chunked(pieces, {}), length=len(data)).code == "InvalidRequest"
    assert put_chunked(url, bucket, framed, length=len(data) + 1).code == "IncompleteBody"
    assert put_chunked(url, bucket, framed[:-20], length=len(data)).code == "IncompleteBody"
    assert put_chunked(url, bucket, framed + b"more", length=len(data)).code == "IncompleteBody"
    assert list(bucket.iterdir()) == []
    assert put_chunked(url, bucket, framed, length=len(data)).status == 200
    assert (bucket / "k").read_bytes() == data
    assert "content-encoding" not in ask(url, "GET", f"/{bucket.name}/k").headers


@settings(deadline=None)
@given(
    pieces=st.lists(st.binary(min_size=1, max_size=40), max_size=5),
    cuts=st.lists(st.integers(0, 400), max_size=6),
    rest=st.binary(max_size=10),
)
def test_chunks_decode_alike_however_they_arrive(pieces: list[bytes], cuts: list[int], rest: bytes) -> None:
    stream = aws_chunked(pieces, {"x": "y"}) + rest
    decoder, payload, surplus = ChunkedDecoder(), b"", b""
    bounds = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    for start, stop in pairwise(bounds):
        if decoder.done:
            surplus += stream[start:stop]
            continue
        data, left = decoder.feed(stream[start:stop])
        payload, surplus = payload + data, surplus + left
    assert decoder.done
    assert (payload, surplus, decoder.trailers) == (b"".join(pieces), rest, {"x": "y"})


@settings(deadline=None)
@given(data=st.binary(max_size=200), cut=st.integers(0, 200))
def test_running_checksums_do_not_depend_on_the_pieces(data: bytes, cut: int) -> None:
    for name in checksums.ALGORITHMS:
        whole, parts = checksums.start(name), checksums.start(name)
        whole.update(data)
        parts.update(data[:cut])
        parts.update(data[cut:])
        assert whole.digest() == parts.digest()


def test_headers_of_an_object_are_kept_until_its_file_is_edited(url: mock_s3.Server, bucket: Path) -> None:
    ask(url, "PUT", f"/{bucket.name}/k", body=b"1", Content_Type="text/plain", x_amz_meta_colour="blue")
    headers = ask(url, "HEAD", f"/{bucket.name}/k").headers
    assert (headers["content-type"], headers["x-amz-meta-colour"]) == ("text/plain", "blue")
    (bucket / "k").write_bytes(b"edited")
    headers = ask(url, "HEAD", f"/{bucket.name}/k").headers
    assert (headers["content-type"], "x-amz-meta-colour" in headers) == ("binary/octet-stream", False)


def test_copy_takes_bytes_and_headers(url: mock_s3.Server, bucket: Path) -> None:
    ask(url, "PUT", f"/{bucket.name}/a%20b", body=b"data", x_amz_meta_n="1")
    source = f"/{bucket.name}/a%20b"
    assert ask(url, "PUT", f"/{bucket.name}/c", x_amz_copy_source=source).status == 200
    answer = ask(url, "GET", f"/{bucket.name}/c")
    assert (answer.body, answer.headers["x-amz-meta-n"]) == (b"data", "1")
    fresh = ask(
        url,
        "PUT",
        f"/{bucket.name}/a%20b",
        x_amz_copy_source=source,
        x_amz_metadata_directive="REPLACE",
        x_amz_meta_n="2",
    )
    assert fresh.status == 200
    assert ask(url, "HEAD", source).headers["x-amz-meta-n"] == "2"
    assert ask(url, "PUT", source, x_amz_copy_source=source).code == "InvalidRequest"
    assert ask(url, "PUT", source, x_amz_copy_source=f"{bucket.name}/none").code == "NoSuchKey"
    stale = ask(url, "PUT", source, x_amz_copy_source=source + "2", x_amz_copy_source_if_match="x")
    assert stale.code == "NoSuchKey"
    refused = ask(
        url, "PUT", f"/{bucket.name}/d", x_amz_copy_source=source, x_amz_copy_source_if_match='"other"'
    )
    assert refused.code == "PreconditionFailed"


def test_delete_removes_the_object_and_its_empty_directories(url: mock_s3.Server, bucket: Path) -> None:
    ask(url, "PUT", f"/{bucket.name}/a/b/c", body=b"1")
    ask(url, "PUT", f"/{bucket.name}/a/d", body=b"1")
    assert ask(url, "DELETE", f"/{bucket.name}/a/b/c").status == 204
    assert sorted(path.name for path in bucket.rglob("*")) == ["a", "d"]
    assert ask(url, "DELETE", f"/{bucket.name}/a/b/c").status == 204
    assert ask(url, "DELETE", f"/{bucket.name}/a/d").status == 204
    assert list(bucket.iterdir()) == []


def test_deleting_a_bucket_needs_it_empty_and_spares_what_no_key_names(
    url: mock_s3.Server, root: Path, bucket: Path
) -> None:
    (bucket / "k").write_bytes(b"1")
    assert ask(url, "DELETE", f"/{bucket.name}").code == "BucketNotEmpty"
    (bucket / "k").rename(bucket / "folder-link-target")
    (bucket / "folder-link-target").unlink()
    (bucket / "link").symlink_to("/nowhere")
    assert ask(url, "DELETE", f"/{bucket.name}").code == "BucketNotEmpty"
    (bucket / "link").unlink()
    (bucket / "a" / "b").mkdir(parents=True)
    assert ask(url, "DELETE", f"/{bucket.name}").status == 204
    assert not bucket.exists()


@pytest.mark.parametrize("name", ["AB", "ab", "a_b", "-ab", "a" * 64, "a..b", "%2e%2e", "_mock"])
def test_bucket_names_s3_refuses_are_not_created(url: mock_s3.Server, root: Path, name: str) -> None:
    before = sorted(root.iterdir())
    assert ask(url, "PUT", f"/{name}").code == "InvalidBucketName"
    assert sorted(root.iterdir()) == before


@pytest.mark.parametrize(
    "body", [b"", b"<Delete>", b"<Other/>", b"<Delete></Delete>", b"<!DOCTYPE a><Delete/>"]
)
def test_malformed_xml_is_refused(url: mock_s3.Server, bucket: Path, body: bytes) -> None:
    assert ask(url, "POST", f"/{bucket.name}?delete", body=body).code == "MalformedXML"


def test_messages_have_a_bound_and_objects_do_not_need_one(url: mock_s3.Server, bucket: Path) -> None:
    body = b" " * (8 * 1024 * 1024 + 1)
    assert ask(url, "PUT", f"/{bucket.name}/k", body=body).status == 200
    answer = ask(url, "POST", f"/{bucket.name}?delete", body=body)
    assert answer.code == "EntityTooLarge"
