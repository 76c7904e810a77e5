"""What models without a provider share: streaming a text they already have, and counting it."""

from __future__ import annotations

from collections.abc import Sequence

from ..records import Completion, Message, Usage
from .protocol import OnText

CHARS_PER_TOKEN = 4
"""A rule of thumb for English text. Counts made with it are estimates, and free of charge they stay."""


def estimate_tokens(text: str) -> int:
    """Return a token count for `text`: four characters a token, rounded up, at least 1.

    >>> [estimate_tokens(text) for text in ("", "four", "fives")]
    [1, 1, 2]
    """
    return max(1, -(-len(text) // CHARS_PER_TOKEN))


def deliver(messages: Sequence[Message], text: str, on_text: OnText | None) -> Completion:
    """Stream `text` line by line to `on_text` and return it as a free completion with estimated tokens."""
    if on_text is not None:
        for piece in text.splitlines(keepends=True):
            on_text(piece)
    usage = Usage(
        calls=1,
        input_tokens=sum(estimate_tokens(message.content) for message in messages),
        output_tokens=estimate_tokens(text),
        cost_usd=0.0,
    )
    return Completion(text=text, usage=usage)
