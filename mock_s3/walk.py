"""The keys of a bucket in S3's order, which is that of their UTF-8 bytes, read from the directory lazily."""

from __future__ import annotations

import os
import threading
import time
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Iterator

from .config import SETTLED_NS

_CACHED_DIRECTORIES = 64


class Walker:
    """Walks buckets; remembers the sorted names of a few directories, since every page walks anew."""

    def __init__(self) -> None:
        self._names: OrderedDict[str, tuple[int, list[bytes]]] = OrderedDict()
        self._lock = threading.Lock()

    def keys(self, top: str, *, prefix: str, after: bytes, shallow: bool) -> Iterator[str]:
        """Yield keys that start with `prefix` and sort after `after`, in order.

        With `shallow`, a directory below the prefix's own is yielded once, as "name/", instead of its keys,
        and is left out when no file is below it.
        """
        folder = prefix.rpartition("/")[0]
        if folder and not _is_folder(top, folder):
            return
        base = f"{folder}/" if folder else ""
        yield from self._below(top, base, prefix.encode(), after, shallow)

    def is_empty(self, path: str) -> bool:
        """Return whether no object is anywhere below a directory."""
        for name in self._sorted_names(path):
            child = f"{path}/{name.decode().rstrip('/')}"
            if not name.endswith(b"/") or not self.is_empty(child):
                return False
        return True

    def _below(self, top: str, base: str, prefix: bytes, after: bytes, shallow: bool) -> Iterator[str]:
        start = base.encode()
        names = self._sorted_names(f"{top}/{base}" if base else top)
        for index in range(_first(names, max(prefix, after), start), len(names)):
            path = start + names[index]
            if not path.startswith(prefix):
                return
            if not path.endswith(b"/"):
                if path > after:
                    yield path.decode()
            elif not shallow or (after.startswith(path) and after != path):
                yield from self._below(top, path.decode(), prefix, after, shallow=False)
            elif path > after and not self.is_empty(f"{top}/{path.decode()}"):
                yield path.decode()

    def _sorted_names(self, path: str) -> list[bytes]:
        """Names of files, and of directories with a slash, sorted as the keys they begin are."""
        try:
            changed_ns = os.stat(path).st_mtime_ns
            with self._lock:
                cached = self._names.get(path)
            if cached is not None and cached[0] == changed_ns:
                return cached[1]
            scanned_ns = time.time_ns()
            names = _scan(path)
        except (FileNotFoundError, NotADirectoryError):
            return []
        # A directory changed a moment ago may change again without its time moving on.
        if scanned_ns - changed_ns > SETTLED_NS:
            with self._lock:
                self._names[path] = (changed_ns, names)
                if len(self._names) > _CACHED_DIRECTORIES:
                    self._names.popitem(last=False)
        return names


def _is_folder(top: str, folder: str) -> bool:
    """Whether a prefix leads to a directory inside the bucket, and not through a link."""
    path = top
    for name in folder.split("/"):
        path = f"{path}/{name}"
        if name in ("", ".", "..") or "\0" in name or os.path.islink(path) or not os.path.isdir(path):
            return False
    return True


def _first(names: list[bytes], wanted: bytes, start: bytes) -> int:
    """Index of the first name that can lead to a key from `wanted` on; whole subtrees are skipped so."""
    if not wanted.startswith(start):
        return 0 if wanted < start else len(names)
    rest = wanted[len(start) :]
    index = bisect_left(names, rest)
    # "a/" sorts before "a/b", and holds it.
    if index and names[index - 1].endswith(b"/") and rest.startswith(names[index - 1]):
        return index - 1
    return index


def _scan(path: str) -> list[bytes]:
    names = []
    with os.scandir(path) as entries:
        for entry in entries:
            try:
                name = entry.name.encode()
            except UnicodeEncodeError:
                continue  # not UTF-8, so no key names it
            if entry.is_dir(follow_symlinks=False):
                names.append(name + b"/")
            elif entry.is_file():
                names.append(name)
    names.sort()
    return names
