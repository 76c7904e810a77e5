"""The store over S3, under the contract of all stores: against mock_s3, and against moto."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import boto3
import pytest

import mock_s3
from rlm_magic.config import ContextConfig
from rlm_magic.context.address import Access, parse
from rlm_magic.context.stores import Store
from rlm_magic.context.stores.connect import RemoteStore

from ..contracts.store_contract import StoreContract
from .s3 import make_bucket, moto, point_at

_numbers = count()


def empty_store(config: ContextConfig | None = None) -> RemoteStore:
    address = parse(f"s3://bucket/p{next(_numbers)}/")
    return RemoteStore(address, access=Access(), config=config or ContextConfig())


class OverS3(StoreContract):
    def test_the_listing_has_what_head_says(self, store: RemoteStore) -> None:
        for key in ("a", "data/b", "data/.c", "database"):
            store.put(key, [key.encode()])
        assert store.listing() == {key: store.head(key) for key in ("a", "data/b", "data/.c", "database")}
        assert set(store.listing("data")) == {"data/b", "data/.c"}

    def test_a_large_object_in_parts(self, store: RemoteStore) -> None:
        in_parts = empty_store(ContextConfig(upload_part_bytes=5 * 1024 * 1024))
        data = bytes(range(256)) * 50_000
        in_parts.put("large", [data[:1000], data[1000:]])
        assert in_parts.get("large") == data
        assert in_parts.head("large").version.strip('"').endswith("-3")


@pytest.fixture(scope="module")
def mock_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with mock_s3.serve(make_bucket(tmp_path_factory.mktemp("s3"), "bucket", {})) as url:
        yield str(url)


@pytest.fixture(scope="module")
def moto_url() -> Iterator[str]:
    with moto() as url:
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        client = boto3.client("s3", endpoint_url=url, region_name="us-east-1", **keys)
        client.create_bucket(Bucket="bucket")
        yield url


class TestMockS3(OverS3):
    @pytest.fixture
    def store(self, mock_url: str, monkeypatch: pytest.MonkeyPatch) -> Store:
        point_at(mock_url, monkeypatch)
        return empty_store()


class TestMoto(OverS3):
    @pytest.fixture
    def store(self, moto_url: str, monkeypatch: pytest.MonkeyPatch) -> Store:
        point_at(moto_url, monkeypatch)
        return empty_store()
