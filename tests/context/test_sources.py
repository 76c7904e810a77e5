"""What a source may be, how it is told from text, and what is said when it is nothing."""

from __future__ import annotations

import os
import pickle
import socket
from pathlib import Path
from typing import Any

import pytest

from rlm_magic.config import ContextConfig
from rlm_magic.context import Context, from_text, ingest, open_context
from rlm_magic.errors import (
    ContextTooLarge,
    SnapshotChanged,
    SourceError,
    SourceNotFound,
    StoreUnavailable,
)

from .texts import small


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("b.txt", "a.txt", "sub/c.txt", "sub/deep/d.py", ".hidden/e.txt", ".f.txt", "with space.txt"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{name}\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("a.txt", ["a.txt"]),
        ("./a.txt", ["a.txt"]),
        ("with space.txt", ["with space.txt"]),
        ("*.txt", ["a.txt", "b.txt", "with space.txt"]),
        ("**/*.txt", ["a.txt", "b.txt", "sub/c.txt", "with space.txt"]),
        ("sub/**", ["c.txt", "deep/d.py"]),
        ("sub/[cd].txt", ["c.txt"]),
        ("s?b/*", ["sub/c.txt"]),
        (".", ["a.txt", "b.txt", "sub/c.txt", "sub/deep/d.py", "with space.txt"]),
        (Path("sub"), ["c.txt", "deep/d.py"]),
        (Path("a.txt"), ["a.txt"]),
    ],
)
def test_addresses(tree: Path, source: str | Path, names: list[str]) -> None:
    context = open_context(source)
    assert context.documents.names == names
    assert context.documents[names[-1]][:].endswith(f"{Path(names[-1]).name}\n")


@pytest.mark.parametrize("source", ["two words", "a\nb", "x" * 5000, "line/with\nslash", "nul\0byte"])
def test_a_str_that_names_nothing_is_text(tree: Path, source: str) -> None:
    assert open_context(source)[:] == source


@pytest.mark.parametrize(
    "source", ["", "nothing", "no/such/file", "no/such dir/file", "*.none", "~/none-such", "a?", "x.txt"]
)
def test_an_address_of_nothing_says_how_to_give_text(tree: Path, source: str) -> None:
    with pytest.raises(SourceError, match=r"open_context\(\[text\]\)"):
        open_context(source)
    assert open_context([source])[:] == from_text(source)[:] == source


def test_a_path_is_never_text(tree: Path) -> None:
    with pytest.raises(FileNotFoundError, match="two words"):
        open_context(Path("two words"))
    with pytest.raises(SourceNotFound):
        open_context(Path("*.txt"))
    (tree / "[x].txt").write_text("brackets")
    assert open_context(Path("[x].txt"))[:] == "brackets"
    assert pickle.loads(pickle.dumps(open_context(Path("[x].txt"))))[:] == "brackets"


def test_options_of_remote_sources_are_for_remote_sources(tree: Path) -> None:
    for source in ("a.txt", ["x"], Path("a.txt")):
        with pytest.raises(SourceError, match="options of s3://"):
            open_context(source, region="eu-west-1")
    with pytest.raises(SourceError, match="is local"):
        ingest(["x"], tree / "new", anonymous=True)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (b"bytes", "decode"),
        (5, "int"),
        (None, "NoneType"),
        ([b"x"], "item 0 of the list is bytes"),
        (["a", ("b",)], "item 1"),
        ([("a", "x"), ("a", "y")], "named 'a'"),
        ([("0", "x"), "y", ("1", "z")], "named '1'"),
    ],
)
def test_what_cannot_be_bound(source: Any, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        open_context(source)


@pytest.mark.parametrize("source", ["a.txt", "stored"])
def test_what_has_no_files_to_leave_out_refuses_to(tree: Path, source: str) -> None:
    ingest(["text\n"], tree / "stored")
    with pytest.raises(SourceError, match=r"exclude=\['b\*'\].*leave exclude out"):
        open_context(source, exclude=["b*"])


def test_a_place_that_cannot_be_made_is_named(tree: Path) -> None:
    with pytest.raises(StoreUnavailable, match=r"a\.txt/below.*cannot be written"):
        ingest(["text\n"], tree / "a.txt" / "below")


def test_options_are_checked() -> None:
    with pytest.raises(SourceError, match="words"):
        open_context(["x"], unit="words")  # type: ignore[arg-type]
    with pytest.raises(SourceError, match="ignore"):
        open_context(["x"], errors="ignore")


def test_lists() -> None:
    assert open_context([])[:] == ""
    assert open_context(["a", "b\n", "", "c"])[:] == "a\nb\nc"
    assert open_context(("a", ("named", "b"))).documents.names == ["0", "named"]
    assert open_context(["text"]).documents.names == ["0"]
    assert from_text("text", name="mine").documents.names == ["mine"]


def test_a_context_is_a_source() -> None:
    context = from_text("ab\nc")
    assert open_context(context, unit="chars")[1] == "b"
    assert open_context(context.chars)[1] == "c"


def test_unit_chars_makes_the_context_read_by_characters() -> None:
    context = from_text("ab\ncd", unit="chars")
    assert (len(context), context[0], context[1:4]) == (5, "a", "b\nc")
    assert list(context) == ["a", "b", "\n", "c", "d"]
    assert context.lines[1] == "cd"
    assert context.view(1, 4)[:] == "b\nc"
    assert context.documents["text"][1] == "b"
    assert context.search("c")[0].line == 1
    assert context.info.unit == "chars"
    assert isinstance(context, Context)


@pytest.mark.parametrize("kind", ["file", "glob"])
def test_a_changed_file_is_never_mixed_in(tree: Path, kind: str) -> None:
    context = open_context("a.txt" if kind == "file" else "*.txt", config=small(1 << 20))
    (tree / "a.txt").write_text("other\n")
    with pytest.raises(SnapshotChanged, match=r"a\.txt changed"):
        context[0]
    if kind == "glob":
        assert context[1] == "b.txt\n"


def test_a_deleted_file_names_its_lines(tree: Path) -> None:
    context = open_context("*.txt")
    (tree / "b.txt").unlink()
    assert context[0] == "a.txt\n"
    with pytest.raises(LookupError, match=r"b\.txt.*lines 1 to 2"):
        context[1]


def test_a_pickled_context_knows_its_snapshot(tree: Path) -> None:
    pickled = pickle.dumps(open_context("*.txt", exclude=["b*"]).documents["a.txt"].chars)
    assert b"a.txt\n" not in pickled
    os.chdir("/")
    assert pickle.loads(pickled)[:] == "a.txt\n"
    (tree / "a.txt").write_text("other\n")
    with pytest.raises(SnapshotChanged, match="pickled"):
        pickle.loads(pickled)


def test_a_pickled_context_stays_on_its_snapshot(tmp_path: Path) -> None:
    old = ingest(["old"], tmp_path)
    pickled = pickle.dumps(old)
    ingest(["new"], tmp_path)
    assert pickle.loads(pickled)[:] == old[:] == "old"
    assert open_context(tmp_path)[:] == "new"


def test_pickled_text_keeps_its_documents() -> None:
    context = pickle.loads(pickle.dumps(open_context([("a", "1"), ("b", "2\n")], unit="chars").view(0, 3)))
    assert context[:] == "1\n2"
    assert context.documents.names == ["a", "b"]
    assert context.unit == "chars"
    named = open_context(__file__, name="mine")
    assert pickle.loads(pickle.dumps(named)).documents["mine"][:] == named[:]


def test_neither_file_nor_directory(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        with pytest.raises(SourceError, match="neither"):
            open_context(tmp_path / "socket")


def test_empty_directories_and_unreadable_files(tmp_path: Path) -> None:
    with pytest.raises(SourceNotFound, match="no files"):
        open_context(tmp_path)


def test_file_names_that_are_not_utf8(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"\xff.txt")).write_text("odd")
    context = open_context(tmp_path)
    assert context.documents.names == ["\ufffd.txt"]
    assert ingest(context, tmp_path.parent / "odd-copy")[:] == "odd"


class TestWords:
    """repr, str, info, description."""

    def test_repr_is_one_line_and_never_reads(self, tree: Path) -> None:
        context = open_context("*.txt")
        for path in tree.glob("*.txt"):
            path.unlink()
        shown = repr(context)
        assert "\n" not in shown
        assert "3 lines" in shown
        assert "3 documents" in shown
        assert "unit='lines'" in shown

    def test_hostile_names_are_escaped(self) -> None:
        context = open_context([("evil\x1b[31m\nIgnore all", "x"), ("\u202ereversed", "y"), ("n" * 500, "z")])
        documents = context.documents
        for shown in (repr(context), context.description(), repr(documents), repr(documents[0])):
            assert "\x1b" not in shown
            assert "\u202e" not in shown
            assert "n" * 200 not in shown
        assert "\nIgnore" not in context.description()

    @pytest.mark.parametrize("unit", ["lines", "chars"])
    def test_the_description_holds_sizes_and_no_text(self, unit: Any) -> None:
        text = "XyzzyPlugh QuuxFrobnicate\n" * 1234
        description = from_text(text, unit=unit).description()
        assert "1,234 lines" in description
        assert f"{len(text):,} characters" in description
        assert not any(word in description for word in text.split())

    def test_str_is_guarded(self) -> None:
        config = ContextConfig(str_limit_chars=10)
        assert str(from_text("é" * 10, config=config)) == "é" * 10
        with pytest.raises(ContextTooLarge, match=r"11 characters.*search"):
            str(from_text("x" * 11, config=config))

    def test_too_large_results_are_refused_before_reading(self, tmp_path: Path) -> None:
        path = tmp_path / "large.txt"
        path.write_text("0123456789\n" * 5000)
        context = open_context(path, config=ContextConfig(segment_bytes=1000, slice_limit_bytes=20_000))
        path.unlink()
        for refused in (
            lambda: context[:],
            lambda: context[::-1],
            lambda: context.chars[:],
            lambda: context.chars[::2],
            lambda: context.split(),
        ):
            with pytest.raises(ContextTooLarge, match="20,000"):
                refused()

    def test_lists_of_findings_are_limited(self) -> None:
        context = from_text("abc\n" * 5000, config=ContextConfig(slice_limit_bytes=20_000))
        with pytest.raises(ContextTooLarge, match="findings"):
            context.findall(".")
        assert sum(map(len, context)) == 20_000

    def test_documents(self) -> None:
        documents = open_context([("a", "1"), ("b", "2")]).documents
        assert len(documents) == 2
        assert list(documents) == documents.names == ["a", "b"]
        assert documents["b"][:] == documents[1][:] == documents[-1][:] == "2"
        assert "a" in documents
        assert "z" not in documents
        assert documents["a"].name == "a"
        with pytest.raises(KeyError, match="z"):
            documents["z"]
        with pytest.raises(IndexError):
            documents[2]
        assert "a" not in documents["b"].documents
