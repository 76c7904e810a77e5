"""What a run says to its root model: kept short of the model's window, and handed on to the record once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..config import EngineConfig
from ..models import Model
from ..records import Compaction, Message, Step, Usage
from . import prompts
from .calls import Asking, Request
from .conversation import Conversation, Exchange
from .desk import estimate_tokens


@dataclass(slots=True)
class Talk:
    """A conversation on its way. `unrecorded` are the messages that no step's record has yet."""

    conversation: Conversation
    model: Model
    window_tokens: int
    config: EngineConfig
    unrecorded: list[Message]
    # Corrects our estimate of tokens by the provider's own count.
    tokens_per_estimated: float = 1.0

    def messages(self) -> tuple[Message, ...]:
        """Return what the model is sent next."""
        return tuple(self.conversation.messages())

    def shortened(self) -> Asking[tuple[Compaction | None, Usage]]:
        """Have the oldest steps summed up if the conversation nears the model's window."""
        config, conversation = self.config, self.conversation
        limit = int(self.window_tokens * config.compact_share / self.tokens_per_estimated)
        count = conversation.to_compact(limit_tokens=limit, kept_steps=config.kept_steps)
        if not count:
            return None, Usage()
        completion = yield Request(self.model, conversation.asking_for_summary(count, limit_tokens=limit))
        compaction = conversation.compact(completion.text, count, window_tokens=self.window_tokens)
        self.unrecorded = [conversation.opening_question(), *self.unrecorded]
        return compaction, completion.usage

    def heard(self, usage: Usage) -> None:
        """Learn from a reply how many tokens the provider counts for what was sent."""
        self.tokens_per_estimated = max(1.0, usage.input_tokens / estimate_tokens(self.messages()))

    def add(self, remark: str) -> None:
        """Add a remark of the user to what the model is told next."""
        self.unrecorded = [*self.unrecorded[:-1], self.conversation.amend(remark)]

    def show(self, step: Step, notes: Sequence[str], turn: str) -> None:
        """Show the model what its step came to, and whose turn it is."""
        shown = prompts.output_message(step.cells, notes, turn, output_chars=self.config.output_chars)
        self.unrecorded = [shown]
        self.conversation.add(Exchange(step.number, step.reply, shown))
