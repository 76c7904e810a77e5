"""The one cache of segments that all contexts of this process share."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from ..config import DiskConfig
from .cache import DiskCache
from .folder import cache_folder

_NO = {"off", "0", "no", "false"}


@dataclass(frozen=True, slots=True)
class _Wish:
    folder: Path
    size_bytes: int
    off: str = ""


_shared: tuple[_Wish, DiskCache] | None = None


def segment_cache() -> DiskCache:
    """Return the cache of segments, in the folder that `cache_folder` tells of, as the environment asks.

    RLM_CACHE=off turns it off, RLM_CACHE_BYTES limits it. When the environment changes, so does what is
    returned. Neither opens nor creates anything.
    """
    global _shared
    wish = _wish()
    # Without a lock, which a fork could leave held: the worst is a second object on the same folder.
    if _shared is None or _shared[0] != wish:
        if _shared is not None:
            _shared[1].close()
        _shared = wish, DiskCache(wish.folder, size_bytes=wish.size_bytes, off=wish.off)
    return _shared[1]


def _wish() -> _Wish:
    folder = Path(os.path.abspath(cache_folder() / "segments"))
    said = os.environ.get("RLM_CACHE", "").strip()
    if said.lower() in _NO:
        return _Wish(folder, 0, f"off: RLM_CACHE={said}")
    amount = os.environ.get("RLM_CACHE_BYTES", "").strip()
    if not amount:
        return _Wish(folder, DiskConfig().size_bytes)
    if not amount.isascii() or not amount.isdecimal():
        return _Wish(folder, 0, f"off: RLM_CACHE_BYTES={amount!r} is not a number of bytes")
    return _Wish(folder, int(amount), "" if int(amount) else "off: RLM_CACHE_BYTES=0")
