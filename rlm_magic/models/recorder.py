"""Record what a model is asked and replies, while it is used."""

from __future__ import annotations

import json
import os
import threading
import warnings
from collections.abc import Mapping, Sequence
from itertools import count
from os import PathLike
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from ..errors import ModelError, NotRecorded, RateLimited
from ..records import Completion, Message
from ..redact import redactor
from .protocol import Model, OnText
from .recording import Exchange, header, lines_of, message_id, read_recording

# O_BINARY where there is one: elsewhere a line would end in two characters.
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)


def recording(model: Model, path: str | PathLike[str]) -> RecordingModel:
    """Return `model` such that each of its exchanges is added to the recording at `path`.

    Several models may share a file, from several threads. A file that is there is continued, so that a lesson
    of several questions is one recording. Raises ModelError for a file that is no recording or that cannot be
    written. Play it back with the model "replay:PATH".
    """
    return RecordingModel(model, _tape_at(Path(path)))


class RecordingModel:
    """A model whose exchanges are recorded; it has the name and options of the one that it asks.

    Failures are recorded too, but for rate limits, after which the same request is made again. A reply that
    its caller stopped is not recorded.
    """

    def __init__(self, model: Model, tape: Tape) -> None:
        self.name = model.name
        self.options: Mapping[str, Any] = getattr(model, "options", {})
        self._model = model
        self._tape = tape

    def __repr__(self) -> str:
        return f"RecordingModel({self._model!r}, {str(self._tape.path)!r})"

    def complete(self, messages: Sequence[Message], on_text: OnText | None = None) -> Completion:
        """Return the model's reply, recorded. Raises what the model raises."""
        asked = self._tape.next_asked()
        stopped: list[BaseException] = []

        def pass_on(piece: str) -> None:
            try:
                if on_text is not None:
                    on_text(piece)
            except BaseException as error:
                stopped.append(error)
                raise

        try:
            completion = self._model.complete(messages, pass_on)
        except (RateLimited, NotRecorded):
            raise
        except ModelError as error:
            if error not in stopped:
                self._tape.add(self._failed(messages, asked, error))
            raise
        self._tape.add(self._replied(messages, asked, completion))
        return completion

    def _replied(self, messages: Sequence[Message], asked: int, completion: Completion) -> Exchange:
        return Exchange(
            model=self.name,
            messages=tuple(messages),
            options=self.options,
            text=completion.text,
            stop_reason=completion.stop_reason,
            usage=completion.usage,
            asked=asked,
        )

    def _failed(self, messages: Sequence[Message], asked: int, error: ModelError) -> Exchange:
        return Exchange(
            model=self.name,
            messages=tuple(messages),
            options=self.options,
            error=(type(error).__name__, str(error)),
            asked=asked,
        )


class Tape:
    """A recording that is being written: each exchange goes to the file whole, and at once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._known: dict[str, str] = {}
        self._redact = redactor()
        self._broken = False
        self._asked = count()
        try:
            self._file = os.open(path, _FLAGS, 0o600)
            self._begin()
        except OSError as error:
            raise ModelError(f"cannot record in {str(path)!r}: {error}") from error

    def __del__(self) -> None:
        if hasattr(self, "_file"):
            os.close(self._file)

    def is_at(self, path: Path) -> bool:
        """Return whether `path` is still the file that is written: it may be deleted or replaced."""
        try:
            return os.path.samestat(os.fstat(self._file), path.stat())
        except FileNotFoundError:
            return False

    def next_asked(self) -> int:
        """Return the place of a request that is made now among all of the recording."""
        return next(self._asked)

    def add(self, exchange: Exchange) -> None:
        """Write one exchange. A disk that fails is told of once, in a warning: the reply is paid for."""
        with self._lock:
            if self._broken:
                return
            lines = lines_of(exchange, known=self._known, redact=self._redact)
            try:
                self._write(lines)
            except OSError as error:
                self._broken = True
                warnings.warn(f"{self.path} is not recorded any more: {error}", stacklevel=2)

    def _begin(self) -> None:
        size = os.fstat(self._file).st_size
        if size == 0:
            self._write([json.dumps(header())])
            return
        exchanges = read_recording(self.path)
        self._asked = count(max((exchange.asked for exchange in exchanges), default=-1) + 1)
        for message in {message for exchange in exchanges for message in exchange.messages}:
            self._known[message_id(message)] = message_id(message)
        # What a killed kernel left half written would spoil the line that follows it.
        os.ftruncate(self._file, self.path.read_bytes().rfind(b"\n") + 1)

    def _write(self, lines: list[str]) -> None:
        data = "".join(f"{line}\n" for line in lines).encode()
        # One write for the whole: a second kernel that appends to the same file cannot come between.
        if os.write(self._file, data) != len(data):
            raise OSError("the disk took only part of it")


_TAPES: WeakValueDictionary[Path, Tape] = WeakValueDictionary()
_TAPES_LOCK = threading.Lock()


def _tape_at(path: Path) -> Tape:
    # One for all models of a run: two would write every shared message twice.
    with _TAPES_LOCK:
        where = path.expanduser().absolute()
        tape = _TAPES.get(where)
        if tape is None or not tape.is_at(where):
            tape = _TAPES[where] = Tape(where)
        return tape
