"""Keep a vault open: open it when first needed, again after trouble, anew when it is damaged or gone."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ..config import DiskConfig
from .faults import Busy, Damaged, Doubtful
from .folder import identity_of, locked, prepare, put_aside

if TYPE_CHECKING:
    from .vault import Vault

_Result = TypeVar("_Result")

# More than that in one process is not damage that a new folder cures.
_MOST_REPLACED = 3


class Keeper:
    """Lets one thread at a time use the vault of a folder.

    After a fault it leaves the folder alone for a while, so that a cache that cannot work costs no time.
    """

    def __init__(self, folder: Path, *, size_bytes: int, config: DiskConfig) -> None:
        self._folder, self._size_bytes, self._config = folder, size_bytes, config
        self._lock = threading.Lock()
        self._vault: Vault | None = None
        self._not_before = 0.0
        self._replaced = 0
        self.trouble = ""
        self.is_paused = False

    def use(self, action: Callable[[Vault], _Result]) -> _Result | None:
        """Return what `action` makes of the vault, or None while there is none.

        Raises Doubtful, and what made the vault fail: Damaged, Busy, Refused or OSError. The next use, after
        a while, starts anew.
        """
        with self._lock:
            if time.monotonic() < self._not_before:
                return None
            try:
                return action(self._opened())
            except Doubtful:
                raise
            except Damaged as error:
                self._replace(error)
                raise
            except FileNotFoundError:
                # Somebody deleted the folder: the next use makes it anew.
                self._drop()
                raise
            except Exception as error:
                self._rest(error)
                raise

    def close(self) -> None:
        """Let go of the files; the next use opens them again."""
        with self._lock:
            self._drop()
            self._not_before, self.trouble = 0.0, ""

    def pause(self) -> None:
        """Let go of the files, and let nobody open them until `resume`: SQLite must not cross a fork."""
        self.is_paused = self._lock.acquire(timeout=self._config.fork_s)
        if self.is_paused:
            self._drop()

    def resume(self) -> None:
        """Go on after a fork, in the process that was forked."""
        if self.is_paused:
            self.is_paused = False
            self._lock.release()

    def _opened(self) -> Vault:
        if self._vault is not None and self._vault.identity != identity_of(self._folder):
            # Deleted or put aside by somebody else, and perhaps another one is in its place.
            self._drop()
        if self._vault is None:
            self._vault = self._open()
            self.trouble = ""
        return self._vault

    def _open(self) -> Vault:
        from .vault import Vault

        busy_s = self._config.busy_s
        with locked(self._folder, timeout_s=busy_s):
            prepare(self._folder)
            return Vault(self._folder, size_bytes=self._size_bytes, busy_s=busy_s)

    def _replace(self, error: Damaged) -> None:
        damaged = self._vault.identity if self._vault is not None else identity_of(self._folder)
        self._drop()
        self._replaced += 1
        if self._replaced > _MOST_REPLACED:
            self._rest(error)
            return
        try:
            with locked(self._folder, timeout_s=self._config.busy_s):
                # Another process may have been faster.
                if identity_of(self._folder) == damaged:
                    put_aside(self._folder)
        except (OSError, Busy) as refusal:
            self._rest(refusal)
            raise refusal from error

    def _rest(self, error: Exception) -> None:
        self._drop()
        self.trouble = str(error) or type(error).__name__
        self._not_before = time.monotonic() + self._config.retry_after_s

    def _drop(self) -> None:
        if self._vault is not None:
            self._vault.close()
            self._vault = None
