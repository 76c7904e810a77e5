"""A cache on disk that several processes share: bytes under str keys, verified, and bypassed on any fault."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Collection
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING

from ..config import DiskConfig
from ..forked import pause_for_fork
from .ending import finish_at_exit
from .faults import Doubtful
from .folder import DATABASE, bytes_on_disk, drop_asides, is_supported, prepare
from .frame import HEADER_BYTES, framed, promise_of, row_key
from .inside import remove_all_values
from .keeper import Keeper
from .writer import Held, Writer

if TYPE_CHECKING:
    from .vault import Vault

_DEFAULTS = DiskConfig()
_log = logging.getLogger("rlm_magic")
_inherited: list[tuple[Keeper, Keeper]] = []


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskUsage:
    """What a cache holds: entries, bytes (its database included). `state` is "ok", or what is wrong."""

    folder: Path
    entries: int
    bytes: int
    limit_bytes: int
    state: str


class DiskCache:
    """A folder of values, each checked when it is read. Any fault means a miss, and is logged once.

    Nothing is opened before the first use. A value takes the place of an older one under the same key; those
    stored longest ago are evicted first. `size_bytes` is for all processes on the folder together; 0 turns
    the cache off, and `off` says why.
    """

    def __init__(
        self, folder: Path, *, size_bytes: int, config: DiskConfig = _DEFAULTS, off: str = ""
    ) -> None:
        # Absolute, so that a change of the working directory does not move it.
        self.folder = Path(os.path.abspath(folder))
        self.size_bytes = size_bytes
        self._config = config
        self._off = off or _why_off(size_bytes)
        self._said: set[str] = set()
        self._stopped = ""
        self._writer: Writer
        self._reading: Keeper
        self._writing: Keeper
        self._begin()
        pause_for_fork(self)

    def get(self, key: str) -> bytes | None:
        """Return what was stored under a key, or None, also when there is doubt about it. Never raises."""
        if self._off:
            return None
        if (data := self._writer.waiting(key)) is not None:
            return data
        try:
            found = self._reading.use(lambda vault: vault.find(row_key(key)))
            return None if found is None else _verified(found, key, most_bytes=self._largest_bytes)
        except Doubtful as error:
            self._say(f"an entry was damaged and is read anew: {error}", kind="entry")
            if not self._stopped:
                self._writer.hand_over(key, None)
        except Exception as error:  # noqa: BLE001 - a cache that fails in whatever way must not fail the read
            self._say(f"bypassed: {error}", kind=type(error).__name__)
        return None

    def known(self, keys: Collection[str]) -> set[str]:
        """Return which of the given keys seem to be there, without reading their values. Never raises."""
        if self._off or not keys or not os.path.exists(self.folder / DATABASE):
            # A new database takes longer to make than a request to a store near by.
            return set()
        rows = {row_key(key): key for key in keys}
        try:
            found = self._reading.use(lambda vault: vault.among(list(rows)))
        except Exception as error:  # noqa: BLE001 - as in get
            self._say(f"bypassed: {error}", kind=type(error).__name__)
            return set()
        return {rows[row] for row in found or () if row in rows}

    def put(self, key: str, data: bytes) -> None:
        """Have a value stored by the writing thread; return at once.

        It is not kept when too much waits already, when it is too large or when the disk is nearly full.
        Raises TypeError if it is not bytes.
        """
        if type(data) is not bytes:
            raise TypeError(f"a cache on disk holds bytes, not {type(data).__name__}")
        if self._off or self._stopped:
            return
        if len(data) > self._largest_bytes:
            needed_bytes = int((len(data) + HEADER_BYTES) / self._config.largest_share) + 1
            self._say(f"{len(data):,} bytes are kept only by one of {needed_bytes:,} bytes", kind="large")
            return
        self._writer.hand_over(key, data)
        finish_at_exit(self)

    def put_held(self, key: str, held: Held, *, size_bytes: int) -> None:
        """Have a value of `size_bytes` stored that somebody else keeps in memory; `held` gives it.

        It is asked for on the writing thread when its turn comes. If it is gone by then, it is not kept.
        """
        if not self._off and not self._stopped and size_bytes <= self._largest_bytes:
            self._writer.hand_over(key, held)
            finish_at_exit(self)

    def flush(self, timeout_s: float) -> bool:
        """Wait until everything is stored; return False if that takes longer."""
        return self._writer.flush(timeout_s)

    def clear(self) -> int:
        """Delete everything, also what a crash or damage left behind; return the bytes freed on disk."""
        if not is_supported() or not self.folder.parent.is_dir():
            return 0
        self._writer.forget()
        # Somebody asks for it, so it is tried whatever failed a moment ago.
        self.close()
        before_bytes = bytes_on_disk(self.folder)
        try:
            if self.folder.exists():
                self._empty()
        except Exception as error:  # noqa: BLE001 - as in get; what could not be freed is not counted
            self._say(f"not cleared: {error}", kind="clear")
        drop_asides(self.folder, keep=0)
        # A disk that was full has room again.
        self._stopped = ""
        return max(0, before_bytes - bytes_on_disk(self.folder))

    def summary(self) -> DiskUsage:
        """Return what the cache holds, and whether it works."""
        entries = used_bytes = 0
        state = self._off
        if not state:
            try:
                entries, used_bytes = self._reading.use(lambda vault: vault.usage()) or (0, 0)
                state = self._reading.trouble or self._stopped or self._writing.trouble or self._shortage()
            except Exception as error:  # noqa: BLE001 - as in get
                state = f"bypassed: {error}"
        return DiskUsage(
            folder=self.folder,
            entries=entries,
            bytes=used_bytes,
            limit_bytes=self.size_bytes,
            state=state or "ok",
        )

    def close(self) -> None:
        """Let go of files and database; the next use opens them again."""
        self._reading.close()
        self._writing.close()

    def finish(self) -> None:
        """Store what waits, for a moment at most, and let go of everything: the process ends."""
        self.flush(self._config.exit_s)
        self._writer.forget()
        self.close()

    def before_fork(self) -> None:
        """Close the database: SQLite's books of who holds which lock would be wrong in the child."""
        self._reading.pause()
        self._writing.pause()

    def after_fork(self) -> None:
        """Go on in the process that was forked."""
        self._writing.resume()
        self._reading.resume()

    def start_afresh(self) -> None:
        """Make locks, queue and connections anew, as a fork demands. What waited is the parent's to write."""
        if not (self._reading.is_paused and self._writing.is_paused):
            self._off = "off: the process was forked while the cache was in use"
            # Not even to be closed here.
            _inherited.append((self._reading, self._writing))
        self._begin()

    def _begin(self) -> None:
        config = self._config
        self._stopped = ""
        # Two connections: who reads does not wait for a value that is being written.
        self._reading, self._writing = (
            Keeper(self.folder, size_bytes=self.size_bytes, config=config) for _ in range(2)
        )
        self._writer = Writer(
            self._write, queue_bytes=config.queue_bytes, idle_s=config.idle_s, pause_s=config.pause_s
        )

    @property
    def _largest_bytes(self) -> int:
        return int(self.size_bytes * self._config.largest_share) - HEADER_BYTES

    def _write(self, key: str, data: bytes | None) -> None:
        if self._stopped:
            return
        try:
            self._writing.use(lambda vault: self._apply(vault, key, data))
        except FileNotFoundError:
            # The folder was deleted; it is made anew for the next value.
            pass
        except OSError as error:
            # A full disk fails deletions too, so trying on would only make it worse.
            self._stopped = f"no longer written to: {error}"
            self._say(self._stopped, kind="write")
        except Exception as error:  # noqa: BLE001 - as in get
            self._say(f"bypassed: {error}", kind=type(error).__name__)

    def _empty(self) -> None:
        try:
            self._writing.use(lambda vault: vault.empty())
        except OSError:
            # On a full disk not even a row can be deleted before files have made room.
            prepare(self.folder)
            remove_all_values(self.folder)
            self._writing.close()
            self._writing.use(lambda vault: vault.empty())

    def _apply(self, vault: Vault, key: str, data: bytes | None) -> None:
        if data is None:
            vault.delete(row_key(key))
        elif shortage := self._shortage(wanted_bytes=len(data)):
            self._say(shortage, kind="room")
        else:
            vault.store(row_key(key), framed(key, data))
        drop_asides(self.folder, keep=1)

    def _shortage(self, *, wanted_bytes: int = 0) -> str:
        """Return what keeps the cache from growing by so much, or an empty str."""
        disk = shutil.disk_usage(self.folder)
        share = self._config.free_share
        is_short = disk.free - wanted_bytes < disk.total * share
        return f"nothing is added while less than {share:.0%} of the disk would stay free" if is_short else ""

    def _say(self, what: str, *, kind: str) -> None:
        if kind not in self._said:
            self._said.add(kind)
            _log.warning("the cache in %s: %s", self.folder, what)


def _verified(found: FileIO | bytes, key: str, *, most_bytes: int) -> bytes:
    if isinstance(found, bytes):
        promise, data = promise_of(found[:HEADER_BYTES], key=key), found[HEADER_BYTES:]
    else:
        with found as file:
            promise = promise_of(file.read(HEADER_BYTES), key=key)
            # Not before both agree on a length is so much memory taken.
            size_bytes = os.fstat(file.fileno()).st_size - HEADER_BYTES
            fits = promise is not None and promise.length_bytes == size_bytes <= most_bytes
            data = file.read(size_bytes) if fits else b""
    if promise is None or not promise.is_kept(data):
        raise Doubtful("it is not what was stored")
    return data


def _why_off(size_bytes: int) -> str:
    if size_bytes <= 0:
        return "off: it may hold 0 bytes"
    return "" if is_supported() else "off: this system cannot open files without following links"
