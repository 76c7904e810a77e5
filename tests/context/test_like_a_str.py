"""Every operation of a context, over every kind of source, gives what a plain str gives."""

from __future__ import annotations

import pickle
import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rlm_magic.context import Context, from_text, open_context

from .texts import KINDS, bind, documents, joined, lines_of, sizes, small, texts

positions = st.integers(min_value=-140, max_value=140) | st.none()
steps = st.sampled_from([None, 1, 2, 3, 7, -1, -2, -5, 100, -100])


def check_whole(context: Context, text: str) -> None:
    lines = lines_of(text)
    assert len(context) == len(lines)
    assert context[:] == text
    assert list(context) == lines
    assert [context[number] for number in range(len(lines))] == lines
    assert [context[-1 - number] for number in range(len(lines))] == lines[::-1]
    assert "".join(context.chars) == text
    assert len(context.chars) == len(text)
    assert str(context) == text
    check_slices(context, text)


def check_slices(context: Context, text: str) -> None:
    lines = lines_of(text)
    for first in range(0, len(lines) + 2, 3):
        for stop in range(-2, len(lines) + 2, 4):
            assert context[first:stop] == "".join(lines[first:stop])
            assert context[stop:first:-1] == "".join(lines[stop:first:-1])
    for first in range(0, len(text) + 2, 7):
        assert context.chars[first : first + 5] == text[first : first + 5]
        assert context.chars[first::-3] == text[first::-3]


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(KINDS), documents, sizes, st.sampled_from([1, 100, 1 << 30]), st.booleans())
def test_every_source_reads_like_its_text(
    kind: str, contents: list[str], segment_bytes: int, memory_bytes: int, pickled: bool
) -> None:
    assume(contents or kind not in ("glob", "directory"))
    # A BOM at the start of a file is dropped; test_decoding is about that.
    contents = [content.lstrip("\ufeff") for content in contents]
    with tempfile.TemporaryDirectory() as folder:
        context = bind(kind, contents, Path(folder), segment_bytes=segment_bytes, memory_bytes=memory_bytes)
        if pickled:
            context = pickle.loads(pickle.dumps(context))
        text = joined(contents)
        check_whole(context, text)
        if kind not in ("str", "file", "older"):
            assert [document[:] for document in context.documents.values()] == contents
            for document, content in zip(context.documents.values(), contents, strict=True):
                check_whole(document, content)
                check_whole(document.chars.lines, content)


@settings(max_examples=300, deadline=None)
@given(texts, sizes, positions, positions, steps)
def test_slices_by_lines_and_characters(text: str, size: int, first: int, stop: int, step: int) -> None:
    context = from_text(text, config=small(size))
    lines = lines_of(text)
    assert context[first:stop:step] == "".join(lines[first:stop:step])
    assert context.chars[first:stop:step] == text[first:stop:step]
    assert "".join(reversed(context)) == "".join(reversed(lines))
    assert "".join(reversed(context.chars)) == text[::-1]


@settings(max_examples=300, deadline=None)
@given(texts, sizes, positions, positions, positions, positions)
def test_views_of_views(text: str, size: int, a: int, b: int, c: int, d: int) -> None:
    context = from_text(text, config=small(size))
    lines = lines_of(text)
    check_whole(context.view(a, b), "".join(lines[a:b]))
    check_whole(context.view(a, b).view(c, d), "".join(lines[a:b][c:d]))
    by_characters = context.chars.view(a, b)
    assert by_characters[:] == text[a:b]
    check_whole(by_characters.lines, text[a:b])
    check_whole(by_characters.lines.view(c, d), "".join(lines_of(text[a:b])[c:d]))
    check_whole(context.view(a, b).chars.view(c, d).lines, "".join(lines[a:b])[c:d])


@settings(max_examples=300, deadline=None)
@given(texts, sizes, st.data())
def test_needles(text: str, size: int, data: st.DataObject) -> None:
    context = from_text(text, config=small(size))
    first = data.draw(st.integers(0, len(text)))
    needle = data.draw(st.just(text[first : first + data.draw(st.integers(0, 9))]) | texts | st.just("aa"))
    start = data.draw(st.integers(-150, 150))
    assert (needle in context) == (needle in text)
    assert (needle in context.chars) == (needle in text)
    assert context.count(needle) == text.count(needle)
    assert context.chars.find(needle) == text.find(needle)
    assert context.chars.find(needle, start) == text.find(needle, start)
    if needle:
        assert context.split(needle) == text.split(needle)
        assert context.split(needle, 1) == text.split(needle, 1)
        assert context.find(needle) == line_of(text, text.find(needle))
        assert (context.view(1).count(needle)) == "".join(lines_of(text)[1:]).count(needle)
    assert context.split() == text.split()
    if needle in text:
        assert context.chars.index(needle) == text.index(needle)


def line_of(text: str, at: int) -> int:
    return at if at < 0 else text[:at].count("\n")


@settings(max_examples=100, deadline=None)
@given(documents, sizes, positions, positions)
def test_documents_of_a_view_are_clipped_to_it(contents: list[str], size: int, a: int, b: int) -> None:
    named = [(str(number), content) for number, content in enumerate(contents)]
    context = open_context(named, config=small(size))
    text = joined(contents)
    view = context.chars.view(a, b)
    first, stop, _ = slice(a, b).indices(len(text))
    at = 0
    expected = {}
    for number, content in enumerate(contents):
        if content and at and text[:at][-1] != "\n":
            at += 1
        part = text[max(at, first) : max(min(at + len(content), stop), max(at, first))]
        if part:
            expected[str(number)] = part
        at += len(content)
    found = {name: document[:] for name, document in view.documents.items()}
    assert {name: part for name, part in found.items() if part} == expected


def test_indices_past_the_ends_raise() -> None:
    context = from_text("a\nb")
    for index in (2, -3, 10**30):
        with pytest.raises(IndexError, match=str(index)):
            context[index]
    with pytest.raises(IndexError):
        context.chars[3]
    with pytest.raises(TypeError):
        context["a"]  # type: ignore[call-overload]


def test_sequence_behaviour() -> None:
    context = from_text("a\nb\na\n")
    assert context.index("b\n") == 1
    assert context.chars.index("b") == 2
    with pytest.raises(ValueError, match="'z'"):
        context.chars.index("z")
    with pytest.raises(TypeError):
        context[0] = "x"  # type: ignore[index]
    with pytest.raises(TypeError, match="int"):
        assert 3 in context
    assert context != from_text("a\nb\na\n")
    assert context == context
    assert len({context, context}) == 1
    assert bool(context)
    assert not from_text("")


def test_findall_is_re_findall_line_by_line() -> None:
    text = "k=1, k=2\nnone\nk=3\n"
    context = from_text(text, config=small(5))
    assert context.findall(r"(k)=(\d)") == [("k", "1"), ("k", "2"), ("k", "3")]
    assert context.findall(r"\d") == re.findall(r"\d", text)
    assert context.findall("K=.", ignore_case=True) == ["k=1", "k=2", "k=3"]


def test_a_lone_surrogate_is_nowhere() -> None:
    context = from_text("abc")
    assert "\ud800" not in context
    assert context.count("\ud800") == 0
    assert context.find("\ud800") == -1
    assert context.search("\ud800", literal=True) == []


def test_find_by_line_starts_at_a_line() -> None:
    context = from_text("x\ny\nx\n")
    assert [context.find("x", start) for start in range(4)] == [0, 2, 2, -1]
    assert context.find("x", -1) == 2
    assert context.find("x\ny") == 0


def test_segments_cut_at_line_endings_and_inside_long_lines_at_characters() -> None:
    context = from_text("one\ntwo\nthree\n" + "é" * 5, config=small(9))
    resident = context._text.segments.resident
    found = [resident[number].data for number in range(len(resident))]
    assert found == [b"one\ntwo\n", b"three\n", "éééé".encode(), "é".encode()]
