"""Runs that a person steers: paused before they act, changed, spoken to, ended with the best answer."""

from __future__ import annotations

import json
import signal
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlm_magic import Answer, Budget, Message, RLMError, Step, Usage
from rlm_magic.config import EngineConfig
from rlm_magic.engine import Run, read_trajectory, resting_repl
from rlm_magic.engine.ledger import Ledger
from rlm_magic.errors import ModelError, RunInterrupted
from rlm_magic.events import Event, RunPaused, StepFinished
from rlm_magic.models import ScriptedModel
from rlm_magic.records import Reading
from rlm_magic.repl.live import LiveRepl

from .conftest import TEXT, RunFactory, cell
from .test_machine import CODES, ENDS, INTERRUPT


def told(run: Run) -> str:
    """Return what the model was shown last."""
    return run.messages[-1].content


def lines_of(run: Run) -> list[dict[str, Any]]:
    return [json.loads(line) for line in run.trajectory.path.read_text().splitlines()]


def steps_in(run: Run) -> list[dict[str, Any]]:
    return [line for line in lines_of(run) if line["type"] == "iteration"]


# Think and act


def test_nothing_runs_before_act(make_run: RunFactory) -> None:
    run = make_run([cell("x = 41"), cell("FINAL(x + 1)")])
    proposal = run.think()
    assert proposal is not None
    assert (proposal.step, proposal.cells, proposal.reply) == (1, ("x = 41\n",), cell("x = 41"))
    assert run.variables == {}
    assert run.steps == []
    assert run.act().cells[0].code == "x = 41\n"
    assert run.variables == {"x": 41}
    run.think()
    run.act()
    assert run.answer is not None
    assert (run.answer.value, run.answer.status) == (42, "answered")


def test_thinking_twice_asks_once(make_run: RunFactory) -> None:
    run = make_run(["FINAL(beta)"])
    assert run.think() is run.think() is run.proposal
    assert run.finish().total.calls == 1


def test_a_paused_run_may_simply_go_on(make_run: RunFactory) -> None:
    run = make_run([cell("x = 1"), "FINAL_VAR(x)"])
    run.think()
    assert run.step() == run.steps[0]
    run.think()
    assert run.finish().value == 1


def test_a_pause_is_reported_and_an_act_without_a_reply_is_refused(make_run: RunFactory) -> None:
    run = make_run(["FINAL(1)"])
    with pytest.raises(RLMError, match="think"):
        run.act()
    run.think()
    assert make_run.events[-1] == RunPaused(1, "FINAL(1)")
    run.act()
    for steer in (run.think, run.act, run.conclude, lambda: run.say("more")):
        with pytest.raises(RLMError, match="over"):
            steer()


def test_a_limit_may_leave_nothing_to_act_on(make_run: RunFactory) -> None:
    run = make_run([cell("x = 1")], budget=Budget(tokens=1))
    assert run.think() is None
    assert run.answer is not None
    assert run.answer.status == "stopped: tokens"


def test_a_failing_model_ends_a_paused_run_as_any_other(make_run: RunFactory) -> None:
    def fail(_messages: Sequence[Message]) -> str:
        raise ModelError("down")

    run = make_run(fail)
    with pytest.raises(ModelError) as caught:
        run.think()
    assert caught.value.answer is run.answer


def test_time_stands_still_while_a_reply_waits() -> None:
    now = [0.0]
    ledger = Ledger(Budget(seconds=10.0), clock=lambda: now[0])
    now[0] = 3.0
    ledger.hold()
    now[0] = 1_000.0
    ledger.hold()
    assert (ledger.seconds, ledger.spent) == (3.0, None)
    assert ledger.go_on()
    assert not ledger.go_on()
    now[0] = 1_004.0
    assert (ledger.seconds, ledger.seconds_left) == (7.0, 3.0)


def test_what_is_read_while_a_reply_waits_is_not_the_runs(make_run: RunFactory) -> None:
    class Reader:
        """Counts a line for every read, and hands over what was read since the last time."""

        def __init__(self) -> None:
            self.lines = self.taken = 0

        def take(self, prompts: Sequence[str]) -> Reading:
            first, self.taken = self.taken, self.lines
            return Reading(((first, self.lines),) if self.lines > first else ())

        def forget(self) -> None:
            self.taken = self.lines

    reader = Reader()

    def read() -> None:
        reader.lines += 1

    run = make_run([cell("read()"), cell("read()")], given={"read": read}, reader=reader)
    run.think()
    run.act()
    run.think()
    reader.lines += 5
    assert [run.steps[0].reading, run.act().reading] == [Reading(((0, 1),)), Reading(((6, 7),))]


# Stepping is running

# But for threads, whose calls come in any order.
ALONE = CODES.filter(lambda code: "ThreadPool" not in code)
REPLIES = st.lists(st.one_of(ALONE.map(cell), st.just(cell(INTERRUPT)), ENDS), max_size=6)
BUDGETS = st.builds(
    Budget,
    steps=st.integers(1, 5),
    sub_calls=st.none() | st.integers(0, 6),
    tokens=st.none() | st.integers(500, 30_000),
    max_depth=st.just(0),
    seconds=st.none(),
)


def sub(messages: Sequence[Message]) -> str:
    if messages[-1].content == "fail":
        raise ModelError("asked to fail")
    return "fine"


def run_of(replies: Sequence[str], budget: Budget, config: EngineConfig, events: list[Event]) -> Run:
    return Run(
        "What?",
        model=ScriptedModel([*replies, *["FINAL(the end)"] * 9], name="root"),
        sub_model=ScriptedModel(sub, name="sub"),
        repl=LiveRepl(shell=None),
        names={"context": TEXT},
        description="`context` is a str.",
        budget=budget,
        config=config,
        window=lambda name: None,
        on_event=events.append,
    )


def ended(drive: Callable[[Run], object], *about: Any) -> tuple[Run, list[Event], str]:
    """Return a run that was driven to its end, what it reported, and the error it ended with."""
    events: list[Event] = []
    run, error = run_of(*about, events), ""
    try:
        drive(run)
    except (RunInterrupted, RLMError) as raised:
        error = f"{type(raised).__name__}: {str(raised).partition(' ')[2].partition(' ')[2]}"
    finally:
        run.release()
        run.repl.close()
    return run, events, error


def step_by_step(run: Run) -> None:
    while run.answer is None:
        if run.think() is not None:
            run.act()


def timeless(value: Any) -> Any:
    """Return a record without what differs from run to run: times, ids, addresses."""
    if isinstance(value, dict):
        left_out = ("timestamp", "seconds", "execution_time", "iteration_time", "started_s", "run_id")
        return {key: timeless(item) for key, item in value.items() if key not in left_out}
    if isinstance(value, list):
        return [timeless(item) for item in value]
    return "..." if isinstance(value, str) and " at 0x" in value else value


@settings(max_examples=40, deadline=None)
@given(replies=REPLIES, budget=BUDGETS, window=st.sampled_from([1_500, 128_000]))
def test_a_run_taken_step_by_step_is_the_run(replies: list[str], budget: Budget, window: int) -> None:
    about = (replies, budget, EngineConfig(concurrency=1, default_window_tokens=window))
    with pytest.MonkeyPatch.context() as environment, tempfile.TemporaryDirectory() as directory:
        environment.setenv("RLM_DATA_DIR", directory)
        ran, events, error = ended(Run.finish, *about)
        stepped, stepped_events, stepped_error = ended(step_by_step, *about)
        assert timeless(lines_of(stepped)) == timeless(lines_of(ran))
    assert stepped.messages == ran.messages
    assert stepped_error == error
    kinds = [type(event) for event in stepped_events if not isinstance(event, RunPaused)]
    assert kinds == [type(event) for event in events]
    assert ran.answer is not None
    assert stepped.answer is not None
    assert stepped.answer.usage == ran.answer.usage
    assert (stepped.answer.status, stepped.answer.text) == (ran.answer.status, ran.answer.text)


# Other code


def test_changed_code_runs_in_place_of_the_models_and_the_record_says_so(make_run: RunFactory) -> None:
    run = make_run([cell("x = 1\nprint(x)") + "So it is.", "FINAL_VAR(x)"])
    run.think()
    step = run.act("x = 2\nprint(x * 10)")
    assert step.edited
    assert step.reply == cell("x = 1\nprint(x)") + "So it is."
    assert [ran.code for ran in step.cells] == ["x = 2\nprint(x * 10)"]
    assert "x = 2\nprint(x * 10)" in step.notes[-1]
    for part in ("changed your code", "x = 2\nprint(x * 10)", "20"):
        assert part in told(run)
    run.think()
    run.act()
    assert run.answer is not None
    assert run.answer.value == 2
    back = read_trajectory(run.trajectory.path)
    assert [(s.edited, s.reply, s.notes) for s in back.steps] == [
        (s.edited, s.reply, s.notes) for s in run.steps
    ]
    assert [s.edited for s in back.steps] == [True, False]


def test_code_sent_back_as_it_was_is_no_change(make_run: RunFactory) -> None:
    reply = cell("x = 1") + cell("y = 2")
    run = make_run([reply])
    run.think()
    step = run.act(["x = 1", "y = 2\n\n"])
    assert not step.edited
    assert step.notes == ()
    assert [ran.code for ran in step.cells] == ["x = 1\n", "y = 2\n"]


@pytest.mark.parametrize("code", [3, [1], {"x = 1"}, b"x = 1"])
def test_code_that_is_none_is_refused_and_the_reply_still_waits(make_run: RunFactory, code: Any) -> None:
    run = make_run([cell("x = 1"), "FINAL_VAR(x)"])
    waiting = run.think()
    with pytest.raises(TypeError, match="a list of cells, as str"):
        run.act(code)
    assert run.proposal is waiting
    assert run.finish().value == 1


@pytest.mark.parametrize("code", ["", [], ["  "]])
def test_the_user_may_have_nothing_run(make_run: RunFactory, code: str | list[str]) -> None:
    run = make_run([cell("x = 1"), "FINAL(ok)"])
    run.think()
    step = run.act(code)
    assert (step.edited, step.cells, run.variables) == (True, (), {})
    assert "# nothing" in told(run)
    assert "held no code" not in told(run)


def test_an_answer_beside_changed_code_still_counts(make_run: RunFactory) -> None:
    run = make_run([cell("x = 1") + "FINAL_VAR(x)"])
    run.think()
    run.act("x = 2")
    assert run.answer is not None
    assert run.answer.value == 2


def test_a_broken_off_block_can_be_completed(make_run: RunFactory) -> None:
    run = make_run(["```repl\nx = 1", "FINAL_VAR(x)"])
    run.think()
    assert "never closed" not in "".join(run.act("x = 1").notes)
    assert run.finish().value == 1


def test_the_user_may_take_a_step_in_the_models_place(make_run: RunFactory) -> None:
    run = make_run([cell("x = 1"), "FINAL_VAR(x)"])
    run.step()
    step = run.act("x += 10\nprint('seen')")
    assert (step.reply, step.edited, step.usage) == ("", True, Usage())
    assert "seen" in told(run)
    assert "The user ran this" in told(run)
    assert all(message.content for message in run.messages)
    answer = run.finish()
    assert (answer.value, [s.number for s in answer.steps], answer.total.calls) == (11, [1, 2, 3], 2)


# A word to the model


def test_a_word_instead_of_an_act(make_run: RunFactory) -> None:
    run = make_run([cell("x = 1") + "FINAL(too early)", "FINAL(beta)"])
    run.think()
    run.say("Look at line 2.")
    assert run.proposal is None
    assert run.variables == {}
    (step,) = run.steps
    assert (step.reply, step.cells, step.final) == (cell("x = 1") + "FINAL(too early)", (), None)
    assert step.usage.calls == 1
    assert step.notes[-1] == "The user says: Look at line 2."
    assert "was not run" in told(run)
    assert "Look at line 2." in told(run)
    assert run.finish().text == "beta"
    assert "Look at line 2." in json.dumps(steps_in(run)[1]["prompt"])
    assert read_trajectory(run.trajectory.path).steps[0].notes == step.notes


def test_a_word_between_two_turns_is_told_before_the_next_and_recorded_once(make_run: RunFactory) -> None:
    run = make_run([cell("x = 1"), "FINAL(beta)"])
    run.say("Mind the second line.")
    run.think()
    assert run.messages[1].content.endswith("The user says: Mind the second line.")
    run.act()
    run.say("Well done.")
    run.finish()
    assert [step.notes for step in run.steps] == [
        ("The user says: Mind the second line.",),
        ("The user says: Well done.",),
    ]
    prompts = [json.dumps(line["prompt"]) for line in steps_in(run)]
    assert [prompt.count("The user says") for prompt in prompts] == [1, 1]


@pytest.mark.parametrize("text", ["", " \n"])
def test_there_must_be_something_to_say(make_run: RunFactory, text: str) -> None:
    run = make_run(["FINAL(beta)"])
    run.think()
    with pytest.raises(RLMError, match="nothing to say"):
        run.say(text)
    assert run.proposal is not None
    assert run.finish().text == "beta"


def test_on_the_last_turn_it_is_too_late_for_words(make_run: RunFactory) -> None:
    run = make_run([cell("x = 1"), "FINAL_VAR(x)"], budget=Budget(steps=1))
    run.step()
    for steer in (lambda: run.say("wait"), lambda: run.act("x = 2")):
        with pytest.raises(RLMError, match=r"too late .* budget of steps"):
            steer()
    run.think()
    with pytest.raises(RLMError, match="too late"):
        run.say("wait")
    run.act("x = 3")
    assert run.answer is not None
    assert (run.answer.value, run.answer.status) == (3, "stopped: steps")


# The best answer so far


def test_a_run_ends_with_the_best_answer_so_far(make_run: RunFactory) -> None:
    run = make_run([cell("x = 1"), cell("x = 2"), "FINAL_VAR(x)"])
    run.step()
    run.think()
    answer = run.conclude()
    assert (answer.value, answer.text, answer.status) == (1, "1", "stopped: by the user")
    assert [len(step.cells) for step in answer.steps] == [1, 0, 0]
    assert "The user ends the run" in run.messages[-1].content
    assert lines_of(run)[-1]["answer"] == "1"


def test_so_does_one_that_had_not_begun_and_one_that_says_no_more(make_run: RunFactory) -> None:
    assert make_run(["I cannot say."]).conclude().text == "I cannot say."


@pytest.mark.parametrize("paused", [False, True])
def test_without_budget_for_a_last_turn_it_ends_at_once(make_run: RunFactory, paused: bool) -> None:
    run = make_run([cell("x = 1"), "FINAL_VAR(x)"], budget=Budget(steps=1))
    run.step()
    if paused:
        run.think()
    answer = run.conclude()
    assert (answer.status, answer.text) == ("stopped: by the user", "")
    assert answer.total.calls == len(answer.steps) == 1 + paused


def test_a_reply_that_waits_when_the_run_is_stopped_is_recorded_as_not_carried_out(
    make_run: RunFactory,
) -> None:
    run = make_run([cell("x = 1")])
    run.think()
    answer = run.stop()
    (step,) = answer.steps
    assert (step.reply, step.cells) == (cell("x = 1"), ())
    assert "was not run" in step.notes[-1]
    assert read_trajectory(run.trajectory.path).usage == answer.usage
    assert not list(run.trajectory.path.parent.glob("*.pending"))


# Going on


def interrupted(make_run: RunFactory, replies: Sequence[str]) -> Answer:
    with pytest.raises(RunInterrupted) as caught:
        make_run(replies).finish()
    return caught.value.answer


@pytest.mark.parametrize("here", [True, False])
def test_an_interrupted_run_takes_the_users_code_in_place_of_what_was_stopped(
    make_run: RunFactory, here: bool
) -> None:
    first = interrupted(make_run, [cell("a = 1"), cell("import signal\nsignal.raise_signal(signal.SIGINT)")])
    path = first.trajectory
    assert path is not None
    resumed = first if here else read_trajectory(path)
    run = make_run(["FINAL_VAR(b)"], resume=resumed, repl=resting_repl(resumed))
    step = run.act("b = a + 1")
    assert step.number == 3
    assert "broken off here" in step.notes[0]
    assert run.finish().value == 2


def test_an_interrupted_run_is_told_something_first(make_run: RunFactory) -> None:
    first = interrupted(make_run, [cell("import signal\nsignal.raise_signal(signal.SIGINT)")])
    run = make_run(["FINAL(ok)"], resume=first, repl=resting_repl(first))
    run.say("Do not do that again.")
    run.think()
    assert told(run).index("broken off here") < told(run).index("Do not do that again.")
    assert run.finish().steps[1].notes[-1] == "The user says: Do not do that again."


def test_an_interrupted_run_gives_its_best_answer(make_run: RunFactory) -> None:
    first = interrupted(make_run, [cell("a = 1"), cell("import signal\nsignal.raise_signal(signal.SIGINT)")])
    run = make_run(["FINAL_VAR(a)"], resume=first, repl=resting_repl(first))
    answer = run.conclude()
    assert (answer.value, answer.status) == (1, "stopped: by the user")


def left_waiting(make_run: RunFactory) -> Answer:
    """Return a run whose kernel died while its second reply waited."""
    run = make_run([cell("a = 1"), cell("b = a + 1")])
    run.step()
    run.think()
    return read_trajectory(run.trajectory.path)


def test_a_reply_that_waited_when_the_kernel_died_waits_again_unpaid(make_run: RunFactory) -> None:
    run = make_run(["FINAL_VAR(b)"], resume=left_waiting(make_run))
    proposal = run.think()
    assert proposal is not None
    assert proposal.cells == ("b = a + 1\n",)
    run.act()
    answer = run.finish()
    assert (answer.value, answer.total.calls) == (2, 3)


def test_it_can_be_changed_or_left_at_once(make_run: RunFactory) -> None:
    run = make_run(["FINAL_VAR(b)"], resume=left_waiting(make_run))
    step = run.act("b = 7")
    assert (step.reply, step.edited) == (cell("b = a + 1"), True)
    assert run.finish().value == 7
    run = make_run(["FINAL_VAR(a)"], resume=left_waiting(make_run))
    run.say("Just give me a.")
    assert run.steps[-1].reply == cell("b = a + 1")
    assert run.finish().value == 1


def test_an_interrupt_that_comes_with_the_pause_loses_nothing(make_run: RunFactory) -> None:
    def on_event(event: Event) -> None:
        if isinstance(event, RunPaused):
            signal.raise_signal(signal.SIGINT)

    run = make_run([cell("x = 1")], on_event=on_event)
    with pytest.raises(RunInterrupted):
        run.think()
    assert run.answer is not None
    assert run.answer.total.calls == 1
    again = make_run(["FINAL(ok)"], resume=run.answer, repl=resting_repl(run.answer))
    assert again.finish().total.calls == 2


def test_an_interrupt_that_comes_with_a_word_ends_the_run_and_keeps_the_word(make_run: RunFactory) -> None:
    def on_event(event: Event) -> None:
        if isinstance(event, StepFinished) and event.step.number == 1:
            signal.raise_signal(signal.SIGINT)

    run = make_run([cell("x = 1")], on_event=on_event)
    run.think()
    with pytest.raises(RunInterrupted) as caught:
        run.say("Wait.")
    assert caught.value.answer.steps[0].notes[-1] == "The user says: Wait."
    assert caught.value.answer is run.answer


def test_what_an_interrupt_cut_off_between_reply_and_step_is_counted_once(make_run: RunFactory) -> None:
    class Reader:
        """Is interrupted when the first step is written down."""

        def take(self, prompts: Sequence[str]) -> Reading:
            raise KeyboardInterrupt

    run = make_run([cell("x = 1")], reader=Reader())
    with pytest.raises(RunInterrupted) as caught:
        run.step()
    first = caught.value.answer
    again = make_run(["FINAL_VAR(x)"], resume=first, repl=resting_repl(first))
    answer = again.finish()
    assert (answer.value, answer.total.calls) == (1, 2)


def test_a_steered_run_is_recorded_to_the_letter(make_run: RunFactory) -> None:
    run = make_run([cell("x = 1"), cell("x = 2"), "FINAL_VAR(x)"])
    run.think()
    run.act("x = 5")
    run.think()
    run.say("Leave x alone.")
    answer = run.finish()
    back = read_trajectory(run.trajectory.path)

    def plain(steps: Sequence[Step]) -> list[Step]:
        return [replace(step, cells=(), started_s=None, final=None) for step in steps]

    assert plain(back.steps) == plain(answer.steps)
    assert [len(step.cells) for step in back.steps] == [len(step.cells) for step in answer.steps]
    assert (back.text, answer.value) == ("5", 5)
