"""%rlm_context with a bucket as source and as destination."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import mock_s3
from rlm_magic.notebook.copying import copying

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
