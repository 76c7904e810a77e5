"""Anthropic's Messages, at Anthropic, on Bedrock and on Vertex. The only module that imports anthropic."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from ..config import ModelConfig
from ..errors import MissingPackage
from ..records import Completion, Message
from .names import ModelName
from .options import checked, messages_body
from .presets import is_loopback, named_by, without_password
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
    from anthropic import Anthropic, AnthropicBedrock, AnthropicVertex, Stream
    from anthropic.types import MessageDeltaUsage, MessageParam, RawMessageStreamEvent, Usage

    Client = Anthropic | AnthropicBedrock | AnthropicVertex

KEY_VARIABLE = "ANTHROPIC_API_KEY"
TOKEN_VARIABLE = "ANTHROPIC_AUTH_TOKEN"
BEDROCK_VARIABLE = "AWS_BEARER_TOKEN_BEDROCK"
_AWS_SIGN_IN = "set AWS_PROFILE, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_BEARER_TOKEN_BEDROCK"
_GOOGLE_SIGN_IN = "run 'gcloud auth application-default login' or set GOOGLE_APPLICATION_CREDENTIALS"

_STOP_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
}


class AnthropicModel:
    """One of Anthropic's models, asked by streamed Messages.

    `provider` is "anthropic", "bedrock" or "vertex"; `base_url` overrides its address. The SDK finds the
    credentials (ANTHROPIC_API_KEY, ANTHROPIC_AUTH_TOKEN, a profile; AWS's own chain; Google's) and the
    address (ANTHROPIC_BASE_URL and its kin), and retries refused connections, 408, 409 and 5xx, as long as
    the reply has not begun. `options` are sent along; `max_output_tokens`, `reasoning_effort` and `thinking`
    are put in Anthropic's form. Opening it sends nothing. Raises MissingPackage, MissingKey, and ModelError
    for a bad option.

    A conversation with a system message is one that grows, so what is sent of it is kept in Anthropic's
    prompt cache, from where the next turn reads it at a tenth of the price.
    """

    def __init__(
        self,
        model: str,
        *,
        provider: str = "anthropic",
        base_url: str = "",
        options: Mapping[str, object] | None = None,
        config: ModelConfig | None = None,
    ) -> None:
        name, config = ModelName(provider, model, base_url), config or ModelConfig()
        self.name = str(name)
        self.options = checked(options, name=self.name)
        self._model = model
        self._body = messages_body(self.options, max_output_tokens=config.max_output_tokens)
        self._max_tokens = self._body.pop("max_tokens")
        self._client, self._endpoint = _connect(name, config)
        close_with(self, self._client.close)

    def __repr__(self) -> str:
        return f"AnthropicModel({self.name!r})"

    def complete(self, messages: Sequence[Message], on_text: OnText | None = None) -> Completion:
        """Return the model's reply, without its thinking.

        `stop_reason` is "stop", "length" when it was cut at the token limit or the window's end, or
        Anthropic's own word ("refusal").

        Raises MissingKey for a refused key, UnknownModel for a model Anthropic does not have, RateLimited
        when it asks to be asked more slowly or is overloaded, and ModelError for everything else, a
        connection lost halfway included.
        """
        from anthropic import omit

        system, wire = split_system(messages)

        def start() -> Stream[RawMessageStreamEvent]:
            return self._client.messages.create(
                model=self._model,
                system=system or omit,
                messages=_kept(wire) if system else wire,
                max_tokens=self._max_tokens,
                stream=True,
                extra_body=self._body or None,
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


def _kept(wire: list[MessageParam]) -> list[MessageParam]:
    # On the last message, not by the request's own field for it, which Bedrock and Vertex do not know.
    if not wire or wire[-1]["role"] != "user":
        return wire
    text = str(wire[-1]["content"])
    return [
        *wire[:-1],
        {
            "role": "user",
            "content": [{"type": "text", "text": text, "cache_control": {"type": "ephemeral"}}],
        },
    ]


def _connect(name: ModelName, config: ModelConfig) -> tuple[Client, Endpoint]:
    without_password(name)
    try:
        # Here, not at the top: 0.5 s, and only these providers need it.
        from anthropic import DefaultHttpxClient
    except ImportError as error:
        raise MissingPackage(f"{str(name)!r} needs the package anthropic: pip install anthropic") from error
    settings = client_settings(DefaultHttpxClient, config) | {"base_url": name.base_url or None}
    try:
        return _CONNECT[name.provider](name, settings)
    except BaseException:
        settings["http_client"].close()
        raise


def _connect_anthropic(name: ModelName, settings: dict[str, Any]) -> tuple[Client, Endpoint]:
    from anthropic import Anthropic

    key, token = read_key(KEY_VARIABLE), read_key(TOKEN_VARIABLE)
    if not key and not token and is_loopback(name.base_url):
        key = "none"
    # Handed over, not left to the SDK: a line break at the end of a key would go into the header.
    with setting_up(str(name), secret=key or token):
        client = Anthropic(api_key=key or None, auth_token=None if key else token or None, **settings)
    if not ((client.api_key or client.auth_token or "").strip() or client.credentials):
        raise no_key(KEY_VARIABLE, str(name))
    host = host_of(str(client.base_url), variable=named_by(name, "ANTHROPIC_BASE_URL"))
    return client, Endpoint(name=str(name), host=host, key_variable=KEY_VARIABLE, secret=key or token)


def _connect_bedrock(name: ModelName, settings: dict[str, Any]) -> tuple[Client, Endpoint]:
    from anthropic import AnthropicBedrock

    key = read_key(BEDROCK_VARIABLE)
    with setting_up(str(name), secret=key):
        client = AnthropicBedrock(api_key=key or None, **settings)
    host = host_of(str(client.base_url), variable=named_by(name, "ANTHROPIC_BEDROCK_BASE_URL"))
    variable = BEDROCK_VARIABLE if key else "the AWS credentials"
    return client, Endpoint(
        name=str(name), host=host, key_variable=variable, secret=key, sign_in=_AWS_SIGN_IN
    )


def _connect_vertex(name: ModelName, settings: dict[str, Any]) -> tuple[Client, Endpoint]:
    from anthropic import AnthropicVertex

    if not _google_auth_is_installed():
        raise MissingPackage(f"{str(name)!r} needs google-auth: pip install 'anthropic[vertex]'")
    project = _set_of("ANTHROPIC_VERTEX_PROJECT_ID", "GOOGLE_CLOUD_PROJECT")
    if not project:
        raise no_key("ANTHROPIC_VERTEX_PROJECT_ID", str(name))
    # "global" is where Google serves every model of Anthropic's; the SDK has no region of its own.
    region = _set_of("CLOUD_ML_REGION") or "global"
    with setting_up(str(name), secret=""):
        client = AnthropicVertex(region=region, project_id=project, **settings)
    host = host_of(str(client.base_url), variable=named_by(name, "ANTHROPIC_VERTEX_BASE_URL"))
    variable = "the Google credentials"
    return client, Endpoint(
        name=str(name), host=host, key_variable=variable, secret="", sign_in=_GOOGLE_SIGN_IN
    )


_CONNECT = {
    "anthropic": _connect_anthropic,
    "bedrock": _connect_bedrock,
    "vertex": _connect_vertex,
}


def _set_of(*variables: str) -> str:
    return next((value for name in variables if (value := os.environ.get(name, "").strip())), "")


def _google_auth_is_installed() -> bool:
    try:
        return find_spec("google.auth") is not None
    except ModuleNotFoundError:
        # Not even the namespace package that it lives in.
        return False


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
