"""Every model against the one contract."""

from __future__ import annotations

from pathlib import Path

import pytest

from rlm_magic.models import Model, OfflineModel, ScriptedModel, cached, open_model, recording
from rlm_magic.records import Message

from ..contracts.model_contract import AWKWARD, CONVERSATION, PROMPT, ModelContract
from .provider_server import Plan, ProviderServer, anthropic_events, openai_events
from .test_cached import MemoryCache

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


class TestAzure(ModelContract):
    @pytest.fixture
    def model(self, azure_env: ProviderServer) -> Model:
        azure_env.plans = [Plan(events=openai_events(["The ", "choir ", "sings.\n"]))]
        return open_model("azure:my-deployment")

    @pytest.fixture
    def failing(self, azure_env: ProviderServer) -> Model:
        azure_env.plans = [REFUSED]
        return open_model("azure:my-deployment")


class TestBedrock(ModelContract):
    @pytest.fixture
    def model(self, bedrock_env: ProviderServer) -> Model:
        bedrock_env.plans = [Plan(events=anthropic_events(["The ", "choir ", "sings.\n"]))]
        return open_model("bedrock:anthropic.claude-x-v1:0")

    @pytest.fixture
    def failing(self, bedrock_env: ProviderServer) -> Model:
        bedrock_env.plans = [REFUSED]
        return open_model("bedrock:anthropic.claude-x-v1:0")


class TestVertex(ModelContract):
    @pytest.fixture
    def model(self, vertex_env: ProviderServer) -> Model:
        vertex_env.plans = [Plan(events=anthropic_events(["The ", "choir ", "sings.\n"]))]
        return open_model("vertex:claude-x@20260101")

    @pytest.fixture
    def failing(self, vertex_env: ProviderServer) -> Model:
        vertex_env.plans = [REFUSED]
        return open_model("vertex:claude-x@20260101")


class TestRecording(ModelContract):
    @pytest.fixture
    def model(self, tmp_path: Path) -> Model:
        return recording(ScriptedModel(lambda _: "two\nlines"), tmp_path / "run.jsonl")

    @pytest.fixture
    def failing(self, tmp_path: Path) -> Model:
        return recording(ScriptedModel([]), tmp_path / "run.jsonl")


class TestReplay(ModelContract):
    @pytest.fixture
    def model(self, tmp_path: Path) -> Model:
        recorded = recording(ScriptedModel(lambda _: "two\nlines"), tmp_path / "run.jsonl")
        for messages in (PROMPT, CONVERSATION, [Message("user", AWKWARD)]):
            recorded.complete(messages)
        return open_model(f"replay:{tmp_path / 'run.jsonl'}")

    @pytest.fixture
    def failing(self, tmp_path: Path) -> Model:
        recording(ScriptedModel(["once"]), tmp_path / "run.jsonl").complete(CONVERSATION)
        return open_model(f"replay:{tmp_path / 'run.jsonl'}")

    def test_repr_is_short(self, model: Model) -> None:
        assert "\n" not in repr(model)


class TestCached(ModelContract):
    @pytest.fixture
    def model(self) -> Model:
        return cached(ScriptedModel(lambda _: "two\nlines"), MemoryCache())

    @pytest.fixture
    def failing(self) -> Model:
        return cached(ScriptedModel([]), MemoryCache())
