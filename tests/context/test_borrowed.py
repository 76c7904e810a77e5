"""A large str that is ASCII is read where it lies; what is read is what the str says."""

from __future__ import annotations

import gc
import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from rlm_magic.context import from_text, open_context

from .texts import joined, lines_of, sizes, small

ascii_texts = st.text(alphabet="ab \n\r\x0b\0", max_size=120)
mixed = st.lists(ascii_texts | st.text(alphabet="aé\n😀", max_size=40), max_size=6)


@given(mixed, sizes, st.integers(-130, 130), st.integers(-130, 130))
def test_large_and_small_ascii_and_other_documents_are_one_text(
    contents: list[str], size: int, first: int, stop: int
) -> None:
    text = joined(contents)
    context = open_context([(str(n), content) for n, content in enumerate(contents)], config=small(size))
    assert context[:] == "".join(context) == text
    assert context[first:stop] == "".join(lines_of(text)[first:stop])
    assert context.chars[first:stop] == text[first:stop]
    assert [document[:] for document in context.documents.values()] == contents
    assert context.count("a") == text.count("a")
    assert context.chars.find("b") == text.find("b")
    assert [hit.line for hit in context.search("b")] == [
        n for n, line in enumerate(lines_of(text)) if "b" in line
    ]


def test_the_text_outlives_the_name_it_was_given_by() -> None:
    text = "".join(f"line {number}\n" for number in range(300_000))
    context = from_text(text)
    wanted = text[3_000_000:3_000_020]
    del text
    gc.collect()
    assert context.chars[3_000_000:3_000_020] == wanted


def test_binding_and_searching_a_large_ascii_str_makes_no_second_copy_of_it() -> None:
    text = "a line of the usual length, as logs have them, with a few words more in it\n" * 400_000
    open_context(["numpy and all else are imported\n"]).search("imported")
    tracemalloc.start()
    try:
        context = from_text(text)
        assert context.search("nowhere to be found|nor here") == []
        assert tracemalloc.get_traced_memory()[1] < len(text) / 3
    finally:
        tracemalloc.stop()
