"""Ask models: one reply of a root model, or a batch of sub-calls."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from ..errors import BudgetExceeded
from ..models import Model
from ..records import Completion, Message, SubCall, Usage
from .desk import CHARS_PER_TOKEN, Call, Desk, Done, describe
from .ledger import Ledger

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Request:
    """What a run waits for: one reply to a conversation."""

    model: Model
    messages: Sequence[Message]
    on_text: Callable[[str], None] | None = None


Asking = Generator[Request, Completion, T]
"""A part of a run, which yields its requests and is sent their replies: so the same code serves a run that
waits for each reply and child runs that wait side by side."""


def answered(asking: Asking[T], *, desk: Desk, ledger: Ledger) -> T:
    """Carry out a part of a run, waiting for each reply on this thread."""
    try:
        request = next(asking)
        while True:
            try:
                completion = ask(request, desk=desk, ledger=ledger)
            # Whatever it is, a stop included: the run ends itself and raises what the caller gets.
            except BaseException as error:  # noqa: BLE001
                request = asking.throw(error)
            else:
                request = asking.send(completion)
    except StopIteration as done:
        result: T = done.value
        return result


def ask(request: Request, *, desk: Desk, ledger: Ledger) -> Completion:
    """Return one reply of the root model, its text streamed on this thread."""
    came: list[Done] = []
    cancelled = threading.Event()
    try:
        desk.send(
            Call(
                request.model,
                request.messages,
                ledger,
                sub_call=False,
                cancelled=cancelled,
                on_done=came.append,
                on_text=request.on_text,
            )
        )
        if not desk.work(lambda: bool(came)):
            raise out_of_time(ledger)
    finally:
        cancelled.set()
    return reply_of(came[0])


def reply_of(done: Done) -> Completion:
    """Return the completion of a call, or raise its error."""
    if done.error is not None:
        raise done.error
    assert done.completion is not None
    return done.completion


def out_of_time(ledger: Ledger) -> BudgetExceeded:
    """Return the error of a call that the run's deadline cut off."""
    limit_s = ledger.root_budget.seconds or 0.0
    return ledger.refuse("seconds", f"the run's budget of seconds={limit_s:g} ran out during a call")


@dataclass(frozen=True, slots=True)
class Prompt:
    """The prompt of one sub-call. One with an `error`, or `paid` for before, is not sent."""

    text: str
    error: str | None = None
    paid: SubCall | None = None


_ADVICE = "send less of the text, or parts of it in a batch"


def too_large(text: str, *, model: str, window_tokens: int | None, advice: str = _ADVICE) -> str | None:
    """Return why a prompt cannot be sent to a model whose window holds `window_tokens`; None if it can.

    >>> too_large("a" * 400, model="small", window_tokens=50)
    'the prompt has about 100 tokens and small takes 50: send less of the text, or parts of it in a batch'
    """
    tokens = len(text) // CHARS_PER_TOKEN
    if window_tokens is None or tokens <= window_tokens:
        return None
    return f"the prompt has about {tokens:,} tokens and {model} takes {window_tokens:,}: {advice}"


@dataclass(slots=True)
class Batch:
    """Sub-calls to one model, at most `concurrency` at a time; each is handed to `on_call` as it comes back.

    A prompt that fails, or that the ledger refuses, fails its own slot (`SubCall.error`) and no other. What
    is handed over before a stop or a deadline is thereby kept.
    """

    model: Model
    prompts: Sequence[Prompt]
    desk: Desk
    ledger: Ledger
    concurrency: int
    on_call: Callable[[int, SubCall], None]
    _waiting: deque[int] = field(default_factory=deque)
    _in_flight: set[int] = field(default_factory=set)
    _cancelled: threading.Event = field(default_factory=threading.Event)

    def run(self, *, limit_s: float) -> None:
        """Ask every prompt. A slot not back after `limit_s`, or in the run's time, has failed."""
        self._waiting.extend(range(len(self.prompts)))
        began = time.monotonic()
        try:
            self._send_more()
            in_time = self.desk.work(self._is_over, deadline=began + limit_s)
        finally:
            self._cancelled.set()
        if not in_time:
            self._fail_the_rest(limit_s, time.monotonic() - began)

    def _is_over(self) -> bool:
        return not (self._waiting or self._in_flight)

    def _send_more(self) -> None:
        while self._waiting and len(self._in_flight) < self.concurrency:
            slot = self._waiting.popleft()
            prompt = self.prompts[slot]
            if prompt.error is not None:
                self._fail(slot, prompt.error)
                continue
            if prompt.paid is not None:
                self.on_call(slot, prompt.paid)
                continue
            try:
                self._in_flight.add(slot)
                self.desk.send(self._call(slot, prompt.text))
            except BudgetExceeded as refused:
                self._in_flight.discard(slot)
                self._fail(slot, describe(refused))

    def _call(self, slot: int, text: str) -> Call:
        messages = (Message("user", text),)
        back = partial(self._came_back, slot)
        return Call(self.model, messages, self.ledger, sub_call=True, cancelled=self._cancelled, on_done=back)

    def _came_back(self, slot: int, done: Done) -> None:
        self._in_flight.discard(slot)
        if done.completion is None:
            self._fail(slot, describe(done.error) if done.error else "no reply", done.seconds)
        else:
            reply = done.completion
            cached = getattr(reply, "cached", False)
            text = self.prompts[slot].text
            self.on_call(
                slot, SubCall(self.model.name, text, reply.text, reply.usage, done.seconds, cached=cached)
            )
        self._send_more()

    def _fail(self, slot: int, error: str, seconds: float = 0.0) -> None:
        text = self.prompts[slot].text
        self.on_call(slot, SubCall(self.model.name, text, "", Usage(), seconds, error=error))

    def _fail_the_rest(self, limit_s: float, seconds: float) -> None:
        if self.ledger.seconds_left == 0:
            error = describe(out_of_time(self.ledger))
        else:
            error = f"ModelError: no reply within {limit_s:g} s, the time for one batch"
        for slot in sorted({*self._waiting, *self._in_flight}):
            self._fail(slot, error, seconds if slot in self._in_flight else 0.0)
