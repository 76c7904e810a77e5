"""Threads that wait for a store, the most urgent request first.

A share of them is closed to requests ahead of time, so that a reader never queues behind those.
"""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable
from itertools import count

FOREGROUND, READAHEAD, THINK_TIME = range(3)


class Job:
    """Something to be run by a thread; queued until `is_taken`."""

    __slots__ = ("is_taken", "priority", "run")

    def __init__(self, run: Callable[[], None], priority: int) -> None:
        self.run = run
        self.priority = priority
        self.is_taken = False


class Connections:
    """Runs jobs on daemon threads that are started when needed and end when idle.

    At most `background` of the `threads` run jobs of priority READAHEAD or later at once.
    """

    def __init__(self, threads: int, *, background: int, idle_s: float) -> None:
        self._most, self._most_background, self._idle_s = threads, background, idle_s
        self._changed = threading.Condition()
        self._urgent: list[tuple[int, int, Job]] = []
        self._background: list[tuple[int, int, Job]] = []
        self._numbers = count()
        self._threads = self._waiting = self._running_background = 0

    def submit(self, job: Job) -> None:
        """Queue a job. It must not raise."""
        with self._changed:
            self._push(job)

    def promote(self, job: Job) -> None:
        """Let a queued job run as if a reader had asked for it; one that runs already is left alone."""
        with self._changed:
            if not job.is_taken and job.priority > FOREGROUND:
                job.priority = FOREGROUND
                # Its older entry is skipped when it comes up: a heap cannot be reordered cheaply.
                self._push(job)

    def drop(self, job: Job) -> bool:
        """Take a job out of the queue; return False if it runs or ran already."""
        with self._changed:
            was_queued = not job.is_taken
            job.is_taken = True
            return was_queued

    def _push(self, job: Job) -> None:
        queue = self._background if job.priority >= READAHEAD else self._urgent
        heapq.heappush(queue, (job.priority, next(self._numbers), job))
        queued = len(self._urgent) + len(self._background)
        if queued > self._waiting and self._threads < self._most:
            self._threads += 1
            threading.Thread(target=self._work, name="rlm read", daemon=True).start()
        self._changed.notify()

    def _work(self) -> None:
        while (taken := self._take()) is not None:
            job, is_background = taken
            try:
                job.run()
            finally:
                if is_background:
                    with self._changed:
                        self._running_background -= 1
                        self._changed.notify()
            del job, taken  # An idle thread must not keep a context alive.

    def _take(self) -> tuple[Job, bool] | None:
        with self._changed:
            while True:
                if (job := _pop(self._urgent)) is not None:
                    return job, False
                if self._running_background < self._most_background:
                    job = _pop(self._background)
                    if job is not None:
                        self._running_background += 1
                        return job, True
                self._waiting += 1
                was_told = self._changed.wait(self._idle_s)
                self._waiting -= 1
                if not was_told and not self._urgent and not self._background:
                    self._threads -= 1
                    return None


def _pop(queue: list[tuple[int, int, Job]]) -> Job | None:
    while queue:
        job = heapq.heappop(queue)[2]
        if not job.is_taken:
            job.is_taken = True
            return job
    return None
