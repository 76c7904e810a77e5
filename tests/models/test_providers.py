"""The two SDKs against a server on loopback: replies, errors, retries, and connections that break."""

from __future__ import annotations

import contextlib
import email.utils
import gc
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from rlm_magic.config import ModelConfig
from rlm_magic.errors import MissingKey, ModelError, RateLimited, StreamCut, UnknownModel
from rlm_magic.models import Model, open_model
from rlm_magic.models.anthropic import AnthropicModel
from rlm_magic.models.openai import OpenAIModel
from rlm_magic.records import Message

from .conftest import KEY
from .provider_server import (
    ANTHROPIC_PATH,
    OPENAI_PATH,
    Plan,
    ProviderServer,
    anthropic_events,
    openai_events,
)

ASKED = [Message("system", "Be brief."), Message("user", "Hello?")]


@dataclass
class Provider:
    """One SDK, its server, and how the server says things in its protocol."""

    server: ProviderServer
    make: Callable[..., Model]
    events: Callable[..., list[tuple[str | None, Any]]]
    error: Callable[[str], dict[str, Any]]
    key_variable: str

    def model(self, **config: Any) -> Model:
        return self.make("some-model", config=ModelConfig(**{"max_retries": 2, "timeout_s": 20.0, **config}))

    def answer_with(self, *plans: Plan) -> None:
        self.server.plans = list(plans)

    def unfinished(self, pieces: list[str]) -> list[tuple[str | None, Any]]:
        none = {"finish": None, "usage": None} if self.make is OpenAIModel else {"stop": None}
        return self.events(pieces, **none)


@pytest.fixture(params=["openai", "anthropic"])
def provider(request: pytest.FixtureRequest) -> Provider:
    if request.param == "openai":
        server = request.getfixturevalue("openai_env")
        return Provider(
            server, OpenAIModel, openai_events, lambda m: {"error": {"message": m}}, "OPENAI_API_KEY"
        )
    server = request.getfixturevalue("anthropic_env")

    def error(message: str) -> dict[str, Any]:
        return {"type": "error", "error": {"type": "some_error", "message": message}}

    return Provider(server, AnthropicModel, anthropic_events, error, "ANTHROPIC_API_KEY")


def test_reply_usage_and_stop_reason(provider: Provider) -> None:
    provider.answer_with(Plan(events=provider.events(["Hel", "lo."], usage=(120, 7))))
    pieces: list[str] = []
    completion = provider.model().complete(ASKED, pieces.append)
    assert (completion.text, pieces, completion.stop_reason) == ("Hello.", ["Hel", "lo."], "stop")
    assert (completion.usage.input_tokens, completion.usage.output_tokens) == (120, 7)
    assert completion.usage.cost_usd is None  # nobody sells "some-model"


def test_unicode_and_awkward_pieces_arrive_unchanged(provider: Provider) -> None:
    pieces = ["```repl\n", "print('\u2028\x85é')\n", "```", "\n\n", "😀", "data: [DONE]\n", " "]
    provider.answer_with(Plan(events=provider.events(pieces)))
    assert provider.model().complete(ASKED).text == "".join(pieces)


def test_reply_cut_at_the_token_limit_says_length(provider: Provider) -> None:
    cut = {"finish": "length"} if provider.make is OpenAIModel else {"stop": "max_tokens"}
    provider.answer_with(Plan(events=provider.events(["Hel"], **cut)))
    assert provider.model().complete(ASKED).stop_reason == "length"


def test_empty_reply_is_an_empty_text(provider: Provider) -> None:
    provider.answer_with(Plan(events=provider.events([])))
    pieces: list[str] = []
    assert provider.model().complete(ASKED, pieces.append).text == ""
    assert pieces == []


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (400, ModelError, "too long for the window"),
        (401, MissingKey, "refused"),
        (403, ModelError, "403"),
        (404, UnknownModel, "some-model"),
        (422, ModelError, "422"),
    ],
)
def test_refusal_is_our_error_and_not_retried(
    provider: Provider, status: int, kind: type[ModelError], words: str
) -> None:
    provider.answer_with(Plan(status=status, body=provider.error("too long for the window")))
    with pytest.raises(kind, match=words) as caught:
        provider.model().complete(ASKED)
    assert "127.0.0.1" in str(caught.value)
    assert caught.value.__cause__ is not None
    assert len(provider.server.requests) == 1


def test_refused_key_names_its_variable(provider: Provider) -> None:
    provider.answer_with(Plan(status=401, body=provider.error("bad key")))
    with pytest.raises(MissingKey, match=provider.key_variable):
        provider.model().complete(ASKED)


@pytest.mark.parametrize("status", [408, 500, 503])
@pytest.mark.parametrize("header", ["retry-after-ms", "Retry-After"])
def test_busy_server_is_asked_again(provider: Provider, status: int, header: str) -> None:
    busy = Plan(
        status=status, body=provider.error("busy"), headers={header: "1" if "ms" in header else "0.001"}
    )
    provider.answer_with(busy, busy, Plan(events=provider.events(["Hello."])))
    assert provider.model().complete(ASKED).text == "Hello."
    assert len(provider.server.requests) == 3


def test_server_that_stays_busy_is_our_error(provider: Provider) -> None:
    provider.answer_with(Plan(status=500, body=provider.error("busy"), headers={"retry-after-ms": "1"}))
    with pytest.raises(ModelError, match="busy"):
        provider.model().complete(ASKED)
    assert len(provider.server.requests) == 3


@pytest.mark.parametrize("status", [429, 529])
@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"retry-after-ms": "250", "Retry-After": "7"}, 0.25),
        ({"Retry-After": "-3"}, 0.0),
        ({"Retry-After": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0.0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "inf"}, None),
        ({}, None),
    ],
)
def test_rate_limit_is_told_at_once_with_the_wait(
    provider: Provider, status: int, headers: dict[str, str], wait_s: float | None
) -> None:
    provider.answer_with(Plan(status=status, body=provider.error("slow down"), headers=headers))
    with pytest.raises(RateLimited, match="slow down") as caught:
        provider.model().complete(ASKED)
    assert caught.value.retry_after_s == wait_s
    assert len(provider.server.requests) == 1


def test_rate_limit_by_a_date_says_how_long_that_is(provider: Provider) -> None:
    date = email.utils.formatdate(time.time() + 3600, usegmt=True)
    provider.answer_with(Plan(status=429, body=provider.error("slow down"), headers={"Retry-After": date}))
    with pytest.raises(RateLimited) as caught:
        provider.model().complete(ASKED)
    assert caught.value.retry_after_s is not None
    assert 3000 < caught.value.retry_after_s <= 3600


@pytest.mark.parametrize("word", ["overloaded_error", "rate_limit_error"])
def test_rate_limit_inside_a_stream_that_had_no_text_is_one(anthropic_env: ProviderServer, word: str) -> None:
    error = {"type": "error", "error": {"type": word, "message": "slow down"}}
    anthropic_env.plans = [Plan(events=[*anthropic_events([], stop=None), ("error", error)])]
    with pytest.raises(RateLimited, match="slow down"):
        open_model("anthropic:claude-x").complete(ASKED)
    assert len(anthropic_env.requests) == 1


def test_rate_limit_of_a_gateway_inside_its_stream_is_one(openai_env: ProviderServer) -> None:
    error = {"error": {"message": "slow down", "code": 429}}
    openai_env.plans = [Plan(events=[*openai_events([], finish=None, usage=None), (None, error)])]
    with pytest.raises(RateLimited, match="slow down"):
        open_model("openai:gpt-5").complete(ASKED)


def test_rate_limit_after_text_is_a_cut(anthropic_env: ProviderServer) -> None:
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "slow down"}}
    anthropic_env.plans = [Plan(events=[*anthropic_events(["Half"], stop=None), ("error", error)])]
    with pytest.raises(StreamCut, match="slow down"):
        open_model("anthropic:claude-x").complete(ASKED)


def test_empty_purse_is_no_rate_limit(openai_env: ProviderServer) -> None:
    error = {"message": "You exceeded your current quota", "code": "insufficient_quota"}
    openai_env.plans = [Plan(status=429, body={"error": error})]
    with pytest.raises(ModelError, match="quota") as caught:
        open_model("openai:gpt-5").complete(ASKED)
    assert not isinstance(caught.value, RateLimited)
    assert len(openai_env.requests) == 1


def test_connection_cut_before_any_text_is_asked_once_more(provider: Provider) -> None:
    cut = Plan(events=provider.unfinished([]), cut=True)
    provider.answer_with(cut, Plan(events=provider.events(["Hello."])))
    pieces: list[str] = []
    assert provider.model().complete(ASKED, pieces.append).text == "Hello."
    assert pieces == ["Hello."]


def test_connection_cut_twice_before_any_text_is_our_error(provider: Provider) -> None:
    provider.answer_with(Plan(events=provider.unfinished([]), cut=True))
    with pytest.raises(ModelError, match="broke off after 0 characters"):
        provider.model().complete(ASKED)
    assert len(provider.server.requests) == 2


@pytest.mark.parametrize("cut", [True, False])
def test_half_a_reply_is_never_a_reply(provider: Provider, cut: bool) -> None:
    provider.answer_with(Plan(events=provider.unfinished(["The answer is ", "4"]), cut=cut))
    pieces: list[str] = []
    with pytest.raises(StreamCut, match="broke off after 15 characters"):
        provider.model().complete(ASKED, pieces.append)
    assert pieces == ["The answer is ", "4"]
    assert len(provider.server.requests) == 1


def test_error_inside_the_stream_is_our_error(provider: Provider) -> None:
    events = [*provider.unfinished(["Half"]), ("error", provider.error("overloaded now"))]
    provider.answer_with(Plan(events=events))
    with pytest.raises(ModelError, match="overloaded now"):
        provider.model().complete(ASKED)


def test_broken_json_inside_the_stream_is_our_error(provider: Provider) -> None:
    events = [*provider.unfinished(["Half"]), ("content_block_delta", '{"type": ')]
    provider.answer_with(Plan(events=events))
    with pytest.raises(ModelError, match="broke off"):
        provider.model().complete(ASKED)


def test_answer_that_is_no_stream_is_our_error(provider: Provider) -> None:
    provider.answer_with(Plan(body={"choices": [], "content": []}))
    with pytest.raises(ModelError, match="without saying why"):
        provider.model().complete(ASKED)


def test_slow_server_times_out_as_our_error(provider: Provider) -> None:
    provider.answer_with(Plan(events=provider.events(["Hel", "lo."]), pause_s=5.0))
    with pytest.raises(ModelError, match=r"(?i)timed? ?out"):
        provider.model(timeout_s=0.2, max_retries=0).complete(ASKED)


def test_nobody_listening_is_our_error(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    variable = provider.key_variable.replace("API_KEY", "BASE_URL")
    monkeypatch.setenv(variable, "http://someone:pa55word@127.0.0.1:9")
    with pytest.raises(ModelError, match=r"no answer from 127\.0\.0\.1:9") as caught:
        provider.model(max_retries=0).complete(ASKED)
    assert "pa55word" not in str(caught.value)


def test_model_that_is_gone_leaves_no_connection_open(provider: Provider) -> None:
    provider.answer_with(
        Plan(status=400, body=provider.error("no"))
    )  # answered in full: the connection is kept
    model = provider.model()
    with contextlib.suppress(ModelError):
        model.complete(ASKED)
    assert provider.server.connections == 1
    del model
    gc.collect()
    deadline = time.monotonic() + 10
    while provider.server.connections and time.monotonic() < deadline:
        time.sleep(0.005)
    assert provider.server.connections == 0


def test_key_is_in_no_error_and_no_repr(provider: Provider) -> None:
    model = provider.model()
    assert KEY not in repr(model) + str(model) + repr(vars(model)["_endpoint"])
    for status in (400, 401, 404, 429, 500):
        plan = Plan(status=status, body=provider.error(f"what is {KEY}?"), headers={"retry-after-ms": "1"})
        provider.answer_with(plan)
        with pytest.raises(ModelError, match=r"what is \*\*\*\?") as caught:
            model.complete(ASKED)
        assert KEY not in "".join(traceback.format_exception(caught.value))


def test_key_is_in_no_error_of_a_broken_stream(provider: Provider) -> None:
    events = [*provider.unfinished(["Half"]), ("error", provider.error(f"bad key {KEY}"))]
    provider.answer_with(Plan(events=events))
    with pytest.raises(ModelError) as caught:
        provider.model().complete(ASKED)
    assert KEY not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("key", ["sk-line\nbreak", "sk-ünicode", "sk two words"])
def test_key_no_header_can_carry_is_refused_without_showing_it(
    provider: Provider, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(provider.key_variable, key)
    with pytest.raises(MissingKey, match=provider.key_variable) as caught:
        provider.model()
    assert key not in str(caught.value)


def test_line_break_after_a_key_is_harmless(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(provider.key_variable, f" {KEY}\n")
    provider.answer_with(Plan(events=provider.events(["Hello."])))
    assert provider.model().complete(ASKED).text == "Hello."
    headers = provider.server.requests[0].headers
    assert KEY in (headers.get("x-api-key"), headers.get("authorization", "").removeprefix("Bearer "))


def test_openai_request(openai_env: ProviderServer) -> None:
    openai_env.plans = [Plan(events=openai_events(["ok"]))]
    open_model("openai:gpt-5").complete([*ASKED, Message("assistant", "Hi."), Message("user", "\ud800?")])
    request = openai_env.requests[0]
    assert request.path == OPENAI_PATH
    assert request.body == {
        "model": "gpt-5",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Hello?"},
            {"role": "assistant", "content": "Hi."},
            {"role": "user", "content": "??"},
        ],
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_openai_cost_counts_cached_tokens_at_their_price(openai_env: ProviderServer) -> None:
    costs = []
    for cached in (0, 1_000_000):
        openai_env.plans = [Plan(events=openai_events(["ok"], usage=(1_000_000, 1_000), cached=cached))]
        costs.append(open_model("openai:gpt-5").complete(ASKED).usage.cost_usd)
    assert costs == pytest.approx([1.26, 0.135])  # $1.25 or $0.125 per million in, $10 per million out


def test_openai_without_usage_estimates_tokens_and_knows_no_cost(openai_env: ProviderServer) -> None:
    openai_env.plans = [Plan(events=openai_events(["eight ch"], usage=None))]
    usage = open_model("openai:gpt-5").complete(ASKED).usage
    assert (usage.calls, usage.input_tokens, usage.output_tokens, usage.cost_usd) == (1, 3, 2, None)


def test_openai_reply_that_ended_stands_though_its_usage_was_lost(openai_env: ProviderServer) -> None:
    openai_env.plans = [Plan(events=openai_events(["All of it."], usage=None)[:-1], cut=True)]
    completion = open_model("openai:gpt-5").complete(ASKED)
    assert (completion.text, completion.stop_reason) == ("All of it.", "stop")


def test_openai_refusal_is_the_reply(openai_env: ProviderServer) -> None:
    def chunk(delta: dict[str, Any], finish: str | None) -> tuple[None, dict[str, Any]]:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return None, {
            "id": "c",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": "m",
            "choices": [choice],
        }

    refusal = [chunk({"content": None, "refusal": "I can"}, None), chunk({"refusal": "not."}, "stop")]
    openai_env.plans = [Plan(events=[*refusal, (None, "[DONE]")])]
    completion = open_model("openai:gpt-5").complete(ASKED)
    assert (completion.text, completion.stop_reason) == ("I cannot.", "refusal")


def test_openai_thoughts_of_other_servers_are_not_text(openai_env: ProviderServer) -> None:
    events = openai_events(["Yes."])
    events[0][1]["choices"][0]["delta"] = {"content": None, "reasoning_content": "Hm, well."}
    openai_env.plans = [Plan(events=events)]
    assert open_model("openai:gpt-5").complete(ASKED).text == "Yes."


def test_anthropic_request(anthropic_env: ProviderServer) -> None:
    anthropic_env.plans = [Plan(events=anthropic_events(["ok"]))]
    messages = [*ASKED[1:], Message("user", "Again?"), Message("assistant", ""), Message("user", "Still?")]
    open_model("anthropic:claude-sonnet-5-5").complete(messages)
    request = anthropic_env.requests[0]
    assert request.path == ANTHROPIC_PATH
    assert request.body == {
        "model": "claude-sonnet-5-5",
        "messages": [{"role": "user", "content": "Hello?\n\nAgain?\n\nStill?"}],
        "max_tokens": ModelConfig().max_output_tokens,
        "stream": True,
    }


def test_anthropic_keeps_a_growing_conversation_in_its_cache(anthropic_env: ProviderServer) -> None:
    anthropic_env.plans = [Plan(events=anthropic_events(["ok"]))]
    messages = [*ASKED, Message("assistant", "Hi."), Message("user", "Again?")]
    open_model("anthropic:claude-sonnet-5-5").complete(messages)
    body = anthropic_env.requests[0].body
    last = {"type": "text", "text": "Again?", "cache_control": {"type": "ephemeral"}}
    assert body["system"] == "Be brief."
    assert body["messages"] == [
        {"role": "user", "content": "Hello?"},
        {"role": "assistant", "content": "Hi."},
        {"role": "user", "content": [last]},
    ]


def test_anthropic_thinking_is_not_text(anthropic_env: ProviderServer) -> None:
    anthropic_env.plans = [Plan(events=anthropic_events(["Yes."], thinking="Hm, well."))]
    pieces: list[str] = []
    assert open_model("anthropic:claude-sonnet-5-5").complete(ASKED, pieces.append).text == "Yes."
    assert pieces == ["Yes."]


def test_anthropic_input_counts_what_the_cache_held(anthropic_env: ProviderServer) -> None:
    anthropic_env.plans = [Plan(events=anthropic_events(["ok"], usage=(100, 9), cached=(30, 200)))]
    usage = open_model("anthropic:claude-sonnet-5-5").complete(ASKED).usage
    assert (usage.input_tokens, usage.output_tokens) == (330, 9)
    assert usage.cost_usd is not None
    assert usage.cost_usd > 0


def test_anthropic_takes_a_token_instead_of_a_key(
    anthropic_env: ProviderServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "tok-123")
    anthropic_env.plans = [Plan(events=anthropic_events(["ok"]))]
    open_model("anthropic:claude-sonnet-5-5").complete(ASKED)
    assert anthropic_env.requests[0].headers["authorization"] == "Bearer tok-123"


def test_anthropic_refusal_keeps_its_word(anthropic_env: ProviderServer) -> None:
    anthropic_env.plans = [Plan(events=anthropic_events(["No."], stop="refusal"))]
    assert open_model("anthropic:claude-sonnet-5-5").complete(ASKED).stop_reason == "refusal"
