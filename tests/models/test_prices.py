"""Prices and windows: the user's own table, genai-prices, and what neither knows."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rlm_magic.errors import ModelError
from rlm_magic.models import context_window, open_model, price_known
from rlm_magic.models.prices import cost_usd
from rlm_magic.records import Message

from .provider_server import Plan, ProviderServer, openai_events

MILLION = 1_000_000


@pytest.fixture
def own_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], Path]:
    path = tmp_path / "prices.json"
    monkeypatch.setenv("RLM_PRICES", str(path))

    def write(table: Any) -> Path:
        path.write_text(table if isinstance(table, str) else json.dumps(table))
        # Two writes within one tick of the file system's clock would look like one.
        os.utime(path, ns=(0, len(path.read_text()) + path.stat().st_ino))
        return path

    return write


@pytest.mark.parametrize(
    ("name", "same_as"),
    [
        ("azure:gpt-5", "openai:gpt-5"),
        ("vercel:openai/gpt-5", "openai:gpt-5"),
        ("openrouter:openai/gpt-5", "openai:gpt-5"),
        ("openai:gpt-5@https://gateway.example.org/v1", "openai:gpt-5"),
        ("bedrock:global.anthropic.claude-sonnet-5-5", "anthropic:claude-sonnet-5-5"),
        ("vertex:claude-sonnet-5-5@20260901", "anthropic:claude-sonnet-5-5"),
        ("claude", "anthropic:claude-sonnet-5-5"),
    ],
)
def test_model_costs_and_reads_the_same_wherever_it_is_served(name: str, same_as: str) -> None:
    costs = {cost_usd(each, input_tokens=MILLION, output_tokens=MILLION) for each in (name, same_as)}
    assert len(costs) == 1
    assert None not in costs
    assert context_window(name) == context_window(same_as)


@pytest.mark.parametrize(
    "name", ["vllm:m", "ollama:llama3.2", "portkey:@team/gpt-5", "openai:mine@http://h/v1", "x"]
)
def test_what_nobody_knows_is_unknown(name: str) -> None:
    assert not price_known(name)
    assert context_window(name) is None


def test_gemini_is_priced_as_googles() -> None:
    assert cost_usd("gemini:gemini-2.5-flash", input_tokens=MILLION, output_tokens=0) == pytest.approx(0.3)
    assert context_window("gemini:gemini-2.5-flash") == 1_048_576


@pytest.mark.parametrize("name", ["offline", "scripted"])
def test_what_runs_here_is_free_and_has_no_window(name: str) -> None:
    assert price_known(name)
    assert context_window(name) is None


def test_own_table_goes_before_the_list(own_table: Callable[[Any], Path]) -> None:
    own_table({"openai:gpt-5": {"input": 2, "output": 4}, "vllm:mine": {"context_window": 32_768}})
    assert cost_usd("openai:gpt-5", input_tokens=MILLION, output_tokens=MILLION) == 6.0
    assert context_window("openai:gpt-5") == 400_000
    assert context_window("vllm:mine@http://gpu/v1") == 32_768
    assert not price_known("vllm:mine")
    assert cost_usd("openai:gpt-5-nano", input_tokens=MILLION, output_tokens=0) == pytest.approx(0.05)


def test_own_table_knows_patterns_and_prefers_exact_names(own_table: Callable[[Any], Path]) -> None:
    free, dear = {"input": 0, "output": 0}, {"input": 7, "output": 0}
    own_table({"ollama:*": free, "ollama:big": dear, "*": dear})
    costs = [
        cost_usd(n, input_tokens=MILLION, output_tokens=1) for n in ("ollama:small", "ollama:big", "v:m")
    ]
    assert costs == [0.0, 7.0, 7.0]


def test_own_table_prices_what_the_cache_held(own_table: Callable[[Any], Path]) -> None:
    own_table({"a:b": {"input": 10, "output": 0, "cache_read": 1, "cache_write": 12}})
    cost = cost_usd(
        "a:b",
        input_tokens=3 * MILLION,
        output_tokens=0,
        cache_read_tokens=MILLION,
        cache_write_tokens=MILLION,
    )
    assert cost == 23.0


def test_own_table_is_read_again_when_it_changes(own_table: Callable[[Any], Path]) -> None:
    own_table({"a:b": {"input": 1, "output": 0}})
    assert cost_usd("a:b", input_tokens=MILLION, output_tokens=0) == 1.0
    own_table({"a:b": {"input": 2, "output": 0.0}})
    assert cost_usd("a:b", input_tokens=MILLION, output_tokens=0) == 2.0


def test_own_table_prices_a_call(server: ProviderServer, own_table: Callable[[Any], Path]) -> None:
    own_table({"vllm:mine": {"input": 1, "output": 2}})
    server.plans = [Plan(events=openai_events(["ok"], usage=(MILLION, MILLION)))]
    usage = open_model(f"vllm:mine@{server.url}").complete([Message("user", "?")]).usage
    assert usage.cost_usd == 3.0


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("no json", "is no JSON file"),
        ([1], "holds a list"),
        ({"a:b": 3}, "'a:b' must map"),
        ({"a:b": {"inptu": 3}}, "'a:b' must map some of"),
        ({"a:b": {"input": -1, "output": 0}}, "input of 'a:b' is -1"),
        ({"a:b": {"input": "1", "output": 0}}, "input of 'a:b' is '1'"),
        ({"a:b": {"input": True, "output": 0}}, "input of 'a:b' is True"),
        ('{"a:b": {"input": NaN, "output": 0}}', "input of 'a:b' is nan"),
        ({"a:b": {"context_window": 1.5}}, "context_window of 'a:b' is 1.5"),
        ({"a:b": {"input": 1}}, "needs both input and output"),
    ],
)
def test_faulty_table_is_said_when_a_model_is_opened(
    own_table: Callable[[Any], Path], table: Any, words: str
) -> None:
    path = own_table(table)
    with pytest.raises(ModelError, match=words) as caught:
        open_model("offline")
    assert "RLM_PRICES" in str(caught.value)
    assert str(path) in str(caught.value)


def test_table_that_is_gone_is_said_when_opening_and_costs_no_reply(
    server: ProviderServer, own_table: Callable[[Any], Path]
) -> None:
    path = own_table({})
    server.plans = [Plan(events=openai_events(["ok"]))]
    model = open_model(f"vllm:mine@{server.url}")
    path.unlink()
    completion = model.complete([Message("user", "?")])
    assert (completion.text, completion.usage.cost_usd) == ("ok", None)
    with pytest.raises(ModelError, match="cannot be read"):
        open_model("offline")
