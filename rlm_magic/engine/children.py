"""Child runs of one cell, side by side: their model calls in threads, their cells on this thread, nested.

A child whose reply has come goes on inside whichever cell of the tree waits at that moment, so a batch of
children keeps all its sub-calls in flight together although only one cell runs at a time.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..errors import BudgetExceeded, RLMError
from ..records import Answer, Completion, SubCall, Usage
from .calls import Asking, Request, out_of_time, reply_of
from .desk import Call, Desk, Done, describe
from .ledger import Ledger

if TYPE_CHECKING:
    from .run import Run


@dataclass(frozen=True, slots=True)
class Query:
    """One `rlm_query`: what to ask, of which model by name, about what; None means the parent's.

    One `paid` for before is not asked again.
    """

    prompt: str
    model: str | None
    context: object
    paid: SubCall | None = None


@dataclass(slots=True)
class Child:
    """A child run under way. `settle` is called once, when it is over."""

    slot: int
    run: Run
    desk: Desk
    settle: Callable[[Child], None]
    began_at: float = field(default_factory=time.monotonic)
    over: bool = False
    _cancelled: threading.Event = field(default_factory=threading.Event)
    _asking: Asking[None] | None = None

    def begin(self) -> None:
        """Send the first request."""
        self._asking = asking = self.run.asking()
        self._go_on(lambda: next(asking))

    def end(self, reason: BaseException) -> None:
        """End it where it stands, keeping what it found: `reason` is raised where it waits for a reply."""
        asking = self._asking
        if not self.over and asking is not None:
            self._cancelled.set()
            self._go_on(lambda: asking.throw(reason))

    def _came_back(self, done: Done) -> None:
        # Not here: a reply is taken in the middle of somebody's wait, and what follows may wait itself.
        self.desk.soon(lambda: self._take(done))

    def _take(self, done: Done) -> None:
        asking = self._asking
        if self.over or asking is None:
            return
        try:
            completion: Completion = reply_of(done)
        except RLMError as error:
            failure = error
            self._go_on(lambda: asking.throw(failure))
        else:
            self._go_on(lambda: asking.send(completion))

    def _go_on(self, advance: Callable[[], Request]) -> None:
        """Run the child up to its next request, and send that."""
        try:
            while (refused := self._sent(advance())) is not None:
                asking, reason = self._asking, refused
                assert asking is not None
                advance = lambda: asking.throw(reason)  # noqa: B023, E731 - called before either changes
        except StopIteration:
            self._finish()
        except RLMError as error:
            self._finish(error)
        except BaseException:
            self._finish()
            raise

    def _sent(self, request: Request) -> BudgetExceeded | None:
        call = Call(
            request.model,
            request.messages,
            self.run.ledger,
            sub_call=True,
            cancelled=self._cancelled,
            on_done=self._came_back,
            on_text=request.on_text,
        )
        try:
            self.desk.send(call)
        except BudgetExceeded as refused:
            return refused
        return None

    def _finish(self, error: RLMError | None = None) -> None:
        self.over = True
        self._cancelled.set()
        if self.run.answer is None:
            self.run.fail(error)
        self.run.repl.close()
        self.settle(self)


@dataclass(slots=True)
class Children:
    """Child runs for several queries, at most `concurrency` under way; each is handed over when it is over.

    `open_run` makes the run of a query. A query that cannot be opened fails its own slot.
    """

    queries: Sequence[Query]
    open_run: Callable[[Query], Run]
    desk: Desk
    ledger: Ledger
    concurrency: int
    on_call: Callable[[int, SubCall], None]
    _waiting: deque[int] = field(default_factory=deque)
    _under_way: list[Child] = field(default_factory=list)

    def run(self) -> None:
        """Run all of them. A stop or the run's deadline ends every one; what they found is handed over."""
        self._waiting.extend(range(len(self.queries)))
        try:
            self._begin_more()
            in_time = self.desk.work(lambda: not (self._waiting or self._under_way))
        except BaseException as stop:
            self._end_the_rest(stop)
            raise
        if not in_time:
            self._end_the_rest(out_of_time(self.ledger))

    def _begin_more(self) -> None:
        while self._waiting and len(self._under_way) < self.concurrency:
            slot = self._waiting.popleft()
            if (paid := self.queries[slot].paid) is not None:
                self.on_call(slot, paid)
                continue
            try:
                run = self.open_run(self.queries[slot])
            # Opening reads what model code passed as `context=`: anything may be wrong with that.
            except Exception as error:  # noqa: BLE001
                self.on_call(slot, self._unopened(slot, f"{type(error).__name__}: {error}"))
                continue
            child = Child(slot, run, self.desk, self._settle)
            self._under_way.append(child)
            child.begin()

    def _settle(self, child: Child) -> None:
        self._under_way.remove(child)
        prompt = self.queries[child.slot].prompt
        self.on_call(child.slot, _sub_call(prompt, child.run, time.monotonic() - child.began_at))
        self.desk.soon(self._begin_more)

    def _end_the_rest(self, reason: BaseException) -> None:
        waiting, self._waiting = list(self._waiting), deque()
        for child in list(self._under_way):
            try:
                child.end(reason if isinstance(reason, BudgetExceeded) else KeyboardInterrupt())
            except KeyboardInterrupt:
                # It has ended itself; the interrupt is raised once, for all of them.
                continue
        for slot in waiting:
            error = describe(reason) if isinstance(reason, RLMError) else "RunInterrupted: not begun"
            self.on_call(slot, self._unopened(slot, error))

    def _unopened(self, slot: int, error: str) -> SubCall:
        query = self.queries[slot]
        return SubCall(query.model or "", query.prompt, "", Usage(), 0.0, error=error)


def _sub_call(prompt: str, run: Run, seconds: float) -> SubCall:
    answer = run.answer
    assert answer is not None
    error = None if answer.text or answer.status == "answered" else _failure(answer)
    return SubCall(run.model.name, prompt, answer.text, answer.total, seconds, error=error, child=answer)


def _failure(answer: Answer) -> str:
    kind, _, reason = answer.status.partition(": ")
    if kind == "failed":
        return reason
    if kind == "stopped" and reason not in ("steps", "by the user"):
        return f"BudgetExceeded: the budget of {reason} ran out before the child run had an answer"
    return f"ModelError: the child run ended without an answer ({answer.status})"
