"""Sampling options: a few names that mean the same everywhere, all others as the provider calls them. Pure.

What the provider does not know it refuses itself, and says so better than a list kept here could.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from ..errors import ModelError

Options = Mapping[str, Any]

# What makes up the request itself. Tools and several choices would bring replies that the loop cannot read.
_OURS = {
    *("model", "messages", "system", "stream", "stream_options", "n", "timeout"),
    *("tools", "tool_choice", "functions", "function_call"),
    *("extra_body", "extra_headers", "extra_query"),
}


def checked(options: Mapping[str, object] | None, *, name: str) -> Options:
    """Return a copy of the options for the model `name`, without those that are None.

    Raises ModelError for an option that is no JSON, or that is part of the request itself.
    """
    kept = {key: value for key, value in (options or {}).items() if value is not None}
    for key, value in kept.items():
        if not isinstance(key, str) or not key.isidentifier():
            raise ModelError(f"{key!r} is no option of {name!r}: an option is a word such as temperature")
        if key in _OURS:
            raise ModelError(f"{key!r} cannot be an option of {name!r}: the run sets it itself; leave it out")
        _check_value(key, value, name=name)
    return MappingProxyType(json.loads(json.dumps(kept)))


def none_taken(options: Mapping[str, object] | None, *, name: str) -> None:
    """Raise ModelError if there are options for a model that takes none."""
    if given := checked(options, name=name):
        raise ModelError(f"{name!r} takes no options; leave out {', '.join(given)}")


def chat_body(options: Options, *, cap: str) -> dict[str, Any]:
    """Return what Chat Completions are sent; `cap` is what the server calls the limit on output tokens.

    >>> chat_body({"max_output_tokens": 9, "seed": 1}, cap="max_tokens")
    {'seed': 1, 'max_tokens': 9}
    """
    body = dict(options)
    if "max_output_tokens" in body:
        body[cap] = body.pop("max_output_tokens")
    return body


def messages_body(options: Options, *, max_output_tokens: int) -> dict[str, Any]:
    """Return what Anthropic's Messages are sent: `max_tokens` always, effort and thinking in their own form.

    `thinking` may be a number of tokens or a word ("adaptive") instead of Anthropic's own mapping. Thinking
    counts as output there, so its tokens come on top of the default cap.

    >>> messages_body({"reasoning_effort": "low", "thinking": 1024}, max_output_tokens=100)["max_tokens"]
    1124
    """
    body = dict(options)
    budget = body.get("thinking")
    if isinstance(budget, str):
        body["thinking"] = {"type": budget}
    elif isinstance(budget, int):
        body["thinking"] = {"type": "enabled", "budget_tokens": budget}
    if "reasoning_effort" in body:
        body["output_config"] = {**body.get("output_config", {}), "effort": body.pop("reasoning_effort")}
    thinking = body["thinking"].get("budget_tokens", 0) if isinstance(body.get("thinking"), dict) else 0
    body.setdefault("max_tokens", body.pop("max_output_tokens", max_output_tokens + thinking))
    return body


def _check_value(key: str, value: object, *, name: str) -> None:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ModelError(
            f"option {key}={value!r} of {name!r} cannot be sent ({error}); give JSON: numbers, text, lists"
        ) from error
    if key == "max_output_tokens" and not (type(value) is int and value > 0):
        raise ModelError(f"option max_output_tokens={value!r} of {name!r} must be a whole number above 0")
    if key == "thinking" and isinstance(value, bool):
        raise ModelError(
            f'option thinking={value!r} of {name!r}: give tokens (4000), "adaptive" or "disabled"'
        )
    if key == "output_config" and not isinstance(value, dict):
        raise ModelError(f"option output_config={value!r} of {name!r} must be a mapping")
