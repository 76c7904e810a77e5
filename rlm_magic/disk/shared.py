"""The caches that all of this process shares: of segments, and of the replies of sub-models."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from ..config import DiskConfig, ModelConfig
from .cache import DiskCache
from .folder import cache_folder

_NO = {"off", "0", "no", "false"}


@dataclass(frozen=True, slots=True)
class _Wish:
    folder: Path
    size_bytes: int
    off: str = ""


_shared: dict[str, tuple[_Wish, DiskCache]] = {}


def segment_cache() -> DiskCache:
    """Return the cache of segments, in the folder that `cache_folder` tells of, as the environment asks.

    RLM_CACHE=off turns it off, RLM_CACHE_BYTES limits it. When the environment changes, so does what is
    returned. Neither opens nor creates anything.
    """
    amount = os.environ.get("RLM_CACHE_BYTES", "").strip()
    if not amount:
        return _shared_one("segments", DiskConfig().size_bytes)
    if not amount.isascii() or not amount.isdecimal():
        return _shared_one("segments", 0, off=f"off: RLM_CACHE_BYTES={amount!r} is not a number of bytes")
    return _shared_one("segments", int(amount), off="" if int(amount) else "off: RLM_CACHE_BYTES=0")


def reply_cache() -> DiskCache:
    """Return the cache of replies of sub-models, beside that of segments; RLM_CACHE=off turns it off too."""
    return _shared_one("replies", ModelConfig().reply_cache_bytes)


def _shared_one(name: str, size_bytes: int, *, off: str = "") -> DiskCache:
    said = os.environ.get("RLM_CACHE", "").strip()
    if said.lower() in _NO:
        size_bytes, off = 0, f"off: RLM_CACHE={said}"
    wish = _Wish(Path(os.path.abspath(cache_folder() / name)), size_bytes, off)
    # Without a lock, which a fork could leave held: the worst is a second object on the same folder.
    made = _shared.get(name)
    if made is None or made[0] != wish:
        if made is not None:
            made[1].close()
        made = _shared[name] = wish, DiskCache(wish.folder, size_bytes=wish.size_bytes, off=wish.off)
    return made[1]
