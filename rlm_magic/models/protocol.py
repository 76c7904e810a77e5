"""What every model offers. Apart from the package's front, so that providers can name it without a cycle."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from ..records import Completion, Message

OnText = Callable[[str], None]


class Model(Protocol):
    """A conversation in, one reply out.

    `name` is the full name a user would write, such as "openai:gpt-5". `complete` calls `on_text` with each
    piece of the reply as it arrives (at least once for a non-empty reply), on the thread that called it; an
    exception raised by `on_text` ends the request and passes through unchanged. A failure is a ModelError.
    It may be called from several threads at once. A model may have `options`, a mapping of the sampling
    options it was opened with, which are recorded.
    """

    name: str

    def complete(self, messages: Sequence[Message], on_text: OnText | None = None) -> Completion:
        """Return the model's reply to `messages`."""
        ...
