"""Scripted models, and what they were told."""

from __future__ import annotations

from collections.abc import Sequence

from rlm_magic.models import ScriptedModel
from rlm_magic.records import Message

TEXT = "The captain of the ship is Ada.\nThe cook is Bob.\n"


class Listening(ScriptedModel):
    """A scripted model that remembers the conversations it was shown."""

    def __init__(self, *replies: str, name: str = "listening") -> None:
        super().__init__(replies, name=name)
        self.heard: list[tuple[Message, ...]] = []

    def complete(self, messages, on_text=None):  # type: ignore[no-untyped-def]
        """Return the next reply."""
        self.heard.append(tuple(messages))
        return super().complete(messages, on_text)

    @property
    def instructions(self) -> str:
        """The system message of the first conversation."""
        return self.heard[0][0].content

    @property
    def last(self) -> str:
        """The last message it was shown."""
        return self.heard[-1][-1].content


def code(*lines: str) -> str:
    """Return a reply that runs these lines."""
    body = "\n".join(lines)
    return f"Let me see.\n````repl\n{body}\n````\n"


def said(conversation: Sequence[Message]) -> str:
    """Return everything in a conversation as one text."""
    return "\n".join(message.content for message in conversation)
