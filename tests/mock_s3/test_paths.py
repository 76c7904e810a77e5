"""Names and paths that leave the directory are refused, however they are written."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import mock_s3

from .raw import ask

SECRET = b"not for clients"


@pytest.fixture
def secret(root: Path) -> Iterator[Path]:
    path = root.parent / "secret.txt"
    path.write_bytes(SECRET)
    yield path
    assert path.read_bytes() == SECRET
    path.unlink()


ESCAPES = [
    "/{bucket}/../../secret.txt",
    "/{bucket}/..%2f..%2fsecret.txt",
    "/{bucket}/%2e%2e/%2e%2e/secret.txt",
    "/{bucket}/%2E%2E%2F%2E%2E%2Fsecret.txt",
    "/{bucket}/a/../../../secret.txt",
    "/{bucket}/./../../secret.txt",
    "/../secret.txt",
    "/..%2fsecret.txt",
    "/%2e%2e/secret.txt",
    "/./secret.txt",
    "//{secret}",
    "/%2f{secret}",
    "/{bucket}/%00",
    "/{bucket}/a%00.txt",
    "/{bucket}%00/a",
    "/.mock_s3/new",
    "/.mock_s3%2fnew",
    "/{bucket}/.mock_s3/x",
    "/{bucket}/%2emock_s3/x",
    "/{bucket}/%ff%fe",
    "/{bucket}/..",
    "/{bucket}/.",
    "/..",
    "http://host/../secret.txt",
]


@pytest.mark.parametrize("verb", ["GET", "HEAD", "PUT", "DELETE"])
@pytest.mark.parametrize("path", ESCAPES)
def test_escapes_are_refused(
    url: mock_s3.Server, root: Path, bucket: Path, secret: Path, verb: str, path: str
) -> None:
    before = sorted(root.parent.rglob("*"))
    target = path.format(bucket=bucket.name, secret=secret)
    answer = ask(url, verb, target, body=b"overwritten" if verb == "PUT" else b"")
    assert answer.status in (400, 403)
    assert SECRET not in answer.body
    assert sorted(root.parent.rglob("*")) == before


@pytest.mark.parametrize("verb", ["GET", "DELETE"])
def test_an_absolute_path_in_a_key_names_nothing(
    url: mock_s3.Server, bucket: Path, secret: Path, verb: str
) -> None:
    answer = ask(url, verb, f"/{bucket.name}/{secret}")
    assert answer.status == (404 if verb == "GET" else 204)
    assert ask(url, "PUT", f"/{bucket.name}/{secret}", body=b"x").status == 400


def test_a_name_encoded_twice_is_an_odd_name_inside(url: mock_s3.Server, bucket: Path, secret: Path) -> None:
    assert ask(url, "PUT", f"/{bucket.name}/%252e%252e%252fsecret.txt", body=b"x").status == 200
    assert [path.name for path in bucket.iterdir()] == ["%2e%2e%2fsecret.txt"]


def test_host_header_cannot_name_a_directory_outside(url: mock_s3.Server, secret: Path) -> None:
    for host in ("...localhost", "..%2f.localhost", ".mock_s3.localhost", "/etc.localhost"):
        assert ask(url, "GET", "/secret.txt", Host=host).status == 400


def test_copy_source_cannot_leave(url: mock_s3.Server, bucket: Path, secret: Path) -> None:
    for source in (
        "/../secret.txt",
        f"/{bucket.name}/../../secret.txt",
        "/%2e%2e/secret.txt",
        f"{bucket.name}/%00",
    ):
        answer = ask(url, "PUT", f"/{bucket.name}/copy", x_amz_copy_source=source)
        assert answer.status == 400
    assert list(bucket.iterdir()) == []


def test_delete_objects_cannot_leave(url: mock_s3.Server, bucket: Path, secret: Path) -> None:
    body = b"<Delete><Object><Key>../../secret.txt</Key></Object></Delete>"
    answer = ask(url, "POST", f"/{bucket.name}?delete", body=body)
    assert b"InvalidURI" in answer.body


@pytest.mark.parametrize("upload", ["../../x", "..", "%2e%2e", "", "0" * 32])
def test_upload_ids_cannot_leave(url: mock_s3.Server, bucket: Path, upload: str) -> None:
    target = f"/{bucket.name}/k?uploadId={upload}"
    assert ask(url, "DELETE", target).code == "NoSuchUpload"
    assert ask(url, "PUT", f"{target}&partNumber=1", body=b"x").code == "NoSuchUpload"


def test_symbolic_links_out_are_refused_and_not_listed(
    url: mock_s3.Server, root: Path, bucket: Path, secret: Path
) -> None:
    (bucket / "file").symlink_to(secret)
    (bucket / "folder").symlink_to(secret.parent)
    (bucket / "loop").symlink_to(bucket)
    outside = secret.parent / "outside"
    outside.mkdir(exist_ok=True)
    (root / "linked-bucket").symlink_to(outside)
    try:
        for key in ("file", "folder/secret.txt", "loop/loop/file"):
            assert ask(url, "GET", f"/{bucket.name}/{key}").status in (403, 404)
        assert ask(url, "PUT", f"/{bucket.name}/folder/new.txt", body=b"x").code == "AccessDenied"
        assert ask(url, "DELETE", f"/{bucket.name}/folder/secret.txt").code == "AccessDenied"
        assert ask(url, "PUT", "/linked-bucket/new.txt", body=b"x").code == "AccessDenied"
        for query in ("", "?prefix=folder/", "?prefix=loop/", "?prefix=../", "?prefix=loop/loop/"):
            assert b"<Key>" not in ask(url, "GET", f"/{bucket.name}{query}").body
            folded = ask(url, "GET", f"/{bucket.name}{query or '?'}&delimiter=/").body
            assert b"<CommonPrefixes>" not in folded
        assert list(outside.iterdir()) == []
    finally:
        (root / "linked-bucket").unlink()
        outside.rmdir()


def test_a_link_to_an_object_inside_is_an_object(url: mock_s3.Server, root: Path, bucket: Path) -> None:
    (bucket / "real").write_bytes(b"data")
    (bucket / "alias").symlink_to(bucket / "real")
    (bucket / "private").symlink_to(root / ".mock_s3" / "new")
    assert ask(url, "GET", f"/{bucket.name}/alias").body == b"data"
    assert ask(url, "GET", f"/{bucket.name}/private").status in (403, 404)
    # Writing replaces the link, not what it leads to.
    assert ask(url, "PUT", f"/{bucket.name}/alias", body=b"new").status == 200
    assert (bucket / "real").read_bytes() == b"data"


def test_pipes_and_directories_are_no_objects(url: mock_s3.Server, bucket: Path) -> None:
    os.mkfifo(bucket / "pipe")
    (bucket / "folder").mkdir()
    (bucket / "folder" / "a").write_bytes(b"1")
    for key in ("pipe", "folder", "folder/", "folder//a", "/folder/a"):
        assert ask(url, "GET", f"/{bucket.name}/{key}").status == 404
    assert ask(url, "PUT", f"/{bucket.name}/folder", body=b"x").code == "InvalidRequest"
    assert ask(url, "PUT", f"/{bucket.name}/folder/a/b", body=b"x").code == "InvalidRequest"
    assert ask(url, "PUT", f"/{bucket.name}/folder/", body=b"x").code == "InvalidRequest"
    assert ask(url, "DELETE", f"/{bucket.name}/folder").status == 204
    assert (bucket / "folder" / "a").read_bytes() == b"1"


def test_names_too_long_for_a_file_are_refused(url: mock_s3.Server, bucket: Path) -> None:
    assert ask(url, "PUT", f"/{bucket.name}/{'x' * 256}", body=b"x").code == "KeyTooLongError"
    assert ask(url, "PUT", f"/{bucket.name}/{'x/' * 512}y", body=b"x").code == "KeyTooLongError"
    assert ask(url, "PUT", f"/{bucket.name}/{'x' * 255}", body=b"x").status == 200
