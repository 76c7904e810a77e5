"""%rlm --step and %rlm_step: a run that pauses before it acts, the ways on, and the stop button."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell

from rlm_magic import Answer, RLMError
from rlm_magic.engine import list_runs, read_trajectory
from rlm_magic.errors import ModelError
from rlm_magic.models import ScriptedModel
from rlm_magic.notebook.stepping import Paused

from ..session.models import Listening, code
from .conftest import Kernel

REPLIES = (code("x = 1", "print(x)"), code("y = x + 1"), "FINAL_VAR(y)")


def listen(shell: InteractiveShell, *replies: str) -> Listening:
    """Put a scripted model into the notebook as $model, and return it."""
    model = Listening(*replies)
    shell.user_ns["model"] = model
    return model


def begin(shell: InteractiveShell, *replies: str, options: str = "") -> Paused:
    listen(shell, *(replies or REPLIES))
    paused = shell.run_line_magic("rlm", f"--step -m $model {options} Who?")
    assert isinstance(paused, Paused)
    return paused


def step(shell: InteractiveShell, line: str = "", cell: str | None = None) -> object:
    if cell is None:
        return shell.run_line_magic("rlm_step", line)
    return shell.run_cell_magic("rlm_step", line, cell)


@pytest.fixture
def bound(shell: InteractiveShell) -> InteractiveShell:
    shell.run_cell_magic("rlm_context", "ship", "The captain of the ship is Ada.\nThe cook is Bob.\n\n")
    return shell


def test_a_run_pauses_at_each_reply_before_its_code_runs(bound: InteractiveShell) -> None:
    first = begin(bound)
    assert (first.step, first.reply, first.cells) == (1, REPLIES[0], ("x = 1\nprint(x)\n",))
    assert (first.question, dict(first.variables)) == ("Who?", {})
    second = step(bound)
    assert isinstance(second, Paused)
    assert (second.step, dict(second.variables)) == (2, {"x": 1})
    assert isinstance(step(bound), Paused)
    answer = step(bound)
    assert isinstance(answer, Answer)
    assert (answer.value, answer.status) == (2, "answered")
    assert dict(second.variables) == {"x": 1, "y": 2}
    with pytest.raises(UsageError, match="nothing is paused"):
        step(bound)


def test_what_waits_is_shown_with_its_code_and_the_ways_on(bound: InteractiveShell) -> None:
    shown = repr(begin(bound))
    for part in ("Paused at the reply of step 1 of 20", "Let me see.", "  | print(x)", "%rlm_step --edit"):
        assert part in shown
    assert "holds no code" in repr(begin(bound, "I wonder."))


def test_hostile_replies_are_escaped(bound: InteractiveShell) -> None:
    evil = "<script>alert(1)</script>\x1b[2J\u202e"
    paused = begin(bound, evil + code(f"print({evil!r})", "# <img src=x onerror=alert(1)>"))
    html = paused._repr_html_()
    assert "<script" not in html
    assert "<img" not in html
    assert "\x1b" not in html + repr(paused)
    assert "\u202e" not in html + repr(paused)


def test_going_on_without_pauses(bound: InteractiveShell) -> None:
    begin(bound)
    answer = step(bound, "--go")
    assert isinstance(answer, Answer)
    assert answer.value == 2


def test_variables_are_there_between_steps(bound: InteractiveShell) -> None:
    begin(bound, code("x = 'a\x1b[2J'", "many = list(range(1000))"), "FINAL(1)")
    assert repr(step(bound, "--vars")) == "no variables yet"
    step(bound)
    assert step(bound, "--vars") == {"x": "a\x1b[2J", "many": list(range(1000))}
    assert repr(step(bound, "--vars")) == "x: str of 5 = 'a\\x1b[2J'\nmany: list of 1,000"
    step(bound)
    assert "many" in repr(step(bound, "--vars"))


# Other code, a word, an end


def test_code_is_edited_in_the_next_cell_and_runs_in_place_of_the_models(bound: InteractiveShell) -> None:
    begin(bound)
    assert step(bound, "--edit") is None
    assert bound.rl_next_input == "%%rlm_step\nx = 1\nprint(x)"
    waiting = step(bound, cell="x = 10\nprint(x)\n")
    assert isinstance(waiting, Paused)
    assert dict(waiting.variables) == {"x": 10}
    answer = step(bound, "--go")
    assert isinstance(answer, Answer)
    assert [s.edited for s in answer.steps] == [True, False, False]
    assert [s.edited for s in read_trajectory(answer.trajectory).steps] == [True, False, False]


def test_several_cells_stay_several(bound: InteractiveShell) -> None:
    begin(bound, code("1 + 1") + code("2 + 2"), "FINAL(ok)")
    step(bound, "--edit")
    edited = str(bound.rl_next_input).removeprefix("%%rlm_step\n")
    assert edited == "1 + 1\n# %% next cell\n2 + 2"
    step(bound, cell=edited + "\n")
    answer = step(bound, "--go")
    assert isinstance(answer, Answer)
    assert [cell.result.value for cell in answer.steps[0].cells] == ["2", "4"]
    assert not answer.steps[0].edited


def test_a_reply_without_code_has_nothing_to_edit(bound: InteractiveShell) -> None:
    begin(bound, "I wonder.", "FINAL(ok)")
    with pytest.raises(UsageError, match="no code to change"):
        step(bound, "--edit")
    waiting = step(bound, cell="x = 3")
    assert isinstance(waiting, Paused)
    assert dict(waiting.variables) == {"x": 3}


@pytest.mark.parametrize("cell", [None, "Are you sure, {who}? Look at line 2.\n"])
def test_a_word_to_the_model(bound: InteractiveShell, cell: str | None) -> None:
    bound.user_ns["who"] = "Ada"
    begin(bound)
    model = bound.user_ns["model"]
    line = "--say Are you sure, {who}? Look at line 2." if cell is None else "--say"
    waiting = step(bound, line, cell)
    assert isinstance(waiting, Paused)
    assert (waiting.step, dict(waiting.variables)) == (2, {})
    assert "The user says: Are you sure, Ada? Look at line 2." in model.last


def test_a_question_mark_behind_a_word_to_the_model_stays(bound: InteractiveShell) -> None:
    begin(bound)
    assert bound.run_cell("%rlm_step --say Are you sure?").success
    assert "Are you sure?" in bound.user_ns["model"].last


def test_the_best_answer_so_far(bound: InteractiveShell) -> None:
    begin(bound, code("x = 1"), code("x = 2"), "FINAL(x is 1, I think)")
    step(bound)
    answer = step(bound, "--stop")
    assert isinstance(answer, Answer)
    assert (answer.text, answer.status) == ("x is 1, I think", "stopped: by the user")
    assert answer.variables == {"x": 1}
    with pytest.raises(UsageError, match=f"--resume {answer.run_id} --step --max-steps"):
        step(bound)


# Around it


def test_a_variable_and_what_to_keep_are_remembered(bound: InteractiveShell) -> None:
    begin(bound, options="-o out --keep y")
    assert isinstance(bound.user_ns["out"], Paused)
    step(bound, "--go")
    assert bound.user_ns["out"].text == "2"
    assert bound.user_ns["y"] == 2


def test_another_question_ends_the_run_that_waits_and_says_so(
    bound: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    paused = begin(bound, options="-o first")
    bound.user_ns["other"] = ScriptedModel(["FINAL(other)"])
    with pytest.raises(UsageError, match="no context"):
        bound.run_line_magic("rlm", "-c nothing -m $other q")
    assert step(bound, "--vars") == {}
    answer = bound.run_line_magic("rlm", "--progress plain -m $other q")
    assert f"--resume {paused.run_id}" in capsys.readouterr().err
    assert answer.text == "other"
    assert bound.user_ns["first"].status == "stopped: by the user"
    assert bound.user_ns["first"].steps[0].reply == REPLIES[0]


def test_what_it_was_to_keep_does_not_stand_in_the_way_of_ending_it(bound: InteractiveShell) -> None:
    begin(bound, options="--keep y")
    bound.user_ns["other"] = ScriptedModel(["FINAL(other)"])
    assert bound.run_line_magic("rlm", "-m $other q").text == "other"


def test_a_run_that_waits_is_resumed_by_its_own_id(bound: InteractiveShell) -> None:
    paused = begin(bound, code("x = 1"), code("y = 2"), "FINAL_VAR(x)")
    step(bound)
    answer = bound.run_line_magic("rlm", f"--resume {paused.run_id}")
    assert (answer.run_id, answer.value) == (paused.run_id, 1)


def test_a_resumed_run_may_pause_too(bound: InteractiveShell) -> None:
    listen(bound, code("x = 1"), code("x += 1"), "FINAL_VAR(x)")
    bound.run_line_magic("rlm", "-m $model -n 1 q")
    paused = bound.run_line_magic("rlm", "--resume last --step -n 9")
    assert isinstance(paused, Paused)
    assert paused.step == 3
    answer = step(bound)
    assert isinstance(answer, Answer)
    assert answer.status == "answered"


def test_a_failing_model_leaves_a_run_that_goes_on(bound: InteractiveShell) -> None:
    class Flaky(Listening):
        """Fails the second time it is asked."""

        def complete(self, messages, on_text=None):  # type: ignore[no-untyped-def]
            if len(self.heard) == 1:
                self.heard.append(tuple(messages))
                raise ModelError("down")
            return super().complete(messages, on_text)

    bound.user_ns["model"] = Flaky(code("x = 1"), "FINAL_VAR(x)")
    bound.run_line_magic("rlm", "--step -m $model -o out q")
    with pytest.raises(ModelError, match="down"):
        step(bound)
    assert bound.user_ns["out"].status.startswith("failed")
    waiting = step(bound)
    assert isinstance(waiting, Paused)
    answer = step(bound)
    assert isinstance(answer, Answer)
    assert (answer.value, bound.user_ns["out"] is answer) == (1, True)


def test_errors_that_end_nothing_leave_it_paused(bound: InteractiveShell) -> None:
    begin(bound, code("x = 1"), "FINAL_VAR(x)", options="-n 1")
    step(bound)
    with pytest.raises(RLMError, match="too late"):
        step(bound, "--say wait")
    answer = step(bound)
    assert isinstance(answer, Answer)
    assert answer.value == 1


def test_unloading_ends_what_waits(bound: InteractiveShell) -> None:
    paused = begin(bound, options="-o out")
    bound.run_line_magic("unload_ext", "rlm_magic")
    assert bound.user_ns["out"].status == "stopped: by the user"
    assert list_runs()[0] == paused.run_id


BAD_LINES = {
    "two ways": ("--go --stop", None, "--stop and --go|--go and --stop"),
    "free text": ("look again", None, "%rlm_step --say look again"),
    "nothing to say": ("--say", None, "say something"),
    "an unknown option": ("--nope", None, "unknown option '--nope'.*%rlm_step -- --nope"),
    "a text twice": ("--say this", "that", "from the cell"),
    "code that would not run": ("--vars", "x = 1", "runs none"),
}


@pytest.mark.parametrize(("line", "cell", "said"), BAD_LINES.values(), ids=BAD_LINES)
def test_lines_that_make_no_sense(bound: InteractiveShell, line: str, cell: str | None, said: str) -> None:
    begin(bound)
    with pytest.raises(UsageError, match=said):
        step(bound, line, cell)
    assert isinstance(step(bound), Paused)


@pytest.mark.parametrize("line", ["", "--edit", "--say hello", "--go", "--stop", "--vars"])
def test_without_any_run_it_says_how_to_begin_one(bound: InteractiveShell, line: str) -> None:
    with pytest.raises(UsageError, match="%rlm --step QUESTION"):
        step(bound, line)


def test_help_is_a_manual(bound: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
    assert step(bound, "-h") is None
    assert "--edit" in capsys.readouterr().out


# The stop button, in a real kernel

SLOW_CELL = """
import pathlib, time
from rlm_magic.models import ScriptedModel
def stay(there):
    pathlib.Path(there).touch()
    time.sleep(60)
endless = "```repl\\nstay(there)\\nsecond = 2\\n```"
replies = ["```repl\\nfirst = 41\\n```", endless, "FINAL_VAR(first)"]
sleepy = ScriptedModel(replies)
"""


@pytest.fixture
def stopped(kernel: Kernel, tmp_path: Path) -> Kernel:
    """A kernel whose last run was stopped in the middle of its second cell."""
    assert kernel.run("%%rlm_context ship -q\nThe captain of the ship is Ada.").status == "ok"
    assert kernel.run(SLOW_CELL).status == "ok"
    kernel.run(f"there = {str(tmp_path / 'there')!r}")
    kernel.interrupt_once(tmp_path / "there")
    ran = kernel.run("%rlm -m $sleepy --tool stay,there -o out Who?")
    assert ran.status == "error"
    assert "%rlm_step goes on" in ran.error
    return kernel


def test_a_stopped_run_goes_on_to_its_next_reply(stopped: Kernel) -> None:
    ran = stopped.run("%rlm_step")
    assert ran.status == "ok", ran.error
    assert "Paused at the reply of step 3" in (ran.result or "")
    assert any("paused" in shown["data"]["text/plain"] for shown in [*ran.displays, *ran.updates])
    assert stopped.run("%rlm_step").status == "ok"
    assert stopped.run("out.text, out.status, len(out.steps)").result == "('41', 'answered', 3)"


def test_the_stopped_code_is_edited_and_runs_in_its_place(stopped: Kernel) -> None:
    reply = stopped.client.execute_interactive("%rlm_step --edit", timeout=60)
    payload = reply["content"]["payload"]
    assert [item["text"] for item in payload] == ["%%rlm_step\nstay(there)\nsecond = 2"]
    ran = stopped.run("%%rlm_step\nsecond = first + 1")
    assert ran.status == "ok", ran.error
    assert stopped.run("dict(out.variables)['second']").result == "42"
    assert stopped.run("%rlm_step --go").status == "ok"
    assert stopped.run("[step.edited for step in out.steps]").result == "[False, False, True, False]"


def test_the_model_is_told_something_after_a_stop(stopped: Kernel) -> None:
    assert stopped.run("%rlm_step --say Do not sleep.").status == "ok"
    assert stopped.run("%rlm_step").status == "ok"
    assert "Do not sleep." in (stopped.run("out.steps[-1].notes").result or "")


def test_a_stopped_run_is_asked_for_its_best_answer(stopped: Kernel) -> None:
    assert stopped.run("%rlm_step --stop").status == "ok"
    assert stopped.run("out.text, out.status").result == "('41', 'stopped: by the user')"


def test_the_stop_button_works_while_stepping_and_again_nothing_is_lost(
    stopped: Kernel, tmp_path: Path
) -> None:
    stopped.run(f"there = {str(tmp_path / 'again')!r}")
    stopped.run("sleepy2 = ScriptedModel(replies)")
    assert stopped.run("%rlm --step -m $sleepy2 --tool stay,there -o out Who?").status == "ok"
    assert stopped.run("%rlm_step").status == "ok"
    stopped.interrupt_once(tmp_path / "again")
    assert stopped.run("%rlm_step").status == "error"
    assert stopped.run("out.status, out.variables['first']").result == "('interrupted', 41)"
    assert stopped.run("%rlm_step").status == "ok"
    assert stopped.run("%rlm_step").status == "ok"
    assert stopped.run("out.value").result == "41"


def test_a_paused_cell_moves_no_more_and_each_cell_has_its_own_display(kernel: Kernel) -> None:
    kernel.run("%%rlm_context ship -q\nThe captain of the ship is Ada.")
    kernel.run("stepping = ScriptedModel(['```repl\\nx = 1\\n```', 'FINAL_VAR(x)'])")
    first = kernel.run("%rlm --step -m $stepping Who?")
    second = kernel.run("%rlm_step")
    ids = [{shown["transient"]["display_id"] for shown in ran.displays} for ran in (first, second)]
    assert ids[0]
    assert ids[1]
    assert not ids[0] & ids[1]
    updated = {update["transient"]["display_id"] for update in second.updates}
    assert updated <= ids[1]
    assert any("of 20" in json.dumps(shown["data"]) for shown in [*second.displays, *second.updates])
