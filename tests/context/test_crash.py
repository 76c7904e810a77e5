"""A writer may be killed at any moment: readers open the old text or the new one, and writing works again."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rlm_magic.context import append, from_text, ingest, open_context
from rlm_magic.errors import (
    BadText,
    IntegrityError,
    ManifestError,
    SourceError,
    SourceNotFound,
    WriteConflict,
)

OLD = "old line\n" * 20
NEW = "a new line\n" * 20

# Forks a child per moment; the child kills itself at its n-th call to the operating system from there on.
KILLED_WRITERS = """
import os, shutil, signal, sys
from pathlib import Path
from rlm_magic.context import append, ingest
import numpy

folder, what, text = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
moment = 0
while True:
    moment += 1
    target = folder / f"{moment:03}"
    if (folder / "base").exists():
        shutil.copytree(folder / "base", target)
    child = os.fork()
    if child == 0:
        calls = 0
        def hook(event, arguments):
            global calls
            calls += event == "open" or event.startswith(("os.", "tempfile.", "fcntl.", "shutil."))
            if calls == moment:
                os.kill(os.getpid(), signal.SIGKILL)
        sys.addaudithook(hook)
        if what == "append":
            append(target, [("new", text)], segment_bytes=64, object_bytes=128)
        else:
            ingest([("new", text)], target, segment_bytes=64, object_bytes=128)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    if status == 0:
        break
    assert os.WTERMSIG(status) == signal.SIGKILL
print(moment - 1)
"""


def kill_writers(folder: Path, what: str) -> list[Path]:
    """Kill a writer at every moment; return the directories they wrote to, the last of them undisturbed."""
    command = [sys.executable, "-c", KILLED_WRITERS, str(folder), what, NEW]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 10
    return sorted(path for path in folder.iterdir() if path.name != "base")


@pytest.mark.parametrize("what", ["ingest", "append"])
def test_killed_while_replacing(tmp_path: Path, what: str) -> None:
    ingest([("old", OLD)], tmp_path / "base", segment_bytes=50, object_bytes=100)
    complete = NEW if what == "ingest" else OLD + NEW
    found = [open_context(path)[:] for path in kill_writers(tmp_path, what)]
    assert set(found) == {OLD, complete}
    # Once the new text is there, no later moment takes it away.
    assert found == sorted(found, key=lambda text: text == complete)
    for path in sorted(tmp_path.glob("0*"))[::5]:
        assert ingest([("third", "3")], path)[:] == open_context(path)[:] == "3"


def test_killed_while_writing_the_first_time(tmp_path: Path) -> None:
    opened = []
    for path in kill_writers(tmp_path, "ingest"):
        try:
            opened.append(open_context(path)[:])
        except SourceNotFound:
            opened.append("")
        assert ingest([("new", NEW)], path, segment_bytes=64)[:] == NEW
    assert set(opened) == {"", NEW}


def test_a_failed_ingest_leaves_the_old_text(tmp_path: Path) -> None:
    ingest([OLD], tmp_path / "w")
    (tmp_path / "bad").write_bytes(b"\xff")
    with pytest.raises(BadText):
        ingest(tmp_path / "bad", tmp_path / "w", errors="strict")

    def stop(done: int, total: int | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ingest([NEW], tmp_path / "w", on_progress=stop)
    assert open_context(tmp_path / "w")[:] == OLD


@pytest.mark.parametrize("inner", [ingest, append])
@pytest.mark.parametrize("outer", ["ingest", "append"])
def test_the_slower_of_two_writers_is_told(tmp_path: Path, inner: object, outer: str) -> None:
    ingest([("old", OLD)], tmp_path)

    def meanwhile(done: int, total: int | None) -> None:
        if inner is ingest:
            ingest([("theirs", "theirs\n")], tmp_path)
        else:
            append(tmp_path, [("theirs", "theirs\n")])

    def mine() -> None:
        if outer == "ingest":
            ingest([("mine", "mine")], tmp_path, on_progress=meanwhile)
        else:
            append(tmp_path, [("mine", "mine")], on_progress=meanwhile)

    with pytest.raises(WriteConflict, match="try again"):
        mine()
    assert open_context(tmp_path)[:] == ("theirs\n" if inner is ingest else OLD + "theirs\n")


def test_progress_reaches_the_total(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("é\n" * 5000)
    told: list[tuple[int, int | None]] = []
    ingest(tmp_path / "file", tmp_path / "w", on_progress=lambda *now: told.append(now))
    assert told[-1] == (15000, 15000)
    assert told == sorted(told)


def test_other_peoples_directories_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(SourceError, match=r"mine\.txt"):
        ingest(["x"], tmp_path)
    with pytest.raises(SourceError, match="is a file"):
        ingest(["x"], tmp_path / "mine.txt")
    (tmp_path / "manifest.json").write_text('{"name": "a web app"}')
    with pytest.raises(ManifestError):
        ingest(["x"], tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["manifest.json", "mine.txt"]
    for sizes in ({"segment_bytes": 0}, {"object_bytes": -1}):
        with pytest.raises(SourceError, match="at least 1"):
            ingest(["x"], tmp_path / "w", **sizes)  # type: ignore[arg-type]


def test_a_context_can_be_cut_anew_in_place(tmp_path: Path) -> None:
    first = ingest([("a", OLD), ("b", "é" * 50)], tmp_path, segment_bytes=7, object_bytes=1)
    again = ingest(tmp_path, tmp_path, segment_bytes=1000)
    assert again[:] == first[:] == OLD + "é" * 50
    assert again.info.segments == 1
    assert ingest(from_text(""), tmp_path)[:] == ""


@pytest.mark.parametrize("what", ["ingest", "append"])
def test_what_a_killed_writer_left_is_deleted_after_a_day(tmp_path: Path, what: str) -> None:
    place = tmp_path / "w"
    ingest([("old", OLD)], place)
    left = [place / ".rlm-new-a", place / "data" / ".rlm-new-b", place / "manifests" / ".rlm-new-c"]
    recent, foreign = place / "data" / ".rlm-new-d", place / "data" / ".rlm-other"
    yesterday = time.time() - 25 * 3600
    for path in [*left, recent, foreign]:
        path.write_bytes(b"half a segm")
        if path != recent:
            os.utime(path, (yesterday, yesterday))
    if what == "ingest":
        ingest([("new", NEW)], place)
    else:
        append(place, [("new", NEW)])
    assert not any(path.exists() for path in left)
    assert recent.exists()
    assert foreign.exists()
    assert open_context(place)[:] == (NEW if what == "ingest" else OLD + NEW)


def test_ingesting_again_heals_a_damaged_file(tmp_path: Path) -> None:
    written = ingest(["one\ntwo\n"], tmp_path / "text")
    (file,) = (tmp_path / "text" / "data").iterdir()
    file.write_bytes(b"ONE\nTWO\n")
    with pytest.raises(IntegrityError, match="ingest again"):
        written[0]
    assert ingest(["one\ntwo\n"], tmp_path / "text")[:] == "one\ntwo\n"
