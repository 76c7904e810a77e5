"""How contexts, documents and search results show themselves: worth reading, harmless, never at a price."""

from __future__ import annotations

import copy
import pickle
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from IPython.lib.pretty import pretty

import mock_s3
from mock_s3 import Server
from rlm_magic.context import Match, from_text, ingest, open_context
from rlm_magic.context.matches import Matches

from .s3 import make_bucket, point_at
from .texts import lines_of

EVIL = "<script>alert(1)</script>\x1b[2J\u202e"
LINES = "".join(f"line {number}\n" for number in range(100))


class Tags(HTMLParser):
    """The elements and the text that a browser would see."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_context_shows_what_it_is_and_both_its_ends() -> None:
    context = open_context([("a.txt", LINES), ("b.txt", "the end\n")])
    shown = Tags(context._repr_html_()).text
    for part in ("2: a.txt, b.txt", "101 lines", "in memory", "line 3", "the end", "798 B"):
        assert part in shown
    assert "line 50" not in shown
    rows = pretty(context).splitlines()
    assert rows[0] == repr(context)
    assert rows[0].startswith("<Context in memory: 101 lines")
    assert rows[1:] == [
        *(f"  line {n}" for n in range(4)),
        "  ...",
        "  line 97",
        "  line 98",
        "  line 99",
        "  the end",
    ]


def test_a_document_shows_its_name_and_its_own_ends() -> None:
    document = open_context([("a.txt", LINES), ("b.txt", "only\n")]).documents["b.txt"]
    shown = Tags(document._repr_html_()).text
    assert "b.txt" in shown
    assert pretty(document).splitlines()[1:] == ["  only"]


def test_inside_a_list_a_context_takes_its_one_line() -> None:
    context = from_text(LINES)
    assert pretty([context]) == f"[{context!r}]"


@given(st.text(alphabet="ab é\r\u2028\n", max_size=60), st.sampled_from(["lines", "chars"]))
def test_the_ends_are_those_of_the_text(text: str, unit: str) -> None:
    shown = pretty(from_text(text, unit=unit)).split("\n")[1:]  # type: ignore[arg-type]
    whole = [line.rstrip("\n").replace("\r", "\\r") for line in lines_of(text)]
    if len(whole) <= 8:
        assert [row for row in shown if row != "  ..."] == [f"  {line}" for line in whole]
    else:
        assert shown == [f"  {line}" for line in (*whole[:4], "...", *whole[-4:])]


def test_long_lines_and_hostile_text_are_cut_and_escaped() -> None:
    context = from_text(EVIL + "é" * 10_000_000)
    for shown in (pretty(context), context._repr_html_()):
        assert len(shown) < 3_000
        assert "\x1b" not in shown
        assert "\u202e" not in shown
    named = open_context([(EVIL, EVIL), ("b", "x")])
    for html in (context._repr_html_(), named._repr_html_(), named.documents._repr_html_()):
        assert set(Tags(html).tags) <= {"table", "tr", "th", "td", "pre", "p"}


def test_a_text_whose_files_are_gone_still_tells_its_measures(tmp_path: Path) -> None:
    ingest([("log", LINES)], tmp_path / "kept", segment_bytes=50)
    context = open_context(str(tmp_path / "kept"))
    for path in (tmp_path / "kept").rglob("*"):
        if path.is_file():
            path.unlink()
    assert pretty(context) == repr(context)
    assert "100 lines" in context._repr_html_()


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    root = make_bucket(tmp_path, "bucket", {})
    ingest([("log", LINES)], root / "bucket" / "text", segment_bytes=50)
    with mock_s3.serve(root) as url:
        point_at(str(url), monkeypatch)
        yield url


def test_a_look_at_a_remote_text_asks_for_nothing(server: Server) -> None:
    context = open_context("s3://bucket/text/")
    before = context.stats
    assert pretty(context) == repr(context)
    assert "100 lines" in context._repr_html_()
    assert "log" in context.documents._repr_html_()
    assert context.stats == before
    assert context[:] == LINES
    assert "line 0" in pretty(context)


def test_a_look_from_within_a_run_counts_as_read() -> None:
    context = from_text(LINES)
    observer = context.observe()
    pretty(context)
    assert observer.take([]).read == ((0, 4), (96, 100))
    observer.close()


def test_documents_are_a_table_and_the_rest_is_counted() -> None:
    documents = open_context([(f"d{n}.txt", "x\n" * n) for n in range(30)]).documents
    seen = Tags(documents._repr_html_())
    assert seen.tags.count("tr") == 21
    assert "d19.txt" in seen.text
    assert "and 10 more documents" in seen.text


def test_search_results_are_a_list_that_shows_the_hits() -> None:
    found = from_text("one\ntwo ones\nnone at all\n").search("one")
    expected = [
        Match(0, "one\n", 0, 3, ""),
        Match(1, "two ones\n", 4, 7, ""),
        Match(2, "none at all\n", 1, 4, ""),
    ]
    assert [m.line for m in found] == [m.line for m in expected]
    assert isinstance(found, list)
    assert found == list(found)
    assert list(found) == found
    assert pretty(found) == "3 lines found\nL0: [[one]]\nL1: two [[one]]s\nL2: n[[one]] at all"
    assert repr(found) == "3 lines found\nL0: one\nL1: two ones\nL2: none at all"
    assert pretty({"hits": found}) == "{'hits': <3 lines found>}"
    html = found._repr_html_()
    assert html.count("<mark>one</mark>") == 3
    assert "n<mark>one</mark> at all" in html


def test_search_results_name_the_document_where_there_are_several() -> None:
    found = open_context([("a.txt", "one\n"), ("b.txt", "one\n")]).search("one")
    assert pretty(found) == "2 lines found\nL0 a.txt: [[one]]\nL1 b.txt: [[one]]"
    assert "b.txt" in found._repr_html_()


def test_search_results_are_bounded_harmless_and_tell_what_is_left_out() -> None:
    text = f"{EVIL}{'x' * 10_000}needle{'y' * 10_000}{EVIL}\n" * 80
    found = from_text(text).search("needle")
    assert len(repr(found)) < 20_000
    assert "and 30 more lines" in repr(found)
    assert "[[needle]]" in pretty(found)
    assert found[79].text == text.splitlines(keepends=True)[79]
    seen = Tags(found._repr_html_())
    assert "script" not in seen.tags
    assert "\x1b" not in seen.text
    whole_line = from_text(f"{EVIL}\n").search(".*")
    assert "\u202e" not in repr(whole_line) + Tags(whole_line._repr_html_()).text


def test_nothing_found_says_so() -> None:
    found = from_text("x").search("y")
    assert found == []
    assert repr(found) == "no lines found"
    assert "no lines found" in found._repr_html_()


def test_search_results_travel_as_they_are() -> None:
    found = from_text("one\n").search("one")
    for other in (pickle.loads(pickle.dumps(found)), copy.deepcopy(found)):
        assert other == found
        assert type(other) is Matches


@given(st.text(alphabet="ab<&\n", max_size=80), st.sampled_from(["a", "b", "<", "a|b", "a*"]))
def test_the_marked_line_is_the_line(text: str, pattern: str) -> None:
    found = from_text(text).search(pattern, limit=None)
    rows = pretty(found).split("\n")[1:]
    lines = lines_of(text)
    for row, match in zip(rows, found, strict=False):
        shown = re.sub(r"\[\[(.*?)\]\]", r"\1", row.removeprefix(f"L{match.line}: "))
        assert shown == lines[match.line].rstrip("\n")
        assert f"L{match.line}: {shown}" in repr(found)
