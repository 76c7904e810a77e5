"""Reading ahead through a real server: what is fetched before anybody asks, and that text stays right."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

import mock_s3
import rlm_magic
from rlm_magic.config import ContextConfig
from rlm_magic.context import Context, open_context
from rlm_magic.context.fetch import StoredSegments
from rlm_magic.errors import ContextTooLarge
from rlm_magic.models import OnText, ScriptedModel
from rlm_magic.records import Completion, Message, Usage

from .s3 import forget_requests, make_bucket, point_at

LINES = [f"line {number} of the log\n" for number in range(4_000)]
TEXT = "".join(LINES)
OBJECTS = {f"part-{n:02}.log": "".join(LINES[n * 100 : n * 100 + 100]).encode() for n in range(40)}
PATIENCE_S = 20


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[mock_s3.Server]:
    make_bucket(tmp_path, "logs", OBJECTS)
    with mock_s3.serve(tmp_path) as url:
        point_at(url, monkeypatch)
        yield url


@pytest.fixture
def context(server: mock_s3.Server) -> Context:
    rlm_magic.ingest("s3://logs/", "s3://logs/packed/", segment_bytes=1_000, object_bytes=4_000)
    context = open_context("s3://logs/packed/")
    forget_requests(server)
    return context


def wait_for(condition: object) -> None:
    """Wait until a condition holds; a test that waits in vain fails at its next assertion."""
    deadline = threading.Event()
    for _ in range(PATIENCE_S * 50):
        if condition():
            return
        deadline.wait(0.02)


def has_landed(context: Context) -> bool:
    """Return whether all has come that was asked for ahead of time."""
    segments = context._text.segments
    assert isinstance(segments, StoredSegments)
    return not segments._flights.under_way


def test_a_scan_is_read_ahead_and_reads_right(context: Context) -> None:
    got = [context[at : at + 50] for at in range(0, len(context), 50)]
    assert "".join(got) == TEXT
    assert context.stats.prefetched_used_bytes > 0


def test_a_slice_in_a_streaming_reply_is_fetched_before_its_cell_runs(
    context: Context, server: mock_s3.Server
) -> None:
    seen: list[int] = []

    class Streaming(ScriptedModel):
        def complete(self, messages: Sequence[Message], on_text: OnText | None = None) -> Completion:
            assert on_text is not None
            for piece in ("```repl\n", "part = context[2000:2", "100]\n"):
                on_text(piece)
            wait_for(lambda: context.stats.prefetched_bytes > 0)
            seen.append(context.stats.prefetched_bytes)
            on_text("FINAL(part)\n```")
            return Completion("```repl\npart = context[2000:2100]\nFINAL(part)\n```", Usage(1, 1, 1, 0.0))

    answer = rlm_magic.ask("q", context, model=Streaming([], name="scripted"))
    assert answer.text == "".join(LINES[2000:2100])
    assert seen[0] > 0
    assert context.stats.prefetched_used_bytes > 0


def test_documents_and_characters_are_foreseen_too(context: Context) -> None:
    foresight = context.foresight()
    assert foresight is not None
    foresight.streamed('context.documents["part-33.log"][0:10]\n')
    wait_for(lambda: has_landed(context))
    before = context.stats
    assert context.documents["part-33.log"][0:10] == "".join(LINES[3300:3310])
    # Nobody waited. There may be more requests: what lies behind is now read ahead in its turn.
    assert (context.stats.stall_s, context.stats.memory_hits > 0) == (0, True)
    foresight.streamed("context.chars[20000:20050]\n")
    wait_for(lambda: has_landed(context))
    assert context.stats.prefetched_bytes > before.prefetched_bytes
    assert context.chars[20000:20050] == TEXT[20000:20050]
    assert context.stats.stall_s == 0


@pytest.mark.parametrize(
    "code", ["context[99999:]\n", "context.documents['nope'][0:9]\n", "context[", "context[a:b]\n", "]" * 500]
)
def test_hints_that_lead_nowhere_do_no_harm(context: Context, code: str) -> None:
    foresight = context.foresight()
    assert foresight is not None
    foresight.streamed(code)
    foresight.acting()
    assert context[0] == LINES[0]


def test_thinking_time_is_used(context: Context) -> None:
    foresight = context.foresight()
    assert foresight is not None
    foresight.thinking()
    wait_for(lambda: context.stats.prefetched_bytes >= len(TEXT))
    before = context.stats
    assert context[:] == TEXT
    assert context.stats.requests == before.requests


def test_local_texts_and_views_need_none(context: Context, tmp_path: Path) -> None:
    assert open_context([TEXT]).foresight() is None
    (tmp_path / "a.log").write_text(TEXT)
    assert open_context(tmp_path / "a.log").foresight() is None
    assert context.view(10, 20).foresight() is None


def test_warm_loads_all_and_says_how_far_it_is(context: Context, server: mock_s3.Server) -> None:
    told: list[tuple[int, int | None]] = []
    context.warm(on_progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (len(TEXT), len(TEXT))
    assert told == sorted(told)
    forget_requests(server)
    assert context[:] == TEXT
    assert server.requests() == []


def test_warm_refuses_what_does_not_fit_before_it_reads(context: Context, server: mock_s3.Server) -> None:
    small = open_context("s3://logs/packed/", config=ContextConfig(memory_bytes=10_000))
    forget_requests(server)
    with pytest.raises(ContextTooLarge, match="10,000 bytes"):
        small.warm()
    assert server.requests() == []
    small.view(0, 100).warm()
    assert small[0:100] == "".join(LINES[:100])
