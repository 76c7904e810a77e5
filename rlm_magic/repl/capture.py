"""Take what a cell prints and displays, for the model and the record; the user's own output goes its way."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .capped import well_formed
from .children import ChildOutput
from .displays import CellPublisher, Shown
from .host import Patch, patched
from .keyboard import keyboard_patches
from .loops import asyncio_run
from .streams import CellStream
from .threads import CellThreads


class Capture:
    """The streams and displays of a run. `rendered` turns an exception into what the model is told."""

    def __init__(self, shell: Any, *, limit_chars: int, rendered: Callable[[BaseException], str]) -> None:
        self._shell = shell
        self._limit_chars = limit_chars
        self._rendered = rendered
        self._threads = CellThreads()
        self._stdout = CellStream("stdout", threads=self._threads, limit_chars=limit_chars)
        self._stderr = CellStream("stderr", threads=self._threads, limit_chars=limit_chars)
        self._children: ChildOutput | None = None
        self._shown = Shown(limit_chars)

    @contextmanager
    def capturing(self) -> Iterator[None]:
        """Capture for one cell, run on the calling thread."""
        # What the user has drawn and not yet seen is the user's.
        flush_figures()
        if self._children is None and os.name == "posix":
            self._children = ChildOutput(stdout=self._stdout, stderr=self._stderr, threads=self._threads)
        self._shown = Shown(self._limit_chars)
        self._stdout.begin_cell(sys.stdout)
        self._stderr.begin_cell(sys.stderr)
        self._threads.begin_cell()
        try:
            with patched(self._patches()):
                yield
        finally:
            self._threads.end_cell()

    def collected(self) -> dict[str, Any]:
        """Return the `stdout`, `stderr` and `shown` of the cell, and forget them."""
        if self._children is not None:
            self._children.drain()
        return {
            "stdout": well_formed(self._stdout.end_cell()),
            "stderr": well_formed(self._stderr.end_cell()),
            "shown": tuple(map(well_formed, self._shown.texts())),
        }

    def display_plainly(self, *objects: object, **_options: object) -> None:
        """Show objects as their repr, where IPython is not there to do it better."""
        for item in objects:
            self._shown.add(repr(item))

    def end_run(self) -> None:
        """Let everything pass from now on."""
        for stream in (self._stdout, self._stderr):
            stream.end_run()
        if self._children is not None:
            self._children.close()

    def _patches(self) -> list[Patch]:
        patches: list[Patch] = [
            *keyboard_patches(self._threads),
            (sys, "stdout", self._stdout),
            (sys, "stderr", self._stderr),
            (sys, "displayhook", _print_repr),
        ]
        # A process in which nothing has imported it has no running loop that would be in the way.
        if asyncio := sys.modules.get("asyncio"):
            patches.append((asyncio, "run", asyncio_run(asyncio.run)))
        if self._children is not None:
            popen: Any = subprocess.Popen
            patches.append((popen, "__init__", self._children.popen_init(popen.__init__)))
            patches.append((os, "system", self._children.os_system(os.system)))
        if self._shell is not None:
            publisher = CellPublisher(self._shell.display_pub, shown=self._shown, threads=self._threads)
            patches.append((self._shell, "display_pub", publisher))
            patches.append((self._shell, "showtraceback", self._showtraceback(self._shell.showtraceback)))
        return patches

    def _showtraceback(self, original: Callable[..., None]) -> Callable[..., None]:
        # IPython's formatters report errors of a _repr_html_ here, which goes straight to the user's cell.
        def showtraceback(*args: Any, **options: Any) -> None:
            error = sys.exc_info()[1]
            if error is None or not self._threads.mine():
                original(*args, **options)
            else:
                self._stderr.write(self._rendered(error) + "\n")

        return showtraceback


def flush_figures() -> None:
    """Publish the figures that were drawn and not shown yet, if matplotlib draws into this notebook."""
    inline = sys.modules.get("matplotlib_inline.backend_inline")
    if inline is not None and "matplotlib.pyplot" in sys.modules:
        inline.flush_figures()


def _print_repr(value: object) -> None:
    if value is not None:
        print(repr(value))
