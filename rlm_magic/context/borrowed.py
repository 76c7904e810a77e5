"""Look at the bytes of a str without copying them."""

from __future__ import annotations

import sys


def ascii_view(text: str) -> memoryview | None:
    """Return the bytes of an ASCII str in place, or None where they cannot be had.

    The view keeps the str alive. Other strs are not stored as UTF-8, and asking for theirs would leave a copy
    inside the str, for as long as its owner keeps it.

    >>> bytes(ascii_view("Ada")[1:]), ascii_view("é")
    (b'da', None)
    """
    if not text or not text.isascii() or sys.implementation.name != "cpython":
        return None
    import numpy as np

    return np.asarray(_Bytes(text)).data


class _Bytes:
    """What numpy makes an array of, which holds on to it, and so to the str."""

    def __init__(self, text: str) -> None:
        self._text = text
        data = (_address(text), True)
        self.__array_interface__ = {"version": 3, "typestr": "|u1", "shape": (len(text),), "data": data}


def _address(text: str) -> int:
    """Return where the UTF-8 of a str lies: for ASCII, where the str itself does (CPython's stable ABI)."""
    import ctypes

    prototype = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p)
    found = prototype(("PyUnicode_AsUTF8AndSize", ctypes.pythonapi))(text, None)
    assert found is not None
    return int(found)
