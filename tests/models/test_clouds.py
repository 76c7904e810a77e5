"""Anthropic's models on Bedrock and Vertex: paths, signing in, and what is said without credentials."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

from rlm_magic.errors import MissingKey, MissingPackage, ModelError, RateLimited, StreamCut
from rlm_magic.models import open_model
from rlm_magic.records import Message

from .conftest import KEY
from .provider_server import Plan, ProviderServer, anthropic_events

ASKED = [Message("system", "Be brief."), Message("user", "Hello?")]
BEDROCK = "bedrock:eu.anthropic.claude-x-v1:0"


def test_bedrock_request(bedrock_env: ProviderServer) -> None:
    bedrock_env.plans = [Plan(events=anthropic_events(["Hel", "lo."], usage=(120, 7)))]
    pieces: list[str] = []
    completion = open_model(BEDROCK, options={"top_k": 3}).complete(ASKED, pieces.append)
    assert (completion.text, pieces, completion.usage.tokens) == ("Hello.", ["Hel", "lo."], 127)
    request = bedrock_env.requests[0]
    assert request.path == "/model/eu.anthropic.claude-x-v1:0/invoke-with-response-stream"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.body["system"] == "Be brief."
    assert request.body["top_k"] == 3
    assert "model" not in request.body


def test_bedrock_signs_with_aws_credentials(
    bedrock_env: ProviderServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_BEARER_TOKEN_BEDROCK")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-a-real-secret")
    bedrock_env.plans = [Plan(events=anthropic_events(["ok"]))]
    assert open_model(BEDROCK).complete(ASKED).text == "ok"
    signed = bedrock_env.requests[0].headers["authorization"]
    assert signed.startswith("AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/")
    assert "/eu-west-1/bedrock/aws4_request" in signed


def test_bedrock_without_credentials_says_how_to_sign_in(
    bedrock_env: ProviderServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("AWS_BEARER_TOKEN_BEDROCK")
    # The SDK keeps the session of each region; this one must not have found any before.
    monkeypatch.setenv("AWS_REGION", "sa-east-1")
    bedrock_env.plans = [Plan(events=anthropic_events(["ok"]))]
    with pytest.raises(MissingKey, match=r"found no credentials .*set AWS_PROFILE"):
        open_model(BEDROCK).complete(ASKED)
    assert bedrock_env.requests == []


def test_bedrock_without_a_region_is_said_when_opening(
    bedrock_env: ProviderServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_REGION")
    with pytest.raises(ModelError, match="AWS_REGION"):
        open_model(BEDROCK)


def test_bedrock_reply_cut_short_is_no_reply(bedrock_env: ProviderServer) -> None:
    bedrock_env.plans = [Plan(events=anthropic_events(["Half"], stop=None), cut=True)]
    with pytest.raises(StreamCut):
        open_model(BEDROCK).complete(ASKED)


@pytest.mark.parametrize("status", [403, 429, 500])
def test_bedrock_refusal_is_ours_and_hides_the_key(bedrock_env: ProviderServer, status: int) -> None:
    body = {"message": f"no {KEY}"}
    bedrock_env.plans = [Plan(status=status, body=body, headers={"retry-after-ms": "1"})]
    with pytest.raises(RateLimited if status == 429 else ModelError, match=r"no \*\*\*") as caught:
        open_model(BEDROCK).complete(ASKED)
    assert KEY not in repr(caught.value.__cause__)


def test_vertex_request(vertex_env: ProviderServer) -> None:
    vertex_env.plans = [Plan(events=anthropic_events(["ok"]))]
    assert open_model("vertex:claude-x@20260101").complete(ASKED).text == "ok"
    request = vertex_env.requests[0]
    parts = "/v1/projects/my-project/locations/global/publishers/anthropic/models/"
    assert request.path == f"{parts}claude-x@20260101:streamRawPredict"
    assert request.headers["authorization"] == f"Bearer {KEY}"


def test_vertex_goes_to_the_region_that_is_set(
    vertex_env: ProviderServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLOUD_ML_REGION", "europe-west1")
    vertex_env.plans = [Plan(events=anthropic_events(["ok"]))]
    open_model("vertex:claude-x").complete(ASKED)
    assert "/locations/europe-west1/" in vertex_env.requests[0].path


def test_vertex_without_google_auth_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "google", None)
    monkeypatch.setenv("ANTHROPIC_VERTEX_PROJECT_ID", "my-project")
    with pytest.raises(MissingPackage, match=r"pip install 'anthropic\[vertex\]'"):
        open_model("vertex:claude-x")


def test_vertex_without_a_project_is_said_when_opening(google_auth: ModuleType) -> None:
    with pytest.raises(MissingKey, match="ANTHROPIC_VERTEX_PROJECT_ID is not set"):
        open_model("vertex:claude-x")


def test_vertex_without_credentials_says_how_to_sign_in(
    vertex_env: ProviderServer, google_auth: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    class DefaultCredentialsError(Exception):
        __module__ = "google.auth.exceptions"

    def default(scopes: object) -> object:
        raise DefaultCredentialsError("none were found")

    monkeypatch.setattr(google_auth, "default", default)
    with pytest.raises(MissingKey, match=r"none were found.*gcloud auth application-default login"):
        open_model("vertex:claude-x").complete(ASKED)
