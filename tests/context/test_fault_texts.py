"""Awkward texts and faulty manifests over S3, against the same bytes read by plain Python."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator
from hashlib import md5, sha256
from itertools import count
from pathlib import Path
from typing import Any

import pytest

import mock_s3
from mock_s3 import Server
from rlm_magic.config import ContextConfig
from rlm_magic.context import Context, ingest, open_context
from rlm_magic.context.indexing import Kept, Plain, index_all
from rlm_magic.context.stores.directory import DirectoryStore
from rlm_magic.errors import (
    BadText,
    IntegrityError,
    ManifestError,
    RLMError,
    SegmentMissing,
    SnapshotChanged,
)

from .s3 import make_bucket, point_at
from .texts import joined, lines_of, older_form

BOM = b"\xef\xbb\xbf"
SMALL = ContextConfig(segment_bytes=64, request_bytes=150, split_bytes=100)
LINES = [f"línea {number} 😀\n" for number in range(60)]
TEXT = "".join(LINES)
_numbers = count()

AWKWARD = {
    "empty objects": [b"", b"", b""],
    "one empty among others": [b"a\n", b"", b"b"],
    "no newline at the end": [b"one\ntwo", b"three"],
    "a BOM in front of each": [BOM + b"one\n", BOM + "zwölf".encode(), BOM],
    "a BOM in the middle": [b"one\n" + BOM + b"two\n"],
    "invalid bytes": [b"ok \xff\xfe\n\xc3", b"\xe2\x82\n", b"\xed\xa0\x80 end"],
    "one line over many segments": ["é😀x".encode() * 900],
    "a giant line between small ones": [b"a\n" + b"y" * 5_000 + b"\nb\n", b"z" * 300],
    "other line endings": ["a\rb\r\nc\x0b\x0c\x1c\x85d\u2028e\u2029\n\nf".encode()],
    "only newlines": [b"\n" * 400, b"\n"],
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bucket(tmp_path_factory.mktemp("s3"), "bucket", {})


@pytest.fixture(scope="module")
def running(root: Path) -> Iterator[Server]:
    with mock_s3.serve(root) as url:
        yield url


@pytest.fixture
def server(running: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    point_at(str(running), monkeypatch)
    return running


def text_of(contents: list[bytes]) -> str:
    return joined([raw.removeprefix(BOM).decode(errors="replace") for raw in contents])


def check(context: Context, text: str) -> None:
    """Compare a context with its text: whole, by lines, by characters, forwards and backwards."""
    lines = lines_of(text)
    assert (len(context), context[:]) == (len(lines), text)
    assert list(context) == lines
    middle = len(lines) // 2
    assert context[middle : middle + 3] == "".join(lines[middle : middle + 3])
    assert context[::-1] == "".join(lines[::-1])
    characters = context.chars
    assert len(characters) == len(text)
    assert characters[len(text) // 3 : len(text) // 3 + 70] == text[len(text) // 3 : len(text) // 3 + 70]


@pytest.mark.filterwarnings("ignore::rlm_magic.context.utf8.TextWarning")
@pytest.mark.parametrize("memory_bytes", [0, 1 << 30], ids=["read twice", "kept"])
@pytest.mark.parametrize("contents", AWKWARD.values(), ids=AWKWARD)
def test_an_awkward_text_reads_as_python_reads_it(
    server: Server, root: Path, contents: list[bytes], memory_bytes: int
) -> None:
    place = f"awkward{next(_numbers)}"
    make_bucket(root, "bucket", {f"{place}/{number}": raw for number, raw in enumerate(contents)})
    config = ContextConfig(segment_bytes=64, request_bytes=150, split_bytes=100, memory_bytes=memory_bytes)
    if not any(contents):
        check(open_context(f"s3://bucket/{place}/*", config=config), "")
        return
    bound = open_context(f"s3://bucket/{place}/", config=config)
    check(bound, text_of(contents))
    for number, raw in enumerate(contents):
        assert bound.documents[str(number)][:] == text_of([raw])
    ingest(bound, f"s3://bucket/{place}-written/", segment_bytes=64, object_bytes=200)
    check(open_context(f"s3://bucket/{place}-written/", config=config), text_of(contents))


@pytest.mark.parametrize("contents", [[b"ok\n", b"not \xff ok"]])
def test_strict_text_names_the_object(server: Server, root: Path, contents: list[bytes]) -> None:
    make_bucket(root, "bucket", {f"strict/{number}": raw for number, raw in enumerate(contents)})
    with pytest.raises(BadText, match="s3://bucket/strict/1"):
        open_context("s3://bucket/strict/", errors="strict")


class Truncating(DirectoryStore):
    """A store whose answers lack their last byte."""

    def get(self, key: str, **how: Any) -> bytes:
        return super().get(key, **how)[:-1]


def test_an_object_that_gives_less_than_its_size_is_not_bound(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one\ntwo\n")
    store = Truncating(tmp_path)
    plain = [Plain("a.txt", "a.txt", store.head("a.txt"))]
    with pytest.raises(IntegrityError, match=r"a\.txt gave 7 bytes of 8"):
        index_all(store, plain, Kept(0), errors="replace", config=ContextConfig())


@pytest.fixture
def older(root: Path) -> Path:
    """The same text in the older form: six objects of ten lines each."""
    folder = root / "bucket" / f"older{next(_numbers)}"
    older_form(folder, TEXT, lines_per_segment=10)
    return folder


def url_of(folder: Path) -> str:
    return f"s3://bucket/{folder.name}/"


def edit_row(folder: Path, number: int, **values: object) -> None:
    path = folder / "manifest.json"
    rows: list[dict[str, Any]] = sorted(json.loads(path.read_text()), key=lambda row: row["start_line"])
    rows[number] |= values
    path.write_text(json.dumps(rows))


@pytest.mark.parametrize("slash", ["", "/"])
def test_the_older_form_reads_like_its_text(server: Server, older: Path, slash: str) -> None:
    check(open_context(url_of(older).rstrip("/") + slash), TEXT)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"start_line": 19}, "starts at line 19, but the one before it ends at 20"),
        ({"start_line": 21}, "starts at line 21, but the one before it ends at 20"),
        ({"line_count": 9}, "but the one before it ends at 29"),
        ({"line_count": -1}, "negative"),
        ({"segment": "../../etc/passwd"}, "leads out of the store"),
        ({"sha256": "xyz"}, "not hexadecimal"),
        ({"start_line": None}, "no valid manifest"),
    ],
)
def test_rows_that_contradict_each_other_are_refused(
    server: Server, older: Path, values: dict[str, object], said: str
) -> None:
    edit_row(older, 2, **values)
    with pytest.raises(ManifestError, match=said):
        open_context(url_of(older))


def test_a_manifest_that_breaks_off_is_refused(server: Server, older: Path) -> None:
    path = older / "manifest.json"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ManifestError, match=rf"{url_of(older)}manifest\.json"):
        open_context(url_of(older))


def spoil_nothing(path: Path) -> None:
    """The row is what is wrong."""


def delete(path: Path) -> None:
    path.unlink()


def rewrite(path: Path) -> None:
    path.write_bytes(path.read_bytes().swapcase())


@pytest.mark.parametrize(
    ("number", "values", "spoil", "error"),
    [
        (5, {"line_count": 11}, spoil_nothing, IntegrityError),
        (5, {"line_count": 9}, spoil_nothing, IntegrityError),
        (2, {"sha256": sha256(b"other").hexdigest()}, spoil_nothing, IntegrityError),
        (2, {"etag": md5(b"other").hexdigest()}, spoil_nothing, SnapshotChanged),
        (2, {}, delete, SegmentMissing),
        (2, {"sha256": sha256("".join(LINES[20:30]).encode()).hexdigest()}, rewrite, IntegrityError),
        (2, {"etag": md5("".join(LINES[20:30]).encode()).hexdigest()}, rewrite, SnapshotChanged),
    ],
)
def test_a_segment_that_is_not_as_its_row_says_is_named_and_the_rest_reads(
    server: Server, older: Path, number: int, values: dict[str, object], spoil: Any, error: type[RLMError]
) -> None:
    edit_row(older, number, **values)
    spoil(older / f"segment_{number:05}.txt")
    context = open_context(url_of(older))
    with pytest.raises(error, match=f"segment_{number:05}"):
        context[10 * number + 1]
    assert context[: 10 * number] == "".join(LINES[: 10 * number])
    if number < 5:
        assert context[10 * number + 10 :] == "".join(LINES[10 * number + 10 :])


def test_a_row_with_the_right_etag_is_read(server: Server, older: Path) -> None:
    raw = (older / "segment_00002.txt").read_bytes()
    edit_row(older, 2, etag=md5(raw).hexdigest(), sha256=sha256(raw).hexdigest())
    check(open_context(url_of(older)), TEXT)


def test_a_segment_replaced_after_it_was_bound_is_never_mixed_in(server: Server, older: Path) -> None:
    context = open_context(url_of(older))
    rewrite(older / "segment_00001.txt")
    with pytest.raises(SnapshotChanged, match=r"segment_00001\.txt changed since the context was opened"):
        context[:]
    assert context[20:] == "".join(LINES[20:])


@pytest.fixture
def written(server: Server, root: Path) -> Path:
    folder = root / "bucket" / f"written{next(_numbers)}"
    ingest([TEXT], url_of(folder), segment_bytes=100, object_bytes=400)
    return folder


@pytest.mark.parametrize("cut", [0, 1, 60, 400, -1])
def test_a_manifest_cut_short_is_refused(written: Path, cut: int) -> None:
    path = written / "manifest.json"
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(ManifestError, match=rf"{url_of(written)}manifest\.json"):
        open_context(url_of(written))


def test_an_edited_manifest_is_refused(written: Path) -> None:
    path = written / "manifest.json"
    path.write_bytes(path.read_bytes().replace(b'"offset":[0,', b'"offset":[1,'))
    with pytest.raises(ManifestError, match="its digest differs"):
        open_context(url_of(written))


def test_a_truncated_object_names_its_lines_and_the_rest_reads(written: Path) -> None:
    context = open_context(url_of(written))
    victim = max((written / "data").iterdir(), key=lambda path: path.stat().st_size)
    victim.write_bytes(victim.read_bytes()[:-30])
    readable, failed = [], 0
    for number in range(len(LINES)):
        try:
            readable.append((number, context[number]))
        except (IntegrityError, RLMError) as error:
            failed += victim.name in str(error) and "lines" in str(error)
    assert failed == len(LINES) - len(readable) > 0
    assert readable
    assert all(line == LINES[number] for number, line in readable)


def test_a_pickled_context_stays_on_its_snapshot(written: Path) -> None:
    pickled = pickle.dumps(open_context(url_of(written)))
    ingest(["new\n"], url_of(written))
    assert open_context(url_of(written))[:] == "new\n"
    assert pickle.loads(pickled)[:] == TEXT
