"""OpenAI's Chat Completions, and every server that speaks it. The only module that imports openai."""

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
    from openai import OpenAI, Stream
    from openai.types.chat import ChatCompletionChunk, ChatCompletionMessageParam

KEY_VARIABLE = "OPENAI_API_KEY"


class OpenAIModel:
    """One model of an OpenAI-compatible server, asked by streamed Chat Completions.

    The SDK's own environment variables apply (OPENAI_BASE_URL, OPENAI_ORG_ID, ...), and its own retries:
    refused connections, 408, 409, 429 and 5xx, as long as the reply has not begun. No sampling option is
    sent: reasoning models refuse them. Opening it sends nothing. Raises MissingPackage, MissingKey.
    """

    def __init__(self, model: str, *, config: ModelConfig | None = None) -> None:
        self.name = f"openai:{model}"
        self._model = model
        self._client, self._endpoint = _connect(self.name, config or ModelConfig())
        close_with(self, self._client.close)

    def __repr__(self) -> str:
        return f"OpenAIModel({self._model!r})"

    def complete(self, messages: Sequence[Message], on_text: OnText | None = None) -> Completion:
        """Return the model's reply.

        `stop_reason` is "stop", "length" when it was cut at the token limit, "refusal" when the text is the
        model's refusal, or the server's own word ("content_filter").

        Raises MissingKey for a refused key, UnknownModel for a model the server does not have, and
        ModelError for everything else, a connection lost halfway included.
        """
        wire = [_wire_message(message) for message in messages]

        def start() -> Stream[ChatCompletionChunk]:
            return self._client.chat.completions.create(
                model=self._model, messages=wire, stream=True, stream_options={"include_usage": True}
            )

        reply = converse(start, _take, endpoint=self._endpoint, on_text=on_text)
        return reply.completion(self.name, prompt_chars=sum(len(message.content) for message in messages))


def _connect(name: str, config: ModelConfig) -> tuple[OpenAI, Endpoint]:
    key = read_key(KEY_VARIABLE)
    if not key:
        raise no_key(KEY_VARIABLE, name)
    try:
        # Here, not at the top: 0.5 s, and only this provider needs it.
        from openai import OpenAI
    except ImportError as error:
        raise MissingPackage(f"{name!r} needs the package openai: pip install openai") from error
    with setting_up(name, secret=key):
        client = OpenAI(api_key=key, timeout=config.timeout_s, max_retries=config.max_retries)
    host = host_of(str(client.base_url), variable="OPENAI_BASE_URL")
    return client, Endpoint(name=name, host=host, key_variable=KEY_VARIABLE, secret=key)


def _wire_message(message: Message) -> ChatCompletionMessageParam:
    content = wire_text(message.content)
    if message.role == "system":
        return {"role": "system", "content": content}
    if message.role == "assistant":
        return {"role": "assistant", "content": content}
    return {"role": "user", "content": content}


def _take(chunk: ChatCompletionChunk, reply: Reply) -> None:
    if chunk.usage is not None:
        details = chunk.usage.prompt_tokens_details
        reply.input_tokens, reply.output_tokens = chunk.usage.prompt_tokens, chunk.usage.completion_tokens
        reply.cache_read_tokens = (details.cached_tokens if details else 0) or 0
    # The chunk with the usage has no choices; Azure's first one has none either.
    for choice in (chunk.choices or ())[:1]:
        if choice.delta is not None:
            reply.add(choice.delta.content)
            reply.add_refusal(choice.delta.refusal)
        if choice.finish_reason is not None:
            reply.stop_reason = "refusal" if reply.refused else choice.finish_reason
