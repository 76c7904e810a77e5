"""Threads that wait for a store, the most urgent request first.

A share of them is closed to requests ahead of time, so that a reader never queues behind those.
"""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from itertools import count
from typing import TypeVar

from .promise import promised

_HALVE_EVERY_S = 0.5
FOREGROUND, READAHEAD, THINK_TIME = range(3)
_Answer = TypeVar("_Answer")


class Job:
    """Something to be run by a thread of its `connections`; queued until `is_taken`."""

    __slots__ = ("connections", "is_taken", "priority", "run")

    def __init__(self, run: Callable[[], None], priority: int, connections: Connections) -> None:
        self.run = run
        self.priority = priority
        self.connections = connections
        self.is_taken = False

    def promote(self) -> None:
        """Let it run, if it is queued, as if a reader had asked for it."""
        self.connections.promote(self)

    def drop(self) -> bool:
        """Take it out of the queue; return False if it runs or ran already."""
        return self.connections.drop(self)


class Connections:
    """Runs jobs on daemon threads that are started when needed and end when idle.

    At most `background` of the `threads` run jobs of priority READAHEAD or later at once. All of them run
    at once until `fewer` is told; then half as many, down to `fewest`, and one more with every so many jobs
    that went well, as `well` tells (additive increase, multiplicative decrease, as TCP does).
    """

    def __init__(self, threads: int, *, background: int, idle_s: float, fewest: int = 1) -> None:
        self._most, self._most_background, self._idle_s = threads, background, idle_s
        self._fewest = min(fewest, threads)
        self._allowed = float(threads)
        self._halved_s = -_HALVE_EVERY_S
        self._running = 0
        # Locked by itself, never through the condition: that is Python code, in which an interrupt of the
        # main thread can come between the locking and the promise to unlock.
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._urgent: list[tuple[int, int, Job]] = []
        self._background: list[tuple[int, int, Job]] = []
        self._numbers = count()
        self._threads: list[threading.Thread] = []
        self._waiting = self._running_background = 0

    def submit(self, run: Callable[[], None], priority: int) -> Job:
        """Queue something to run, which must not raise."""
        job = Job(run, priority, self)
        with self._lock:
            self._push(job)
        return job

    def ask(self, call: Callable[[], _Answer]) -> Future[_Answer]:
        """Queue a call, and return what will hold its answer or error; it can be cancelled while queued."""
        future, run = promised(call)
        self.submit(run, FOREGROUND)
        return future

    def get_ready(self, threads: int) -> None:
        """Start threads ahead of the first jobs, on a thread of their own: fifty take longer than a reply."""

        def start() -> None:
            for _ in range(min(threads, self._most)):
                with self._lock:
                    if len(self._threads) < threads:
                        self._start_thread()

        threading.Thread(target=start, name="rlm read", daemon=True).start()

    def serve(self) -> None:
        """Make sure that what is queued is being run: an interrupt can come before the start of a thread."""
        with self._lock:
            if (self._urgent or self._background) and not self._waiting:
                self._start_thread()

    def promote(self, job: Job) -> None:
        """Let a queued job run as if a reader had asked for it; one that runs already is left alone."""
        with self._lock:
            if not job.is_taken and job.priority > FOREGROUND:
                job.priority = FOREGROUND
                # Its older entry is skipped when it comes up: a heap cannot be reordered cheaply.
                self._push(job)

    def drop(self, job: Job) -> bool:
        """Take a job out of the queue; return False if it runs or ran already."""
        with self._lock:
            was_queued = not job.is_taken
            job.is_taken = True
            return was_queued

    def fewer(self) -> None:
        """Take note that the store asks for fewer requests at once."""
        with self._lock:
            # Those under way now were sent before it could be heeded: their refusals are the same one.
            now = time.monotonic()
            if now - self._halved_s >= _HALVE_EVERY_S:
                self._halved_s = now
                self._allowed = max(self._fewest, min(self._allowed, self._running) / 2)

    def well(self) -> None:
        """Take note of a request that went well."""
        if self._allowed < self._most:
            with self._lock:
                self._allowed = min(self._most, self._allowed + 1 / self._allowed)
                self._changed.notify()

    @property
    def is_behind(self) -> bool:
        """Whether jobs that somebody waits for are queued."""
        return bool(self._urgent)

    @property
    def allowed(self) -> int:
        """How many jobs may run at once now."""
        return int(self._allowed)

    def _push(self, job: Job) -> None:
        queue = self._background if job.priority >= READAHEAD else self._urgent
        heapq.heappush(queue, (job.priority, next(self._numbers), job))
        queued = len(self._urgent) + len(self._background)
        if queued > self._waiting:
            self._start_thread()
        self._changed.notify()

    def _start_thread(self) -> None:
        if len(self._threads) >= self._most:
            # An interrupt may have come between the entry here and the start of what was entered.
            self._threads = [thread for thread in self._threads if thread.is_alive()]
        if len(self._threads) < self._most:
            thread = threading.Thread(target=self._work, name="rlm read", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _work(self) -> None:
        was_background: bool | None = None
        while (taken := self._take(was_background)) is not None:
            job, was_background = taken
            job.run()
            del job, taken  # An idle thread must not keep a context alive.

    def _take(self, was_background: bool | None) -> tuple[Job, bool] | None:
        """Return the next job and whether it is a background one, for a thread that ends one (None: none)."""
        with self._lock:
            if was_background is not None:
                self._running -= 1
            if was_background:
                self._running_background -= 1
                self._changed.notify()
            while True:
                if self._running < self.allowed and (taken := self._next()) is not None:
                    self._running += 1
                    return taken
                self._waiting += 1
                was_told = self._changed.wait(self._idle_s)
                self._waiting -= 1
                if not was_told and not self._urgent and not self._background:
                    here = threading.current_thread()
                    self._threads = [thread for thread in self._threads if thread is not here]
                    return None

    def _next(self) -> tuple[Job, bool] | None:
        if (job := _pop(self._urgent)) is not None:
            return job, False
        if self._running_background < min(self._most_background, max(1, self.allowed - 1)):
            job = _pop(self._background)
            if job is not None:
                self._running_background += 1
                return job, True
        return None


def _pop(queue: list[tuple[int, int, Job]]) -> Job | None:
    while queue:
        job = heapq.heappop(queue)[2]
        if not job.is_taken:
            job.is_taken = True
            return job
    return None
