"""Fixtures for the models: a provider on loopback and an environment that points the SDKs at it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from types import ModuleType

import pytest

from .provider_server import ProviderServer, provider_server

KEY = "sk-test-5ecre7-key-1234567890"
_GOOGLE_MODULES = ("google", "google.auth", "google.auth.transport", "google.auth.transport.requests")
_OF_PROVIDERS = (
    *("OPENAI_", "AZURE_", "OPENROUTER_", "AI_GATEWAY_", "VERCEL_", "PORTKEY_", "VLLM_", "OLLAMA_"),
    *("GEMINI_", "GOOGLE_", "ANTHROPIC_", "AWS_", "CLOUD_ML_", "RLM_PRICES"),
)


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    for variable in os.environ:
        if variable.startswith(_OF_PROVIDERS):
            monkeypatch.delenv(variable)
    # Credentials are looked for below the home directory and at the machine's cloud too: be where none are.
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))


@pytest.fixture
def server() -> Iterator[ProviderServer]:
    with provider_server() as running:
        yield running


@pytest.fixture
def openai_env(server: ProviderServer, monkeypatch: pytest.MonkeyPatch) -> ProviderServer:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
    return server


@pytest.fixture
def anthropic_env(server: ProviderServer, monkeypatch: pytest.MonkeyPatch) -> ProviderServer:
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
    return server


@pytest.fixture
def azure_env(server: ProviderServer, monkeypatch: pytest.MonkeyPatch) -> ProviderServer:
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", KEY)
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", server.url)
    return server


@pytest.fixture
def bedrock_env(server: ProviderServer, monkeypatch: pytest.MonkeyPatch) -> ProviderServer:
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", KEY)
    monkeypatch.setenv("ANTHROPIC_BEDROCK_BASE_URL", server.url)
    return server


class GoogleCredentials:
    """What google-auth gives: a token, made when it is refreshed."""

    token: str | None = None
    expired = False

    def refresh(self, request: object) -> None:
        self.token = KEY


@pytest.fixture
def google_auth(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Put a google-auth in place that finds credentials at once; the real one is optional."""
    modules = {name: ModuleType(name) for name in _GOOGLE_MODULES}
    for name, module in modules.items():
        module.__spec__ = ModuleSpec(name, None)
        module.__path__ = []
        monkeypatch.setitem(sys.modules, name, module)
        parent, _, child = name.rpartition(".")
        if parent:
            monkeypatch.setattr(modules[parent], child, module, raising=False)
    auth = modules["google.auth"]
    monkeypatch.setattr(auth, "default", lambda scopes: (GoogleCredentials(), None), raising=False)
    monkeypatch.setattr(modules["google.auth.transport.requests"], "Request", object, raising=False)
    return auth


@pytest.fixture
def vertex_env(
    server: ProviderServer, google_auth: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> ProviderServer:
    monkeypatch.setenv("ANTHROPIC_VERTEX_PROJECT_ID", "my-project")
    monkeypatch.setenv("ANTHROPIC_VERTEX_BASE_URL", f"{server.url}/v1")
    return server
