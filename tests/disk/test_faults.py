"""A folder that is damaged, deleted, full, read-only, locked or somebody else's: bypassed, never an error."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from rlm_magic.disk import DiskCache
from rlm_magic.disk.faults import Damaged
from rlm_magic.disk.keeper import Keeper
from rlm_magic.disk.vault import Vault

from .conftest import CONFIG, MIB, Open, store, value_files

LARGE = b"large value " * 10_000


def asides(folder: Path) -> list[Path]:
    return sorted(folder.parent.glob("segments.aside-*"))


@pytest.mark.parametrize(
    "damage", [b"", b"not a database, for sure" * 1_000, b"SQLite format 3\0" + b"\xff" * 5_000]
)
def test_a_corrupt_database_is_put_aside_and_made_anew(folder: Path, open_cache: Open, damage: bytes) -> None:
    cache = open_cache()
    store(cache, key=LARGE)
    cache.close()
    (folder / "cache.db").write_bytes(damage)
    cache = open_cache()
    assert cache.get("key") is None
    store(cache, key=LARGE)
    assert cache.get("key") == LARGE
    assert cache.summary().state == "ok"
    # An empty database is a good one; its value files are strays, which clearing removes.
    assert len(asides(folder)) == (1 if damage else 0)
    assert cache.clear() > len(LARGE)
    assert asides(folder) == []
    assert value_files(folder) == []


def test_damage_under_an_open_cache_is_noticed(folder: Path, open_cache: Open) -> None:
    cache = open_cache()
    store(cache, **{str(number): b"x" * 30_000 for number in range(20)})
    cache.close()
    assert cache.get("0") == b"x" * 30_000
    pages = (folder / "cache.db").stat().st_size // 4096
    with (folder / "cache.db").open("r+b") as file:
        for page in range(1, pages):
            file.seek(page * 4096)
            file.write(b"\xff" * 4096)
    assert {cache.get(str(number)) for number in range(20)} <= {None, b"x" * 30_000}
    cache.close()
    cache.get("0")
    store(cache, key=LARGE)
    store(cache, key=LARGE)
    assert cache.get("key") == LARGE


def test_only_the_newest_damaged_folder_is_kept(folder: Path, open_cache: Open) -> None:
    for number in range(3):
        cache = open_cache()
        store(cache, key=LARGE)
        store(cache, key=LARGE)
        cache.close()
        (folder / "cache.db").write_bytes(b"damage %d" % number * 1_000)
    cache = open_cache()
    assert cache.get("key") is None
    store(cache, key=LARGE)
    (kept,) = asides(folder)
    assert (kept / "cache.db").read_bytes().startswith(b"damage 2")


def test_a_folder_that_another_process_has_made_anew_is_left(folder: Path, open_cache: Open) -> None:
    other = open_cache()
    store(other, key=LARGE)
    keeper = Keeper(folder, size_bytes=MIB, config=CONFIG)

    def find_damage(_: Vault) -> None:
        # Between our finding the damage and our acting on it.
        folder.rename(folder.with_name("segments.aside-1"))
        store(other, key=b"new" * 50_000)
        raise Damaged("found")

    with pytest.raises(Damaged):
        keeper.use(find_damage)
    assert len(asides(folder)) == 1
    assert other.get("key") == b"new" * 50_000


def test_damage_that_comes_again_and_again_ends_in_a_bypass(folder: Path, open_cache: Open) -> None:
    cache = open_cache()
    for _ in range(10):
        cache.get("key")
        cache.get("key")
        cache.close()
        (folder / "cache.db").write_bytes(b"damage" * 1_000)
    assert cache.get("key") is None
    assert len(asides(folder)) == 3


@pytest.mark.parametrize("whole", [False, True])
def test_a_deleted_folder_is_made_anew(folder: Path, open_cache: Open, whole: bool) -> None:
    cache = open_cache()
    store(cache, small=b"small", large=LARGE)
    assert cache.get("small") == b"small"
    shutil.rmtree(folder.parent if whole else folder)
    assert (cache.get("small"), cache.get("large")) == (None, None)
    store(cache, small=b"small", large=LARGE)
    assert (cache.get("small"), cache.get("large")) == (b"small", LARGE)
    assert (folder / "cache.db").exists()
    assert cache.summary().state == "ok"


def test_a_folder_put_aside_by_another_process_is_left(folder: Path, open_cache: Open) -> None:
    cache, other = open_cache(), open_cache()
    store(cache, key=LARGE)
    assert other.get("key") == LARGE
    folder.rename(folder.with_name("segments.aside-1"))
    assert other.get("key") is None
    store(cache, key=b"new" * 50_000)
    assert other.get("key") == b"new" * 50_000


def test_deleted_values_are_misses(folder: Path, cache: DiskCache) -> None:
    store(cache, key=LARGE, small=b"small")
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
    assert (cache.get("key"), cache.get("small")) == (None, b"small")
    store(cache, key=LARGE)
    assert cache.get("key") == LARGE


def test_a_folder_open_to_others_is_closed_to_them(folder: Path, open_cache: Open) -> None:
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    cache = open_cache()
    store(cache, key=LARGE)
    assert cache.get("key") == LARGE
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert all(stat.S_IMODE(path.stat().st_mode) & 0o077 == 0 for path in value_files(folder))


def test_a_lock_held_by_another_process_delays_nothing_for_long(folder: Path, open_cache: Open) -> None:
    impatient = replace(CONFIG, busy_s=0.05)
    cache = open_cache(config=impatient)
    store(cache, key=LARGE)
    assert cache.get("key") == LARGE
    with closing(sqlite3.connect(folder / "cache.db", isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        # Who has it open reads on; what cannot be written is dropped, and leaves no file behind.
        cache.put("more", LARGE)
        assert cache.flush(60)
        assert cache.get("key") == LARGE
        assert cache.get("more") is None
        assert len(value_files(folder)) == 1
        latecomer = open_cache(config=impatient)
        assert latecomer.get("key") is None
        assert "locked" in latecomer.summary().state
        holder.execute("ROLLBACK")
    assert latecomer.get("key") == LARGE
    store(cache, more=LARGE)
    assert cache.get("more") == LARGE


def test_a_cache_that_failed_is_left_alone_for_a_while(folder: Path, open_cache: Open) -> None:
    folder.parent.mkdir()
    folder.write_bytes(b"in the way")
    cache = open_cache(config=replace(CONFIG, retry_after_s=3600.0))
    assert cache.get("key") is None
    folder.unlink()
    assert cache.get("key") is None
    assert not folder.exists()
    cache.close()
    store(cache, key=LARGE)
    assert cache.get("key") == LARGE


def test_nothing_is_written_to_a_disk_that_is_nearly_full(open_cache: Open, folder: Path) -> None:
    store(open_cache(), key=LARGE)
    cache = open_cache(config=replace(CONFIG, free_share=1.0))
    store(cache, more=LARGE)
    assert (cache.get("key"), cache.get("more")) == (LARGE, None)
    assert len(value_files(folder)) == 1


# The limit on the size of a file is a disk that is full, for those who may not mount a small one.
FULL = """
import resource, sys
from pathlib import Path
from rlm_magic.config import DiskConfig
from rlm_magic.disk import DiskCache
cache = DiskCache(Path(sys.argv[1]), size_bytes=1 << 30, config=DiskConfig(free_share=0.0))
def store(key, size):
    cache.put(key, key.encode() * size)
    assert cache.flush(60)
store("a", 40_000)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
store("b", 60_000)
store("c", 200_000)
store("d", 40_000)
print([key for key in "abcd" if cache.get(key) == key.encode() * (60_000 if key == "b" else 40_000)])
print(cache.summary().state)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
cache.clear()
store("e", 40_000)
print(cache.get("e") == b"e" * 40_000, cache.summary().state)
"""


def test_a_full_disk_ends_writing_and_reading_goes_on(folder: Path) -> None:
    done = run(FULL, folder)
    found, state, afterwards = done.stdout.splitlines()
    assert found == "['a', 'b']"
    assert state.startswith("no longer written to: ")
    assert "File too large" in state
    assert afterwards == "True ok"
    assert done.stderr.count("\n") == 1
    assert len(value_files(folder)) == 1


# The values fit the limit, and after a while the database's log does not.
FULL_FOR_ROWS = """
import resource, sys
from pathlib import Path
from rlm_magic.config import DiskConfig
from rlm_magic.disk import DiskCache
cache = DiskCache(Path(sys.argv[1]), size_bytes=1 << 30, config=DiskConfig(free_share=0.0))
assert cache.get("nothing") is None
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
for number in range(40):
    cache.put(str(number), bytes([number]) * 40_000)
    assert cache.flush(60)
print(sum(cache.get(str(number)) == bytes([number]) * 40_000 for number in range(40)))
print(cache.summary().state)
"""


def test_a_value_whose_row_cannot_be_written_leaves_no_file(folder: Path) -> None:
    found, state = run(FULL_FOR_ROWS, folder).stdout.splitlines()
    assert state.startswith("no longer written to: ")
    assert 0 < int(found) < 40
    assert len(value_files(folder)) == int(found)


# Run as somebody who may not write there, which root may anywhere.
AS_NOBODY = """
import os, sys
from pathlib import Path
from rlm_magic.disk import DiskCache
# All of it now: nobody may not even read an interpreter that lies in root's home.
import fcntl, rlm_magic.disk.vault
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
cache = DiskCache(Path(sys.argv[1]), size_bytes=1 << 30)
assert cache.get("key") is None
cache.put("key", b"data")
assert cache.flush(60)
assert cache.get("key") is None
assert cache.clear() == 0
print(cache.summary().state)
"""


@pytest.mark.parametrize("exists", [False, True])
def test_a_read_only_folder_is_bypassed(exists: bool) -> None:
    # Not in the folder of this test, which only its owner may enter.
    place = Path(tempfile.mkdtemp())
    try:
        if exists:
            (place / "segments").mkdir()
            (place / "segments" / "cache.db").touch()
        place.chmod(0o555)
        state = run(AS_NOBODY, place / "segments").stdout
        assert "Permission denied" in state
        assert sorted(path.name for path in place.rglob("*")) == (["cache.db", "segments"] if exists else [])
    finally:
        place.chmod(0o700)
        shutil.rmtree(place)


def test_a_folder_of_somebody_else_is_refused(folder: Path, open_cache: Open) -> None:
    if os.geteuid() == 0:
        cache = open_cache()
        store(cache, key=LARGE)
        cache.close()
        os.chown(folder, 65534, 65534)
        wanted = "belongs to somebody else"
    else:
        # Only root may give a folder away; this one is root's.
        folder, wanted = Path("/usr/sbin"), "/usr/sbin"
    before = sorted(folder.iterdir())
    cache = open_cache(folder)
    store(cache, more=LARGE)
    assert (cache.get("key"), cache.get("more")) == (None, None)
    assert wanted in cache.summary().state
    assert cache.clear() == 0
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize("place", ["file/below", "/proc/nowhere/segments", "with $HOME in it/segments"])
def test_an_impossible_place_is_bypassed(tmp_path: Path, open_cache: Open, place: str) -> None:
    (tmp_path / "file").touch()
    cache = open_cache(tmp_path / place)
    store(cache, key=b"data")
    assert cache.get("key") is None
    assert cache.summary().state not in ("ok", "")
    assert cache.clear() == 0
    assert not (Path.home() / "in it").exists()


def test_a_relative_folder_stays_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    cache = DiskCache(Path("relative"), size_bytes=MIB, config=CONFIG)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    store(cache, key=b"data")
    assert cache.get("key") == b"data"
    cache.close()
    assert (tmp_path / "relative" / "cache.db").exists()


def run(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "-c", code, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done
