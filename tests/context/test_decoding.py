"""Bytes become the text that Python's own decoder makes of the whole file, wherever segments are cut."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rlm_magic.config import ContextConfig
from rlm_magic.context import TextWarning, from_text, ingest, open_context
from rlm_magic.errors import BadText

from .texts import lines_of, sizes, small

# Pieces of characters, over-long forms, surrogates in UTF-8, a BOM, and whole characters around them.
PIECES = [
    *(b"a", b"\n", b"\r\n", "é".encode(), "€".encode(), "😀".encode(), b"\xef\xbb\xbf", b"\xef\xbf\xbd"),
    *(
        b"\x80",
        b"\xbf",
        b"\xc3",
        b"\xe2",
        b"\xe2\x82",
        b"\xf0",
        b"\xf0\x9f",
        b"\xf0\x9f\x98",
        b"\xff",
        b"\xc0\xaf",
    ),
    *(b"\xed\xa0\x80", b"\xe0\x80", b"\xf4\x90", b"\xf8\x88", b"\x80" * 5),
]
broken = st.lists(st.sampled_from(PIECES) | st.binary(max_size=3), max_size=30).map(b"".join)


@settings(max_examples=150, deadline=None)
@given(broken, sizes)
@example(b"\x80" * 40, 3)
@example(b"\xf0\x9f\x98" * 9, 1)
@example(b"\xef\xbb\xbf", 1)
@example(b"\xef\xbb\xbf\xef\xbb\xbfa", 2)
def test_invalid_bytes_are_replaced_as_python_does(raw: bytes, size: int) -> None:
    text = raw.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")
    replaced = text.count("\ufffd") - raw.count(b"\xef\xbf\xbd")
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        path = Path(folder) / "raw.txt"
        path.write_bytes(raw)
        context = open_context(path, config=small(size, request_bytes=1 + size % 7))
        assert context[:] == text
        assert list(context) == lines_of(text)
        assert context.chars[::-1] == text[::-1]
        assert context.info.replaced == replaced
        assert [one.category for one in caught] == [TextWarning] * (replaced > 0)
        written = ingest(context, Path(folder) / "written", segment_bytes=size)
        assert (written[:], written.info.replaced) == (text, replaced)


def test_strict_names_the_file_and_the_byte(tmp_path: Path) -> None:
    path = tmp_path / "bad.txt"
    path.write_bytes(b"\xef\xbb\xbfgood\n" * 3 + b"ab\xffcd\n")
    with pytest.raises(BadText, match=r"bad\.txt: byte 0xff at offset 26"):
        open_context(path, errors="strict", config=small(5))
    with pytest.raises(UnicodeError):
        open_context(path, errors="strict")


def test_strict_after_the_fact(tmp_path: Path) -> None:
    (tmp_path / "bad.txt").write_bytes(b"\xff")
    with pytest.warns(TextWarning, match="1 invalid"):
        ingest(tmp_path / "bad.txt", tmp_path / "written")
    with pytest.raises(BadText, match="ingest the source again"):
        open_context(tmp_path / "written", errors="strict")


def test_a_bom_is_dropped_from_every_document(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(b"\xef\xbb\xbftext")
    context = open_context(tmp_path)
    assert context[:] == "text\ntext"
    # In a str it is a character like any other.
    assert from_text("\ufefftext")[:] == "\ufefftext"


@given(st.text(alphabet=st.sampled_from("a\n😀\ud800\udfff\udcff")), sizes)
@settings(max_examples=100, deadline=None)
def test_lone_surrogates_of_a_str(text: str, size: int) -> None:
    expected = "".join("\ufffd" if "\ud800" <= character <= "\udfff" else character for character in text)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        context = from_text(text, config=small(size))
    assert context[:] == expected
    assert context.info.replaced == expected.count("\ufffd")
    assert len(caught) == ("\ufffd" in expected)


def test_lone_surrogates_may_be_refused() -> None:
    with pytest.raises(BadText, match="character 1 is the lone surrogate"):
        from_text("a\ud800", errors="strict")


def test_carriage_returns_are_kept(tmp_path: Path) -> None:
    (tmp_path / "dos.txt").write_bytes(b"a\r\nb\rc\r\n")
    assert list(open_context(tmp_path / "dos.txt")) == ["a\r\n", "b\rc\r\n"]


@pytest.mark.parametrize("content", [b"", b"\n", b"\xef\xbb\xbf", b"x", b"\n\n\n"])
def test_tiny_files(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "tiny").write_bytes(content)
    text = content.removeprefix(b"\xef\xbb\xbf").decode()
    context = open_context(tmp_path / "tiny")
    assert context[:] == str(context) == text
    assert list(context) == lines_of(text)
    assert context.search("$")[:1] == context.search("$", limit=1)
    assert len(context.documents) == 1


def test_one_long_line_spans_segments(tmp_path: Path) -> None:
    line = "0123456789é😀" * 1_000_000
    (tmp_path / "long.txt").write_text(line + "\nend\n", encoding="utf-8")
    context = open_context(tmp_path / "long.txt", config=ContextConfig(segment_bytes=100_000))
    assert len(context) == 2
    assert context[0] == line + "\n"
    assert context[1] == "end\n"
    assert context.chars[5_999_990:6_000_010] == line[5_999_990:6_000_010]
    assert [len(found) for found in context] == [len(line) + 1, 4]
    assert [match.line for match in context.search("d$")] == [1]
    assert context.search("9é😀0")[0].start == 9
    assert context.count("😀0") == 999_999


def test_a_million_one_byte_lines() -> None:
    context = from_text("\n" * 1_000_000)
    assert len(context) == 1_000_000
    assert context[777_777] == "\n"
    assert context[10:20] == "\n" * 10
    assert len(context.search("", limit=5000)) == 5000
    assert context.search("x", limit=None) == []
    other = from_text("a\n" * 500_000)
    assert other[499_999] == "a\n"
    assert other[250_000:250_003] == "a\n" * 3
    assert other.chars[999_999] == "\n"
    assert other.view(400_000).search("a", limit=1)[0].line == 0
