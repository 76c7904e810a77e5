"""Answer from a recording instead of a provider: no network, no key, no cost, the same replies every time."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path

from .. import errors
from ..errors import ModelError, NotRecorded, StreamCut, UnknownModel
from ..records import Completion, Message
from ..redact import redactor
from .differences import difference
from .local import deliver
from .options import Options, checked
from .prices import listed_window
from .protocol import OnText
from .recording import Exchange, message_id, read_recording, shareable

# What differs between two runs of the same cells by their nature: the time and money left, and addresses.
# No start inside a number and no step back: else a text of nothing but digits and commas takes its square.
_VARYING = re.compile(r"(?<![\d,.$])\$?\d[\d,]*+(?:\.\d++)?+(?=(?: s)? left\b)|\b0x[0-9a-f]{6,16}\b")


class ReplayModel:
    """Answers requests as a recording has them; written `replay:FILE`.

    A request is known by its messages, whichever model it was made of, so that one recording serves root
    model, sub-models and children in any order. `named` narrows it to one model, and `options` to requests
    made with just these. What the engine says of the time and money left does not count. A request that was
    made several times, perhaps side by side, gets its replies in the order in which it asked for them, then
    the last one again; a failure is replayed where there is no reply.

    Tokens are as recorded, the cost is 0, and `Completion.cached` is set: nothing is paid. Raises
    UnknownModel without the file, ModelError when it is no recording.
    """

    def __init__(
        self,
        path: str | PathLike[str],
        *,
        name: str | None = None,
        options: Mapping[str, object] | None = None,
    ) -> None:
        self.path = Path(path).expanduser()
        self.name = f"replay:{path}" if name is None else name
        self.options: Options = checked(options, name=self.name)
        self._exchanges = [
            exchange
            for exchange in read_recording(self.path)
            if name in (None, exchange.model) and (options is None or exchange.options == self.options)
        ]
        self._redact = redactor()
        if options and not self._exchanges:
            raise UnknownModel(f"{self.name!r} holds no request with the options {dict(self.options)}")
        self._replies = _by_key(self._exchanges)
        self._asked: dict[str, int] = {}
        self._ids: dict[str, str] = {}
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"ReplayModel({str(self.path)!r})"

    def named(self, name: str) -> ReplayModel:
        """Return the model `name` of this recording, under its own name: what code asks for by name."""
        return ReplayModel(self.path, name=name)

    def complete(self, messages: Sequence[Message], on_text: OnText | None = None) -> Completion:
        """Return the recorded reply, line by line to `on_text`.

        Raises NotRecorded, showing where the nearest recorded request differs, when there is none, and the
        error that was recorded when the request had failed.
        """
        found = self._next(_key(map(self._id_of, messages)))
        if found is None:
            raise NotRecorded(f"{self.name!r} {self._difference(messages)}")
        if found.error is not None:
            raise _error(*found.error)
        free = replace(found.usage, cost_usd=0.0)
        delivered = deliver(messages, found.text, on_text)
        return replace(delivered, usage=free, stop_reason=found.stop_reason, cached=True)

    def _id_of(self, message: Message) -> str:
        asked = message_id(message)
        if asked not in self._ids:
            # As it was recorded, and each once: a long conversation comes again with every turn.
            self._ids[asked] = message_id(self._as_recorded(message))
        return self._ids[asked]

    def _as_recorded(self, message: Message) -> Message:
        return _steady(Message(message.role, shareable(message.content, self._redact)))

    def _difference(self, messages: Sequence[Message]) -> str:
        messages_recorded = {message for exchange in self._exchanges for message in exchange.messages}
        steady = {message: _steady(message) for message in messages_recorded}
        recorded = [[steady[message] for message in exchange.messages] for exchange in self._exchanges]
        return difference([self._as_recorded(message) for message in messages], recorded)

    def _next(self, key: str) -> Exchange | None:
        replies = self._replies.get(key)
        if not replies:
            return None
        with self._lock:
            number = self._asked.get(key, 0)
            self._asked[key] = number + 1
        return replies[min(number, len(replies) - 1)]


def recorded_window(path: str) -> int | None:
    """Return how many tokens the first model of a recording reads, or None when that is not known."""
    exchanges = read_recording(Path(path).expanduser())
    return listed_window(exchanges[0].model) if exchanges else None


def _by_key(exchanges: Sequence[Exchange]) -> dict[str, list[Exchange]]:
    messages = {message for exchange in exchanges for message in exchange.messages}
    ids = {message: message_id(_steady(message)) for message in messages}
    grouped: dict[str, list[Exchange]] = {}
    for exchange in sorted(exchanges, key=lambda exchange: exchange.asked):
        grouped.setdefault(_key(map(ids.__getitem__, exchange.messages)), []).append(exchange)
    return {key: [e for e in group if e.error is None] or group for key, group in grouped.items()}


def _steady(message: Message) -> Message:
    return Message(message.role, _VARYING.sub("#", message.content))


def _key(ids: Iterable[str]) -> str:
    return " ".join(ids)


def _error(kind: str, message: str) -> ModelError:
    if kind == StreamCut.__name__:
        return StreamCut(message, streamed_chars=0)
    known = getattr(errors, kind, ModelError)
    # A kind of a later release, or one that is made of more than its message.
    if not (isinstance(known, type) and issubclass(known, ModelError)):
        return ModelError(message)
    return known(message)
