"""The folder that holds the cache: where it is, whether it is fit, and how a damaged one is put aside."""

from __future__ import annotations

import os
import re
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .faults import Busy, Damaged, Refused

DATABASE = "cache.db"
_COMPANIONS = ("", "-wal", "-shm")
_LOCK_POLL_S = 0.005


def cache_folder() -> Path:
    """Return where caches are kept: RLM_CACHE_DIR, or the user's cache directory. Creates nothing."""
    chosen = os.environ.get("RLM_CACHE_DIR")
    if chosen:
        return Path(chosen)
    import platformdirs

    return Path(platformdirs.user_cache_dir("rlm_magic"))


def is_supported() -> bool:
    """Tell whether this system can open files without following links, which the cache relies on."""
    return hasattr(os, "O_NOFOLLOW") and hasattr(os, "geteuid") and os.open in os.supports_dir_fd


def prepare(folder: Path) -> None:
    """Make the folder, or check that it is a folder of ours that nobody else may enter.

    Raises Refused when it is not ours, Damaged when a file in it is not what a database consists of.
    """
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode):
        raise Refused(f"{folder} is not a folder; remove it, or choose another place with RLM_CACHE_DIR")
    if status.st_uid != os.geteuid():
        raise Refused(f"{folder} belongs to somebody else; choose another place with RLM_CACHE_DIR")
    if "$" in str(folder):
        raise Refused(f"{folder} has a $ in its path, which diskcache takes for a variable")
    if stat.S_IMODE(status.st_mode) != 0o700:
        folder.chmod(0o700)
    for companion in _COMPANIONS:
        _check_file(folder / (DATABASE + companion))
    # We never leave a rollback journal, and SQLite would roll it back, deleting a file that it names.
    if os.path.lexists(folder / f"{DATABASE}-journal"):
        raise Damaged("there is a rollback journal")


def _check_file(path: Path) -> None:
    try:
        status = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
        raise Damaged(f"{path.name} is a link, or not a file")


def identity_of(folder: Path) -> tuple[int, int] | None:
    """Return what tells the folder's database from one that took its place, or None if there is none."""
    try:
        status = os.stat(folder / DATABASE, follow_symlinks=False)
    except OSError:
        return None
    return status.st_dev, status.st_ino


@contextmanager
def locked(folder: Path, *, timeout_s: float) -> Iterator[None]:
    """Keep other processes from opening the folder, or putting it aside. Raises Busy after `timeout_s`."""
    import fcntl

    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
    handle = os.open(f"{folder}.lock", flags, 0o600)
    try:
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() > deadline:
                    raise Busy(f"another process holds {folder}.lock") from error
                time.sleep(_LOCK_POLL_S)
        yield
    finally:
        # Not by closing alone: a child that was forked meanwhile has it open too, and would hold it on.
        fcntl.flock(handle, fcntl.LOCK_UN)
        os.close(handle)


def put_aside(folder: Path) -> None:
    """Rename the folder, so that a new one can take its place and the old one can still be looked at."""
    os.rename(folder, f"{folder}.aside-{time.time_ns():x}")


def drop_asides(folder: Path, *, keep: int) -> None:
    """Delete all but the newest `keep` folders that were put aside."""
    asides = _asides_of(folder)
    for path in asides[: len(asides) - keep]:
        if path.is_symlink() or not path.is_dir():
            with suppress(OSError):
                path.unlink()
        else:
            # It opens each folder before it looks inside, so it does not follow links either.
            shutil.rmtree(path, ignore_errors=True)


def bytes_on_disk(folder: Path) -> int:
    """Return what the files of the folder, and of those put aside, hold. Links are not followed."""
    total = 0
    for top in (folder, *_asides_of(folder)):
        # A walk follows its first folder wherever it leads.
        for parent, _, files in os.walk(top) if not top.is_symlink() else ():
            for file in files:
                with suppress(OSError):
                    total += os.lstat(os.path.join(parent, file)).st_size
    return total


def _asides_of(folder: Path) -> list[Path]:
    name = re.compile(re.escape(folder.name) + r"\.aside-[0-9a-f]+")
    try:
        return sorted(folder.parent / entry for entry in os.listdir(folder.parent) if name.fullmatch(entry))
    except OSError:
        return []
