"""obstore, the client of the storage layer, against the server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import obstore
import pytest
from obstore.exceptions import AlreadyExistsError, PreconditionError
from obstore.store import S3Store

import mock_s3


@pytest.fixture
def store(url: mock_s3.Server, bucket: Path) -> Any:
    return S3Store(
        bucket.name,
        endpoint=str(url),
        region="us-east-1",
        access_key_id="test",
        secret_access_key="test",
        client_options={"allow_http": True},
    )


def test_put_get_and_ranges(store: Any, bucket: Path) -> None:
    data = bytes(range(256)) * 40
    obstore.put(store, "a/b é.bin", data)
    assert (bucket / "a" / "b é.bin").read_bytes() == data
    assert bytes(obstore.get(store, "a/b é.bin").bytes()) == data
    assert bytes(obstore.get_range(store, "a/b é.bin", start=10, end=20)) == data[10:20]
    parts = obstore.get_ranges(store, "a/b é.bin", starts=[0, 5000], lengths=[7, 11])
    assert [bytes(part) for part in parts] == [data[:7], data[5000:5011]]
    assert obstore.head(store, "a/b é.bin")["size"] == len(data)
    with pytest.raises(FileNotFoundError):
        obstore.get(store, "none")


def test_conditional_writes(store: Any, bucket: Path) -> None:
    first = obstore.put(store, "k", b"1", mode="create")
    with pytest.raises(AlreadyExistsError):
        obstore.put(store, "k", b"2", mode="create")
    obstore.put(store, "k", b"2", mode={"e_tag": first["e_tag"]})
    with pytest.raises(PreconditionError):
        obstore.put(store, "k", b"3", mode={"e_tag": first["e_tag"]})
    assert (bucket / "k").read_bytes() == b"2"


def test_conditional_reads(store: Any, url: mock_s3.Server) -> None:
    etag = obstore.put(store, "k", b"1")["e_tag"]
    assert bytes(obstore.get(store, "k", options={"if_match": etag}).bytes()) == b"1"
    with pytest.raises(PreconditionError):
        obstore.get(store, "k", options={"if_match": '"other"'})
    url.set_faults("change")
    with pytest.raises(PreconditionError):
        obstore.get(store, "k", options={"if_match": etag})


def test_multipart_put(store: Any, url: mock_s3.Server, bucket: Path) -> None:
    data = b"0123456789abcdef" * (12 * 1024 * 1024 // 16)
    obstore.put(store, "big", data, use_multipart=True, chunk_size=5 * 1024 * 1024)
    assert url.stats()["operations"]["UploadPart"] == 3
    assert (bucket / "big").read_bytes() == data


def test_list_copy_and_delete(store: Any, bucket: Path) -> None:
    wanted = [f"p/{number:04}" for number in range(1100)]
    (bucket / "p").mkdir()
    for key in wanted:
        (bucket / key).write_bytes(b"1")
    listed = [entry["path"] for batch in obstore.list(store, prefix="p") for entry in batch]
    assert listed == wanted
    assert obstore.list_with_delimiter(store)["common_prefixes"] == ["p"]
    obstore.copy(store, "p/0000", "q")
    obstore.delete(store, wanted)
    assert [path.name for path in bucket.rglob("*")] == ["q"]


def test_reads_survive_faults_by_retrying(store: Any, url: mock_s3.Server) -> None:
    data = b"line\n" * 20_000
    obstore.put(store, "k", data)
    for fault in ("slowdown@1", "error@1", "reset@1", "cut@1"):
        url.set_faults(fault)
        assert bytes(obstore.get(store, "k").bytes()) == data
    assert url.stats()["faults"] == {"slowdown": 1, "error": 1, "reset": 1, "cut": 1}
