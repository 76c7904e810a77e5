"""The conversation with the root model, and how it is shortened when it nears the model's window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ..records import Compaction, Message
from ..text import clip
from . import prompts
from .desk import CHARS_PER_TOKEN, estimate_tokens

# A summary is to be much shorter than what it stands for, whatever its author thinks.
_SUMMARY_SHARE = 0.125


@dataclass(frozen=True, slots=True)
class Exchange:
    """One step as the model sees it: its reply, and what it was shown thereupon."""

    step: int
    reply: str
    shown: Message

    def messages(self) -> tuple[Message, ...]:
        """Return both messages; only what was shown where there was no reply, which providers refuse."""
        return (Message("assistant", self.reply), self.shown) if self.reply else (self.shown,)


@dataclass(slots=True)
class Conversation:
    """Instructions and question, which always stay; a summary of the oldest steps; the steps since."""

    system: Message
    question: Message
    compaction: Compaction | None = None
    exchanges: list[Exchange] = field(default_factory=list)

    def messages(self) -> list[Message]:
        """Return what the model is sent."""
        return self._opening() + _flat(self.exchanges)

    def tokens(self) -> int:
        """Return about how many tokens that is."""
        return estimate_tokens(self.messages())

    def add(self, exchange: Exchange) -> None:
        """Append a step."""
        self.exchanges.append(exchange)

    def amend(self, remark: str) -> Message:
        """Add a remark to the message that stands last, and return that."""
        exchange = self.exchanges[-1] if self.exchanges else None
        last = self.question if exchange is None else exchange.shown
        amended = replace(last, content=f"{last.content}\n\n{remark}")
        if exchange is None:
            self.question = amended
        else:
            self.exchanges[-1] = replace(exchange, shown=amended)
        return amended

    def to_compact(self, *, limit_tokens: int, kept_steps: int) -> int:
        """Return how many of the oldest exchanges to summarise now; 0 while all fit in `limit_tokens`.

        The last `kept_steps` stay if they leave at least half of that free.
        """
        if not self.exchanges or self.tokens() < limit_tokens:
            return 0
        for kept in range(min(kept_steps, len(self.exchanges) - 1), 0, -1):
            if estimate_tokens(_flat(self.exchanges[-kept:])) <= limit_tokens // 2:
                return len(self.exchanges) - kept
        return len(self.exchanges)

    def asking_for_summary(self, count: int, *, limit_tokens: int) -> list[Message]:
        """Return what to send for a summary of the oldest `count` exchanges, clipped if they are too long."""
        messages = _flat(self.exchanges[:count])
        limit_chars = limit_tokens * CHARS_PER_TOKEN
        if sum(len(message.content) for message in messages) > limit_chars:
            each = limit_chars // len(messages)
            messages = [replace(m, content=clip(m.content, limit_chars=each)) for m in messages]
        return self._opening() + messages + [prompts.summary_request()]

    def compact(self, summary: str, count: int, *, window_tokens: int) -> Compaction:
        """Put `summary` in the place of the oldest `count` exchanges."""
        limit_chars = int(window_tokens * _SUMMARY_SHARE) * CHARS_PER_TOKEN
        text = clip(summary.strip() or prompts.EMPTY_SUMMARY, limit_chars=limit_chars)
        self.compaction = Compaction(text, self.exchanges[count - 1].step)
        self.exchanges = self.exchanges[count:]
        return self.compaction

    def restore(self, compaction: Compaction) -> None:
        """Put a summary made earlier in its place again."""
        self.compaction = compaction
        self.exchanges = [exchange for exchange in self.exchanges if exchange.step > compaction.steps]

    def opening_question(self) -> Message:
        """Return the question as it is sent: with the summary, once there is one."""
        if self.compaction is None:
            return self.question
        told = prompts.summary_text(self.compaction)
        return replace(self.question, content=f"{self.question.content}\n\n{told}")

    def _opening(self) -> list[Message]:
        return [self.system, self.opening_question()]


def _flat(exchanges: Sequence[Exchange]) -> list[Message]:
    return [message for exchange in exchanges for message in exchange.messages()]
