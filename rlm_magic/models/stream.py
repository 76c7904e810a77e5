"""A reply while it streams in, and the one rule about it: half a reply is never returned as a whole one."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Protocol, Self, TypeVar

from ..errors import StreamCut
from ..records import Completion, Usage
from .limits import is_rate_limit
from .local import CHARS_PER_TOKEN, estimate_tokens
from .prices import cost_usd
from .protocol import OnText
from .provider import Endpoint

Event = TypeVar("Event")
Streamed = TypeVar("Streamed", covariant=True)


class Reply:
    """A reply while it arrives: its text so far, its usage, and whether the provider has finished it."""

    def __init__(self, on_text: OnText | None) -> None:
        self._pieces: list[str] = []
        self._on_text = on_text
        self.chars = 0
        self.refused = False
        self.stop_reason: str | None = None
        self.input_tokens: int | None = None
        self.output_tokens: int | None = None
        self.uncached_tokens = 0
        self.cache_read_tokens = 0
        self.cache_write_tokens = 0
        self.told_cost_usd: float | None = None

    def add(self, piece: str | None) -> None:
        """Take a piece of text and pass it on; None and "" are no text."""
        if not piece:
            return
        self._pieces.append(piece)
        self.chars += len(piece)
        if self._on_text is not None:
            self._on_text(piece)

    def add_refusal(self, piece: str | None) -> None:
        """Take a piece of a refusal, which OpenAI sends beside the text: to the reader it is the reply."""
        self.refused = self.refused or bool(piece)
        self.add(piece)

    def add_cost(self, cost_usd: object) -> None:
        """Take what the server itself says the call cost, if it is an amount; it goes before list prices."""
        if isinstance(cost_usd, (int, float)) and 0 <= cost_usd < math.inf:
            self.told_cost_usd = float(cost_usd)

    def completion(self, name: str, *, prompt_chars: int) -> Completion:
        """Return the finished reply; without usage from the server tokens are estimated, the cost unknown."""
        text = "".join(self._pieces)
        if self.input_tokens is None or self.output_tokens is None:
            usage = Usage(1, max(1, prompt_chars // CHARS_PER_TOKEN), estimate_tokens(text), None)
        else:
            usage = Usage(1, self.input_tokens, self.output_tokens, self._cost(name))
        return Completion(text=text, usage=usage, stop_reason=self.stop_reason or "stop")

    def _cost(self, name: str) -> float | None:
        if self.told_cost_usd is not None:
            return self.told_cost_usd
        return cost_usd(
            name,
            input_tokens=self.input_tokens or 0,
            output_tokens=self.output_tokens or 0,
            cache_read_tokens=self.cache_read_tokens,
            cache_write_tokens=self.cache_write_tokens,
        )


class EventStream(Protocol[Streamed]):
    """What both SDKs return: events to iterate over, closed by leaving the `with` block."""

    def __iter__(self) -> Iterator[Streamed]: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...


def converse(
    start: Callable[[], EventStream[Event]],
    take: Callable[[Event, Reply], None],
    *,
    endpoint: Endpoint,
    on_text: OnText | None,
) -> Reply:
    """Return the finished reply of one request. Raises a ModelError, or whatever `on_text` raised.

    A stream cut before its first text is asked for once more. After that nothing is retried: text that was
    handed on cannot be taken back, and half a reply is never returned as a whole one.
    """
    try:
        return _converse_once(start, take, endpoint=endpoint, reply=Reply(on_text))
    except StreamCut as cut:
        if cut.streamed_chars:
            raise
    return _converse_once(start, take, endpoint=endpoint, reply=Reply(on_text))


def _converse_once(
    start: Callable[[], EventStream[Event]],
    take: Callable[[Event, Reply], None],
    *,
    endpoint: Endpoint,
    reply: Reply,
) -> Reply:
    with endpoint.guarded():
        stream = start()
    with stream:
        for event in _walk(stream, reply, endpoint=endpoint):
            take(event, reply)
    if reply.stop_reason is None:
        raise _cut(reply, "the stream ended without saying why", endpoint=endpoint)
    return reply


def _walk(events: Iterable[Event], reply: Reply, *, endpoint: Endpoint) -> Iterator[Event]:
    """Yield `events`; an error of their source becomes StreamCut.

    The consumer's own exceptions never pass through here, so one of `on_text` stays what it is.
    """
    source = iter(events)
    while True:
        try:
            event = next(source)
        except StopIteration:
            return
        except Exception as error:  # noqa: BLE001 - the SDK's, the transport's, the JSON decoder's
            if reply.stop_reason is not None:
                # The reply itself had ended; what is lost is at most the count of its tokens.
                return
            if not reply.chars and is_rate_limit(error):
                raise endpoint.rate_limited(error) from endpoint.cause(error)
            raise _cut(reply, endpoint.detail(error), endpoint=endpoint) from endpoint.cause(error)
        yield event


def _cut(reply: Reply, reason: str, *, endpoint: Endpoint) -> StreamCut:
    return StreamCut(
        f"{endpoint.name!r}: the reply from {endpoint.host} broke off after {reply.chars} characters "
        f"({reason}); it is not used, as its end is unknown; ask again",
        streamed_chars=reply.chars,
    )
