"""Multipart uploads, step by step over raw HTTP."""

from __future__ import annotations

import hashlib
from pathlib import Path
from xml.etree import ElementTree

import mock_s3
from mock_s3.config import PART_BYTES

from .raw import Answer, ask

NAMESPACE = "{http://s3.amazonaws.com/doc/2006-03-01/}"
BIG, LAST = b"b" * PART_BYTES, b"the end"


def start(url: str, target: str, **headers: str) -> str:
    answer = ask(url, "POST", f"{target}?uploads", **headers)
    return ElementTree.fromstring(answer.body).findtext(f"{NAMESPACE}UploadId") or ""


def put(url: str, target: str, upload: str, number: int, body: bytes) -> str:
    answer = ask(url, "PUT", f"{target}?partNumber={number}&uploadId={upload}", body=body)
    assert answer.status == 200
    return answer.headers["etag"]


def complete(url: str, target: str, upload: str, parts: list[tuple[int, str]], **headers: str) -> Answer:
    listed = "".join(f"<Part><PartNumber>{n}</PartNumber><ETag>{e}</ETag></Part>" for n, e in parts)
    body = f"<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>".encode()
    return ask(url, "POST", f"{target}?uploadId={upload}", body=body, **headers)


def test_parts_become_one_object_with_an_etag_of_etags(url: mock_s3.Server, root: Path, bucket: Path) -> None:
    target = f"/{bucket.name}/k"
    upload = start(url, target, Content_Type="text/plain")
    last = put(url, target, upload, 9, LAST)
    put(url, target, upload, 2, b"replaced later")
    first = put(url, target, upload, 2, BIG)
    assert not (bucket / "k").exists()
    waiting = [path.name.split("-")[0] for path in (root / ".mock_s3" / "uploads" / upload).iterdir()]
    assert sorted(waiting) == ["00002", "00009", "upload.json"]
    assert complete(url, target, upload, [(2, first), (9, last)]).status == 200
    assert (bucket / "k").read_bytes() == BIG + LAST
    digest = hashlib.md5(hashlib.md5(BIG).digest() + hashlib.md5(LAST).digest()).hexdigest()
    headers = ask(url, "HEAD", target).headers
    assert (headers["etag"], headers["content-type"]) == (f'"{digest}-2"', "text/plain")
    part = ask(url, "GET", f"{target}?partNumber=2")
    assert (part.status, part.body, part.headers["x-amz-mp-parts-count"]) == (206, LAST, "2")
    assert ask(url, "GET", f"{target}?partNumber=3").code == "InvalidRange"


def test_etag_outlives_the_server(url: mock_s3.Server, root: Path, bucket: Path) -> None:
    target = f"/{bucket.name}/k"
    upload = start(url, target)
    complete(url, target, upload, [(1, put(url, target, upload, 1, LAST))])
    etag = ask(url, "HEAD", target).headers["etag"]
    with mock_s3.serve(root) as other:
        assert ask(other, "HEAD", target).headers["etag"] == etag
    assert etag.endswith('-1"')


def test_what_s3_refuses_is_refused(url: mock_s3.Server, bucket: Path) -> None:
    target = f"/{bucket.name}/k"
    upload = start(url, target)
    small, big = put(url, target, upload, 1, LAST), put(url, target, upload, 2, BIG)
    assert complete(url, target, upload, [(1, small), (2, big)]).code == "EntityTooSmall"
    assert complete(url, target, upload, [(2, big), (1, small)]).code == "InvalidPartOrder"
    assert complete(url, target, upload, [(2, big), (2, big)]).code == "InvalidPartOrder"
    assert complete(url, target, upload, [(1, big)]).code == "InvalidPart"
    assert complete(url, target, upload, [(3, big)]).code == "InvalidPart"
    assert complete(url, target, upload, []).code == "MalformedXML"
    assert complete(url, f"{target}2", upload, [(1, small)]).code == "NoSuchUpload"
    for number in ("0", "10001", "x", "-1", ""):
        part = ask(url, "PUT", f"{target}?partNumber={number}&uploadId={upload}", body=b"x")
        assert part.code == "InvalidArgument"
    (bucket / "k").write_bytes(b"there already")
    assert complete(url, target, upload, [(1, small)], If_None_Match="*").code == "PreconditionFailed"
    assert complete(url, target, upload, [(1, small)]).status == 200
    assert complete(url, target, upload, [(1, small)]).code == "NoSuchUpload"


def test_uploads_are_listed_and_can_be_given_up(url: mock_s3.Server, root: Path, bucket: Path) -> None:
    target = f"/{bucket.name}/k"
    upload = start(url, target)
    etag = put(url, target, upload, 7, LAST)
    parts = ElementTree.fromstring(ask(url, "GET", f"{target}?uploadId={upload}").body)
    part = parts.find(f"{NAMESPACE}Part")
    assert part is not None
    assert [element.text for element in part] == ["7", etag, str(len(LAST))]
    assert upload.encode() in ask(url, "GET", f"/{bucket.name}?uploads").body
    assert ask(url, "DELETE", f"{target}?uploadId={upload}").status == 204
    assert upload.encode() not in ask(url, "GET", f"/{bucket.name}?uploads").body
    assert not (root / ".mock_s3" / "uploads" / upload).exists()
    assert b"<Contents>" not in ask(url, "GET", f"/{bucket.name}").body


def test_a_part_may_be_a_range_of_another_object(url: mock_s3.Server, bucket: Path) -> None:
    (bucket / "source").write_bytes(b"0123456789")
    target = f"/{bucket.name}/k"
    upload = start(url, target)
    copied = ask(
        url,
        "PUT",
        f"{target}?partNumber=1&uploadId={upload}",
        x_amz_copy_source=f"/{bucket.name}/source",
        x_amz_copy_source_range="bytes=2-4",
    )
    etag = ElementTree.fromstring(copied.body).findtext(f"{NAMESPACE}ETag") or ""
    assert complete(url, target, upload, [(1, etag)]).status == 200
    assert (bucket / "k").read_bytes() == b"234"
