"""Whatever somebody writes into the folder: nothing of it runs, and nothing outside is read or touched."""

from __future__ import annotations

import os
import pickle
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlm_magic.disk import DiskCache

from .conftest import CONFIG, MIB, Open, execute, store, value_files

SMALL, LARGE = b"small value", b"large value " * 10_000
SECRET = b"a secret " * 5_000


class Payload:
    """Makes a folder when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.target),)


class Scene:
    """A cache with two values in it, closed, and beside it what must stay as it is."""

    def __init__(self, base: Path) -> None:
        self.folder = base / "caches" / "segments"
        self.target = base / "ran"
        self.pickle = pickle.dumps(Payload(self.target))
        self.outside = base / "outside"
        self.secret = self.outside / "cd" / f"{'e' * 28}.val"
        self.secret.parent.mkdir(parents=True)
        self.secret.write_bytes(SECRET)
        cache = self.open()
        store(cache, small=SMALL, large=LARGE)
        cache.close()
        (self.file,) = value_files(self.folder)

    def open(self) -> DiskCache:
        return DiskCache(self.folder, size_bytes=1024 * MIB, config=CONFIG)

    def check(self) -> dict[str, bytes | None]:
        """Use the cache in every way; return what it gave for its two keys."""
        cache = self.open()
        found = {key: cache.get(key) for key in ("small", "large")}
        assert found["small"] in (None, SMALL)
        assert found["large"] in (None, LARGE)
        cache.summary()
        # What was doubtful is replaced, and what is evicted or deleted is removed.
        store(cache, small=SMALL, large=LARGE)
        store(cache, small=SMALL, large=LARGE)
        assert (cache.get("small"), cache.get("large")) == (SMALL, LARGE)
        assert cache.summary().state == "ok"
        cache.clear()
        cache.close()
        self.check_outside()
        return found

    def check_put_aside(self) -> None:
        """The folder is not used at all, but can still be looked at."""
        cache = self.open()
        assert (cache.get("small"), cache.get("small")) == (None, None)
        cache.close()
        (aside,) = self.folder.parent.glob("segments.aside-*")
        assert (aside / "cache.db").exists()

    def check_outside(self) -> None:
        assert not self.target.exists()
        assert self.secret.read_bytes() == SECRET
        assert [path.name for path in self.outside.rglob("*")] == ["cd", self.secret.name]


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def test_an_untouched_scene_is_found_whole(scene: Scene) -> None:
    assert scene.check() == {"small": SMALL, "large": LARGE}


def test_the_payload_would_run(scene: Scene) -> None:
    pickle.loads(scene.pickle)
    assert scene.target.exists()


ROWS = {
    "a pickle in the row": ("mode = 4, filename = NULL, value = :pickle", True),
    "a pickle in a file": ("mode = 4, filename = :file", True),
    "a text file": ("mode = 3, filename = :file", True),
    "no mode": ("mode = NULL", True),
    "a mode of text": ("mode = 'pickle'", True),
    "a text for bytes": ("mode = 1, value = 'text'", True),
    "a number for bytes": ("mode = 1, value = 7", True),
    "bytes without a header": ("mode = 1, value = :pickle", True),
    "a name that leads out": ("mode = 2, filename = '../../outside/cd/' || :last", True),
    "a name that leads out below": ("mode = 2, filename = 'ab/../../../outside/cd/' || :last", True),
    "an absolute name": ("mode = 2, filename = :secret", True),
    "a name with a line break": ("mode = 2, filename = filename || char(10)", True),
    "a name of bytes": ("mode = 2, filename = x'00ff'", True),
    "no name": ("mode = 2, filename = NULL", True),
    "a name that is not UTF-8": ("mode = 2, filename = CAST(x'ff2f' AS TEXT)", True),
    "the database's name": ("mode = 2, filename = 'cache.db'", True),
    "a pickled key": ("raw = 0, key = :pickle || rowid", True),
    "a size of text": ("size = 'large'", False),
    "a size below zero": ("size = -1000000000000", False),
    "long expired": ("expire_time = 1.0", True),
    "stored at a text": ("store_time = 'never'", False),
}


@pytest.mark.parametrize("name", ROWS)
def test_a_tampered_row_is_a_miss(scene: Scene, name: str) -> None:
    change, is_lost = ROWS[name]
    if ":file" in change:
        scene.file.write_bytes(scene.pickle)
    names = {
        "pickle": scene.pickle,
        "secret": str(scene.secret),
        "last": scene.secret.name,
        "file": scene.file.relative_to(scene.folder).as_posix(),
    }
    with closing(sqlite3.connect(scene.folder / "cache.db")) as database, database:
        assert database.execute(f"UPDATE Cache SET {change}", names).rowcount == 2
    found = scene.check()
    if is_lost:
        assert found == {"small": None, "large": None}


def test_evicting_tampered_rows_deletes_nothing_outside(scene: Scene) -> None:
    execute(scene.folder, "UPDATE Cache SET filename = '../../outside/cd/' || ?", scene.secret.name)
    cache = DiskCache(scene.folder, size_bytes=MIB, config=CONFIG)
    for number in range(150):
        store(cache, **{str(number): bytes([number]) * 10_000})
    assert cache.get("149") == bytes([149]) * 10_000
    assert execute(scene.folder, "SELECT 1 FROM Cache WHERE filename LIKE '%outside%'") == []
    cache.close()
    scene.check_outside()


SETTINGS = [
    ("disk__root", "/tmp"),
    ("disk_directory", "/tmp"),
    ("disk_pickle_protocol", "text"),
    ("_directory", "/tmp"),
    ("_connection", "text"),
    ("get", 0),
    ("disk_fetch", 0),
    ("sqlite_wal_checkpoint(TRUNCATE); ATTACH 'outside.db' AS x; --", 1),
    ("sqlite_journal_mode", 7),
    ("eviction_policy", b"pickle"),
    ("cull_limit", "many"),
    ("size_limit", None),
    ("count", "text"),
    ("size", -(10**15)),
    (b"bytes", 1),
]


@pytest.mark.parametrize(("key", "value"), SETTINGS, ids=[str(key) for key, _ in SETTINGS])
def test_a_tampered_setting_is_not_applied(
    scene: Scene, key: object, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(scene.folder.parent)
    held = scene.pickle if value == b"pickle" else value
    execute(scene.folder, "INSERT OR REPLACE INTO Settings VALUES (?, ?)", key, held)
    scene.check_put_aside()
    scene.check()
    assert {path.name.split(".aside")[0] for path in scene.folder.parent.iterdir()} == {
        "segments",
        "segments.lock",
    }


@pytest.mark.parametrize("key", ["disk__root", "_directory", "_txn_id", "sqlite_mmap_size"])
def test_a_setting_that_comes_while_it_is_open_is_not_applied(scene: Scene, key: str) -> None:
    cache = scene.open()
    assert cache.get("small") == SMALL
    store(cache, more=b"the writing side is open too")
    execute(scene.folder, "INSERT OR REPLACE INTO Settings VALUES (?, ?)", key, str(scene.outside))
    store(cache, small=SMALL, large=LARGE)
    assert (cache.get("small"), cache.get("large")) == (SMALL, LARGE)
    cache.close()
    scene.check_outside()


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TRIGGER mine AFTER INSERT ON Cache BEGIN DELETE FROM Settings; END",
        "CREATE VIEW mine AS SELECT 1",
        "CREATE TABLE mine (x)",
        "CREATE VIRTUAL TABLE mine USING fts5(x)",
        "DROP TABLE Settings",
        "ALTER TABLE Cache RENAME COLUMN mode TO kind",
    ],
)
def test_a_database_of_another_form_is_not_used(scene: Scene, sql: str) -> None:
    execute(scene.folder, sql)
    scene.check_put_aside()
    scene.check()


@pytest.mark.parametrize(
    "sql", ["DROP TABLE Cache", "ALTER TABLE Cache DROP COLUMN access_count", "DELETE FROM Settings"]
)
def test_a_database_that_lacks_something_is_no_obstacle(scene: Scene, sql: str) -> None:
    execute(scene.folder, sql)
    scene.check()


# The files


def swap_for_a_link(scene: Scene) -> None:
    scene.file.unlink()
    scene.file.symlink_to(scene.secret)


def swap_for_a_hard_link(scene: Scene) -> None:
    scene.file.unlink()
    scene.file.hardlink_to(scene.secret)


def swap_the_folder_for_a_link(scene: Scene) -> None:
    # The very file that the row names is there, outside.
    name = f"{scene.file.parent.parent.name}/cd/{scene.secret.name}"
    execute(scene.folder, "UPDATE Cache SET filename = ? WHERE filename IS NOT NULL", name)
    shutil.rmtree(scene.file.parent.parent)
    scene.file.parent.parent.symlink_to(scene.outside)


def swap_for_a_pipe(scene: Scene) -> None:
    scene.file.unlink()
    os.mkfifo(scene.file)


def swap_for_a_folder(scene: Scene) -> None:
    scene.file.unlink()
    scene.file.mkdir()


def grow_without_end(scene: Scene) -> None:
    os.truncate(scene.file, 1 << 40)


def promise_without_end(scene: Scene) -> None:
    data = scene.file.read_bytes()
    scene.file.write_bytes(data[:8] + (1 << 40).to_bytes(8, "big") + data[16:])
    os.truncate(scene.file, (1 << 40) + 52)


def change_a_byte(scene: Scene) -> None:
    data = bytearray(scene.file.read_bytes())
    data[5_000] ^= 1
    scene.file.write_bytes(data)


def swap_for_another_value(scene: Scene) -> None:
    cache = scene.open()
    store(cache, other=b"another value " * 10_000)
    cache.close()
    (other,) = set(value_files(scene.folder)) - {scene.file}
    shutil.copy(other, scene.file)


CHANGES: list[Callable[[Scene], None]] = [
    lambda scene: os.truncate(scene.file, 0),
    lambda scene: os.truncate(scene.file, 30),
    lambda scene: os.truncate(scene.file, 70_000),
    lambda scene: scene.file.write_bytes(scene.file.read_bytes() + b"x") and None,
    lambda scene: scene.file.write_bytes(scene.pickle) and None,
    lambda scene: scene.file.unlink(),
    change_a_byte,
    swap_for_another_value,
    swap_for_a_link,
    swap_for_a_hard_link,
    swap_the_folder_for_a_link,
    swap_for_a_pipe,
    swap_for_a_folder,
    grow_without_end,
    promise_without_end,
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_file_is_a_miss(scene: Scene, change: Callable[[Scene], None]) -> None:
    change(scene)
    assert scene.check() == {"small": SMALL, "large": None}


def test_links_in_the_way_of_every_new_file_are_not_followed(scene: Scene) -> None:
    shutil.rmtree(scene.file.parent.parent)
    for number in range(256):
        (scene.folder / f"{number:02x}").symlink_to(scene.outside)
    scene.check()


@pytest.mark.parametrize("name", ["cache.db", "cache.db-wal", "cache.db-shm"])
@pytest.mark.parametrize("is_hard", [False, True])
def test_a_database_elsewhere_is_not_written(scene: Scene, name: str, is_hard: bool) -> None:
    theirs = scene.folder.parent.parent / "theirs"
    with closing(sqlite3.connect(theirs)) as database:
        database.execute("CREATE TABLE mine (x)")
    before = theirs.read_bytes()
    (scene.folder / name).unlink(missing_ok=True)
    if is_hard:
        (scene.folder / name).hardlink_to(theirs)
    else:
        (scene.folder / name).symlink_to(theirs)
    scene.check()
    assert theirs.read_bytes() == before


def test_a_rollback_journal_is_not_played(scene: Scene) -> None:
    # SQLite would delete the super-journal that it names.
    (scene.folder / "cache.db-journal").write_bytes(b"from somebody else")
    cache = scene.open()
    assert cache.get("small") is None
    (aside,) = scene.folder.parent.glob("segments.aside-*")
    assert (aside / "cache.db-journal").read_bytes() == b"from somebody else"
    assert cache.get("small") is None
    cache.close()
    scene.check()


def test_a_folder_that_is_a_link_is_refused(scene: Scene, open_cache: Open) -> None:
    link = scene.folder.parent / "link"
    link.symlink_to(scene.outside)
    cache = open_cache(link)
    store(cache, key=LARGE)
    assert cache.get("key") is None
    assert cache.clear() == 0
    assert "is not a folder" in cache.summary().state
    scene.check_outside()


def test_a_lock_that_is_a_link_is_refused(scene: Scene) -> None:
    lock = scene.folder.with_name("segments.lock")
    lock.unlink()
    lock.symlink_to(scene.outside / "made")
    cache = scene.open()
    assert cache.get("small") is None
    assert "segments.lock" in cache.summary().state
    scene.check_outside()


def test_an_aside_that_is_a_link_is_only_unlinked(scene: Scene) -> None:
    link = scene.folder.with_name("segments.aside-1")
    link.symlink_to(scene.outside)
    scene.check()
    assert not link.is_symlink()


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["cache.db", "value"]), st.floats(0, 1, exclude_max=True), st.binary(max_size=40)
        ),
        min_size=1,
        max_size=5,
    ),
    st.booleans(),
)
def test_random_damage_gives_the_value_or_nothing(
    tmp_path_factory: pytest.TempPathFactory, damages: list[tuple[str, float, bytes]], is_cut: bool
) -> None:
    base = tmp_path_factory.mktemp("scene")
    scene = Scene(base)
    for where, place, new in damages:
        path = scene.file if where == "value" else scene.folder / "cache.db"
        with path.open("r+b") as file:
            file.seek(int(place * path.stat().st_size))
            file.write(new)
            if is_cut:
                file.truncate()
    try:
        scene.check()
    finally:
        shutil.rmtree(base)
