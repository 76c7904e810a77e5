"""Listings against a plain model: keys sorted by their UTF-8 bytes."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from xml.etree import ElementTree

from hypothesis import example, given, settings
from hypothesis import strategies as st

import mock_s3
from mock_s3.operations.listing import ListQuery, page
from mock_s3.walk import Walker

from .raw import ask

NAMESPACE = "{http://s3.amazonaws.com/doc/2006-03-01/}"

names = st.text("ab-.0é/", min_size=1, max_size=6)
keys = st.lists(names, max_size=12).map(
    lambda candidates: sorted({key for key in candidates if _is_file(key)}, key=str.encode)
)


def _is_file(key: str) -> bool:
    return not {"", ".", ".."} & set(key.split("/"))


def _storable(wanted: list[str]) -> list[str]:
    """Those keys that can be files side by side: none is a directory of another."""
    return [key for key in wanted if not any(other.startswith(f"{key}/") for other in wanted)]


def model(everything: list[str], *, prefix: str, delimiter: str, after: str) -> tuple[list[str], list[str]]:
    """Keys and common prefixes of a whole listing."""
    found, prefixes = [], []
    for key in everything:
        if not key.startswith(prefix) or key.encode() <= after.encode():
            continue
        end = key.find(delimiter, len(prefix)) if delimiter else -1
        if end < 0:
            found.append(key)
        elif (common := key[: end + len(delimiter)]) not in prefixes and common != after:
            prefixes.append(common)
    return found, prefixes


@settings(deadline=None, max_examples=200)
@given(
    wanted=keys,
    prefix=st.one_of(st.just(""), names),
    delimiter=st.sampled_from(["", "/", "-", "a-"]),
    after=st.one_of(st.just(""), names),
    max_keys=st.integers(1, 4),
)
@example(wanted=["a/b", "a-", "a.", "a0", "aé"], prefix="", delimiter="/", after="", max_keys=1)
@example(wanted=["a/b", "a/c", "b"], prefix="", delimiter="/", after="a/b", max_keys=1)
@example(wanted=["a/b", "b"], prefix="a//", delimiter="", after="", max_keys=1)
def test_pages_join_to_the_whole(
    wanted: list[str], prefix: str, delimiter: str, after: str, max_keys: int
) -> None:
    everything = _storable(sorted(wanted, key=str.encode))
    with tempfile.TemporaryDirectory() as top:
        for key in everything:
            path = Path(top, key)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        Path(top, "empty-directory", "inside").mkdir(parents=True)
        walker = Walker()
        found: list[str] = []
        prefixes: list[str] = []
        token = after
        while True:
            query = ListQuery(
                prefix=prefix, delimiter=delimiter, after=token, max_keys=max_keys, url_encoded=False
            )
            cut = page(
                lambda marker, shallow: walker.keys(top, prefix=prefix, after=marker, shallow=shallow), query
            )
            assert len(cut.keys) + len(cut.prefixes) <= max_keys
            found += cut.keys
            prefixes += cut.prefixes
            if not cut.next_after:
                break
            token = cut.next_after
    assert (found, prefixes) == model(everything, prefix=prefix, delimiter=delimiter, after=after)


def texts(body: bytes, path: str) -> list[str]:
    elements = ElementTree.fromstring(body).findall("/".join(NAMESPACE + part for part in path.split("/")))
    return [element.text or "" for element in elements]


def test_new_keys_are_listed_at_once_and_deleted_ones_no_more(url: mock_s3.Server, bucket: Path) -> None:
    target = f"/{bucket.name}?list-type=2"
    for number in range(30):
        (bucket / f"k{number:02}").write_bytes(b"")
        assert len(texts(ask(url, "GET", target).body, "Contents/Key")) == number + 1
    time.sleep(0.3)  # long enough for the directory's names to be remembered
    assert len(texts(ask(url, "GET", target).body, "Contents/Key")) == 30
    assert len(texts(ask(url, "GET", target).body, "Contents/Key")) == 30
    (bucket / "k07").unlink()
    assert len(texts(ask(url, "GET", target).body, "Contents/Key")) == 29


def test_a_file_made_within_one_tick_of_the_clock_is_listed(url: mock_s3.Server, bucket: Path) -> None:
    # A time in the future stands for a tick that has not ended: the directory changes, its time does not.
    now = time.time_ns() + 3_600 * 10**9
    for number in range(3):
        (bucket / f"k{number}").write_bytes(b"")
        os.utime(bucket, ns=(now, now))
        assert len(texts(ask(url, "GET", f"/{bucket.name}").body, "Contents/Key")) == number + 1


def test_odd_characters_survive_with_and_without_url_encoding(url: mock_s3.Server, bucket: Path) -> None:
    key = "a b+c&<d>\"'%25é\x01\n.txt"
    (bucket / key).write_bytes(b"1")
    encoded = ask(url, "GET", f"/{bucket.name}?list-type=2&encoding-type=url")
    from urllib.parse import unquote_plus

    assert [unquote_plus(text) for text in texts(encoded.body, "Contents/Key")] == [key]
    # XML 1.0 has no way to say \x01: S3 sends a reference that strict parsers refuse, and so does this.
    assert b"&#1;" in ask(url, "GET", f"/{bucket.name}?list-type=2").body


def test_parameters_are_echoed_and_checked(url: mock_s3.Server, bucket: Path) -> None:
    for key in ("a", "b", "c"):
        (bucket / key).write_bytes(key.encode())
    body = ask(url, "GET", f"/{bucket.name}?list-type=2&max-keys=2&start-after=0").body
    assert texts(body, "IsTruncated") == ["true"]
    assert texts(body, "KeyCount") == ["2"]
    assert texts(body, "StartAfter") == ["0"]
    assert texts(body, "Contents/Size") == ["1", "1"]
    body = ask(url, "GET", f"/{bucket.name}?list-type=2&max-keys=0").body
    assert (texts(body, "IsTruncated"), texts(body, "Contents/Key")) == (["false"], [])
    for query in ("max-keys=-1", "max-keys=x", "encoding-type=base64", "list-type=2&continuation-token=%ff"):
        assert ask(url, "GET", f"/{bucket.name}?{query}").code == "InvalidArgument"
    assert texts(ask(url, "GET", f"/{bucket.name}?max-keys=5000").body, "MaxKeys") == ["1000"]


def test_older_listing_pages_by_marker(url: mock_s3.Server, bucket: Path) -> None:
    for key in ("a", "b", "c"):
        (bucket / key).write_bytes(b"")
    first = ask(url, "GET", f"/{bucket.name}?max-keys=2").body
    assert (texts(first, "Contents/Key"), texts(first, "IsTruncated")) == (["a", "b"], ["true"])
    second = ask(url, "GET", f"/{bucket.name}?max-keys=2&marker=b").body
    assert (texts(second, "Contents/Key"), texts(second, "IsTruncated")) == (["c"], ["false"])


def test_buckets_are_the_directories(url: mock_s3.Server, root: Path, bucket: Path) -> None:
    (root / "a-file").write_bytes(b"")
    try:
        found = texts(ask(url, "GET", "/").body, "Buckets/Bucket/Name")
    finally:
        (root / "a-file").unlink()
    assert bucket.name in found
    assert ".mock_s3" not in found
    assert "a-file" not in found
