"""The methods and operators of a str, on a context."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rlm_magic.context import from_text
from rlm_magic.context.lookalikes import stand_ins
from rlm_magic.errors import ContextTooLarge

from .texts import KINDS, bind, documents, joined, lines_of, sizes, small, texts

RE: Any = stand_ins()["re"]
# What differs on purpose: positions count lines in a context by lines, and these are not of a str's text.
NOT_LIKE_A_STR = {"join", "format", "format_map"}

affixes = texts | st.sampled_from(["", "a", "\n", "ab", "é"])
calls = st.one_of(
    st.tuples(
        st.sampled_from(
            [
                *("capitalize", "casefold", "lower", "swapcase", "title", "upper", "splitlines", "split"),
                *("isalnum", "isalpha", "isascii", "isdecimal", "isdigit", "isidentifier", "islower"),
                *("isnumeric", "isprintable", "isspace", "istitle", "isupper", "strip", "lstrip", "rstrip"),
                *("encode", "expandtabs", "rsplit"),
            ]
        ),
        st.just(()),
    ),
    st.tuples(
        st.sampled_from(["removeprefix", "removesuffix", "strip", "lstrip", "rstrip", "count"]),
        st.tuples(affixes),
    ),
    st.tuples(st.sampled_from(["startswith", "endswith"]), st.tuples(affixes | st.tuples(affixes, affixes))),
    st.tuples(
        st.sampled_from(["partition", "rpartition", "split", "rsplit"]), st.tuples(st.sampled_from("ab\n "))
    ),
    st.tuples(st.sampled_from(["split", "rsplit"]), st.tuples(st.sampled_from("ab\n"), st.integers(-1, 3))),
    st.tuples(st.just("splitlines"), st.tuples(st.booleans())),
    st.tuples(st.just("replace"), st.tuples(affixes, affixes, st.integers(-1, 3))),
    st.tuples(st.just("translate"), st.just(({ord("a"): "xy", ord("\n"): None},))),
    st.tuples(st.sampled_from(["center", "ljust", "rjust", "zfill"]), st.tuples(st.integers(0, 150))),
    st.tuples(st.just("encode"), st.tuples(st.sampled_from(["utf-8", "utf-16"]))),
)


@settings(max_examples=400, deadline=None)
@given(texts, sizes, calls, st.booleans())
def test_methods_give_what_the_text_gives(
    text: str, size: int, call: tuple[str, tuple[Any, ...]], by_chars: bool
) -> None:
    name, arguments = call
    context = from_text(text, config=small(size))
    found = getattr(context.chars if by_chars else context, name)(*arguments)
    assert found == getattr(text, name)(*arguments)
    assert type(found) is type(getattr(text, name)(*arguments))


@settings(max_examples=400, deadline=None)
@given(
    texts, sizes, affixes, st.none() | st.integers(-140, 140), st.none() | st.integers(-140, 140), st.data()
)
def test_positions_are_characters_where_the_unit_is(
    text: str, size: int, needle: str, start: int | None, stop: int | None, data: st.DataObject
) -> None:
    chars = from_text(text, config=small(size)).chars
    if text and data.draw(st.booleans()):
        first = data.draw(st.integers(0, len(text)))
        needle = text[first : first + data.draw(st.integers(0, 9))]
    for name in ("find", "rfind", "startswith", "endswith", "count"):
        assert getattr(chars, name)(needle, start, stop) == getattr(text, name)(needle, start, stop), name
    for name in ("index", "rindex"):
        try:
            expected = getattr(text, name)(needle, start, stop)
        except ValueError:
            with pytest.raises(ValueError, match="does not occur"):
                getattr(chars, name)(needle, start, stop)
        else:
            assert getattr(chars, name)(needle, start, stop) == expected


@settings(max_examples=300, deadline=None)
@given(texts, sizes, affixes, st.integers(-20, 20), st.none() | st.integers(-20, 20))
def test_positions_are_lines_where_the_unit_is(
    text: str, size: int, needle: str, start: int, stop: int | None
) -> None:
    context, lines = from_text(text, config=small(size)), lines_of(text)
    part = lines[start:stop]
    first, _, _ = slice(start, stop).indices(len(lines))
    if needle and start <= len(lines):
        joined = "".join(part)
        at, last = joined.find(needle), joined.rfind(needle)
        assert context.find(needle, start, stop) == (-1 if at < 0 else first + joined[:at].count("\n"))
        assert context.rfind(needle, start, stop) == (-1 if at < 0 else first + joined[:last].count("\n"))
        assert context.count(needle, start, stop) == joined.count(needle)
        assert context.startswith(needle, start, stop) == joined.startswith(needle)
        assert context.endswith(needle, start, stop) == joined.endswith(needle)
    for line in set(part):
        assert context.index(line, start, stop) == first + part.index(line)
        assert context.rindex(line, start, stop) == first + len(part) - 1 - part[::-1].index(line)


@settings(max_examples=200, deadline=None)
@given(texts, sizes, texts, st.sampled_from(["lines", "chars"]))
def test_operators_give_what_the_text_gives(text: str, size: int, other: str, unit: str) -> None:
    context = getattr(from_text(text, config=small(size)), unit)
    assert context == text
    assert (context != other) == (text != other)
    assert (context == other) == (text == other)
    assert (other == context) == (text == other)
    assert (context == text[:-1]) == (not text)
    assert context + other == text + other
    assert other + context == other + text
    assert context + context == text * 2
    assert f"<{context:>30}>" == f"<{text:>30}>"
    assert f"{context:.3}" == f"{text:.3}"
    assert "%s|{}".replace("{}", "%s") % (context, other) == f"{text}|{other}"
    assert (other in context) == (other in text)
    units = list(text) if unit == "chars" else lines_of(text)
    assert sorted(context) == sorted(units)
    assert list(reversed(context)) == units[::-1]
    assert max(context, default="") == max(units, default="")


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(KINDS), documents, sizes, st.sampled_from([1, 1 << 30]), texts)
def test_every_source_passes_for_its_text(
    kind: str, contents: list[str], size: int, memory_bytes: int, needle: str
) -> None:
    assume(contents or kind not in ("glob", "directory"))
    # A BOM at the start of a file is dropped; test_decoding is about that.
    contents = [content.lstrip("\ufeff") for content in contents]
    text = joined(contents)
    with tempfile.TemporaryDirectory() as folder:
        context = bind(kind, contents, Path(folder), segment_bytes=size, memory_bytes=memory_bytes)
        observer = context.observe()
        assert context == text
        assert (context == needle) == (text == needle)
        assert context.endswith(text[-9:])
        assert context.startswith(text[:9])
        assert [found.span() for found in RE.finditer(r"\w+", context)] == [
            found.span() for found in re.finditer(r"\w+", text)
        ]
        assert context.chars.rfind(text[3:6]) == text.rfind(text[3:6])
        assert context.upper() == text.upper()
        assert observer.take((text,)).read == (((0, len(lines_of(text))),) if text else ())
        observer.close()


def test_every_method_of_str_is_there_and_says_what_it_is() -> None:
    context = from_text("a\n")
    for name in dir(str):
        if not name.startswith("_"):
            assert getattr(context, name).__doc__, name
            assert getattr(context.chars, name).__name__ == name
    assert context.maketrans("a", "b") == str.maketrans("a", "b")


def test_what_means_nothing_says_what_to_write() -> None:
    context = from_text("a\n")
    for name in NOT_LIKE_A_STR:
        with pytest.raises(TypeError, match="a context"):
            getattr(context, name)("x")
    for wrong in (lambda: context * 2, lambda: 2 * context, lambda: context % 3):
        with pytest.raises(TypeError, match=r"context\[a:b\]"):
            wrong()
    for wrong in (lambda: context + 3, lambda: 3 + context, lambda: context.startswith(3)):
        with pytest.raises(TypeError):
            wrong()
    with pytest.raises(ValueError, match=r"no line is 'a', ending included; context\.find"):
        context.index("a")
    with pytest.raises(TypeError):
        context.replace("a")


def test_a_context_is_never_found_under_its_text() -> None:
    context = from_text("a\n")
    assert context != from_text("a\n")
    assert context == context
    assert context not in {"a\n": 1}
    assert context in ["a\n"]
    assert context != "\ud800"


def test_what_does_not_fit_says_how_to_do_it_in_pieces() -> None:
    context = from_text("word\n" * 400, config=small(64, slice_limit_bytes=3_000))
    for name, advice in [
        ("lower", r"line\.lower\(\.\.\.\)"),
        ("splitlines", r"for line in context"),
        ("isdigit", r"context\[a:b\]\.isdigit\(\)"),
    ]:
        with pytest.raises(ContextTooLarge, match=rf"{name}\(\) would need about .*{advice}"):
            getattr(context, name)()
    assert context.startswith("word\nw")
    assert context.endswith(("x", "rd\n"))
    assert context == "word\n" * 400
    large = from_text("x" * 2_000_000)
    for call in (lambda: large + "", lambda: "" + large, lambda: f"{large:.3}"):
        with pytest.raises(ContextTooLarge, match="Slice it"):
            call()


def test_the_ends_are_looked_at_without_reading_the_rest() -> None:
    context = from_text("a\n" * 50 + "needle\n" + "b\n" * 50, config=small(8))
    segments = context._text.segments
    loaded: list[int] = []
    whole = dict(segments.resident)
    segments.resident = {}

    def load(numbers: Any) -> Any:
        loaded.extend(numbers)
        return [whole[number] for number in numbers]

    segments.load = load  # type: ignore[method-assign]
    assert context.startswith("a\na")
    assert context.endswith("b\n")
    assert context != "a\n" * 50
    assert context.chars.rfind("b") == len(context.chars) - 2
    assert len(set(loaded)) <= 4
