"""Answer the same request from a cache instead of paying for it again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from ..records import Completion, Message, Usage
from .local import deliver
from .protocol import Model, OnText

_VERSION = 1


class Cache(Protocol):
    """Where replies are kept: bytes by key. A fault of its own is its own to handle: a reply is paid for."""

    def get(self, key: str, /) -> bytes | None:
        """Return what was put under `key`, or None."""
        ...

    def put(self, key: str, data: bytes, /) -> object:
        """Keep `data` under `key`."""
        ...


def cached(model: Model, cache: Cache) -> CachedModel:
    """Return `model` such that a request it has answered before is answered from `cache`."""
    return CachedModel(model, cache)


class CachedModel:
    """A model whose replies are kept; it has the name and options of the one that it asks.

    The same request is the same model name, options and messages. Only whole replies are kept (`stop_reason`
    "stop"). One from the cache has `Completion.cached` set and an empty usage: nothing was asked for. What is
    found under a key and is no such reply, or that of another request, counts as nothing found.
    """

    def __init__(self, model: Model, cache: Cache) -> None:
        self.name = model.name
        self.options: Mapping[str, Any] = getattr(model, "options", {})
        self._model = model
        self._cache = cache

    def __repr__(self) -> str:
        return f"CachedModel({self._model!r})"

    def complete(self, messages: Sequence[Message], on_text: OnText | None = None) -> Completion:
        """Return the reply from the cache, line by line to `on_text`, or the model's, which is then kept."""
        key = cache_key(self.name, self.options, messages)
        text = _text_in(self._cache.get(key), key)
        if text is not None:
            delivered = deliver(messages, text, on_text)
            return Completion(delivered.text, Usage(), cached=True)
        completion = self._model.complete(messages, on_text)
        if completion.stop_reason == "stop" and not completion.cached:
            self._cache.put(key, json.dumps({"key": key, "text": completion.text}).encode())
        return completion


def cache_key(name: str, options: Mapping[str, Any], messages: Sequence[Message]) -> str:
    """Return the key of a request: a digest of all that it consists of."""
    request = [_VERSION, name, dict(options), [[message.role, message.content] for message in messages]]
    return "reply-" + hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()


def _text_in(data: bytes | None, key: str) -> str | None:
    try:
        entry = json.loads(data) if data is not None else None
    except ValueError:
        return None
    if not isinstance(entry, dict) or entry.get("key") != key or not isinstance(entry.get("text"), str):
        return None
    text: str = entry["text"]
    return text
