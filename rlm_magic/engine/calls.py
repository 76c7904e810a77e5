"""Call models without ever leaving the calling thread stuck in a request.

Each request runs on a daemon thread of its own; the caller waits on a queue. A stop (KeyboardInterrupt), a
cell's time limit or the run's deadline therefore ends the wait at once, wherever the network is, and text
and progress reach the caller on its own thread. A pool from concurrent.futures would join its threads when
the interpreter exits, and a stalled request would hold the kernel open.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..errors import BudgetExceeded, ModelError, RLMError
from ..models import Model
from ..records import Completion, Message, SubCall, Usage
from .ledger import Ledger

# The longest single wait: on some platforms a signal is only seen between waits.
_POLL_S = 0.25
CHARS_PER_TOKEN = 4


class _Cancelled(Exception):
    """Raised inside a request nobody waits for any more, to end it at its next piece of text."""


@dataclass(frozen=True, slots=True)
class _Text:
    slot: int
    text: str


@dataclass(frozen=True, slots=True)
class _Done:
    slot: int
    completion: Completion | None
    error: RLMError | None
    seconds: float


@dataclass(frozen=True, slots=True)
class _Request:
    """One request on its way."""

    slot: int
    model: Model
    messages: Sequence[Message]
    ledger: Ledger
    outbox: queue.SimpleQueue[_Text | _Done]
    cancelled: threading.Event
    sub_call: bool

    def start(self, admitted: queue.SimpleQueue[BudgetExceeded | None]) -> None:
        threading.Thread(
            target=self._run, args=(admitted,), name=f"rlm {self.model.name}", daemon=True
        ).start()

    def _run(self, admitted: queue.SimpleQueue[BudgetExceeded | None]) -> None:
        started = time.monotonic()
        tokens = estimate_tokens(self.messages)
        try:
            with self.ledger.call(self.model.name, tokens=tokens, sub_call=self.sub_call) as reservation:
                admitted.put(None)
                completion = self.model.complete(self.messages, self._on_text)
                reservation.settle(completion.usage)
        except BudgetExceeded as refused:
            admitted.put(refused)
        except _Cancelled:
            return
        except Exception as error:  # noqa: BLE001 - a fault of any kind belongs to this slot, not to the thread
            self.outbox.put(
                _Done(self.slot, None, _as_model_error(self.model, error), time.monotonic() - started)
            )
        else:
            self.outbox.put(_Done(self.slot, completion, None, time.monotonic() - started))

    def _on_text(self, text: str) -> None:
        if self.cancelled.is_set():
            raise _Cancelled
        self.outbox.put(_Text(self.slot, text))


class Requests:
    """Requests in flight that share one outbox. Leaving the block cancels whatever is still under way."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._outbox: queue.SimpleQueue[_Text | _Done] = queue.SimpleQueue()
        self._cancelled = threading.Event()

    def __enter__(self) -> Requests:
        return self

    def __exit__(self, *_: object) -> None:
        self._cancelled.set()

    def send(self, slot: int, model: Model, messages: Sequence[Message], *, sub_call: bool) -> None:
        """Send one request; raises BudgetExceeded, having sent nothing, when the ledger refuses it."""
        admitted: queue.SimpleQueue[BudgetExceeded | None] = queue.SimpleQueue()
        _Request(slot, model, messages, self._ledger, self._outbox, self._cancelled, sub_call=sub_call).start(
            admitted
        )
        refused = admitted.get()
        if refused is not None:
            raise refused

    def next(self) -> _Text | _Done:
        """Wait for the next piece of text or finished request. Raises BudgetExceeded at the deadline."""
        while True:
            left = self._ledger.seconds_left
            if left == 0:
                self._ledger.refused = "seconds"
                raise BudgetExceeded(
                    f"the run's budget of seconds={self._ledger.budget.seconds:g} ran out during a call",
                    limit="seconds",
                )
            try:
                return self._outbox.get(timeout=_POLL_S if left is None else min(_POLL_S, left))
            except queue.Empty:
                continue


def ask(
    model: Model, messages: Sequence[Message], *, ledger: Ledger, on_text: Callable[[str], None]
) -> Completion:
    """Return one reply of the root model, its text streamed to `on_text` on this thread."""
    with Requests(ledger) as requests:
        requests.send(0, model, messages, sub_call=False)
        while isinstance(event := requests.next(), _Text):
            on_text(event.text)
    if event.error is not None:
        raise event.error
    assert event.completion is not None
    return event.completion


def ask_batch(
    model: Model,
    prompts: Sequence[str],
    *,
    ledger: Ledger,
    concurrency: int,
    on_call: Callable[[int, SubCall], None],
) -> None:
    """Ask every prompt, at most `concurrency` at a time, and hand each SubCall over as it comes back.

    A prompt that fails, or that the ledger refuses, fails its own slot (`SubCall.error`) and no other. What
    is handed over before a stop or a deadline is thereby kept.
    """
    waiting = list(enumerate(prompts))[::-1]
    in_flight = 0
    with Requests(ledger) as requests:
        while waiting or in_flight:
            while waiting and in_flight < concurrency:
                slot, prompt = waiting.pop()
                try:
                    requests.send(slot, model, (Message("user", prompt),), sub_call=True)
                    in_flight += 1
                except BudgetExceeded as refused:
                    on_call(slot, SubCall(model.name, prompt, "", Usage(), 0.0, error=_describe(refused)))
            if in_flight and isinstance(event := requests.next(), _Done):
                in_flight -= 1
                on_call(event.slot, _sub_call(model, prompts[event.slot], event))


def estimate_tokens(messages: Sequence[Message]) -> int:
    """Return a rough count of input tokens, for reserving; the provider's own count replaces it."""
    return sum(len(message.content) for message in messages) // CHARS_PER_TOKEN + 1


def _sub_call(model: Model, prompt: str, done: _Done) -> SubCall:
    if done.completion is None:
        error = _describe(done.error) if done.error else "no reply"
        return SubCall(model.name, prompt, "", Usage(), done.seconds, error=error)
    return SubCall(model.name, prompt, done.completion.text, done.completion.usage, done.seconds)


def _as_model_error(model: Model, error: Exception) -> RLMError:
    if isinstance(error, RLMError):
        return error
    wrapped = ModelError(f"{model.name} failed: {type(error).__name__}: {error}")
    wrapped.__cause__ = error
    return wrapped


def _describe(error: RLMError) -> str:
    return f"{type(error).__name__}: {error}"
