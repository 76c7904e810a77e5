"""Catch what the child processes of a cell print: by default they inherit the kernel's own stdout.

Swapping file descriptors 1 and 2 was rejected: ipykernel reads them in threads of its own, and in a terminal
the run's progress and other threads write to them. Instead the run's own threads start their children with a
pipe where the code named nothing. What bypasses `subprocess` and `os.system` (os.fork with os.write, C code
that prints) is not caught. POSIX only.
"""

from __future__ import annotations

import codecs
import functools
import inspect
import os
import selectors
import subprocess
import threading
from collections.abc import Callable
from typing import Any

from .streams import CellStream
from .threads import CellThreads

_READ_BYTES = 65_536
_READS_AT_ONCE = 64


class ChildPipe:
    """A pipe that is emptied into a stream as fast as children fill it."""

    def __init__(self, stream: CellStream) -> None:
        self.read_fd, self.write_fd = os.pipe()
        os.set_blocking(self.read_fd, False)
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._lock = threading.Lock()

    def drain(self) -> bool:
        """Take over what is there now. False once no process can write any more."""
        with self._lock:
            for _ in range(_READS_AT_ONCE):
                try:
                    chunk = os.read(self.read_fd, _READ_BYTES)
                except BlockingIOError:
                    return True
                if not chunk:
                    return False
                self._stream.deliver(self._decoder.decode(chunk))
        return True


class ChildOutput:
    """The pipes of a run, one per stream, and the thread that empties them."""

    def __init__(self, *, stdout: CellStream, stderr: CellStream, threads: CellThreads) -> None:
        streams = (stdout, stderr)
        self._streams = streams
        self._threads = threads
        self._pipes = tuple(ChildPipe(stream) for stream in streams)
        self._wake_read_fd, self._wake_write_fd = os.pipe()
        for stream, pipe in zip(streams, self._pipes, strict=True):
            stream.child_fd = pipe.write_fd
        self._thread = threading.Thread(target=self._serve, name="rlm cell children", daemon=True)
        self._thread.start()

    def drain(self) -> None:
        """Fetch what children have written so far, so that it stands before what is printed next."""
        for pipe in self._pipes:
            pipe.drain()

    def popen_init(self, original: Callable[..., None]) -> Any:
        """Return an `__init__` for Popen that gives the run's children the run's streams and no keyboard."""
        signature = inspect.signature(original)
        stdout, stderr = self._streams

        # Wrapped, so that the signature shows through when the cell of a child run wraps this one again.
        @functools.wraps(original)
        def __init__(popen: Any, *args: Any, **options: Any) -> None:  # noqa: N807
            if not self._threads.mine():
                original(popen, *args, **options)
                return
            self._expect_output()
            bound = signature.bind(popen, *args, **options)
            defaults = {"stdin": subprocess.DEVNULL, "stdout": stdout.child_fd, "stderr": stderr.child_fd}
            for name, default in defaults.items():
                if bound.arguments.get(name) is None:
                    bound.arguments[name] = default
            original(*bound.args, **bound.kwargs)

        return __init__

    def os_system(self, original: Callable[[str], int]) -> Callable[[str], int]:
        """Return an `os.system` that goes by way of subprocess, for the run's threads."""

        def system(command: str) -> int:
            if not self._threads.mine():
                return original(command)
            code = subprocess.call(command, shell=True)
            # os.system returns a wait status, in which a signal is a bare number and an exit code is shifted.
            return code << 8 if code >= 0 else -code

        return system

    def _expect_output(self) -> None:
        # Only now: looking into the pipes before every print would cost a run without children for nothing.
        for stream in self._streams:
            stream.before_write = self.drain

    def close(self) -> None:
        """Stop reading. A child that is still running gets a broken pipe when it next prints."""
        for stream in self._streams:
            stream.end_run()
        os.close(self._wake_write_fd)
        self._thread.join()
        for pipe in self._pipes:
            os.close(pipe.read_fd)
            os.close(pipe.write_fd)
        os.close(self._wake_read_fd)

    def _serve(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._wake_read_fd, selectors.EVENT_READ, None)
            for pipe in self._pipes:
                selector.register(pipe.read_fd, selectors.EVENT_READ, pipe)
            while True:
                for key, _ in selector.select():
                    if key.data is None:
                        return
                    key.data.drain()
