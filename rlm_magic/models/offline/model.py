"""The embedded model: rules that play the loop's game, without a key, a network or a language model."""

from __future__ import annotations

from collections.abc import Sequence

from ...records import Completion, Message
from ..local import deliver
from ..protocol import OnText
from .conversation import read_conversation
from .extract import extract
from .plan import next_reply


class OfflineModel:
    """Answers look-up questions by rules: it matches words and understands nothing, and says so.

    As a root model (a conversation with a system message) it writes cells that probe the text, search for
    the question's words, read around the hits and ask sub-models, then answers with the lines it rests on
    or says that it found nothing; it needs at most eight turns. As a sub-model (one user message) it returns
    the lines of the prompt that answer best. It keeps nothing between calls, costs nothing, and its token
    counts are estimates (four characters each).
    """

    name = "offline"

    def __repr__(self) -> str:
        return "OfflineModel()"

    def complete(self, messages: Sequence[Message], on_text: OnText | None = None) -> Completion:
        """Return the next reply of the loop, or the lines that answer a sub-prompt; never fails."""
        if any(message.role == "system" for message in messages):
            return deliver(messages, next_reply(read_conversation(messages)), on_text)
        asked = [message.content for message in messages if message.role == "user"]
        return deliver(messages, extract(asked[-1] if asked else ""), on_text)
