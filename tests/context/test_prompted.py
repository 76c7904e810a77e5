"""Lines of a context are found in the prompts that were made of them, and only those."""

from __future__ import annotations

import random
import textwrap

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlm_magic.context import Context, from_text, open_context
from rlm_magic.records import LineRanges, merged_ranges

from .texts import small

WORDS = ["the", "pump", "failed", "because", "pressure", "rose", "above", "its", "limit", "nobody"]


def report(lines: int, *, seed: int = 1) -> list[str]:
    """Lines that look like a log: no two alike, but every tenth blank and every seventh the same."""
    dice = random.Random(seed)
    made = []
    for number in range(lines):
        if number % 10 == 3:
            made.append("")
        elif number % 7 == 5:
            made.append("}")
        else:
            indent = " " * dice.choice([0, 0, 4])
            made.append(f"{indent}{number:05} {' '.join(dice.choices(WORDS, k=dice.randint(3, 9)))}")
    return made


LINES = report(2_000)


def context_of(lines: list[str], *, segment_bytes: int = 1_000) -> Context:
    return from_text("".join(f"{line}\n" for line in lines), config=small(segment_bytes))


def shown(context: Context, *prompts: str) -> LineRanges:
    """Return which lines of the context, all of it read, stand in prompts."""
    observer = context.observe()
    assert context[:]
    try:
        return observer.take(prompts).prompted
    finally:
        observer.close()


@pytest.mark.parametrize(
    "made",
    [
        "{text}",
        "Summarise this:\n\n{text}\n\nBe brief.",
        "Summarise this: {text} And be brief.",
        "Question: who failed?\n<text>\n{text}</text>",
        "```\n{text}```",
    ],
)
def test_a_slice_is_found_whatever_stands_around_it(made: str) -> None:
    context = context_of(LINES)
    # The last line, in front of a newline, is as whole as the others.
    assert shown(context, made.format(text=context[100:140])) == ((100, 140),)


@pytest.mark.parametrize(
    "change",
    [
        str.strip,
        textwrap.dedent,
        lambda text: textwrap.indent(text, "    "),
        lambda text: textwrap.indent(text, "> "),
        lambda text: "\n".join(f"{number}: {line}" for number, line in enumerate(text.split("\n"), 100)),
        lambda text: "\n".join(f"[L{number}] {line}" for number, line in enumerate(text.split("\n"), 100)),
        lambda text: "\n".join(f"- {line.strip()}" for line in text.split("\n")),
        lambda text: text.replace("\n", "\r\n"),
    ],
)
def test_indents_bullets_and_numbers_hide_nothing(change: object) -> None:
    assert callable(change)
    context = context_of(LINES)
    assert shown(context, f"Here it is:\n{change(context[100:142])}\n\nWhat failed?") == ((100, 142),)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 1_990), st.integers(2, 200), st.integers(1, 400), st.sampled_from([64, 1_000, 1 << 20]))
def test_slices_by_characters_count_the_lines_that_they_cut(
    first: int, length: int, skip: int, segment_bytes: int
) -> None:
    context = context_of(LINES, segment_bytes=segment_bytes)
    start = len("".join(f"{line}\n" for line in LINES[:first])) + skip
    text = context.chars[start : start + length * 20]
    if len(text.strip()) < 100:
        return
    before = context.chars[:start].count("\n")
    found = shown(context, f"Text: {text}")
    lines = {line for low, high in found for line in range(low, high)}
    expected = range(before, before + text.count("\n") + (not text.endswith("\n")))
    # Of what was cut so short that it might be anything, nothing is claimed.
    doubtful = {expected[0], expected[-1]} | {line for line in expected if len(LINES[line]) < 8}
    assert set(expected) - doubtful <= lines <= set(expected)


def test_single_lines_are_found_in_the_middle_of_a_prompt() -> None:
    context = context_of(LINES)
    lines = [line for line in (11, 500, 1_999) if len(LINES[line]) > 8]
    prompts = [f"Is this an error? {LINES[line].strip()}\nAnswer yes or no." for line in lines]
    prompts += [f'Classify "{LINES[777].strip()}".', f"<line>{LINES[888].strip()}</line>"]
    assert shown(context, *prompts) == tuple((line, line + 1) for line in [11, 500, 777, 888, 1_999])


def test_a_line_in_the_middle_and_lines_of_their_own_in_one_prompt() -> None:
    context = context_of(LINES)
    prompt = f"Is '{LINES[700].strip()}' like\n{context[900:920]}\nor like {LINES[1_200].strip()}"
    assert shown(context, prompt) == ((700, 701), (900, 920), (1_200, 1_201))


def test_lines_far_apart_are_found_in_one_prompt() -> None:
    context = context_of(LINES)
    picked = [line for line in range(0, 2_000, 50) if len(LINES[line]) > 8]
    assert shown(context, "\n".join(LINES[line] for line in picked)) == merged_ranges(
        tuple((line, line + 1) for line in picked)
    )


def test_a_prompt_of_other_words_holds_nothing() -> None:
    context = context_of(LINES)
    others = report(50, seed=2)
    assert shown(context, "What failed?", "}", "", "\n\n", "\n".join(f"x{line}y" for line in others)) == ()


def test_only_lines_that_were_read_can_be_shown() -> None:
    context = context_of(LINES)
    text = context[:200]
    observer = context.observe()
    assert context[50:60]
    assert observer.take((text,)).prompted == ((50, 60),)
    assert context[55:70]
    assert observer.take((text,)).prompted == ((50, 70),)
    observer.close()


def test_lines_read_in_an_earlier_step_are_found_in_a_later_prompt() -> None:
    context = context_of(LINES)
    observer = context.observe()
    kept = context[300:310]
    observer.take(())
    assert context[900]
    assert observer.take((f"Look:\n{kept}",)).prompted == ((300, 310),)
    observer.close()


def test_a_piece_of_one_giant_line_is_found() -> None:
    giant = " ".join(f"{number} {WORDS[number % len(WORDS)]}" for number in range(5_000))
    context = context_of(["first", giant, "last"])
    assert shown(context, f"Summarise: {context.chars[20_000:30_000]} ... briefly") == ((1, 2),)


def test_equal_lines_count_wherever_they_were_read_if_they_are_few() -> None:
    context = context_of(["same line here", "one", "same line here", *(["common"] * 20)])
    assert shown(context, "same line here") == ((0, 1), (2, 3))
    assert shown(context, "common") == ()
    # Beside a line that is rare, a common one is found.
    assert shown(context, "one\nsame line here\ncommon\ncommon") == ((1, 5),)


def test_views_are_told_in_their_own_lines() -> None:
    context = context_of(LINES)
    view = context.view(1_000, 1_100)
    observer = view.observe()
    assert context[990:1_050]
    assert observer.take((context[1_010:1_020],)).prompted == ((10, 20),)
    observer.close()
    document = open_context([("a", "aaaa\n" * 3), ("b", "\n".join(LINES[:40]))]).documents["b"]
    assert shown(document, "\n".join(LINES[10:20])) == ((10, 20),)


def test_what_is_no_longer_in_memory_is_not_read_again() -> None:
    context = context_of(LINES)
    observer = context.observe()
    text = context[:400]
    resident = context._text.segments.resident
    assert isinstance(resident, dict)
    for number in list(resident)[3:]:
        del resident[number]
    found = observer.take((text,)).prompted
    assert found
    assert found[-1][1] < 100
    observer.close()
