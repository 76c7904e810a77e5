"""A model that says what it was told to say: for tests, teaching and demonstrations."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from ..errors import ModelError, ScriptExhausted
from ..records import Completion, Message
from .local import deliver
from .protocol import OnText

Script = Sequence[str] | Callable[[Sequence[Message]], str]


class ScriptedModel:
    """Replies from a list, in order, or from a function of the conversation.

    A list is used up over all callers and threads; one call too many raises ScriptExhausted. A function is
    asked anew each time, from the caller's thread, and its exceptions pass through. Tokens are estimated
    (four characters each), the cost is 0.
    """

    def __init__(self, replies: Script, name: str = "scripted") -> None:
        if isinstance(replies, str):
            # A str is a sequence of str: without this, each letter would be one reply.
            raise TypeError(
                f"replies must be a list of replies or a function, not one str: use [{replies[:40]!r}]"
            )
        self.name = name
        self._replies = replies if callable(replies) else tuple(replies)
        self._asked = 0
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"ScriptedModel(name={self.name!r})"

    def complete(self, messages: Sequence[Message], on_text: OnText | None = None) -> Completion:
        """Return the next reply of the script. Raises ScriptExhausted when none is left."""
        replies = self._replies
        reply = replies(messages) if callable(replies) else self._next(replies)
        if not isinstance(reply, str):
            raise ModelError(f"the script of {self.name!r} gave {type(reply).__name__} {reply!r}, not a str")
        return deliver(messages, reply, on_text)

    def _next(self, replies: tuple[str, ...]) -> str:
        with self._lock:
            number, self._asked = self._asked, self._asked + 1
        if number >= len(replies):
            raise ScriptExhausted(
                f"model {self.name!r} was asked {number + 1} times and its script has {len(replies)} "
                "replies: add replies, or give a function instead of a list"
            )
        return replies[number]
