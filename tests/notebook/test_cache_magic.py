"""%rlm_cache shows what is kept and read, and empties the cache on disk."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from IPython.core.error import UsageError

from rlm_magic.context import ingest
from rlm_magic.context.remember import recall, remember
from rlm_magic.disk import segment_cache

from .test_magics import completed

DATA = b"a segment\n" * 20_000


@pytest.fixture(autouse=True)
def _closed(shell: Any) -> Any:
    yield
    segment_cache().close()


def show(shell: Any, line: str = "") -> list[str]:
    return repr(shell.run_line_magic("rlm_cache", line)).splitlines()


def test_it_shows_folder_entries_and_limit(shell: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RLM_CACHE_BYTES", "123456789")
    segment_cache().put("key", DATA)
    assert segment_cache().flush(60)
    remember("name", b"index", keep=3)
    segments, held, _, indexes, _, contexts = show(shell)
    assert segments == f"segments in {os.environ['RLM_CACHE_DIR']}/segments"
    assert held.startswith("  1 entry, 2")
    assert held.endswith(" of 123,456,789 bytes; ok")
    assert indexes == "  1 entry, 37 bytes"
    assert contexts == "  no context is bound"


def test_it_shows_what_contexts_have_read(shell: Any, tmp_path: Path) -> None:
    ingest(["a line\n" * 1_000], tmp_path / "made")
    shell.run_line_magic("rlm_context", f"stored {tmp_path}/made")
    shell.run_cell_magic("rlm_context", "typed", "a line\n")
    assert shell.user_ns["stored"][5] == "a line\n"
    assert shell.user_ns["typed"][0] == "a line"
    stored, typed = show(shell)[-2:]
    assert stored == "  stored: 0 in memory, 0 on disk, 1 in the store (1 request, 7,000 bytes)"
    assert typed == "  typed: none"


def test_clearing_empties_it_and_says_how_much(shell: Any) -> None:
    segment_cache().put("key", DATA)
    assert segment_cache().flush(60)
    remember("name", b"index", keep=3)
    freed, _, held, *_ = show(shell, "--clear")
    assert int(freed.removeprefix("freed ").removesuffix(" bytes on disk").replace(",", "")) > 0.8 * len(DATA)
    assert held.startswith("  0 entries, ")
    assert segment_cache().get("key") is None
    assert recall("name") is None


def test_clearing_leaves_what_contexts_hold(shell: Any, tmp_path: Path) -> None:
    ingest(["a line\n" * 1_000], tmp_path / "made")
    shell.run_line_magic("rlm_context", f"stored {tmp_path}/made")
    assert shell.user_ns["stored"][5] == "a line\n"
    show(shell, "--clear")
    assert shell.user_ns["stored"][6] == "a line\n"
    assert "1 request" in show(shell)[-1]


@pytest.mark.parametrize(("name", "value"), [("RLM_CACHE", "off"), ("RLM_CACHE_BYTES", "8 GB")])
def test_it_says_why_it_is_off(shell: Any, monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    (state,) = show(shell)[1:2]
    assert state.startswith(f"  off: {name}=")
    assert value in state
    assert show(shell, "--clear")[0] == "freed 0 bytes on disk"


def test_a_wrong_option_is_refused(shell: Any) -> None:
    with pytest.raises(UsageError, match="wipe"):
        shell.run_line_magic("rlm_cache", "--wipe")


def test_it_has_help_and_completion(shell: Any) -> None:
    assert "--clear" in shell.magics_manager.magics["line"]["rlm_cache"].__doc__
    assert "%rlm_cache --clear" in completed(shell, "%rlm_cache --cl")
