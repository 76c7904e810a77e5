"""Run coroutines for a cell although the kernel's loop is running: on a loop in a thread of its own."""

from __future__ import annotations

import contextvars
import inspect
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from ..errors import CellTimeout
from .thrown import absorb_thrown, throw_into

_POLL_S = 0.05
_GRACE_S = 0.5


class _Errand:
    """One coroutine on its way: its outcome, and the task to cancel."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        self.done = threading.Event()
        self.task: Any = None
        self.value: Any = None
        self.error: BaseException | None = None
        self.abandoned = False
        self._coroutine = coroutine

    async def run(self) -> None:
        try:
            if self.abandoned:
                self._coroutine.close()
            else:
                self.value = await self._coroutine
        # All of them: whatever ends the model's coroutine is raised again on the cell's thread.
        except BaseException as error:  # noqa: BLE001
            self.error = error
        finally:
            self.done.set()


class LoopThread:
    """An event loop that lives across the cells of a run, started when first needed."""

    def __init__(self) -> None:
        self._loop: Any = None
        self._thread: threading.Thread | None = None

    def run(
        self, coroutine: Coroutine[Any, Any, Any], *, debug: bool | None = None, factory: Any = None
    ) -> Any:
        """Return the result of `coroutine`, or raise what it raises. A stop of the cell cancels it."""
        loop = self._started(factory)
        if debug is not None:
            loop.set_debug(debug)
        errand = _Errand(coroutine)
        context = contextvars.copy_context()

        def begin() -> None:
            errand.task = loop.create_task(errand.run(), context=context)

        try:
            loop.call_soon_threadsafe(begin)
            # Polling, because a plain wait could not be interrupted off the main thread.
            while not errand.done.wait(_POLL_S):
                pass
        except BaseException as stop:  # noqa: BLE001
            self._abandon(errand)
            # Where the coroutine stood says more than where this thread waited.
            raise stop.with_traceback(errand.error.__traceback__ if errand.error else None) from None
        if errand.error is not None:
            raise errand.error
        return errand.value

    def close(self) -> None:
        """Cancel what still runs on the loop and end the thread."""
        loop, thread = self._loop, self._thread
        self._loop = self._thread = None
        if loop is not None and thread is not None:
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(loop.stop)
            thread.join(_GRACE_S)

    def _started(self, factory: Any) -> Any:
        import asyncio

        if self._loop is None:
            self._loop = (factory or asyncio.new_event_loop)()
            self._thread = threading.Thread(
                target=_serve, args=(self._loop,), name="rlm cell loop", daemon=True
            )
            self._thread.start()
        return self._loop

    def _abandon(self, errand: _Errand) -> None:
        reaper = threading.Thread(target=self._reap, args=(errand,), name="rlm cell reaper", daemon=True)
        reaper.start()
        # On a thread of its own, because the next stop may cut this wait short.
        errand.done.wait(2 * _GRACE_S)

    def _reap(self, errand: _Errand) -> None:
        loop, thread = self._loop, self._thread
        errand.abandoned = True
        if errand.task is not None:
            loop.call_soon_threadsafe(errand.task.cancel)
        if errand.done.wait(_GRACE_S) or thread is None or thread.ident is None:
            return
        # Code that never awaits cannot be cancelled. The loop is lost to later cells: it may never come back.
        if self._loop is loop:
            self._loop = self._thread = None
        while thread.is_alive() and not errand.done.is_set():
            throw_into(thread.ident, CellTimeout)
            errand.done.wait(_GRACE_S)
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(loop.stop)
        thread.join(_GRACE_S)
        absorb_thrown()


def _serve(loop: Any) -> None:
    import asyncio

    asyncio.set_event_loop(loop)
    stopped = False
    while not stopped:
        # A task that exits or is interrupted raises out of the loop; the other tasks live on.
        with suppress(SystemExit, KeyboardInterrupt, CellTimeout):
            loop.run_forever()
            stopped = True
    with suppress(CellTimeout):
        _wind_up(loop)


def _wind_up(loop: Any) -> None:
    import asyncio

    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()


def asyncio_run(original: Callable[..., Any]) -> Callable[..., Any]:
    """Return an `asyncio.run` that works on the calling thread although a loop is running there."""
    cell_thread = threading.get_ident()

    def run(main: Any, *, debug: bool | None = None, **options: Any) -> Any:
        if threading.get_ident() != cell_thread:
            return original(main, debug=debug, **options)
        if not inspect.iscoroutine(main):
            raise ValueError(f"a coroutine was expected, got {main!r}")
        loop = LoopThread()
        try:
            return loop.run(main, debug=debug, factory=options.get("loop_factory"))
        finally:
            loop.close()

    return run
