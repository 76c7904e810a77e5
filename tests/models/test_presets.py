"""Each provider behind OpenAI's protocol: where requests go, with which key, and what needs none."""

from __future__ import annotations

import pytest

from rlm_magic.errors import MissingKey, ModelError, UnknownModel
from rlm_magic.models import open_model
from rlm_magic.models.names import ModelName
from rlm_magic.models.presets import PRESETS, address_of
from rlm_magic.records import Message

from .conftest import KEY
from .provider_server import Plan, ProviderServer, Request, anthropic_events, openai_events

ASKED = [Message("user", "Hello?")]


def asked(server: ProviderServer, name: str) -> Request:
    server.plans = [Plan(events=openai_events(["ok"]))]
    model = open_model(name)
    assert model.complete(ASKED).text == "ok"
    assert model.name == name
    return server.requests[-1]


@pytest.mark.parametrize("provider", sorted(PRESETS.keys() - {"azure", "ollama"}))
@pytest.mark.parametrize("number", [0, -1])
def test_preset_is_asked_at_its_address_with_its_key(
    provider: str, number: int, server: ProviderServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    preset = PRESETS[provider]
    monkeypatch.setenv(preset.url_variable, f"{server.url}/base/")
    monkeypatch.setenv(preset.key_variables[number], KEY)
    request = asked(server, f"{provider}:some/model-1:free")
    assert request.path == "/base/chat/completions"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.body["model"] == "some/model-1:free"
    assert (request.headers.get("x-portkey-api-key") == KEY) == (provider == "portkey")


@pytest.mark.parametrize(
    ("provider", "address"),
    [
        ("openai", "https://api.openai.com/v1"),
        ("openrouter", "https://openrouter.ai/api/v1"),
        ("vercel", "https://ai-gateway.vercel.sh/v1"),
        ("portkey", "https://api.portkey.ai/v1"),
        ("vllm", "http://localhost:8000/v1"),
        ("ollama", "http://localhost:11434/v1"),
        ("gemini", "https://generativelanguage.googleapis.com/v1beta/openai"),
    ],
)
def test_address_of_a_preset(provider: str, address: str) -> None:
    assert address_of(ModelName(provider, "m")) == address


@pytest.mark.parametrize("provider", [name for name, preset in PRESETS.items() if preset.key_needed])
def test_missing_key_names_its_variable(provider: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "https://resource.openai.azure.com")
    with pytest.raises(MissingKey, match=f"{PRESETS[provider].key_variables[0]} is not set"):
        open_model(f"{provider}:m")
    with pytest.raises(MissingKey):
        open_model(f"{provider}:m@https://example.org/v1")


def test_refused_key_names_the_variable_it_came_from(
    server: ProviderServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_API_KEY", KEY)
    server.plans = [Plan(status=401, body={"error": {"message": "no"}})]
    with pytest.raises(MissingKey, match="refused GOOGLE_API_KEY"):
        open_model(f"gemini:m@{server.url}").complete(ASKED)


@pytest.mark.parametrize("provider", list(PRESETS))
def test_server_on_this_machine_needs_no_key(provider: str, server: ProviderServer) -> None:
    request = asked(server, f"{provider}:my-model@{server.url}/v1")
    assert "/chat/completions" in request.path
    assert KEY not in str(request.headers)


@pytest.mark.parametrize("provider", ["vllm", "ollama"])
def test_own_server_needs_no_key_wherever_it_is(provider: str) -> None:
    assert open_model(f"{provider}:m@http://gpu.example.org:8000/v1").name.startswith(provider)


def test_address_in_the_name_goes_before_the_environment(
    openai_env: ProviderServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    request = asked(openai_env, f"openai:llama@{openai_env.url}/elsewhere")
    assert request.path == "/elsewhere/chat/completions"
    assert request.headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("name", ["openai:m@https://me:pa55@host/v1", "anthropic:m@http://pa55@host"])
def test_password_in_a_name_is_refused_without_showing_it(name: str) -> None:
    with pytest.raises(ModelError, match="holds a password") as caught:
        open_model(name)
    assert "pa55" not in str(caught.value)


@pytest.mark.parametrize("provider", ["openai", "vllm", "azure", "anthropic", "bedrock"])
@pytest.mark.parametrize("address", ["http://", "ftp://host/v1", "http://host:port", "https:///v1"])
def test_address_in_a_name_that_is_none_is_said_when_opening(
    provider: str, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("OPENAI_API_KEY", "AZURE_OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.setenv(variable, KEY)
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    with pytest.raises(ModelError, match=r"what follows the @ in the name of model 'm'|cannot be set up"):
        open_model(f"{provider}:m@{address}")


@pytest.mark.parametrize("name", ["openai:@http://host/v1", "vllm:@http://host", "@http://host"])
def test_address_without_a_model_is_no_name(name: str) -> None:
    with pytest.raises(UnknownModel, match="provider:model@base_url"):
        open_model(name)


@pytest.mark.parametrize("host", ["127.0.0.1:{port}", "http://127.0.0.1:{port}", "0.0.0.0:{port}"])
def test_ollama_is_found_by_its_own_variable(
    host: str, server: ProviderServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OLLAMA_HOST", host.format(port=server.url.rpartition(":")[2]))
    assert asked(server, "ollama:llama3.2:3b").path == "/v1/chat/completions"


def test_azure_asks_a_deployment(azure_env: ProviderServer, monkeypatch: pytest.MonkeyPatch) -> None:
    request = asked(azure_env, "azure:my-deployment")
    path = "/openai/deployments/my-deployment/chat/completions?api-version="
    assert request.path == f"{path}2024-10-21"
    assert request.headers["api-key"] == KEY
    monkeypatch.setenv("OPENAI_API_VERSION", "2026-01-01")
    assert asked(azure_env, "azure:my-deployment").path == f"{path}2026-01-01"


def test_azure_takes_a_token_instead_of_a_key(
    azure_env: ProviderServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AZURE_OPENAI_API_KEY")
    monkeypatch.setenv("AZURE_OPENAI_AD_TOKEN", "tok-123")
    request = asked(azure_env, "azure:my-deployment")
    assert request.headers["authorization"] == "Bearer tok-123"
    assert "api-key" not in request.headers


def test_azure_needs_an_address(azure_env: ProviderServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AZURE_OPENAI_ENDPOINT")
    with pytest.raises(ModelError, match="AZURE_OPENAI_ENDPOINT is not set"):
        open_model("azure:my-deployment")
    assert asked(azure_env, f"azure:dep@{azure_env.url}").path.startswith("/openai/deployments/dep/chat")


def test_azure_key_is_in_no_error(azure_env: ProviderServer) -> None:
    azure_env.plans = [Plan(status=404, body={"error": {"message": f"no deployment for {KEY}"}})]
    with pytest.raises(UnknownModel, match=r"no deployment for \*\*\*") as caught:
        open_model("azure:gone").complete(ASKED)
    assert KEY not in repr(caught.value.__cause__)


@pytest.mark.parametrize(
    ("provider", "told", "cost"),
    [("openrouter", 0.25, 0.25), ("openrouter", 0, 0.0), ("openrouter", -1, None), ("vllm", 0.25, None)],
)
def test_cost_that_openrouter_tells_is_the_cost(
    provider: str, told: float, cost: float | None, server: ProviderServer
) -> None:
    server.plans = [Plan(events=openai_events(["ok"], cost=told))]
    usage = open_model(f"{provider}:nobody/knows@{server.url}").complete(ASKED).usage
    assert usage.cost_usd == cost


def test_anthropic_protocol_at_an_address_of_its_own(server: ProviderServer) -> None:
    server.plans = [Plan(events=anthropic_events(["ok"]))]
    assert open_model(f"anthropic:claude-x@{server.url}").complete(ASKED).text == "ok"
    assert server.requests[0].path == "/v1/messages"
