"""The last few things made, by what they were made for."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

_Made = TypeVar("_Made")


class Recent(Generic[_Made]):
    """Keeps what was made last under each key, up to `most` of them. Safe to use from several threads.

    Nothing is handed on to a forked child.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._begin()

    def get(self, key: Hashable, make: Callable[[], _Made]) -> _Made:
        """Return what is kept under a key, made now if there is nothing."""
        # Not told of a fork, as others are: they ask while they are told, and in no certain order.
        if self._process != os.getpid():
            self._begin()
        with self._lock:
            made = self._kept.pop(key) if key in self._kept else make()
            self._kept[key] = made
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
            return made

    def _begin(self) -> None:
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, _Made] = OrderedDict()
