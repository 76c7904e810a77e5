"""Model calls under way, and the thread that takes what comes back.

Each call runs on a daemon thread of its own; the caller waits on a queue. A stop (KeyboardInterrupt), a
cell's time limit or the run's deadline therefore ends the wait at once, wherever the network is, and text
and progress reach the caller on its own thread. A pool from concurrent.futures would join its threads when
the interpreter exits, and a stalled request would hold the kernel open.

A whole tree of runs shares one desk: whoever waits also takes what others of the tree wait for, and lets
child runs go on whose reply has come. Waits thus nest and the innermost ends first; what is in flight stays
in flight.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ..errors import BudgetExceeded, ModelError, RateLimited, RLMError
from ..models import Model
from ..records import Completion, Message
from .ledger import Ledger
from .pace import Pace

# The longest single wait: on some platforms a signal is only seen between waits.
_POLL_S = 0.25
# How soon a call is tried again that has to wait for its provider.
_PACED_POLL_S = 0.02
CHARS_PER_TOKEN = 4


class _Cancelled(Exception):
    """Raised inside a request nobody waits for any more, to end it at its next piece of text."""


@dataclass(frozen=True, slots=True)
class Done:
    """What a call came to: a completion, or an error."""

    completion: Completion | None
    error: RLMError | None
    seconds: float


@dataclass(slots=True, eq=False)
class Call:
    """One request to one model. `on_text` and `on_done` are called on the thread that works at the desk."""

    model: Model
    messages: Sequence[Message]
    ledger: Ledger
    sub_call: bool
    cancelled: threading.Event
    on_done: Callable[[Done], None]
    on_text: Callable[[str], None] | None = None
    began_at: float = field(default_factory=time.monotonic)
    sent_at: float = 0.0


_Event = tuple[Call, "Done | str"]


class Desk:
    """Sends calls and hands over what comes back. Used by one thread at a time.

    `rate_limit_s` is how long a call is tried for that its provider refuses for its rate.
    """

    def __init__(self, ledger: Ledger, pace: Pace, *, rate_limit_s: float) -> None:
        self._ledger = ledger
        self._pace = pace
        self._rate_limit_s = rate_limit_s
        self._outbox: queue.SimpleQueue[_Event] = queue.SimpleQueue()
        self._held_back: deque[Call] = deque()
        self._ready: deque[Callable[[], None]] = deque()

    def elsewhere(self) -> Desk:
        """Return a desk for another thread. It keeps the same pace."""
        return Desk(self._ledger, self._pace, rate_limit_s=self._rate_limit_s)

    def send(self, call: Call) -> None:
        """Send one call; raises BudgetExceeded, having sent nothing, when its ledger refuses it."""
        if self._pace.admit(call.model.name):
            self._start(call)
        else:
            self._held_back.append(call)

    def soon(self, act: Callable[[], None]) -> None:
        """Have `act` called by whoever works at this desk next."""
        self._ready.append(act)

    def work(self, until: Callable[[], bool], *, deadline: float | None = None) -> bool:
        """Take what comes back until `until()`; False when `deadline` (monotonic) or the run's time is up."""
        while not until():
            if self._ready:
                self._ready.popleft()()
                continue
            left_s = self._left_s(deadline)
            if left_s <= 0:
                return False
            self._send_held_back()
            wait_s = _PACED_POLL_S if self._held_back else _POLL_S
            try:
                call, event = self._outbox.get(timeout=min(wait_s, left_s))
            except queue.Empty:
                continue
            self._deliver(call, event)
        return True

    def _left_s(self, deadline: float | None) -> float:
        of_run = self._ledger.seconds_left
        of_batch = None if deadline is None else deadline - time.monotonic()
        return min((left for left in (of_run, of_batch) if left is not None), default=_POLL_S)

    def _deliver(self, call: Call, event: Done | str) -> None:
        if isinstance(event, str):
            if call.on_text is not None and not call.cancelled.is_set():
                call.on_text(event)
            return
        if isinstance(event.error, RateLimited) and not call.cancelled.is_set() and self._may_wait(call):
            self._held_back.append(call)
        elif not call.cancelled.is_set():
            call.on_done(event)

    def _may_wait(self, call: Call) -> bool:
        return time.monotonic() - call.began_at < self._rate_limit_s

    def _send_held_back(self) -> None:
        for _ in range(len(self._held_back)):
            call = self._held_back.popleft()
            if call.cancelled.is_set():
                continue
            if not self._pace.admit(call.model.name):
                self._held_back.append(call)
                continue
            try:
                self._start(call)
            except BudgetExceeded as refused:
                call.on_done(Done(None, refused, time.monotonic() - call.began_at))

    def _start(self, call: Call) -> None:
        admitted: queue.SimpleQueue[BudgetExceeded | None] = queue.SimpleQueue()
        name = f"rlm {call.model.name}"
        threading.Thread(target=self._carry_out, args=(call, admitted), name=name, daemon=True).start()
        refused = admitted.get()
        if refused is not None:
            raise refused

    def _carry_out(self, call: Call, admitted: queue.SimpleQueue[BudgetExceeded | None]) -> None:
        """Make the call, on its own thread. The ledger is charged before anybody hears of the reply."""
        name = call.model.name
        call.sent_at = time.monotonic()
        try:
            completion = self._completed(call, admitted)
        except BudgetExceeded as refused:
            self._pace.left(name)
            admitted.put(refused)
        except _Cancelled:
            self._pace.left(name)
        # Of any kind, a SystemExit too: it belongs to this call, and without it somebody would wait for ever.
        except BaseException as error:  # noqa: BLE001
            self._pace.left(name)
            if isinstance(error, RateLimited):
                self._pace.refused(name, sent_at=call.sent_at, retry_after_s=error.retry_after_s)
            self._outbox.put((call, Done(None, _as_model_error(call.model, error), _since(call))))
        else:
            self._pace.left(name)
            self._pace.replied(name)
            self._outbox.put((call, Done(completion, None, _since(call))))

    def _completed(self, call: Call, admitted: queue.SimpleQueue[BudgetExceeded | None]) -> Completion:
        tokens = estimate_tokens(call.messages)
        with call.ledger.call(call.model.name, tokens=tokens, sub_call=call.sub_call) as reservation:
            admitted.put(None)
            try:
                completion = call.model.complete(call.messages, lambda text: self._on_text(call, text))
            except RateLimited:
                reservation.withdraw()
                raise
            except BudgetExceeded as error:
                # Of a run that this model makes itself. Only the ledger's own means that nothing was sent.
                raise _as_model_error(call.model, error) from error
            _check_completion(call.model, completion)
            reservation.settle(completion.usage)
        return completion

    def _on_text(self, call: Call, text: str) -> None:
        if call.cancelled.is_set():
            raise _Cancelled
        if call.on_text is not None:
            self._outbox.put((call, text))


def estimate_tokens(messages: Sequence[Message]) -> int:
    """Return a rough count of input tokens, for reserving; the provider's own count replaces it."""
    return sum(len(message.content) for message in messages) // CHARS_PER_TOKEN + 1


def describe(error: RLMError) -> str:
    """Return an error as it stands in a SubCall."""
    return f"{type(error).__name__}: {error}"


def _since(call: Call) -> float:
    return time.monotonic() - call.began_at


def _check_completion(model: Model, completion: object) -> None:
    text = completion.text if isinstance(completion, Completion) else None
    if not isinstance(text, str):
        returned = "no text" if isinstance(completion, Completion) else f"a {type(completion).__name__}"
        raise ModelError(
            f"{model.name} returned {returned}; a model returns a Completion with its text as a str"
        )


def _as_model_error(model: Model, error: BaseException) -> RLMError:
    if isinstance(error, RLMError) and not isinstance(error, BudgetExceeded):
        return error
    wrapped = ModelError(f"{model.name} failed: {type(error).__name__}: {error}")
    wrapped.__cause__ = error
    return wrapped
