"""Manifests: what is written is read back, and what is tampered with is refused by name."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rlm_magic.config import ContextConfig
from rlm_magic.context import append, from_text, ingest, open_context
from rlm_magic.errors import (
    ContextError,
    IntegrityError,
    ManifestError,
    SegmentMissing,
    SnapshotChanged,
    SourceError,
)

from .texts import older_form

TEXT = "".join(f"line {number} é\n" for number in range(50))


@pytest.fixture
def written(tmp_path: Path) -> Path:
    ingest(
        [("a.txt", TEXT), ("b.txt", "b"), ("c.txt", "c")], tmp_path / "w", segment_bytes=60, object_bytes=200
    )
    return tmp_path / "w"


def data_files(folder: Path) -> list[Path]:
    return sorted((folder / "data").iterdir())


def resigned(folder: Path, change: Callable[[Any], None]) -> None:
    """Change a manifest and give it the digest that it then has."""
    path = folder / "manifest.json"
    content = json.loads(path.read_bytes())
    head = {name: content.pop(name) for name in ("format", "version", "snapshot")}
    change(content)
    body = json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode()
    digest = hashlib.sha256(body).hexdigest()
    prefix = json.dumps({**head, "snapshot": f"sha256:{digest}"}, separators=(",", ":"))
    path.write_bytes(prefix[:-1].encode() + b"," + body[1:])


def test_round_trip(written: Path) -> None:
    context = open_context(written)
    assert context[:] == TEXT + "b\nc"
    assert context.documents.names == ["a.txt", "b.txt", "c.txt"]
    assert [document[:] for document in context.documents.values()] == [TEXT, "b", "c"]
    info = context.info
    assert (info.lines, info.characters, info.bytes) == (52, len(TEXT) + 3, len(TEXT.encode()) + 3)
    assert info.snapshot is not None
    assert (written / "manifests" / f"{info.snapshot.removeprefix('sha256:')}.json").exists()


def test_resigning_unchanged_is_accepted(written: Path) -> None:
    resigned(written, lambda body: None)
    assert open_context(written)[0] == "line 0 é\n"


def test_the_same_text_gives_the_same_snapshot(written: Path, tmp_path: Path) -> None:
    again = ingest(open_context(written), tmp_path / "again", segment_bytes=60, object_bytes=200)
    assert again.info.snapshot == open_context(written).info.snapshot


@pytest.mark.parametrize("cut", [0, 1, 30, 100, 500, -1])
def test_a_manifest_cut_short_is_refused(written: Path, cut: int) -> None:
    path = written / "manifest.json"
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(ManifestError, match=r"manifest\.json"):
        open_context(written)


def test_every_edited_byte_is_noticed(written: Path) -> None:
    path = written / "manifest.json"
    original = path.read_bytes()
    for place in range(0, len(original), 37):
        path.write_bytes(original[:place] + bytes([original[place] ^ 1]) + original[place + 1 :])
        with pytest.raises(ContextError):
            open_context(written)


def edit(*path: str | int, value: object) -> Callable[[Any], None]:
    def change(body: Any) -> None:
        for step in path[:-1]:
            body = body[step]
        body[path[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (edit("segments", "object", 0, value=99), "object 99"),
        (edit("segments", "offset", 1, value=10**6), "segment 1 reaches beyond"),
        (edit("segments", "length", 2, value=0), "segment 2 is empty"),
        (edit("segments", "newlines", 3, value=10**5), "segment 3 has more newlines"),
        (edit("segments", "characters", 0, value=10), "segment 0 has too few characters"),
        (edit("segments", "characters", 0, value=10**5), "segment 0 has more"),
        (edit("segments", "offset", 0, value=-1), "."),
        (edit("segments", "offset", 0, value=2**64 - 1), "out of range"),
        (edit("segments", "offset", 0, value=10**30), "."),
        (edit("segments", "offset", 0, value="1"), "."),
        (edit("segments", "offset", value=[]), "columns differ"),
        (edit("segments", "sha256", value="00"), "columns differ"),
        (edit("segments", "sha256", value="zz"), "."),
        (edit("objects", "key", 0, value="../../etc/passwd"), "leads out"),
        (edit("objects", "key", 0, value="/etc/passwd"), "leads out"),
        (edit("objects", "size", value=[]), "columns differ"),
        (edit("documents", "name", 1, value="a.txt"), "same name"),
        (edit("documents", "bytes", 1, value=2), "as many bytes"),
        (edit("documents", "characters", 1, value=2), "as many characters"),
        (edit("documents", "lines", 1, value=5), "as many lines"),
        (edit("documents", "lines", 1, value=-1), "out of range"),
        (edit("documents", "separator", 1, value=7), "out of range"),
        (edit("documents", value=None), "."),
    ],
)
def test_a_contradiction_is_named(written: Path, change: Callable[[Any], None], fault: str) -> None:
    resigned(written, change)
    with pytest.raises(ManifestError, match=fault):
        open_context(written)


def test_other_versions_and_other_files_say_what_they_are(tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    path.write_text('{"format":"rlm_magic context","version":3}')
    with pytest.raises(ManifestError, match="version is 3"):
        open_context(tmp_path)
    path.write_text('{"name": "a web app"}')
    with pytest.raises(ManifestError, match="glob"):
        open_context(tmp_path)
    path.write_text("not json")
    with pytest.raises(ManifestError, match="not a manifest"):
        open_context(tmp_path)


def test_a_flipped_byte_is_an_integrity_error_that_names_the_segment(written: Path) -> None:
    context = open_context(written)
    victim = data_files(written)[0]
    raw = bytearray(victim.read_bytes())
    raw[5] ^= 1
    victim.write_bytes(raw)
    with pytest.raises(IntegrityError, match=victim.name):
        list(context)


def test_a_missing_object_names_its_lines_and_the_rest_is_readable(written: Path) -> None:
    context = open_context(written)
    lines = [f"line {number} é\n" for number in range(50)] + ["b\n", "c"]
    missing = context._text.segments.extents.keys[1]  # type: ignore[attr-defined]
    (written / missing).unlink()
    readable = 0
    for number, line in enumerate(lines):
        try:
            assert context[number] == line
            readable += 1
        except SegmentMissing as error:
            assert missing in str(error)  # noqa: PT017 - the others must not raise
            first, last = map(int, str(error).split("lines ")[1].split(" of")[0].split(" to "))
            assert first <= number < last
    assert 0 < readable < len(lines)
    with pytest.raises(LookupError):
        context[:]


def test_a_truncated_object_is_noticed(written: Path) -> None:
    context = open_context(written)
    victim = data_files(written)[0]
    victim.write_bytes(victim.read_bytes()[:-10])
    with pytest.raises(IntegrityError, match="promises"):
        context[:]


class TestOlderForm:
    @pytest.fixture
    def older(self, tmp_path: Path) -> Path:
        older_form(tmp_path, TEXT, lines_per_segment=10)
        return tmp_path

    def rows(self, folder: Path) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = json.loads((folder / "manifest.json").read_text())
        return rows

    def rewrite(self, folder: Path, rows: list[dict[str, Any]]) -> None:
        (folder / "manifest.json").write_text(json.dumps(rows))

    def test_reads_like_its_text(self, older: Path) -> None:
        context = open_context(older)
        assert context.info.characters is None
        assert context[15:35] == "".join(TEXT.splitlines(keepends=True)[15:35])
        assert context.chars[100:200] == TEXT[100:200]
        assert context.info.characters == len(TEXT)
        assert context.info.bytes == len(TEXT.encode())

    def test_only_what_is_needed_is_read(self, older: Path) -> None:
        (older / "segment_00004.txt").unlink()
        context = open_context(older)
        assert context[0] == "line 0 é\n"
        assert len(context) == 50
        with pytest.raises(SegmentMissing, match=r"segment_00004.*lines 40 to 50"):
            context[45]

    def test_a_newline_is_supplied_between_segments(self, older: Path) -> None:
        for path in older.glob("segment_*"):
            path.write_bytes(path.read_bytes().removesuffix(b"\n"))
        context = open_context(older)
        assert context[:] == TEXT.removesuffix("\n")
        assert context[9] == "line 9 é\n"
        assert context[-1] == "line 49 é"
        assert context.chars[-3:] == "9 é"

    @pytest.mark.parametrize("count", [9, 11])
    def test_a_wrong_count_names_the_segment_when_it_is_read(self, older: Path, count: int) -> None:
        rows = sorted(self.rows(older), key=lambda row: row["start_line"])
        rows[4]["line_count"] = count
        self.rewrite(older, rows)
        context = open_context(older)
        assert context[39] == "line 39 é\n"
        with pytest.raises(IntegrityError, match=r"segment_00004.* 10 lines.* says"):
            context[40]

    @pytest.mark.parametrize(
        ("start", "fault"), [(11, "ends at 10"), (9, "ends at 10"), (-1, "starts at line -1")]
    )
    def test_gaps_and_overlaps_are_refused(self, older: Path, start: int, fault: str) -> None:
        rows = sorted(self.rows(older), key=lambda row: row["start_line"])
        rows[1]["start_line"] = start
        self.rewrite(older, rows)
        with pytest.raises(ManifestError, match=fault):
            open_context(older)

    def test_extras_are_checked(self, older: Path) -> None:
        rows = self.rows(older)
        for row in rows:
            raw = (older / row["segment"]).read_bytes()
            row |= {"length": len(raw), "offset": 0, "sha256": hashlib.sha256(raw).hexdigest(), "etag": "x"}
        self.rewrite(older, rows)
        assert open_context(older)[:] == TEXT
        (older / "segment_00002.txt").write_bytes(b"LINE" + (older / "segment_00002.txt").read_bytes()[4:])
        with pytest.raises(IntegrityError, match="segment_00002"):
            open_context(older)[25]

    def test_packed_rows(self, tmp_path: Path) -> None:
        folder = tmp_path / "packed"
        folder.mkdir()
        (folder / "all.bin").write_bytes(b"one\ntwo\nthree\n")
        rows = [
            {"segment": "0", "object": "all.bin", "offset": 0, "bytes": 8, "start_line": 0, "line_count": 2},
            {"segment": "1", "object": "all.bin", "offset": 8, "bytes": 6, "start_line": 2, "line_count": 1},
        ]
        self.rewrite(folder, rows)
        assert open_context(folder)[1:] == "two\nthree\n"

    def test_a_changed_segment_is_never_mixed_in(self, older: Path) -> None:
        context = open_context(older)
        (older / "segment_00001.txt").write_text("other\n" * 10)
        with pytest.raises(SnapshotChanged, match="segment_00001"):
            context[12]

    def test_keys_stay_inside(self, older: Path) -> None:
        rows = self.rows(older)
        rows[0]["segment"] = "../secret"
        self.rewrite(older, rows)
        with pytest.raises(ManifestError, match="leads out"):
            open_context(older)

    def test_no_rows_is_no_text(self, tmp_path: Path) -> None:
        (tmp_path / "manifest.json").write_text("[]")
        context = open_context(tmp_path)
        assert (len(context), context[:], list(context), len(context.chars)) == (0, "", [], 0)

    def test_it_can_be_ingested(self, older: Path, tmp_path: Path) -> None:
        assert ingest(older, tmp_path / "new")[:] == TEXT

    def test_bytes_that_are_not_text(self, older: Path) -> None:
        path = older / "segment_00000.txt"
        path.write_bytes(b"\xef\xbb\xbf\xff" + path.read_bytes())
        context = open_context(older)
        with pytest.warns(UserWarning, match="segment_00000"):
            assert context[0] == "\ufffdline 0 é\n"


class TestAppend:
    def test_a_new_snapshot_that_rewrites_nothing(self, written: Path) -> None:
        before = {path: path.stat().st_mtime_ns for path in data_files(written)}
        old = open_context(written)
        new = append(written, [("d.txt", "d\n"), ("empty", ""), ("e.txt", "é")])
        assert new[:] == TEXT + "b\nc\nd\né"
        assert [document[:] for document in new.documents.values()] == [TEXT, "b", "c", "d\n", "", "é"]
        assert old[:] == TEXT + "b\nc"
        assert {path: path.stat().st_mtime_ns for path in before} == before
        parent = json.loads((written / "manifest.json").read_bytes())["parent"]
        assert parent == old.info.snapshot

    def test_only_empty_documents(self, written: Path) -> None:
        assert append(written, [("d", "")])[:] == TEXT + "b\nc"
        assert append(written, [("e", "x")])[:] == TEXT + "b\nc\nx"

    def test_a_name_that_is_taken(self, written: Path) -> None:
        with pytest.raises(SourceError, match=r"a\.txt"):
            append(written, [("a.txt", "x")])

    def test_nothing_to_append_to(self, tmp_path: Path) -> None:
        with pytest.raises(SourceError, match="ingest into it first"):
            append(tmp_path / "none", ["x"])
        older_form(tmp_path / "older", "a\n", lines_per_segment=1)
        with pytest.raises(SourceError, match="ingest into it first"):
            append(tmp_path / "older", ["x"])

    def test_many_times(self, tmp_path: Path) -> None:
        ingest([("0", "0")], tmp_path)
        for number in range(1, 20):
            append(tmp_path, [(str(number), str(number))])
        assert list(open_context(tmp_path)) == [f"{number}\n" for number in range(19)] + ["19"]


def test_a_moved_directory_still_opens(written: Path, tmp_path: Path) -> None:
    shutil.copytree(written, tmp_path / "copy")
    assert open_context(tmp_path / "copy")[:] == TEXT + "b\nc"


def test_views_are_ingested_with_their_documents(tmp_path: Path) -> None:
    source = open_context([("a", "1\n2"), ("b", "3\n4\n"), ("c", "5")])
    for first in range(7):
        for stop in range(first, 11):
            view = source.chars.view(first, stop)
            copy = ingest(view, tmp_path / f"{first}-{stop}", segment_bytes=2)
            assert copy[:] == view[:]
            contents = {name: document[:] for name, document in view.documents.items()}
            found = {name: document[:] for name, document in copy.documents.items()}
            in_sight = {name: content for name, content in contents.items() if content}
            assert {name: found[name] for name in in_sight} == in_sight


def test_segments_and_objects_have_the_sizes_asked_for(tmp_path: Path) -> None:
    ingest([TEXT], tmp_path, segment_bytes=100, object_bytes=350)
    body = json.loads((tmp_path / "manifest.json").read_bytes())
    assert max(body["segments"]["length"]) <= 100
    assert max(body["objects"]["size"]) <= 350
    assert len(body["objects"]["key"]) < len(body["segments"]["object"])
    assert sum(path.stat().st_size for path in data_files(tmp_path)) == len(TEXT.encode())


def test_a_slice_of_a_view_of_an_older_form_counts_from_the_view(tmp_path: Path) -> None:
    older_form(tmp_path, TEXT, lines_per_segment=7)
    view = open_context(tmp_path, config=ContextConfig()).view(10, 20)
    assert view[0] == "line 10 é\n"
    assert view.search("line 12")[0].line == 2
    assert view.chars[:7] == "line 10"
    assert from_text(view[:])[:] == view[:]
