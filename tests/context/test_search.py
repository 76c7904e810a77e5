"""`search` finds the lines that `re.search` line by line would, for any pattern, text and segment size."""

from __future__ import annotations

import re
import string
import warnings

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from rlm_magic.context import Context, Match, from_text, open_context
from rlm_magic.errors import PatternError

from .texts import lines_of, sizes, small, texts

atoms = st.sampled_from(
    [
        *"abKks.^$ ßéİı",
        *(r"\d", r"\D", r"\w", r"\W", r"\s", r"\S", r"\b", r"\B", r"\A", r"\Z", r"\n", r"\t", r"\.", r"\x85"),
        *("[ab]", "[^a]", r"[^\n]", r"[\s\d]", r"[^\W_]", "[a-zé-ſ]", r"[\n\r]", "ab", "", "😀", "ſ", "K"),
    ]
)


def compound(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    quantifiers = st.sampled_from(["*", "+", "?", "*?", "+?", "??", "{2}", "{1,3}", "{0,2}?", "{2,}"])
    return st.one_of(
        st.lists(inner, max_size=4).map("".join),
        st.tuples(inner, inner).map(lambda pair: f"(?:{pair[0]}|{pair[1]})"),
        st.tuples(inner, quantifiers).map(lambda pair: f"({pair[0]}){pair[1]}"),
        st.tuples(atoms, quantifiers).map("".join),
        st.tuples(st.sampled_from(["i:", "s:", "m:", "a:", "-i:", "im-s:"]), inner).map(
            lambda pair: f"(?{pair[0]}{pair[1]})"
        ),
        inner.map(lambda part: f"(?={part})"),
        inner.map(lambda part: f"(?!{part})"),
        inner.map(lambda part: f"({part})\\1"),
        inner.map(lambda part: f"(?>{part})"),
    )


patterns = st.recursive(atoms, compound, max_leaves=6)
flags = st.sampled_from([0, re.I, re.M, re.S, re.A, re.I | re.A, re.I | re.M | re.S])
ascii_texts = st.text(alphabet="abKs k\n1_.", max_size=60)


def expected(text: str, pattern: str | re.Pattern[str]) -> list[tuple[int, str, int, int]]:
    wanted = re.compile(pattern)
    found = ((number, line, wanted.search(line)) for number, line in enumerate(lines_of(text)))
    return [(number, line, *match.span()) for number, line, match in found if match]


def spans(matches: list[Match]) -> list[tuple[int, str, int, int]]:
    return [(match.line, match.text, match.start, match.end) for match in matches]


@settings(max_examples=1000, deadline=None)
@given(patterns, flags, texts | ascii_texts, sizes)
@example(r"\Z", 0, "a\n\nb", 2)
@example(r"(?m)^$", 0, "a\nb", 2)
@example(r"a\s", 0, "a\nb", 64)
@example(r"\W\Z", 0, "a\n", 64)
@example(r"\B", 0, "é\n", 64)
@example("k", re.I, "\u212a\n", 64)
@example(r"(?a:\W)", 0, "ß\n", 64)
@example(r"(|a)+", 0, "aaa\n", 64)
@example(r"(a|b*)*", 0, "ba\n", 64)
@example(r"(?:a*?)*b", 0, "aab\n", 64)
def test_search_is_re_search_line_by_line(pattern: str, flag: int, text: str, size: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            wanted = re.compile(pattern, flag)
        except re.error:
            assume(False)
        context = from_text(text, config=small(size))
        assert spans(context.search(wanted)) == expected(text, wanted)


@settings(max_examples=200, deadline=None)
@given(texts | ascii_texts, sizes, st.data())
def test_literals(text: str, size: int, data: st.DataObject) -> None:
    context = from_text(text, config=small(size))
    first = data.draw(st.integers(0, len(text)))
    needle = text[first : first + data.draw(st.integers(0, 6))]
    assert spans(context.search(needle, literal=True)) == expected(text, re.escape(needle))
    found = context.search(needle, literal=True, ignore_case=True)
    assert spans(found) == expected(text, re.compile(re.escape(needle), re.I))


@settings(max_examples=500, deadline=None)
@given(patterns, flags, texts | ascii_texts, sizes)
@example("a*?", 0, "aa\n", 64)
@example("|a", 0, "aa\n", 64)
@example("(a*)+", 0, "aab\né", 64)
@example("[^a]*", 0, "éaé\n", 64)
def test_findall_is_re_findall_line_by_line(pattern: str, flag: int, text: str, size: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            wanted = re.compile(pattern, flag)
        except re.error:
            assume(False)
        context = from_text(text, config=small(size))
        assert context.findall(wanted) == [item for line in lines_of(text) for item in wanted.findall(line)]


@settings(max_examples=60, deadline=None)
@given(texts, sizes, st.integers(0, 9), st.integers(0, 9))
def test_views_count_from_their_own_start(text: str, size: int, first: int, stop: int) -> None:
    view = from_text(text, config=small(size)).view(first, stop)
    assert spans(view.search(r"\S")) == expected("".join(lines_of(text)[first:stop]), r"\S")
    part = view.chars.view(1, -1)
    assert spans(part.search(r"\S")) == expected(part[:], r"\S")


@pytest.fixture
def two() -> Context:
    return open_context([("one", "x\nfound\n"), ("empty", ""), ("two", "found"), ("three", "found\n")])


def test_matches_name_their_document(two: Context) -> None:
    found = [(match.line, match.document) for match in two.search("found")]
    assert found == [(1, "one"), (2, "two"), (3, "three")]
    assert [(m.line, m.document) for m in two.documents["two"].search("f")] == [(0, "two")]


def test_limit(two: Context) -> None:
    assert len(two.search("found", limit=2)) == 2
    assert two.search("found", limit=0) == []
    many = from_text("x\n" * 5000)
    assert len(many.search("x")) == 1000
    assert len(many.search("x", limit=None)) == 5000


@pytest.mark.parametrize("pattern", ["(", "[a", "*", r"(?P<n>a)(?P<n>b)", "(?z)", "a{3,2}", "\\"])
def test_a_faulty_pattern_is_one_clear_error(two: Context, pattern: str) -> None:
    with pytest.raises(PatternError, match="literal=True") as caught:
        two.search(pattern)
    assert isinstance(caught.value, ValueError)
    assert repr(pattern) in str(caught.value)


def test_the_error_says_where(two: Context) -> None:
    with pytest.raises(PatternError, match="position 2"):
        two.search("ab(")
    with pytest.raises(PatternError, match="bytes"):
        two.search(b"ab")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "pattern",
    ["(a+)+$", "(a|a)*$", "(a|aa)+$", r"(\w+\s?)+$", "(.*)*$", "(a*)*c", r"^(\w+)*\d$", "([a-z]+)*!$"],
)
@pytest.mark.parametrize("end", ["b!?", "é?"])
def test_a_catastrophic_pattern_does_not_hang(pattern: str, end: str) -> None:
    # By backtracking, each line takes time that doubles with every further character.
    text = ("a" * 64 + end + "\n") * 3
    matches_nothing_too = pattern in ("(a|a)*$", "(.*)*$")
    assert len(from_text(text).search(pattern)) == (3 if matches_nothing_too else 0)
    assert bool(from_text(text).findall(pattern)) == matches_nothing_too
    context = from_text("a" * 64 + end + " a\n")
    assert len(context.search(pattern)) == bool(re.search(pattern, " a"))


def test_patterns_that_only_re_knows() -> None:
    context = from_text("foobar\nfoobaz\naa\n")
    assert [match.line for match in context.search("foo(?=baz)")] == [1]
    assert [match.line for match in context.search(r"(.)\1")] == [0, 1, 2]
    assert [match.line for match in context.search("(?<!x)a{1001}")] == []
    assert [match.line for match in context.search("a{0,2000}z")] == [1]


def test_every_printable_as_a_literal() -> None:
    text = "\n".join(string.printable.replace("\n", "")) + "\n"
    context = from_text(text)
    for character in string.printable:
        found = spans(context.search(character, literal=True))
        assert found == expected(text, re.escape(character))
