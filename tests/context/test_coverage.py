"""What a run read, searched and showed to sub-models is told by line, as the whole context counts them."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from itertools import islice, pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlm_magic.context import Context, from_text, open_context
from rlm_magic.context.coverage import LineSet, limited, without
from rlm_magic.context.lookalikes import stand_ins
from rlm_magic.records import LineRanges, Reading, merged_ranges

from .texts import lines_of, sizes, small, texts

re: Any = stand_ins()["re"]
line_sets = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 9)), max_size=12).map(
    lambda pairs: merged_ranges(tuple((start, start + length) for start, length in pairs))
)
places = st.none() | st.integers(-25, 25)


def numbers(ranges: LineRanges) -> set[int]:
    return {line for start, stop in ranges for line in range(start, stop)}


def ranges(lines: Iterable[int]) -> LineRanges:
    return merged_ranges(tuple((line, line + 1) for line in lines))


def read_by(context: Context, act: Any) -> Reading:
    observer = context.observe()
    try:
        act()
        return observer.take(())
    finally:
        observer.close()


@settings(max_examples=300, deadline=None)
@given(texts, sizes, places, places, st.sampled_from([None, 1, 2, -1, -3]))
def test_slices_by_lines_read_their_lines(
    text: str, size: int, first: int | None, stop: int | None, step: int | None
) -> None:
    context = from_text(text, config=small(size))
    expected = range(len(lines_of(text)))[first:stop:step]
    found = read_by(context, lambda: context[first:stop:step])
    assert found == Reading(read=ranges(expected))
    assert read_by(context, lambda: [context[line] for line in expected]) == found
    assert read_by(context, lambda: context.view(first, stop)[::step]).read == ranges(
        range(len(lines_of(text)))[first:stop]
    ) or step not in (None, 1, -1)


@settings(max_examples=300, deadline=None)
@given(texts, sizes, places, places)
def test_characters_read_the_lines_that_they_are_on(
    text: str, size: int, first: int | None, stop: int | None
) -> None:
    context = from_text(text, config=small(size))
    taken = range(len(text))[first:stop]
    expected = Reading(read=ranges({text[:at].count("\n") for at in taken}))
    assert read_by(context, lambda: context.chars[first:stop]) == expected
    assert read_by(context, lambda: [context.chars[at] for at in taken]) == expected
    assert read_by(context, lambda: context.chars[first:stop][::-1]) == expected
    assert read_by(context, lambda: list(context.chars.view(first, stop))) == expected
    assert read_by(context, lambda: str(context.chars.view(first, stop))).read == expected.read
    assert read_by(context, lambda: context.chars.view(first, stop).lines[:]) == expected


@settings(max_examples=200, deadline=None)
@given(texts, sizes, st.integers(0, 30), st.booleans())
def test_iterating_reads_as_far_as_it_goes(text: str, size: int, count: int, by_chars: bool) -> None:
    context = from_text(text, config=small(size))
    observer = context.observe()
    lines = iter(context.chars if by_chars else context)
    taken = list(islice(lines, count))
    found = observer.take(())
    # The iterator is still there: what it has given is read all the same.
    if by_chars:
        assert numbers(found.read) == {text[:at].count("\n") for at in range(len(taken))}
    else:
        assert numbers(found.read) == set(range(len(taken)))
    del lines
    assert observer.take(()) == Reading()
    observer.close()


@settings(max_examples=200, deadline=None)
@given(texts, sizes, places, places, st.sampled_from(["a", "[ab]", r"\w", "é"]))
def test_searches_read_what_they_return(
    text: str, size: int, first: int | None, stop: int | None, pattern: str
) -> None:
    context = from_text(text, config=small(size))
    lines = range(len(lines_of(text)))[first:stop]
    held = [line for line in lines if re.search(pattern, lines_of(text)[line])]
    view = context.view(first, stop)
    everything = Reading(read=ranges(held), searched=ranges(lines))
    assert read_by(context, lambda: view.search(pattern, limit=None)) == everything
    assert read_by(context, lambda: view.findall(pattern)) == everything
    assert read_by(context, lambda: re.findall(pattern, view)) == everything
    assert read_by(context, lambda: list(re.finditer(pattern, view))) == everything
    assert read_by(context, lambda: list(re.finditer(rf"{pattern}(?!\n\Z)", view))).searched == ranges(lines)
    once = read_by(context, lambda: view.search(pattern, limit=1))
    assert once.read == ranges(held[:1])
    assert once.searched == ranges(range(lines.start, held[0] + 1) if held else lines)
    assert read_by(context, lambda: view.count(pattern)) == Reading(searched=ranges(lines))
    assert read_by(context, lambda: pattern in view).read == ()


def test_a_match_over_several_lines_reads_them_all() -> None:
    text = "a\nb\nc\nd\n"
    for size in (2, 64):
        context = from_text(text, config=small(size))
        for act in (
            lambda context=context: re.search(r"b\sc", context),
            lambda context=context: list(re.finditer(r"(?s)b.*c", context)),
        ):
            assert read_by(context, act).read == ((1, 3),)
        assert read_by(context, lambda context=context: re.split("b", context)).read == ((0, 4),)
        assert read_by(context, lambda context=context: re.sub("b", "", context.view(1, 3))).read == ((1, 3),)
        assert read_by(context, lambda context=context: context.lower()).read == ((0, 4),)
        assert read_by(context, lambda context=context: context.find("c")) == Reading(searched=((0, 3),))
        assert read_by(context, lambda context=context: context.rfind("b")) == Reading(searched=((1, 4),))
        assert read_by(context, lambda context=context: context.chars.find("c")).searched == ((0, 3),)
        assert read_by(context, lambda context=context: context.index("b\n")).read == ()


def test_views_and_documents_count_as_the_context_observed_does() -> None:
    context = open_context([("one", "1\n2\n3\n"), ("two", "4\n5\n"), ("three", "6\n7")], config=small(4))
    assert read_by(context, lambda: context.documents["two"][1]).read == ((4, 5),)
    assert read_by(context, lambda: context.documents["three"].chars[0]).read == ((5, 6),)
    assert read_by(context, lambda: context.documents["two"].search("5")).searched == ((3, 5),)
    assert read_by(context.view(2, 5), lambda: context[:]).read == ((0, 3),)
    assert read_by(context.documents["two"], lambda: context[3:]) == Reading(read=((0, 2),))
    assert read_by(context.documents["one"], lambda: context.documents["two"][:]) == Reading()


def test_nothing_is_noted_but_what_a_run_does() -> None:
    import pickle

    context = from_text("a\nb\n", config=small(2))
    observer = context.observe()
    pickle.dumps(context)
    context.warm()
    len(context)
    repr(context)
    context.description()
    assert list(context.documents)
    assert observer.take(()) == Reading()
    observer.close()
    observer.close()
    assert context[:] == "a\nb\n"
    assert observer.take(()) == Reading()
    assert context._text.observers == ()


def test_a_take_tells_what_came_since_the_one_before() -> None:
    context = from_text("".join(f"line {number}\n" for number in range(10)))
    observer = context.observe()
    head = context[:2]
    assert observer.take(()) == Reading(read=((0, 2),))
    assert context.search("line 7")
    assert observer.take((head,)) == Reading(read=((7, 8),), searched=((0, 10),), prompted=((0, 2),))
    assert observer.take(()) == Reading()
    observer.close()


def test_two_observers_hear_of_the_same_reads() -> None:
    context = from_text("a\nb\nc\n")
    outer, inner = context.observe(), context.view(1).observe()
    assert context[1:3]
    assert (outer.take(()).read, inner.take(()).read) == (((1, 3),), ((0, 2),))
    inner.close()
    assert context[0]
    assert (outer.take(()).read, inner.take(()).read) == (((0, 1),), ())


def test_reads_from_many_threads_are_all_noted() -> None:
    context = from_text("".join(f"{number}\n" for number in range(8_000)), config=small(512))
    observer = context.observe()
    taken: list[Reading] = []

    def read(share: int) -> None:
        for line in range(share, 8_000, 4):
            assert context[line] == f"{line}\n"

    threads = [threading.Thread(target=read, args=(share,)) for share in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        taken.append(observer.take(()))
    for thread in threads:
        thread.join()
    taken.append(observer.take(()))
    assert sum(taken, Reading()).read == ((0, 8_000),)
    # Each line was read once, so no two takes hold the same one.
    assert sum(len(numbers(each.read)) for each in taken) == 8_000


@given(line_sets, line_sets)
def test_without_is_the_difference_of_sets(some: LineRanges, others: LineRanges) -> None:
    left = without(some, others)
    assert numbers(left) == numbers(some) - numbers(others)
    assert left == merged_ranges(left)


@given(line_sets, st.integers(1, 6))
def test_limited_joins_the_nearest(some: LineRanges, most: int) -> None:
    found = limited(some, most=most)
    assert len(found) == min(len(some), most)
    assert numbers(found) >= numbers(some)
    gaps = sorted(later[0] - earlier[1] for earlier, later in pairwise(some))
    assert len(numbers(found) - numbers(some)) == sum(gaps[: max(0, len(some) - most)])


def test_memory_is_bounded_however_many_lines_are_read_apart() -> None:
    lines = LineSet()
    for line in range(0, 400_000, 2):
        lines.add(line, line + 1)
    found = lines.drain()
    assert len(found) <= 50_000
    assert found[0][0] == 0
    assert found[-1][1] == 399_999
    assert lines.drain() == ()


@pytest.mark.parametrize("step", [1, 3])
def test_a_stepped_slice_of_characters_reads_the_stretch(step: int) -> None:
    context = from_text("ab\ncd\nef\ngh\n", config=small(4))
    assert read_by(context, lambda: context.chars[4:8:step]).read == ((1, 3),)
    assert read_by(context, lambda: context.chars[7:3:-step]).read == ((1, 3),)
