"""Sampling options: what reaches each provider, and what is refused before anything is sent."""

from __future__ import annotations

from typing import Any

import pytest

from rlm_magic.errors import ModelError
from rlm_magic.models import open_model
from rlm_magic.records import Message

from .provider_server import Plan, ProviderServer, anthropic_events, openai_events

ASKED = [Message("user", "Hello?")]


def sent_to_openai(server: ProviderServer, name: str, options: dict[str, object]) -> dict[str, Any]:
    server.plans = [Plan(events=openai_events(["ok"]))]
    open_model(name, options=options).complete(ASKED)
    body = server.requests[-1].body
    return {key: body[key] for key in body if key not in ("model", "messages", "stream", "stream_options")}


def sent_to_anthropic(server: ProviderServer, options: dict[str, object]) -> dict[str, Any]:
    server.plans = [Plan(events=anthropic_events(["ok"]))]
    open_model("anthropic:claude-x", options=options).complete(ASKED)
    body = server.requests[-1].body
    return {key: body[key] for key in body if key not in ("model", "messages", "stream")}


@pytest.mark.parametrize(
    ("options", "sent"),
    [
        ({}, {}),
        ({"temperature": 0, "top_p": None}, {"temperature": 0}),
        ({"reasoning_effort": "low", "seed": 7}, {"reasoning_effort": "low", "seed": 7}),
        ({"max_output_tokens": 9}, {"max_completion_tokens": 9}),
        ({"stop": ["a", "b"], "service_tier": "flex"}, {"stop": ["a", "b"], "service_tier": "flex"}),
        ({"nobody_knows_this": {"deep": [1]}}, {"nobody_knows_this": {"deep": [1]}}),
    ],
)
def test_openai_is_sent_the_options(
    openai_env: ProviderServer, options: dict[str, object], sent: dict[str, Any]
) -> None:
    assert sent_to_openai(openai_env, "openai:gpt-5", options) == sent


def test_other_servers_know_the_older_name_of_the_cap(openai_env: ProviderServer) -> None:
    name = f"openai:llama@{openai_env.url}/v1"
    assert sent_to_openai(openai_env, name, {"max_output_tokens": 9}) == {"max_tokens": 9}


@pytest.mark.parametrize(
    ("options", "sent"),
    [
        ({}, {"max_tokens": 16_000}),
        ({"max_output_tokens": 9, "top_k": 5}, {"max_tokens": 9, "top_k": 5}),
        ({"max_tokens": 8}, {"max_tokens": 8}),
        ({"reasoning_effort": "low"}, {"max_tokens": 16_000, "output_config": {"effort": "low"}}),
        (
            {"thinking": 2_000},
            {"max_tokens": 18_000, "thinking": {"type": "enabled", "budget_tokens": 2_000}},
        ),
        (
            {"thinking": {"type": "enabled", "budget_tokens": 3_000}, "max_output_tokens": 4_000},
            {"max_tokens": 4_000, "thinking": {"type": "enabled", "budget_tokens": 3_000}},
        ),
        ({"thinking": "adaptive"}, {"max_tokens": 16_000, "thinking": {"type": "adaptive"}}),
    ],
)
def test_anthropic_is_sent_the_options_in_its_own_form(
    anthropic_env: ProviderServer, options: dict[str, object], sent: dict[str, Any]
) -> None:
    assert sent_to_anthropic(anthropic_env, options) == sent


def test_options_are_kept_for_the_record_and_cannot_be_changed(openai_env: ProviderServer) -> None:
    given: dict[str, Any] = {"stop": ["a"], "top_p": None}
    model = open_model("openai:gpt-5", options=given)
    given["stop"].append("b")
    options = vars(model)["options"]
    assert options == {"stop": ["a"]}
    with pytest.raises(TypeError):
        options["stop"] = []


@pytest.mark.parametrize("name", ["openai:m", "anthropic:m", "azure:m"])
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"messages": []}, "'messages' cannot be an option"),
        ({"stream": False}, "'stream' cannot be"),
        ({"n": 3}, "'n' cannot be"),
        ({"extra_headers": {"Authorization": "x"}}, "'extra_headers' cannot be"),
        ({"two words": 1}, "'two words' is no option"),
        ({7: 1}, "7 is no option"),
        ({"temperature": float("nan")}, "temperature=nan"),
        ({"stop": {1, 2}}, "stop="),
        ({"max_output_tokens": 0}, "max_output_tokens=0"),
        ({"max_output_tokens": True}, "max_output_tokens=True"),
        ({"thinking": True}, "thinking=True"),
        ({"output_config": 1}, "output_config=1"),
    ],
)
def test_option_that_cannot_be_sent_is_said_when_opening(
    openai_env: ProviderServer,
    anthropic_env: ProviderServer,
    azure_env: ProviderServer,
    name: str,
    options: dict[str, object],
    words: str,
) -> None:
    with pytest.raises(ModelError, match=words) as caught:
        open_model(name, options=options)
    assert repr(name) in str(caught.value)


def test_option_that_the_provider_refuses_comes_back_as_ours(openai_env: ProviderServer) -> None:
    error = {"error": {"message": "Unsupported value: 'temperature' does not support 0.3"}}
    openai_env.plans = [Plan(status=400, body=error)]
    with pytest.raises(ModelError, match=r"answered 400.*'temperature' does not support"):
        open_model("openai:gpt-5", options={"temperature": 0.3}).complete(ASKED)


def test_offline_takes_no_options() -> None:
    with pytest.raises(ModelError, match="'offline' takes no options; leave out temperature, seed"):
        open_model("offline", options={"temperature": 0, "seed": 1})
    assert open_model("offline", options={"temperature": None}).name == "offline"
