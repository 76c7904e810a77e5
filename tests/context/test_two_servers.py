"""What is asked of S3 works alike against mock_s3 and against moto, which other hands wrote."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

import mock_s3
from rlm_magic.config import ContextConfig
from rlm_magic.context import append, ingest, open_context
from rlm_magic.disk import segment_cache
from rlm_magic.errors import (
    IntegrityError,
    SegmentMissing,
    SnapshotChanged,
    SourceNotFound,
    WriteConflict,
)

from .s3 import moto, point_at

LINES = [f"línea {number} {'😀' if number % 97 == 0 else 'x' * (number % 60)}\n" for number in range(2_000)]
TEXT = "".join(LINES)
_numbers = count()


@pytest.fixture(scope="module", params=["mock_s3", "moto"])
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if request.param == "moto":
        with moto() as server:
            yield server
    else:
        with mock_s3.serve(tmp_path_factory.mktemp("s3")) as server:
            yield str(server)


class Bucket:
    """A bucket of its own, and a client by other hands to look into it."""

    def __init__(self, url: str) -> None:
        import boto3

        self.name = f"bucket-{next(_numbers)}"
        self._client: Any = boto3.client("s3", endpoint_url=url, region_name="us-east-1")
        self._client.create_bucket(Bucket=self.name)

    def __getitem__(self, key: str) -> bytes:
        data: bytes = self._client.get_object(Bucket=self.name, Key=key)["Body"].read()
        return data

    def __setitem__(self, key: str, data: bytes) -> None:
        self._client.put_object(Bucket=self.name, Key=key, Body=data)

    def __delitem__(self, key: str) -> None:
        self._client.delete_object(Bucket=self.name, Key=key)

    def listed(self) -> list[str]:
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self.name)
        return [found["Key"] for page in pages for found in page.get("Contents", ())]

    def at(self, key: str) -> str:
        return f"s3://{self.name}/{key}"


@pytest.fixture
def bucket(url: str, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    point_at(url, monkeypatch)
    return Bucket(url)


def test_a_prefix_without_a_manifest_is_its_objects_in_order(bucket: Bucket) -> None:
    for name in ("b", "a", "c"):
        bucket[f"logs/{name}.txt"] = f"of {name}\n".encode()
    context = open_context(bucket.at("logs/"))
    assert list(context.documents) == ["a.txt", "b.txt", "c.txt"]
    assert context[:] == "of a\nof b\nof c\n"


def test_one_object_and_a_glob(bucket: Bucket) -> None:
    bucket["logs/1.txt"], bucket["logs/2.txt"], bucket["logs/2.json"] = b"one\n", b"two\n", b"{}\n"
    assert open_context(bucket.at("logs/1.txt"))[:] == "one\n"
    assert open_context(bucket.at("logs/*.txt"))[:] == "one\ntwo\n"


@pytest.mark.parametrize("slash", ["", "/"])
def test_the_older_manifest(bucket: Bucket, slash: str) -> None:
    rows = []
    for number in range(0, 2_000, 500):
        key = f"segment_{number:05}.txt"
        bucket[f"old/{key}"] = "".join(LINES[number : number + 500]).encode()
        rows.append({"segment": key, "start_line": number, "line_count": 500})
    bucket["old/manifest.json"] = json.dumps(rows[::-1]).encode()
    context = open_context(bucket.at(f"old{slash}"))
    assert len(context) == 2_000
    assert context[450:1_550] == "".join(LINES[450:1_550])
    assert context.chars[10_000:12_000] == TEXT[10_000:12_000]


def test_written_read_extended_and_rechunked(bucket: Bucket) -> None:
    small = ingest([("log", TEXT)], bucket.at("small/"), segment_bytes=3_000, object_bytes=3_000)
    assert small[:] == TEXT
    longer = append(bucket.at("small/"), [("more", "the end\n")], segment_bytes=3_000)
    assert longer[-1] == "the end\n"
    few = ingest(longer, bucket.at("few/"))
    assert few[:] == longer[:] == TEXT + "the end\n"
    assert len([key for key in bucket.listed() if key.startswith("few/data/")]) == 1
    for step in (slice(0, 50), slice(999, 1_500), slice(-3, None), slice(5, 1_900, 7)):
        assert few[step] == "".join([*LINES, "the end\n"][step])


def test_an_object_larger_than_one_part(bucket: Bucket) -> None:
    config = ContextConfig()
    line = "x" * 1_000 + "\n"
    text = line * (config.upload_part_bytes * 2 // len(line))
    assert ingest([("big", text)], bucket.at("big/"))[:] == text


def test_an_interrupted_ingest_sends_only_what_is_missing(bucket: Bucket) -> None:
    ingest([("log", TEXT)], bucket.at("text/"), segment_bytes=5_000, object_bytes=5_000)
    data = [key for key in bucket.listed() if "/data/" in key]
    del bucket["text/manifest.json"]
    for key in data[::2]:
        del bucket[key]
    assert ingest([("log", TEXT)], bucket.at("text/"), segment_bytes=5_000, object_bytes=5_000)[:] == TEXT
    assert sorted(key for key in bucket.listed() if "/data/" in key) == data


@pytest.mark.parametrize("object_bytes", [5_000, 20 * 1024 * 1024])
def test_ingesting_again_heals_a_damaged_object(bucket: Bucket, object_bytes: int) -> None:
    text = TEXT * (1 if object_bytes == 5_000 else 170)
    written = ingest([("log", text)], bucket.at("text/"), object_bytes=object_bytes)
    key = next(key for key in bucket.listed() if "/data/" in key)
    right = bucket[key]
    bucket[key] = right.swapcase()
    with pytest.raises(IntegrityError, match="ingest again"):
        written[0]
    assert ingest([("log", text)], bucket.at("text/"), object_bytes=object_bytes)[0] == LINES[0]
    assert bucket[key] == right


def test_a_lost_race_is_an_error(bucket: Bucket) -> None:
    from rlm_magic.context.address import Access, parse
    from rlm_magic.context.stores.connect import RemoteStore

    store = RemoteStore(parse(bucket.at("race/")), access=Access(), config=ContextConfig())
    store.swap("m", b"first", expected=None)
    version = store.head("m").version
    store.swap("m", b"second", expected=version)
    with pytest.raises(WriteConflict):
        store.swap("m", b"third", expected=version)
    with pytest.raises(WriteConflict):
        store.swap("m", b"third", expected=None)
    assert bucket["race/m"] == b"second"


def test_what_is_missing_is_named(bucket: Bucket) -> None:
    with pytest.raises(SourceNotFound, match="nothing-here"):
        open_context(bucket.at("nothing-here/"))
    with pytest.raises(SourceNotFound, match="no-such-bucket-at-all"):
        open_context("s3://no-such-bucket-at-all/logs/")
    ingest([("log", TEXT)], bucket.at("text/"), segment_bytes=5_000, object_bytes=5_000)
    context = open_context(bucket.at("text/"))
    gone = context._text.segments.extents.keys[0]  # type: ignore[union-attr]
    del bucket[f"text/{gone}"]
    with pytest.raises(SegmentMissing, match="lines 0 to"):
        context[0]
    assert context[-1] == LINES[-1]


def test_an_object_that_changed_is_never_mixed_in(bucket: Bucket) -> None:
    # Too large to be kept in memory from when it was indexed.
    config = ContextConfig(memory_bytes=10_000, segment_bytes=4_000)
    bucket["log.txt"] = TEXT.encode()
    context = open_context(bucket.at("log.txt"), config=config)
    assert context[0] == LINES[0]
    bucket["log.txt"] = TEXT.upper().encode()
    with pytest.raises(SnapshotChanged, match=r"log\.txt"):
        context[1_000:1_900]


def test_warm_search_iterate_and_the_disk(bucket: Bucket) -> None:
    ingest([("log", TEXT)], bucket.at("text/"), segment_bytes=4_000)
    context = open_context(bucket.at("text/"))
    context.warm()
    requests = context.stats.requests
    assert "".join(context) == TEXT
    assert [match.line for match in context.search("línea 1234 ")] == [1234]
    assert context.stats.requests == requests
    assert segment_cache().flush(60)
    again = open_context(bucket.at("text/"))
    assert again[:] == TEXT
    assert again.stats.requests == 0


def test_keys_with_odd_characters(bucket: Bucket) -> None:
    names = ["a b.txt", "ä+ö.txt", "100%.txt", "x&y=z.txt", "(1).txt"]
    for name in names:
        bucket[f"odd/{name}"] = f"{name}\n".encode()
    context = open_context(bucket.at("odd/"))
    assert sorted(context[:].splitlines()) == sorted(names)
