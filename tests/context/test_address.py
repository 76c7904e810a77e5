"""What a URL names, and which URLs name nothing."""

from __future__ import annotations

import pytest

from rlm_magic.context.address import Access, Address, check_access, parse
from rlm_magic.context.globbing import glob_pattern
from rlm_magic.errors import SourceError


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("s3://b", Address("s3", "b", "")),
        ("S3://b/", Address("s3", "b", "")),
        ("s3://b/a b%20c/ü.txt", Address("s3", "b", "a b%20c/ü.txt")),
        ("gs://b/x/", Address("gs", "b", "x/")),
        ("az://c/x", Address("az", "c", "x")),
        ("https://host:8443/a%20b.txt", Address("https", "host:8443", "a b.txt")),
        ("http://127.0.0.1:9/x", Address("http", "127.0.0.1:9", "x")),
    ],
)
def test_parts(url: str, address: Address) -> None:
    assert parse(url) == address


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("ftp://host/x", "no store for ftp://"),
        ("s3://", "names no bucket"),
        ("s3:///key", "names no bucket"),
        ("s3://b/a//c", "empty part"),
        ("s3://b/../c", "'..'"),
        ("https://host/", "names no file"),
        ("https://host/dir/", "names no file"),
        ("http://example.org/x", "use https"),
    ],
)
def test_what_names_nothing(url: str, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        parse(url)


def test_no_secret_is_repeated() -> None:
    for url in ("https://me:s3cret@host/x", "https://host/x?X-Amz-Signature=s3cret", "s3://me:s3cret@b/x"):
        with pytest.raises(SourceError) as caught:
            parse(url)
        assert "s3cret" not in str(caught.value)
    with pytest.raises(SourceError) as caught:
        check_access(parse("s3://b/x"), Access(endpoint_url="http://me:s3cret@host"))
    assert "s3cret" not in str(caught.value)


def test_options_of_s3_are_of_s3() -> None:
    check_access(parse("gs://b/x"), Access(anonymous=True))
    with pytest.raises(SourceError, match="environment of its own tools"):
        check_access(parse("gs://b/x"), Access(region="eu"))
    with pytest.raises(SourceError, match="no URL"):
        check_access(parse("s3://b/x"), Access(endpoint_url="localhost:9000"))


@pytest.mark.parametrize(
    ("pattern", "matching", "others"),
    [
        ("*.txt", ["a.txt", "a b.txt"], ["x/a.txt", ".a.txt", "a.txt.gz", "atxt"]),
        ("**/*.txt", ["a.txt", "x/y/a.txt"], ["x/.y/a.txt", "a.md"]),
        ("x/**", ["x/a", "x/y/a"], ["x", "y/a", "x/.a"]),
        ("[ab]?.log", ["a1.log", "b2.log"], ["c1.log", "a/.log", "a.log"]),
        ("[!a].log", ["b.log"], ["a.log", "/.log"]),
        ("[]x].log", ["].log", "x.log"], ["a.log"]),
        ("a[b", ["a[b"], ["ab"]),
        (".h*/x", [".hidden/x"], ["hidden/x"]),
        ("a+(b)", ["a+(b)"], ["aab"]),
    ],
)
def test_patterns(pattern: str, matching: list[str], others: list[str]) -> None:
    found = glob_pattern(pattern)
    assert [key for key in matching if not found.fullmatch(key)] == []
    assert [key for key in others if found.fullmatch(key)] == []
