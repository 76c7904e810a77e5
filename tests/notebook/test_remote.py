"""%rlm_context with a bucket as source and as destination."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import mock_s3
from rlm_magic.context import ingest
from rlm_magic.notebook.copying import copying
from rlm_magic.records import ReadStats

from ..context.s3 import isolate, make_bucket


def test_to_a_bucket_and_back(shell: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    isolate(monkeypatch)
    text = "".join(f"line {number}\n" for number in range(500))
    make_bucket(tmp_path, "bucket", {"logs/a.txt": text.encode()})
    with mock_s3.serve(tmp_path) as url:
        options = f"--endpoint-url {url} --region eu-west-1 --anonymous"
        bound = shell.run_line_magic("rlm_context", f"logs s3://bucket/logs/*.txt {options}")
        assert bound[:] == text
        shell.user_ns["held"] = bound
        written = shell.run_line_magic("rlm_context", f"kept $held --to s3://bucket/kept/ {options}")
        assert (written[:], written.info.kind) == (text, "manifest")
        both = f"again s3://bucket/logs/ --to s3://bucket/again/ {options}"
        assert shell.run_line_magic("rlm_context", both)[:] == text
        assert shell.user_ns["again"][7] == "line 7\n"


def test_a_long_copy_is_shown_in_lines(shell: Any, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rlm_magic.notebook.copying._FIRST_AFTER_S", 0.0)
    with copying(shell, "plain", "writing x") as on_progress:
        on_progress(1_000_000, 4_000_000)
        on_progress(4_000_000, 4_000_000)
    lines = capsys.readouterr().err.splitlines()
    assert "25 % · 1.0 of 4.0 MB" in lines[0]
    assert "100 % · 4.0 of 4.0 MB" in lines[-1]


def test_what_a_run_read_is_in_the_answer_the_status_and_the_log(
    shell: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    isolate(monkeypatch)
    text = "".join(f"line {number} is calm\n" for number in range(5_000)) + "the pump broke at noon\n"
    ingest([("log", text)], tmp_path / "bucket" / "log", segment_bytes=8_000, object_bytes=20_000)
    with mock_s3.serve(tmp_path) as url:
        options = f"--endpoint-url {url} --region eu-west-1 --anonymous"
        shell.run_line_magic("rlm_context", f"log s3://bucket/log/ {options} -q")
        answer = shell.run_line_magic("rlm", "-q -m offline When did the pump break?")
    reads = answer.reads
    assert reads.requests > 0
    # What is late is asked for twice, and may come after the answer.
    assert reads.bytes >= len(text)
    for _ in range(100):
        stats, status = shell.user_ns["log"].stats, repr(shell.run_line_magic("rlm_status", ""))
        if stats == shell.user_ns["log"].stats:
            break
    assert (stats.store_reads, stats.requests >= reads.requests) == (reads.store_reads, True)
    assert _shown(stats) in status
    shown = _shown(reads)
    assert shown in repr(shell.run_line_magic("rlm_log", "last"))
    answer.save(tmp_path / "run.html")
    assert shown in (tmp_path / "run.html").read_text(encoding="utf-8")


def _shown(reads: ReadStats) -> str:
    return f"{reads.requests} requests for {reads.bytes / 1000:.1f} kB"


def test_warm_loads_all_before_anybody_reads(
    shell: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    isolate(monkeypatch)
    monkeypatch.setenv("RLM_PROGRESS", "plain")
    monkeypatch.setattr("rlm_magic.notebook.copying._FIRST_AFTER_S", 0.0)
    text = "".join(f"line {number}\n" for number in range(5_000))
    ingest([("log", text)], tmp_path / "bucket" / "log", segment_bytes=8_000, object_bytes=20_000)
    with mock_s3.serve(tmp_path) as url:
        options = f"--endpoint-url {url} --anonymous --warm"
        bound = shell.run_line_magic("rlm_context", f"log s3://bucket/log/ {options}")
        asked = bound.stats.store_reads
    # The server is gone, and the text is here.
    assert bound[:] == text
    assert bound.stats.store_reads == asked > 0
    assert "loading log ████████████████████████ 100 %" in capsys.readouterr().err
