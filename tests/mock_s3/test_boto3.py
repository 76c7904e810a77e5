"""boto3, the client people have, against the server."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

import mock_s3

MIB = 1024 * 1024


def test_objects_come_back_as_they_went(url: mock_s3.Server, s3: Any, bucket: Path) -> None:
    data = bytes(range(256)) * 500
    s3.put_object(Bucket=bucket.name, Key="a/é b+c.bin", Body=data, Metadata={"n": "1"}, ContentType="x/y")
    got = s3.get_object(Bucket=bucket.name, Key="a/é b+c.bin")
    assert (got["Body"].read(), got["Metadata"], got["ContentType"]) == (data, {"n": "1"}, "x/y")
    assert (bucket / "a" / "é b+c.bin").read_bytes() == data
    head = s3.head_object(Bucket=bucket.name, Key="a/é b+c.bin")
    assert (head["ContentLength"], head["ETag"]) == (len(data), got["ETag"])
    part = s3.get_object(Bucket=bucket.name, Key="a/é b+c.bin", Range="bytes=100-199")
    assert part["Body"].read() == data[100:200]


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA1", "SHA256"])
def test_trailing_checksums_of_streamed_uploads(
    url: mock_s3.Server, s3: Any, bucket: Path, algorithm: str
) -> None:
    data = b"line\r\n" * 50_000
    s3.put_object(Bucket=bucket.name, Key="k", Body=io.BytesIO(data), ChecksumAlgorithm=algorithm)
    got = s3.get_object(Bucket=bucket.name, Key="k", ChecksumMode="ENABLED")
    assert got["Body"].read() == data
    assert got[f"Checksum{algorithm}"]


def test_boto3_notices_a_flipped_bit_by_the_checksum(url: mock_s3.Server, s3: Any, bucket: Path) -> None:
    from botocore.exceptions import FlexibleChecksumError

    s3.put_object(Bucket=bucket.name, Key="k", Body=b"x" * 1000)
    url.set_faults("flip")
    with pytest.raises(FlexibleChecksumError):
        s3.get_object(Bucket=bucket.name, Key="k")["Body"].read()


def test_conditions(url: mock_s3.Server, s3: Any, bucket: Path) -> None:
    etag = s3.put_object(Bucket=bucket.name, Key="k", Body=b"1", IfNoneMatch="*")["ETag"]
    for refused in (
        lambda: s3.put_object(Bucket=bucket.name, Key="k", Body=b"2", IfNoneMatch="*"),
        lambda: s3.put_object(Bucket=bucket.name, Key="k", Body=b"2", IfMatch='"x"'),
        lambda: s3.get_object(Bucket=bucket.name, Key="k", IfMatch='"x"'),
    ):
        with pytest.raises(ClientError) as caught:
            refused()
        assert caught.value.response["Error"]["Code"] == "PreconditionFailed"
    with pytest.raises(ClientError, match="304"):
        s3.get_object(Bucket=bucket.name, Key="k", IfNoneMatch=etag)
    assert s3.put_object(Bucket=bucket.name, Key="k", Body=b"2", IfMatch=etag)["ETag"] != etag


def test_large_files_go_up_and_down_in_parts(
    url: mock_s3.Server, s3: Any, bucket: Path, tmp_path: Path
) -> None:
    data = b"0123456789abcdef" * (17 * MIB // 16)
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(data)
    config = TransferConfig(multipart_threshold=8 * MIB, multipart_chunksize=8 * MIB)
    s3.upload_file(str(source), bucket.name, "big", Config=config)
    assert url.stats()["operations"]["UploadPart"] == 3
    assert s3.head_object(Bucket=bucket.name, Key="big")["ETag"].endswith('-3"')
    s3.download_file(bucket.name, "big", str(target), Config=config)
    assert target.read_bytes() == data
    s3.copy({"Bucket": bucket.name, "Key": "big"}, bucket.name, "copy", Config=config)
    assert (bucket / "copy").read_bytes() == data


def test_listing_pages_and_folds(url: mock_s3.Server, s3: Any, bucket: Path) -> None:
    wanted = [f"a/{number:03}" for number in range(25)] + ["b/c/d", "top é.txt"]
    for key in wanted:
        s3.put_object(Bucket=bucket.name, Key=key, Body=key.encode())
    pages = list(
        s3.get_paginator("list_objects_v2").paginate(Bucket=bucket.name, PaginationConfig={"PageSize": 10})
    )
    assert [entry["Key"] for found in pages for entry in found["Contents"]] == wanted
    assert [found["KeyCount"] for found in pages] == [10, 10, 7]
    top = s3.list_objects_v2(Bucket=bucket.name, Delimiter="/")
    assert [entry["Prefix"] for entry in top["CommonPrefixes"]] == ["a/", "b/"]
    assert [entry["Key"] for entry in top["Contents"]] == ["top é.txt"]
    old = s3.get_paginator("list_objects").paginate(
        Bucket=bucket.name, Delimiter="/", PaginationConfig={"PageSize": 1}
    )
    assert [entry["Prefix"] for found in old for entry in found.get("CommonPrefixes", [])] == ["a/", "b/"]


def test_copy_and_delete(url: mock_s3.Server, s3: Any, bucket: Path) -> None:
    s3.put_object(Bucket=bucket.name, Key="a b", Body=b"1")
    s3.copy_object(Bucket=bucket.name, Key="c", CopySource={"Bucket": bucket.name, "Key": "a b"})
    assert s3.get_object(Bucket=bucket.name, Key="c")["Body"].read() == b"1"
    s3.delete_object(Bucket=bucket.name, Key="c")
    with pytest.raises(s3.exceptions.NoSuchKey):
        s3.get_object(Bucket=bucket.name, Key="c")
    gone = s3.delete_objects(Bucket=bucket.name, Delete={"Objects": [{"Key": "a b"}, {"Key": "never there"}]})
    assert [entry["Key"] for entry in gone["Deleted"]] == ["a b", "never there"]
    assert list(bucket.iterdir()) == []


def test_buckets(url: mock_s3.Server, s3: Any, root: Path) -> None:
    s3.create_bucket(Bucket="made-by-boto3")
    assert "made-by-boto3" in [entry["Name"] for entry in s3.list_buckets()["Buckets"]]
    s3.head_bucket(Bucket="made-by-boto3")
    assert s3.get_bucket_location(Bucket="made-by-boto3")["LocationConstraint"] is None
    s3.delete_bucket(Bucket="made-by-boto3")
    with pytest.raises(ClientError, match="404"):
        s3.head_bucket(Bucket="made-by-boto3")


def test_anonymous_clients_are_served_too(url: mock_s3.Server, bucket: Path) -> None:
    import boto3
    from botocore import UNSIGNED
    from botocore.config import Config

    (bucket / "k").write_bytes(b"1")
    client = boto3.client(
        "s3", endpoint_url=url, region_name="eu-west-1", config=Config(signature_version=UNSIGNED)
    )
    assert client.get_object(Bucket=bucket.name, Key="k")["Body"].read() == b"1"
