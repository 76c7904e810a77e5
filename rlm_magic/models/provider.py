"""What the two SDKs share: reading a key, walking a stream, and turning their errors into ours, once.

Invariant: a reply is returned only when the provider said that it had finished; and no key is ever in a message.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol, Self, TypeVar
from urllib.parse import urlsplit

from ..errors import MissingKey, ModelError, UnknownModel
from ..records import Completion, Usage
from .local import estimate_tokens
from .prices import cost_usd
from .protocol import OnText

Event = TypeVar("Event")
Streamed = TypeVar("Streamed", covariant=True)

DETAIL_CHARS = 600
"""How much of a provider's own words goes into an error."""


class StreamCut(ModelError):
    """The connection broke, or the stream ended, before the provider said that the reply was complete."""

    def __init__(self, message: str, *, streamed_chars: int) -> None:
        super().__init__(message)
        self.streamed_chars = streamed_chars


def read_key(*variables: str) -> str:
    """Return the first of the environment `variables` that is set, without blanks around it, else "".

    Raises MissingKey for one that no header can carry: the HTTP library's own error would print it.
    """
    for variable in variables:
        key = os.environ.get(variable, "").strip()
        if key and not (key.isascii() and key.isprintable() and " " not in key):
            raise MissingKey(
                f"{variable} holds characters that no key has (a blank, a line break?); set it again"
            )
        if key:
            return key
    return ""


def no_key(variable: str, name: str) -> MissingKey:
    """Return the error for a key that is not set."""
    return MissingKey(
        f"{variable} is not set, and {name!r} needs it; set it, or use model 'offline', which needs none"
    )


def wire_text(text: str) -> str:
    """Return `text` as a request can carry it: lone surrogates, which UTF-8 cannot hold, become "?"."""
    return text.encode("utf-8", "replace").decode("utf-8")


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

    def completion(self, name: str, *, prompt_chars: int) -> Completion:
        """Return the finished reply. Where a server reports no usage the tokens are estimated, the cost unknown."""
        text = "".join(self._pieces)
        if self.input_tokens is None or self.output_tokens is None:
            usage = Usage(1, max(1, prompt_chars // 4), estimate_tokens(text), None)
        else:
            usage = Usage(1, self.input_tokens, self.output_tokens, self._cost(name))
        return Completion(text=text, usage=usage, stop_reason=self.stop_reason or "stop")

    def _cost(self, name: str) -> float | None:
        return cost_usd(
            name,
            input_tokens=self.input_tokens or 0,
            output_tokens=self.output_tokens or 0,
            cache_read_tokens=self.cache_read_tokens,
            cache_write_tokens=self.cache_write_tokens,
        )


def host_of(base_url: str, *, variable: str) -> str:
    """Return host and port of `base_url`: the whole of it may carry a password. Raises ModelError for no URL.

    `variable` is the environment variable that could have set it wrong.
    """
    try:
        parts = urlsplit(base_url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError as error:
        raise ModelError(
            f"{variable} is not a URL ({error}); set it to one such as https://host/v1"
        ) from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ModelError(f"{variable} is not an http or https address; set it to one such as https://host/v1")
    return f"{parts.hostname}{port}"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Whom an error is about. `secret` is removed from every message."""

    name: str
    host: str
    key_variable: str
    secret: str = field(repr=False)

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Turn what the SDK, or the transport below it, raises inside the block into a ModelError."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - beside the SDK's own tree the transport's errors come out here
            raise self._failure(error) from _cause(error, self.secret)

    def walk(self, events: Iterable[Event], reply: Reply) -> Iterator[Event]:
        """Yield `events`; an error of their source becomes StreamCut.

        The consumer's own exceptions never pass through here, so one of `on_text` stays what it is.
        """
        source = iter(events)
        while True:
            try:
                event = next(source)
            except StopIteration:
                return
            except Exception as error:  # noqa: BLE001 - and the JSON decoder's
                if reply.stop_reason is not None:
                    # The reply itself had ended; what is lost is at most the count of its tokens.
                    return
                raise self.cut(reply, _detail(error, self.secret)) from _cause(error, self.secret)
            yield event

    def cut(self, reply: Reply, reason: str) -> StreamCut:
        """Return the error for a reply that stopped halfway."""
        return StreamCut(
            f"{self.name!r}: the reply from {self.host} broke off after {reply.chars} characters ({reason}); "
            "it is not used, as its end is unknown; ask again",
            streamed_chars=reply.chars,
        )

    def _failure(self, error: Exception) -> ModelError:
        status, detail = getattr(error, "status_code", None), _detail(error, self.secret)
        if status == 401:
            return MissingKey(f"{self.host} refused {self.key_variable} for {self.name!r}: {detail}")
        if status == 404:
            return UnknownModel(f"{self.host} does not know {self.name!r}: {detail}")
        if status == 429:
            return ModelError(f"{self.name!r}: rate limit or quota at {self.host}, after retries: {detail}")
        if isinstance(status, int):
            return ModelError(f"{self.name!r}: {self.host} answered {status}: {detail}")
        return ModelError(f"{self.name!r}: no answer from {self.host}: {detail}")


@contextmanager
def setting_up(name: str, *, secret: str) -> Iterator[None]:
    """Turn what an SDK raises while its client is made (settings it refuses) into a ModelError."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - see guarded
        raise ModelError(f"{name!r} cannot be set up: {_detail(error, secret)}") from _cause(error, secret)


def _cause(error: Exception, secret: str) -> Exception | None:
    # A traceback prints the cause's own words too, and those are not ours to clean.
    return None if secret and secret in f"{error!s} {error!r} {error.__cause__!r}" else error


def _detail(error: Exception, secret: str) -> str:
    cause = f" ({error.__cause__})" if error.__cause__ is not None else ""
    text = f"{type(error).__name__}: {error}{cause}"
    clean = text.replace(secret, "***") if secret else text
    return clean if len(clean) <= DETAIL_CHARS else clean[:DETAIL_CHARS] + "..."


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
        for event in endpoint.walk(stream, reply):
            take(event, reply)
    if reply.stop_reason is None:
        raise endpoint.cut(reply, "the stream ended without saying why")
    return reply
