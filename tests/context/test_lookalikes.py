"""`re` and `json` do with a context what they do with its text."""

from __future__ import annotations

import copy
import importlib
import json
import pickle
import re as real
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rlm_magic.config import ContextConfig
from rlm_magic.context import Context, from_text
from rlm_magic.context.lookalikes import stand_ins
from rlm_magic.errors import ContextTooLarge

from .texts import lines_of, sizes, small, texts

MODULES = stand_ins()
re: Any = MODULES["re"]

PIECES = [
    *("a", "b", " ", r"\n", ".", r"\s", r"\S", r"\w", r"\W", r"\d", "[ab]", "[^a]", r"[^a\n]", r"[\s\w]"),
    *("é", "\u017f", r"\r", r"\x85"),
    *("^", "$", r"\A", r"\Z", r"\b", r"\B", "(?:)", "|"),
    *("(a)", "(?:a|b)", "(?P<n>a?)", "(?=b)", "(?!a)", "(?<=a)", "(?<!b)", r"(?=\n)", r"(?<=\n)", "(?!$)"),
    *("a*", "a+?", "b{1,2}", r"\s*", r"\w+", ".*", ".*?", r"\n?", "(?i:A)", "(?m:^)", "(?m:$)", "(?s:.)"),
]


def compiles(pattern: str) -> bool:
    try:
        return bool(real.compile(pattern))
    except real.error:
        return False


patterns = st.lists(st.sampled_from(PIECES), min_size=1, max_size=4).map("".join).filter(compiles)
flags = st.sampled_from([0, real.MULTILINE, real.IGNORECASE, real.DOTALL, real.ASCII | real.MULTILINE])
places = st.none() | st.integers(min_value=-5, max_value=130)
texts_of_lines = texts | st.lists(st.sampled_from(["a", "b ab", "", "é a", "\ra"]), max_size=20).map(
    "\n".join
)


def told(found: Any) -> Any:
    """What can be asked of a match."""
    if found is None:
        return None
    groups = range(found.re.groups + 1)
    return (
        [found.span(group) for group in groups],
        [(found.start(group), found.end(group), found[group]) for group in groups],
        (found.regs, found.groups(), found.groupdict(), found.lastindex, found.group()),
        found.string[slice(*found.span())],
    )


@settings(max_examples=300, deadline=None)
@given(texts_of_lines, sizes, patterns, flags, st.sampled_from(["lines", "chars"]))
def test_functions_give_what_they_give_for_the_text(
    text: str, size: int, pattern: str, flags: int, unit: str
) -> None:
    context: Context = getattr(from_text(text, config=small(size)), unit)
    assert re.findall(pattern, context, flags) == real.findall(pattern, text, flags)
    found = [told(each) for each in re.finditer(pattern, context, flags)]
    assert found == [told(each) for each in real.finditer(pattern, text, flags)]
    for name in ("search", "match", "fullmatch"):
        ours, theirs = (getattr(module, name) for module in (re, real))
        assert told(ours(pattern, context, flags)) == told(theirs(pattern, text, flags))
    assert re.split(pattern, context, flags=flags) == real.split(pattern, text, flags=flags)
    assert re.subn(pattern, "<\\g<0>>", context, flags=flags) == real.subn(
        pattern, r"<\g<0>>", text, flags=flags
    )
    assert re.sub(pattern, "-", context, count=2, flags=flags) == real.sub(
        pattern, "-", text, count=2, flags=flags
    )


@settings(max_examples=300, deadline=None)
@given(texts_of_lines, sizes, patterns, flags, places, places)
def test_methods_give_what_they_give_between_two_places(
    text: str, size: int, pattern: str, flags: int, pos: int | None, endpos: int | None
) -> None:
    context = from_text(text, config=small(size))
    ours, theirs = re.compile(pattern, flags), real.compile(pattern, flags)
    options = {name: at for name, at in (("pos", pos), ("endpos", endpos)) if at is not None}
    first, last = max(0, pos or 0), max(0, len(text) if endpos is None else endpos)
    # With its end before its start, CPython's own match finds emptiness beyond the end; search does not.
    names = ("search", "fullmatch") if first > last else ("search", "fullmatch", "match")
    for name in names:
        assert told(getattr(ours, name)(context, **options)) == told(getattr(theirs, name)(text, **options))
    assert ours.findall(context, **options) == theirs.findall(text, **options)
    assert list(map(told, ours.finditer(context, **options))) == list(
        map(told, theirs.finditer(text, **options))
    )
    assert ours.split(context, 2) == theirs.split(text, 2)
    assert ours.sub("-", context) == theirs.sub("-", text)
    assert ours.subn("-", context, 1) == theirs.subn("-", text, 1)


@settings(max_examples=150, deadline=None)
@given(texts_of_lines, sizes, patterns, st.integers(-30, 30), st.integers(-30, 30))
def test_views_are_texts_of_their_own(text: str, size: int, pattern: str, a: int, b: int) -> None:
    context = from_text(text, config=small(size))
    for view, part in [
        (context.view(a, b), "".join(lines_of(text)[a:b])),
        (context.chars.view(a, b), text[a:b]),
        (context.chars.view(a, b).lines, text[a:b]),
    ]:
        assert list(map(told, re.finditer(pattern, view))) == list(map(told, real.finditer(pattern, part)))


@settings(max_examples=100, deadline=None)
@given(texts, patterns, flags)
def test_everything_else_goes_to_the_real_module(text: str, pattern: str, flags: int) -> None:
    assert re.findall(pattern, text, flags) == real.findall(pattern, text, flags)
    assert re.sub(pattern, "-", text, flags=flags) == real.sub(pattern, "-", text, flags=flags)
    assert re.findall(pattern.encode(), text.encode()) == real.findall(pattern.encode(), text.encode())
    compiled = re.compile(pattern, flags)
    assert compiled.split(text) == real.compile(pattern, flags).split(text)
    assert real.findall(compiled, text) == compiled.findall(text)


def test_compiled_patterns_pass_for_real_ones() -> None:
    compiled = re.compile("(?i)a(?P<n>b)")
    same = real.compile("(?i)a(?P<n>b)")
    assert isinstance(compiled, real.Pattern)
    assert isinstance(compiled, re.Pattern)
    assert real.compile(compiled).search("xAB")
    assert re.compile(compiled) == compiled == same == compiled
    assert {compiled: 1}[same] == 1
    assert (compiled.pattern, compiled.flags, compiled.groups) == (same.pattern, same.flags, same.groups)
    assert compiled.groupindex == same.groupindex
    assert repr(compiled) == repr(same)
    assert pickle.loads(pickle.dumps(compiled)) == same
    assert copy.deepcopy([compiled]) == [same]
    assert from_text("xaB\n").search(compiled)[0].start == 1
    with pytest.raises(AttributeError):
        compiled.nonesuch  # noqa: B018
    with pytest.raises(ValueError, match="compiled pattern"):
        re.compile(compiled, re.IGNORECASE)


def test_matches_of_a_large_context_pass_for_real_ones() -> None:
    context = from_text("one\ntwo 2\nthree 33\n", config=small(4))
    found = re.search(r"(?P<word>\w+) (\d\d)", context)
    assert isinstance(found, real.Match)
    assert found["word"] == found.group("word") == "three"
    assert found.expand(r"\2-\g<word>") == "33-three"
    assert found.string[found.start() - 2 : found.end()] == "2\nthree 33"
    assert (found.endpos, found.span("word"), found.start(2)) == (19, (10, 15), 16)
    assert repr(found) == "<re.Match object; span=(10, 18), match='three 33'>"
    assert copy.copy(found) is found
    match found:
        case real.Match():
            pass
        case _:
            pytest.fail("it is not taken for a match")


def test_the_modules_are_like_the_real_ones() -> None:
    for name, module in MODULES.items():
        original = importlib.import_module(name)
        assert dir(module) == dir(original)
        assert module.__file__ == original.__file__
    assert MODULES["re"] is not stand_ins()["re"]
    pickle.loads(pickle.dumps(re.findall))


def test_faults_are_those_of_re() -> None:
    context = from_text("ab\n")
    with pytest.raises(real.error, match="unterminated"):
        re.search("(", context)
    with pytest.raises(TypeError, match="bytes pattern"):
        re.search(b"a", context)
    with pytest.raises(TypeError):
        re.sub("a", context)
    with pytest.raises(IndexError):
        re.search("a", context).group(1)


def watched(config: ContextConfig, text: str) -> tuple[Context, list[int]]:
    """Return a context, and the segments that it streams, as they come."""
    context = from_text(text, config=config)
    seen: list[int] = []
    segments = context._text.segments

    def stream(numbers: range, *, keep: bool) -> Iterator[Any]:
        for number in numbers:
            seen.append(number)
            yield from segments.load([number])

    segments.stream = stream  # type: ignore[method-assign]
    return context, seen


@pytest.mark.parametrize(
    ("call", "pattern", "most"),
    [
        ("search", r"b \d", 3),
        ("search", r"(?m)^b", 3),
        ("search", r"a\sb", 4),
        ("match", r"a", 1),
        ("match", r"a\s\w", 2),
        ("fullmatch", r"[^\n]*", 0),
        ("finditer", r"b", 3),
    ],
)
def test_reads_no_more_than_it_takes(call: str, pattern: str, most: int) -> None:
    text = "aaa\naaa\nb 1\n" + "zzz\n" * 100
    context, seen = watched(small(4), text)
    found = getattr(re, call)(pattern, context)
    assert told(next(found) if call == "finditer" else found) == told(
        next(real.finditer(pattern, text)) if call == "finditer" else getattr(real, call)(pattern, text)
    )
    assert len(seen) <= most


def test_a_line_bound_pattern_needs_no_room_and_others_say_what_would() -> None:
    text = "key 1\nvalue\n" * 500
    context = from_text(text, config=small(64, slice_limit_bytes=5_000))
    assert [found.span() for found in re.finditer(r"key (\d)", context)] == [
        found.span() for found in real.finditer(r"key (\d)", text)
    ]
    assert re.search(r"key\s1", context).span() == (0, 5)
    for call in (
        lambda: re.search(r"(?s)y.*x", context),
        lambda: re.findall(r"1\s+v", context),
        lambda: re.sub("1", "2", context),
        lambda: re.split("1", context),
        lambda: re.search(r"no\nwhere", context),
    ):
        with pytest.raises(
            ContextTooLarge, match=r"re\.\w+\(\) would need .* line by line .* context\.search"
        ):
            call()


@settings(max_examples=50, deadline=None)
@given(
    st.recursive(st.none() | st.integers() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=4))
)
def test_json_reads_a_context(value: Any) -> None:
    text = json.dumps(value, indent=1)
    assume(text)
    context = from_text(text, config=small(8))
    loads = MODULES["json"].loads
    assert loads(context) == value == loads(text) == loads(text.encode())
    assert loads(context, parse_int=str) == json.loads(text, parse_int=str)
    assert MODULES["json"].dumps(context) == json.dumps(text)
    assert MODULES["json"].dumps(value) == json.dumps(value)


def test_json_says_how_to_read_what_is_too_large() -> None:
    context = from_text("[1]\n" * 500, config=small(64, slice_limit_bytes=5_000))
    with pytest.raises(ContextTooLarge, match=r"json\.loads\(\) would need .*`for line in context"):
        MODULES["json"].loads(context)
    with pytest.raises(json.JSONDecodeError, match="Extra data"):
        MODULES["json"].loads(from_text("[1]\n[2]\n"))
