"""Names to models, defaults from the environment, and what is said when a name cannot be opened."""

from __future__ import annotations

import subprocess
import sys
from types import ModuleType

import pytest

from rlm_magic.config import ModelConfig
from rlm_magic.errors import MissingKey, MissingPackage, ModelError, UnknownModel
from rlm_magic.models import (
    context_window,
    default_models,
    known_models,
    open_model,
    price_known,
    sub_model_for,
)
from rlm_magic.models.prices import cost_usd


@pytest.mark.parametrize("name", ["openai:gpt-5", "anthropic:claude-sonnet-5-5", "openai:ft:gpt-5:acme::1"])
def test_opened_model_bears_the_name_it_was_opened_by(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-x")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-y")
    assert open_model(name).name == name


def test_offline_needs_nothing() -> None:
    assert open_model(" offline ").name == "offline"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("gpt-5", "openai:gpt-5"),
        ("opnai:gpt-5", "openai:gpt-5"),
        ("claude-sonnet", "anthropic:claude-sonnet-5-5"),
        ("ofline", "offline"),
        (
            "",
            "providers openai, azure, openrouter, vercel, portkey, vllm, ollama, gemini, anthropic, bedrock",
        ),
        ("openai:", "openai:gpt-5"),
        ("openai", "openai:gpt-5"),
        ("offline:big", "there is one offline model"),
        ("offline:", "offline"),
        ("zzz:yyy", "vertex, offline, replay"),
    ],
)
def test_unknown_name_lists_what_there_is(name: str, hint: str) -> None:
    with pytest.raises(UnknownModel) as caught:
        open_model(name)
    assert hint in str(caught.value)
    assert repr(name) in str(caught.value) or name.startswith("offline:")
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    ("name", "variable"), [("openai:gpt-5", "OPENAI_API_KEY"), ("anthropic:claude-x", "ANTHROPIC_API_KEY")]
)
@pytest.mark.parametrize("value", [None, "", "  "])
def test_missing_key_is_said_before_anything_runs(
    name: str, variable: str, value: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if value is not None:
        monkeypatch.setenv(variable, value)
    with pytest.raises(MissingKey, match=f"{variable} is not set.*offline"):
        open_model(name)


@pytest.mark.parametrize(
    ("provider", "variable"), [("openai", "OPENAI_API_KEY"), ("anthropic", "ANTHROPIC_API_KEY")]
)
def test_missing_package_comes_with_its_install_line(
    provider: str, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "sk-x")
    monkeypatch.setitem(sys.modules, provider, None)
    with pytest.raises(MissingPackage, match=f"pip install {provider}"):
        open_model(f"{provider}:some-model")


@pytest.mark.parametrize("url", ["http://", "localhost/v1", "ftp://user:pa55@host", "http://host:port"])
@pytest.mark.parametrize(
    ("provider", "variable"), [("openai", "OPENAI_BASE_URL"), ("anthropic", "ANTHROPIC_BASE_URL")]
)
def test_base_url_that_is_none_is_said_before_anything_runs(
    provider: str, variable: str, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable.replace("BASE_URL", "API_KEY"), "sk-x")
    monkeypatch.setenv(variable, url)
    with pytest.raises(ModelError, match=r"BASE_URL|cannot be set up") as caught:
        open_model(f"{provider}:some-model")
    assert "pa55" not in str(caught.value)


def test_profile_that_is_not_there_is_our_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_PROFILE", "nobody")
    with pytest.raises(ModelError, match=r"cannot be set up.*nobody"):
        open_model("anthropic:some-model")


def test_defaults_follow_the_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    config = ModelConfig()
    assert default_models() == config.offline
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-y")
    assert default_models() == config.anthropic
    monkeypatch.setenv("OPENAI_API_KEY", " ")
    assert default_models() == config.anthropic
    monkeypatch.setenv("OPENAI_API_KEY", "sk-x")
    assert default_models() == config.openai


@pytest.mark.parametrize(
    ("root", "sub"),
    [
        ("openai:gpt-5.5", "openai:gpt-5-nano"),
        ("anthropic:claude-opus-5", "anthropic:claude-haiku-5-5"),
        ("offline", "offline"),
        ("scripted", "scripted"),
        ("gemini:gemini-x", "gemini:gemini-3.5-flash-lite"),
        ("bedrock:us.anthropic.claude-x-v1:0", "bedrock:global.anthropic.claude-haiku-5-5"),
        ("azure:my-deployment", "azure:my-deployment"),
        ("ollama:llama3.2", "ollama:llama3.2"),
        ("openai:llama@http://gpu:8000/v1", "openai:llama@http://gpu:8000/v1"),
        ("replay:lesson.jsonl", "replay:lesson.jsonl"),
    ],
)
def test_sub_model_belongs_to_its_root(root: str, sub: str) -> None:
    assert sub_model_for(root) == sub


def test_every_default_is_known_and_priced() -> None:
    config = ModelConfig()
    assert {"claude", "gpt", "offline", *config.openai, *config.anthropic, *config.bedrock} < set(
        known_models()
    )
    assert [name for name in known_models() if not price_known(name)] == []
    assert [name for name in known_models() if context_window(name) is None] == ["offline"]


@pytest.mark.parametrize("name", known_models())
def test_every_known_model_opens_where_its_provider_is_set_up(
    name: str, monkeypatch: pytest.MonkeyPatch, google_auth: ModuleType
) -> None:
    for variable in ("OPENAI", "ANTHROPIC", "OPENROUTER", "AI_GATEWAY", "GEMINI"):
        monkeypatch.setenv(f"{variable}_API_KEY", "sk-x")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "my-project")
    model = open_model(name)
    assert model.name == {"claude": ModelConfig().anthropic[0], "gpt": ModelConfig().openai[0]}.get(
        name, name
    )


@pytest.mark.parametrize(
    ("word", "root", "sub"),
    [("claude", *ModelConfig().anthropic), ("gpt", *ModelConfig().openai), (" gpt ", *ModelConfig().openai)],
)
def test_one_word_names_a_root_and_its_sub_model(
    word: str, root: str, sub: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-x")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-x")
    assert open_model(word).name == root
    assert sub_model_for(word) == sub == sub_model_for(root)


def test_unknown_price_is_unknown_not_free() -> None:
    assert not price_known("openai:no-such-model")
    assert not price_known("nobody:gpt-5")
    assert price_known("scripted")


def test_import_brings_in_no_sdk() -> None:
    heavy = "{'openai', 'anthropic', 'genai_prices', 'httpx', 'httpx2', 'pydantic', 'IPython', 'numpy'}"
    code = f"import sys, rlm_magic.models; print(sorted({heavy} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_cost_is_the_list_price_per_million_tokens() -> None:
    assert cost_usd("openai:gpt-5", input_tokens=1_000_000, output_tokens=0) == pytest.approx(1.25)
    assert cost_usd("openai:gpt-5", input_tokens=0, output_tokens=1_000_000) == pytest.approx(10.0)
    assert cost_usd("offline", input_tokens=9, output_tokens=9) == 0.0


def test_cost_of_counts_that_do_not_add_up_is_unknown() -> None:
    assert cost_usd("openai:gpt-5", input_tokens=1, output_tokens=1, cache_read_tokens=5) is None


def test_missing_price_table_means_unknown_not_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "genai_prices", None)
    assert cost_usd("openai:gpt-5", input_tokens=1, output_tokens=1) is None
