"""Every model against the one contract."""

from __future__ import annotations

import pytest

from rlm_magic.models import Model, OfflineModel, ScriptedModel, open_model
from rlm_magic.records import Message

from ..contracts.model_contract import ModelContract
from .provider_server import Plan, ProviderServer, anthropic_events, openai_events

REFUSED = Plan(status=400, body={"error": {"message": "no", "type": "invalid_request_error"}})


class TestOffline(ModelContract):
    @pytest.fixture
    def model(self) -> Model:
        return OfflineModel()

    @pytest.fixture
    def failing(self) -> Model:
        return OfflineModel()

    def test_failure_is_a_model_error_that_says_why(self, failing: Model) -> None:
        """Nothing makes the rules fail: they answer the emptiest conversation too."""
        for messages in ([], [Message("user", "")], [Message("system", "")], [Message("assistant", "x")]):
            assert failing.complete(messages).text


class TestScriptedFunction(ModelContract):
    @pytest.fixture
    def model(self) -> Model:
        return ScriptedModel(lambda messages: f"{len(messages)} messages\nand two lines")

    @pytest.fixture
    def failing(self) -> Model:
        return ScriptedModel([])


class TestScriptedList(ModelContract):
    @pytest.fixture
    def model(self) -> Model:
        return ScriptedModel(["the same reply"] * 20)

    @pytest.fixture
    def failing(self) -> Model:
        return ScriptedModel(lambda messages: 7)  # type: ignore[arg-type,return-value]


class TestOpenAI(ModelContract):
    @pytest.fixture
    def model(self, openai_env: ProviderServer) -> Model:
        openai_env.plans = [Plan(events=openai_events(["The ", "choir ", "sings.\n"]))]
        return open_model("openai:gpt-5")

    @pytest.fixture
    def failing(self, openai_env: ProviderServer) -> Model:
        openai_env.plans = [REFUSED]
        return open_model("openai:gpt-5")


class TestAnthropic(ModelContract):
    @pytest.fixture
    def model(self, anthropic_env: ProviderServer) -> Model:
        anthropic_env.plans = [Plan(events=anthropic_events(["The ", "choir ", "sings.\n"]))]
        return open_model("anthropic:claude-sonnet-5-5")

    @pytest.fixture
    def failing(self, anthropic_env: ProviderServer) -> Model:
        anthropic_env.plans = [REFUSED]
        return open_model("anthropic:claude-sonnet-5-5")
