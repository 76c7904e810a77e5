"""OpenAI's Chat Completions, and every server that speaks it. The only module that imports openai."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..config import ModelConfig
from ..errors import MissingPackage
from ..records import Completion, Message
from .names import ModelName
from .options import chat_body, checked
from .presets import PRESETS, Preset, address_of, is_loopback, named_by
from .protocol import OnText
from .provider import (
    Endpoint,
    client_settings,
    close_with,
    host_of,
    no_key,
    read_key,
    setting_up,
    wire_text,
)
from .stream import Reply, converse

if TYPE_CHECKING:
    from openai import OpenAI, Stream
    from openai.types import CompletionUsage
    from openai.types.chat import ChatCompletionChunk, ChatCompletionMessageParam

NO_KEY = "none"
"""Sent where no key is needed: the SDK insists on one, and servers that need none ignore it."""


class OpenAIModel:
    """One model of an OpenAI-compatible server, asked by streamed Chat Completions.

    `provider` is a key of PRESETS; `base_url` overrides its address. The SDK's own environment variables
    apply to the provider "openai" (OPENAI_ORG_ID, ...), and its own retries to all: refused connections, 408,
    409 and 5xx, as long as the reply has not begun. `options` are sent along as they are, but for
    `max_output_tokens`, which each server calls by its own name; none is sent by default, as reasoning models
    refuse some. Opening it sends nothing. Raises MissingPackage, MissingKey, and ModelError for a bad option.
    """

    def __init__(
        self,
        model: str,
        *,
        provider: str = "openai",
        base_url: str = "",
        options: Mapping[str, object] | None = None,
        config: ModelConfig | None = None,
    ) -> None:
        name = ModelName(provider, model, base_url)
        self.name = str(name)
        self.options = checked(options, name=self.name)
        self._model = model
        self._preset = PRESETS[provider]
        # A server of unknown make: the older name of the cap is the one that all of them know.
        cap = self._preset.cap if provider == "azure" or not base_url else "max_tokens"
        self._body = chat_body(self.options, cap=cap)
        self._client, self._endpoint = _connect(name, self._preset, config or ModelConfig())
        close_with(self, self._client.close)

    def __repr__(self) -> str:
        return f"OpenAIModel({self.name!r})"

    def complete(self, messages: Sequence[Message], on_text: OnText | None = None) -> Completion:
        """Return the model's reply.

        `stop_reason` is "stop", "length" when it was cut at the token limit, "refusal" when the text is the
        model's refusal, or the server's own word ("content_filter").

        Raises MissingKey for a refused key, UnknownModel for a model the server does not have, RateLimited
        when it asks to be asked more slowly, and ModelError for everything else, a connection lost halfway
        included.
        """
        wire = [_wire_message(message) for message in messages]

        def start() -> Stream[ChatCompletionChunk]:
            return self._client.chat.completions.create(
                model=self._model,
                messages=wire,
                stream=True,
                stream_options={"include_usage": True},
                extra_body=self._body or None,
            )

        take = _take_with_cost if self._preset.tells_cost else _take
        reply = converse(start, take, endpoint=self._endpoint, on_text=on_text)
        return reply.completion(self.name, prompt_chars=sum(len(message.content) for message in messages))


def _connect(name: ModelName, preset: Preset, config: ModelConfig) -> tuple[OpenAI, Endpoint]:
    url = address_of(name)
    host = host_of(url, variable=named_by(name, preset.url_variable))
    variable = next(filter(read_key, preset.key_variables), preset.key_variables[0])
    key = read_key(variable)
    if not key and preset.key_needed and not is_loopback(url):
        raise no_key(variable, str(name))
    try:
        # Here, not at the top: 0.5 s, and only these providers need it.
        import openai
    except ImportError as error:
        raise MissingPackage(f"{str(name)!r} needs the package openai: pip install openai") from error
    with setting_up(str(name), secret=key):
        settings = client_settings(openai.DefaultHttpxClient, config)
        client: OpenAI
        if name.provider == "azure":
            client = _azure(url, key, config, settings)
        else:
            headers = {preset.key_header: key} if preset.key_header and key else None
            client = openai.OpenAI(api_key=key or NO_KEY, base_url=url, default_headers=headers, **settings)
    return client, Endpoint(name=str(name), host=host, key_variable=variable, secret=key)


def _azure(url: str, key: str, config: ModelConfig, settings: dict[str, Any]) -> OpenAI:
    from openai import AzureOpenAI

    by_key = not key or bool(read_key("AZURE_OPENAI_API_KEY"))
    return AzureOpenAI(
        azure_endpoint=url,
        api_version=os.environ.get("OPENAI_API_VERSION", "").strip() or config.azure_api_version,
        api_key=(key or NO_KEY) if by_key else None,
        azure_ad_token=None if by_key else key,
        **settings,
    )


def _wire_message(message: Message) -> ChatCompletionMessageParam:
    content = wire_text(message.content)
    if message.role == "system":
        return {"role": "system", "content": content}
    if message.role == "assistant":
        return {"role": "assistant", "content": content}
    return {"role": "user", "content": content}


def _take_with_cost(chunk: ChatCompletionChunk, reply: Reply) -> None:
    _take(chunk, reply)
    if chunk.usage is not None:
        reply.add_cost(getattr(chunk.usage, "cost", None))


def _take(chunk: ChatCompletionChunk, reply: Reply) -> None:
    if chunk.usage is not None:
        _count(chunk.usage, reply)
    # The chunk with the usage has no choices; Azure's first one has none either.
    for choice in (chunk.choices or ())[:1]:
        if choice.delta is not None:
            reply.add(choice.delta.content)
            reply.add_refusal(choice.delta.refusal)
        if choice.finish_reason is not None:
            reply.stop_reason = "refusal" if reply.refused else choice.finish_reason


def _count(usage: CompletionUsage, reply: Reply) -> None:
    details = usage.prompt_tokens_details
    reply.input_tokens, reply.output_tokens = usage.prompt_tokens, usage.completion_tokens
    reply.cache_read_tokens = (details.cached_tokens if details else 0) or 0
