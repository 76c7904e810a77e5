"""Replies from a cache: what counts as the same request, what is kept, and what a spoilt entry does."""

from __future__ import annotations

import json

import pytest

from rlm_magic.models import ScriptedModel, cached
from rlm_magic.models.openai import OpenAIModel
from rlm_magic.records import Completion, Message, Usage

from .provider_server import Plan, ProviderServer, openai_events

ASKED = [Message("user", "Hello?")]


class MemoryCache:
    """Bytes by key, as a cache on disk keeps them."""

    def __init__(self) -> None:
        self.entries: dict[str, bytes] = {}

    def get(self, key: str) -> bytes | None:
        return self.entries.get(key)

    def put(self, key: str, data: bytes) -> None:
        self.entries[key] = bytes(data)


def test_second_time_is_answered_from_the_cache_and_costs_nothing() -> None:
    cache = MemoryCache()
    model = cached(ScriptedModel(["one\nand two \ud800"]), cache)
    first = model.complete(ASKED)
    pieces: list[str] = []
    second = model.complete(ASKED, pieces.append)
    assert (first.cached, first.usage.calls) == (False, 1)
    assert second == Completion(first.text, Usage(), cached=True)
    assert pieces == ["one\n", "and two \ud800"]


def test_cache_outlives_the_model() -> None:
    cache = MemoryCache()
    cached(ScriptedModel(["kept"]), cache).complete(ASKED)
    assert cached(ScriptedModel([]), cache).complete(ASKED).text == "kept"


@pytest.mark.parametrize(
    "other",
    [
        [Message("user", "Hello")],
        [Message("assistant", "Hello?")],
        [*ASKED, *ASKED],
        [Message("user", "Hel"), Message("user", "lo?")],
        [],
    ],
)
def test_other_messages_are_another_request(other: list[Message]) -> None:
    model = cached(ScriptedModel(["one", "two"]), MemoryCache())
    assert [model.complete(ASKED).text, model.complete(other).text] == ["one", "two"]


def test_other_model_is_another_request() -> None:
    cache = MemoryCache()
    assert cached(ScriptedModel(["one"], name="a"), cache).complete(ASKED).text == "one"
    assert cached(ScriptedModel(["two"], name="b"), cache).complete(ASKED).text == "two"


def test_other_options_are_another_request(openai_env: ProviderServer) -> None:
    cache = MemoryCache()
    openai_env.plans = [Plan(events=openai_events([text])) for text in ("one", "two")]
    texts = [
        cached(OpenAIModel("m", options=options), cache).complete(ASKED).text
        for options in ({"seed": 1, "top_p": 0.5}, {"seed": 2, "top_p": 0.5}, {"top_p": 0.5, "seed": 1})
    ]
    assert texts == ["one", "two", "one"]
    assert len(openai_env.requests) == 2


def test_reply_that_was_cut_short_is_not_kept(openai_env: ProviderServer) -> None:
    cache = MemoryCache()
    cut = Plan(events=openai_events(["half"], finish="length"))
    openai_env.plans = [cut, Plan(events=openai_events(["whole"]))]
    model = cached(OpenAIModel("m"), cache)
    assert [model.complete(ASKED).text for _ in range(3)] == ["half", "whole", "whole"]


def test_entry_holds_its_key_and_nothing_of_the_prompt() -> None:
    cache = MemoryCache()
    cached(ScriptedModel(["reply"]), cache).complete([Message("user", "a secret prompt")])
    ((key, data),) = cache.entries.items()
    assert json.loads(data) == {"key": key, "text": "reply"}
    assert "secret" not in key


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data[:-5],
        lambda data: b"",
        lambda data: b"\xff\xfe\x00",
        lambda data: b"[]",
        lambda data: b"null",
        lambda data: data.replace(b'"text"', b'"txet"'),
        lambda data: data.replace(b'"one"', b"7"),
        lambda data: data.replace(b"reply-", b"other-"),
    ],
)
def test_spoilt_entry_is_no_reply(spoil: object) -> None:
    cache = MemoryCache()
    model = cached(ScriptedModel(["one", "two"]), cache)
    model.complete(ASKED)
    for key, data in cache.entries.items():
        cache.entries[key] = spoil(data)  # type: ignore[operator]
    assert model.complete(ASKED).text == "two"
    assert model.complete(ASKED).cached
