from __future__ import annotations

import threading

from hypothesis import given
from hypothesis import strategies as st

from rlm_magic.repl.capped import CappedText, cap, well_formed


@given(st.lists(st.text(max_size=30), max_size=40), st.integers(2, 60))
def test_text_in_pieces_is_capped_like_the_whole(pieces: list[str], limit: int):
    kept = CappedText(limit)
    for piece in pieces:
        kept.write(piece)
    assert kept.getvalue() == cap("".join(pieces), limit)


@given(st.text(), st.integers(2, 60))
def test_head_tail_and_count_add_up(text: str, limit: int):
    capped = cap(text, limit)
    if len(text) <= limit:
        assert capped == text
    else:
        head, tail = text[: limit // 2], text[len(text) - (limit - limit // 2) :]
        assert capped == f"{head}\n[... {len(text) - limit:,} characters omitted ...]\n{tail}"


def test_reading_does_not_change_what_is_kept():
    kept = CappedText(4)
    kept.write("abcdef")
    assert kept.getvalue() == kept.getvalue() == cap("abcdef", 4)


def test_writers_on_several_threads_lose_nothing():
    kept = CappedText(1_000_000)
    writers = [threading.Thread(target=lambda: [kept.write("ab") for _ in range(2000)]) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert kept.getvalue() == "ab" * 8000


@given(st.text(st.characters(codec=None)))
def test_well_formed_text_can_be_encoded(text: str):
    assert well_formed(text).encode("utf-8") == text.encode("utf-8", "backslashreplace")
