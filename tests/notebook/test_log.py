"""%rlm_log: the runs as a table, one of them, two side by side, and a file that is whole."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell

from rlm_magic import Answer, ask
from rlm_magic.engine import runs_dir
from rlm_magic.errors import RunNotFound
from rlm_magic.models import ScriptedModel

TEXT = "The captain is Ada.\nThe cook is Bob.\n"
_IDS = re.compile(r"rlm-[0-9a-f]{12}")
LOOK = "I look.\n```repl\nprint(context[0:1])\n```\n"


def asked(question: str, answer: str, *, name: str = "scripted") -> Answer:
    return ask(question, TEXT, model=ScriptedModel([LOOK, f"FINAL({answer})"], name=name))


def test_the_runs_are_a_table(shell: InteractiveShell) -> None:
    asked("Who steers?", "Ada [L0]", name="first-model")
    newest = asked("Who <b>cooks</b>?\u202e", "Bob [L1]")
    listed = shell.run_line_magic("rlm_log", "")
    rows = repr(listed).splitlines()
    assert rows[0].split() == ["run", "when", "status", "steps", "cost", "model", "question"]
    assert rows[1].startswith(newest.run_id)
    assert "\u202e" not in rows[1]
    for part in ("answered", "first-model", "Who steers?", "$0.0000"):
        assert part in rows[2]
    starts = {row.index("answered") for row in rows[1:]}
    assert starts == {rows[0].index("status")}
    html = listed._repr_html_()
    assert html.count("<tr>") == 3
    assert "Who &lt;b&gt;cooks" in html


def test_an_unreadable_run_takes_its_row_and_no_more(shell: InteractiveShell) -> None:
    answer = asked("Who?", "Ada")
    (runs_dir() / "2020-01-01_00-00-00_broken.jsonl").write_text("nonsense\n")
    shown = repr(shell.run_line_magic("rlm_log", ""))
    assert "unreadable" in shown
    assert answer.run_id in shown


def test_with_no_runs_there_is_no_table(shell: InteractiveShell) -> None:
    listed = shell.run_line_magic("rlm_log", "")
    assert "no runs" in repr(listed)
    assert listed._repr_html_() is None


def test_a_run_shows_what_its_answer_showed(shell: InteractiveShell) -> None:
    answer = asked("Who steers?", "Ada [L0]")
    html = shell.run_line_magic("rlm_log", answer.run_id)._repr_html_()
    for part in (
        "Who steers?",
        "The captain is Ada.",
        "Coverage map",
        "Where the seconds and the money went",
    ):
        assert part in html


def test_two_runs_stand_side_by_side(shell: InteractiveShell) -> None:
    first, second = asked("Who steers?", "Ada", name="m1"), asked("Who cooks?", "Bob", name="m2")
    pair = shell.run_line_magic("rlm_log", f"{first.run_id} {second.run_id}")
    rows = repr(pair).splitlines()
    assert next(row.split() for row in rows if row.startswith("model")) == ["model", "m1", "m2"]
    assert "Ada" in repr(pair)
    assert "Bob" in repr(pair)
    html = pair._repr_html_()
    assert html.index(">m1<") < html.index(">m2<") < html.index("Ada") < html.index("Bob")


@pytest.mark.parametrize("line", ["a b c", "a b -s 1", "a b -o run.html"])
def test_more_than_it_can_show_is_refused(shell: InteractiveShell, line: str) -> None:
    with pytest.raises(UsageError, match="one run, or two side by side"):
        shell.run_line_magic("rlm_log", line)


def test_what_it_cannot_do_is_told_in_a_line(shell: InteractiveShell, tmp_path: Path) -> None:
    asked("Who?", "Ada")
    with pytest.raises(UsageError, match=r"cannot write .*run\.html: No such file"):
        shell.run_line_magic("rlm_log", f"last -o {tmp_path / 'nowhere' / 'run.html'}")
    with pytest.raises(UsageError, match="-o writes the whole run; leave -s 1 out"):
        shell.run_line_magic("rlm_log", f"last -s 1 -o {tmp_path / 'run.html'}")
    with pytest.raises(UsageError, match="has 2 steps; there is no step 9"):
        shell.run_line_magic("rlm_log", "last -s 9")
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_run_is_told(shell: InteractiveShell) -> None:
    answer = asked("Who?", "Ada")
    with pytest.raises(RunNotFound, match="nothing"):
        shell.run_line_magic("rlm_log", f"{answer.run_id} nothing")


def test_a_page_of_a_recorded_run_is_that_of_its_answer(shell: InteractiveShell, tmp_path: Path) -> None:
    answer = asked("Who steers?", "Ada [L0]")
    shell.run_line_magic("rlm_log", f"last -o {tmp_path / 'recorded.html'}")
    recorded = (tmp_path / "recorded.html").read_text(encoding="utf-8")
    live = answer.save(tmp_path / "live.html").read_text(encoding="utf-8")
    # The ids of every view are its own.
    assert _IDS.sub("rlm-", recorded) == _IDS.sub("rlm-", live)


def test_an_answer_in_a_notebook_is_html_and_markdown_and_plain(shell: InteractiveShell) -> None:
    answer = asked("Who steers?", "**Ada** [L0]")
    assert shell.display_formatter is not None
    data, _ = shell.display_formatter.format(answer)
    assert "<strong>Ada</strong>" in data["text/html"]
    assert data["text/markdown"].startswith("**Ada** [L0]")
    assert data["text/plain"].startswith("**Ada** [L0]")
