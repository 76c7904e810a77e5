"""Anthropic's Messages. The only module that imports anthropic."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..config import ModelConfig
from ..errors import MissingPackage
from ..records import Completion, Message
from .protocol import OnText
from .provider import Endpoint, close_with, host_of, no_key, read_key, setting_up, wire_text
from .stream import Reply, converse

if TYPE_CHECKING:
    from anthropic import Anthropic, Stream
    from anthropic.types import MessageDeltaUsage, MessageParam, RawMessageStreamEvent, Usage

KEY_VARIABLE = "ANTHROPIC_API_KEY"
TOKEN_VARIABLE = "ANTHROPIC_AUTH_TOKEN"

_STOP_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
}


class AnthropicModel:
    """One of Anthropic's models, asked by streamed Messages.

    The SDK finds the credentials (ANTHROPIC_API_KEY, ANTHROPIC_AUTH_TOKEN, a profile) and the address
    (ANTHROPIC_BASE_URL), and retries what it retries: refused connections, 408, 409, 429 and 5xx, as long as
    the reply has not begun. Opening it sends nothing. Raises MissingPackage, MissingKey.
    """

    def __init__(self, model: str, *, config: ModelConfig | None = None) -> None:
        self.name = f"anthropic:{model}"
        self._model = model
        self._config = config or ModelConfig()
        self._client, self._endpoint = _connect(self.name, self._config)
        close_with(self, self._client.close)

    def __repr__(self) -> str:
        return f"AnthropicModel({self._model!r})"

    def complete(self, messages: Sequence[Message], on_text: OnText | None = None) -> Completion:
        """Return the model's reply, without its thinking.

        `stop_reason` is "stop", "length" when it was cut at the token limit or the window's end, or
        Anthropic's own word ("refusal").

        Raises MissingKey for a refused key, UnknownModel for a model Anthropic does not have, and ModelError
        for everything else, a connection lost halfway included.
        """
        from anthropic import omit

        system, wire = split_system(messages)

        def start() -> Stream[RawMessageStreamEvent]:
            return self._client.messages.create(
                model=self._model,
                system=system or omit,
                messages=wire,
                max_tokens=self._config.max_output_tokens,
                stream=True,
            )

        reply = converse(start, _take, endpoint=self._endpoint, on_text=on_text)
        return reply.completion(self.name, prompt_chars=sum(len(message.content) for message in messages))


def split_system(messages: Sequence[Message]) -> tuple[str, list[MessageParam]]:
    """Return the system prompt, and the other messages as the API wants them: alternating, none empty."""
    system = "\n\n".join(wire_text(message.content) for message in messages if message.role == "system")
    merged: list[tuple[str, str]] = []
    for message in messages:
        content = wire_text(message.content)
        if message.role == "system" or not content.strip():
            continue
        if merged and merged[-1][0] == message.role:
            content = f"{merged.pop()[1]}\n\n{content}"
        merged.append((message.role, content))
    return system, [_wire_message(role, text) for role, text in merged]


def _wire_message(role: str, content: str) -> MessageParam:
    if role == "assistant":
        return {"role": "assistant", "content": content}
    return {"role": "user", "content": content}


def _connect(name: str, config: ModelConfig) -> tuple[Anthropic, Endpoint]:
    key, token = read_key(KEY_VARIABLE), read_key(TOKEN_VARIABLE)
    try:
        # Here, not at the top: 0.5 s, and only this provider needs it.
        from anthropic import Anthropic
    except ImportError as error:
        raise MissingPackage(f"{name!r} needs the package anthropic: pip install anthropic") from error
    # Handed over, not left to the SDK: a line break at the end of a key would go into the header.
    with setting_up(name, secret=key or token):
        client = Anthropic(
            api_key=key or None,
            auth_token=None if key else token or None,
            timeout=config.timeout_s,
            max_retries=config.max_retries,
        )
    if not ((client.api_key or client.auth_token or "").strip() or client.credentials):
        raise no_key(KEY_VARIABLE, name)
    host = host_of(str(client.base_url), variable="ANTHROPIC_BASE_URL")
    return client, Endpoint(name=name, host=host, key_variable=KEY_VARIABLE, secret=key or token)


def _take(event: RawMessageStreamEvent, reply: Reply) -> None:
    if event.type == "message_start":
        _count(event.message.usage, reply)
    elif event.type == "content_block_delta" and event.delta.type == "text_delta":
        reply.add(event.delta.text)
    elif event.type == "message_delta":
        _count(event.usage, reply)
        if event.delta.stop_reason is not None:
            reply.stop_reason = _STOP_REASONS.get(event.delta.stop_reason, event.delta.stop_reason)


def _count(usage: Usage | MessageDeltaUsage, reply: Reply) -> None:
    # The counts in message_delta are cumulative, so the last one stands; those it leaves out stay.
    reply.output_tokens = usage.output_tokens
    reply.cache_read_tokens = usage.cache_read_input_tokens or reply.cache_read_tokens
    reply.cache_write_tokens = usage.cache_creation_input_tokens or reply.cache_write_tokens
    if usage.input_tokens is not None:
        reply.uncached_tokens = usage.input_tokens
    reply.input_tokens = reply.uncached_tokens + reply.cache_read_tokens + reply.cache_write_tokens
