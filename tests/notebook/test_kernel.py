"""The extension in a real kernel: what the front end receives, the stop button, errors that stay short."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .conftest import Kernel

# A model, or a cell, that says by a file that it is there, and then waits for what never comes.
SLOW = """
import pathlib, threading
never = threading.Event()
def there():
    pathlib.Path({path!r}).touch()
    never.wait(60)
def slow(messages):
    if messages[0].role == "system":
        return "```repl\\nfirst = 1\\nsecond = llm_query('x')\\n```"
    there()
    return "late"
"""


@pytest.fixture(autouse=True)
def bound(kernel: Kernel) -> None:
    ran = kernel.run("%%rlm_context ship -q\nThe captain of the ship is Ada.\nThe cook is Bob.")
    assert ran.status == "ok", ran.error


def test_a_question_shows_one_status_one_trace_and_the_answer(kernel: Kernel) -> None:
    ran = kernel.run("%rlm Who is the captain of the ship?")
    assert ran.status == "ok", ran.error
    assert ran.result is not None
    assert "Ada" in ran.result
    ids = {shown["transient"]["display_id"] for shown in ran.displays}
    assert {update["transient"]["display_id"] for update in ran.updates} <= ids
    last = {shown["transient"]["display_id"]: shown["data"] for shown in [*ran.displays, *ran.updates]}
    texts = [data["text/plain"] for data in last.values()]
    assert any("answered" in text for text in texts)
    assert any(text.startswith("step 1") for text in texts)
    assert any("<details" in data["text/html"] for data in last.values())
    assert ran.stdout == ""


def test_the_offline_model_is_announced_once(kernel: Kernel) -> None:
    kernel.run("%reload_ext rlm_magic")
    kernel.run("%%rlm_context ship -q\nThe captain is Ada.")
    first, second = kernel.run("%rlm Who is captain?"), kernel.run("%rlm Who is captain?")
    assert any("OPENAI_API_KEY" in str(shown["data"]) for shown in first.displays)
    assert not any("OPENAI_API_KEY" in str(shown["data"]) for shown in second.displays)


def test_assigned_answers_are_not_shown(kernel: Kernel) -> None:
    ran = kernel.run("ans = %rlm Who is the cook?")
    assert ran.status == "ok", ran.error
    assert ran.result is None
    assert "Bob" in (kernel.run("ans.text").result or "")


def test_progress_none_shows_nothing_but_the_answer(kernel: Kernel) -> None:
    ran = kernel.run("%rlm --progress none Who is the cook?")
    assert ran.displays == ran.updates == []
    assert ran.result is not None


def test_what_model_code_shows_stays_in_the_trace(kernel: Kernel) -> None:
    code = "from IPython.display import HTML, display\ndisplay(HTML('<b>leak</b>'))\nprint('leak too')\n3 + 4"
    replies = [f"```repl\n{code}\n```", "FINAL(ok)"]
    kernel.run(f"scripted = ScriptedModel({replies!r})")
    ran = kernel.run("ans = %rlm -m $scripted q")
    assert ran.status == "ok", ran.error
    assert ran.stdout == ""
    assert not any(
        "<b>leak</b>" in shown["data"].get("text/html", "") for shown in [*ran.displays, *ran.updates]
    )
    assert "leak too" in (kernel.run("ans.steps[0].cells[0].result.output").result or "")


def test_history_and_outputs_are_untouched(kernel: Kernel) -> None:
    kernel.run("scripted = ScriptedModel(['```repl\\n1 + 1\\n```', 'FINAL(ok)'])")
    kernel.run("40 + 2")
    kernel.run("ans = %rlm -m $scripted q")
    assert kernel.run("_").result == "42"


@pytest.mark.parametrize("where", ["sub-call", "root", "cell"])
def test_the_stop_button_ends_the_run_at_once_and_keeps_what_was_done(
    kernel: Kernel, tmp_path: Path, where: str
) -> None:
    kernel.run(SLOW.format(path=str(tmp_path / "there")))
    script = {
        "sub-call": "slow",
        "root": "lambda m: '```repl\\nfirst = 1\\n```' if len(m) == 2 else there() or 'late'",
        "cell": "['```repl\\nfirst = 1\\nthere()\\n```']",
    }[where]
    kernel.run(f"sleepy = ScriptedModel({script})")
    kernel.interrupt_once(tmp_path / "there")
    ran = kernel.run("%rlm -m $sleepy --tool there -o stopped Who?")
    assert ran.status == "error"
    assert "interrupted" in ran.error
    assert len(ran.error.splitlines()) < 5
    assert kernel.run("stopped.status, stopped.variables['first']").result == "('interrupted', 1)"
    assert kernel.run("ship[1], never.set()").result == "('The cook is Bob.', None)"
    after = kernel.run("%rlm Who is the cook?")
    assert "Bob" in (after.result or "")


def test_a_stopped_run_is_resumed_where_it_stood(kernel: Kernel, tmp_path: Path) -> None:
    kernel.run(SLOW.format(path=str(tmp_path / "there")))
    reply = "'```repl\\nfirst = 41\\n```' if len(m) == 2 else there() or 'FINAL_VAR(first)'"
    kernel.run(f"sleepy = ScriptedModel(lambda m: {reply})")
    kernel.interrupt_once(tmp_path / "there")
    assert kernel.run("%rlm -m $sleepy -o stopped Who?").status == "error"
    kernel.run("never.set()")
    ran = kernel.run("resumed = %rlm --resume last")
    assert ran.status == "ok", ran.error or ran.stderr
    shown = kernel.run("resumed.text, resumed.status, resumed.run_id == stopped.run_id, len(resumed.steps)")
    assert shown.result == "('41', 'answered', True, 2)"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("%rlm -m openai:gpt-5 Who?", "OPENAI_API_KEY"),
        ("%rlm_context x /no/such/path", "/no/such/path"),
        ("%rlm -n 0 Who?", "steps=0"),
    ],
)
def test_errors_are_short_and_stop_the_notebook(kernel: Kernel, line: str, said: str) -> None:
    ran = kernel.run(line)
    assert ran.status == "error"
    assert said in re.sub(r"\x1b\[[\d;]*m", "", ran.error)
    assert len(ran.error.splitlines()) < 6


def test_hostile_text_is_escaped(kernel: Kernel) -> None:
    kernel.run("scripted = ScriptedModel(['FINAL(<script>alert(1)</script>)'])")
    ran = kernel.run("%rlm -m $scripted <script>alert(2)</script>")
    for shown in [*ran.displays, *ran.updates]:
        assert "<script" not in shown["data"].get("text/html", "")


def test_unloading_and_loading_again(kernel: Kernel) -> None:
    assert kernel.run("%unload_ext rlm_magic").status == "ok"
    assert "not found" in kernel.run("%rlm Who").stderr
    assert kernel.run("%load_ext rlm_magic").status == "ok"
