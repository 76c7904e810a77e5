"""--dry-run: everything that would be sent is shown, nothing is sent and nothing recorded."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import pytest
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell

from rlm_magic.engine import list_runs
from rlm_magic.errors import MissingKey
from rlm_magic.models import ScriptedModel


def never(messages: object) -> str:
    pytest.fail("a model was asked")


@pytest.fixture
def bound(shell: InteractiveShell) -> InteractiveShell:
    shell.run_cell_magic("rlm_context", "ship -q", "The captain is Ada.\nThe cook is Bob.\n")
    shell.user_ns["silent"] = ScriptedModel(never)
    return shell


def test_what_would_be_sent_is_shown_and_no_model_is_asked(bound: InteractiveShell) -> None:
    shown = repr(bound.run_line_magic("rlm", "-m $silent --dry-run -n 7 -b 0.5 Who is the captain?"))
    for part in (
        "Who is the captain?",
        "scripted",
        "2 lines",
        "36 B",
        "You answer a question about a text",
        "Turn 1 of 7.",
        "--max-steps      7",
        "--max-cost       $0.50",
        "--timeout        600 s",
    ):
        assert part in shown
    assert "Ada" not in shown


def test_the_prompts_are_those_that_a_run_sends(bound: InteractiveShell) -> None:
    bound.user_ns["lookup"] = lambda word: word
    sent: list[str] = []

    def listening(messages: object) -> str:
        sent.extend(message.content for message in messages)  # type: ignore[attr-defined]
        return "FINAL(ok)"

    shown = repr(bound.run_line_magic("rlm", "-m $silent --dry-run --tool lookup Who?"))
    bound.user_ns["listening"] = ScriptedModel(listening)
    bound.run_line_magic("rlm", "-m $listening --tool lookup Who?")
    system, question = sent[:2]
    for text in (system, question):
        assert "\n".join(f"  {line}" for line in text.split("\n")) in shown
        assert f"{len(text):,} characters" in shown


def test_nothing_is_recorded_and_nothing_is_counted(bound: InteractiveShell, tmp_path: Path) -> None:
    record = tmp_path / "record.jsonl"
    bound.run_line_magic("rlm", f"-m $silent --dry-run --record {record} -o out Who?")
    assert list_runs() == []
    assert not record.exists()
    assert "out" not in bound.user_ns
    assert "none in this kernel" in repr(bound.run_line_magic("rlm_status", ""))


def test_the_price_of_a_step_is_that_of_its_prompt(
    bound: InteractiveShell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-nobody")
    shown = repr(bound.run_line_magic("rlm", "-m openai:gpt-5 --dry-run Who?"))
    (tokens,) = [line.split()[2] for line in shown.splitlines() if line.startswith("  together")]
    (price,) = [line.split()[1] for line in shown.splitlines() if line.startswith("  price")]
    assert price == f"${int(tokens.replace(',', '')) * 1.25 / 1e6:.4f}"
    unknown = repr(bound.run_line_magic("rlm", "-m openai:no-such-model --dry-run Who?"))
    assert "the price of openai:no-such-model is not known" in unknown


def test_what_a_run_would_refuse_is_refused_here_too(bound: InteractiveShell) -> None:
    with pytest.raises(MissingKey):
        bound.run_line_magic("rlm", "-m openai:gpt-5 --dry-run Who?")
    with pytest.raises(UsageError, match="ask something"):
        bound.run_line_magic("rlm", "--dry-run")
    with pytest.raises(UsageError, match="--resume"):
        bound.run_line_magic("rlm", "--dry-run --resume last")
    assert list_runs() == []


def test_a_hostile_question_is_text(bound: InteractiveShell) -> None:
    shown = bound.run_line_magic("rlm", "-m $silent --dry-run </td><script>alert(1)</script>\x1b[2J")
    tags: set[str] = set()
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attrs: tags.add(tag)  # type: ignore[method-assign]
    parser.feed(shown._repr_html_())
    assert tags == {"div", "table", "caption", "tr", "td", "details", "summary"}
    assert "\x1b" not in repr(shown)
