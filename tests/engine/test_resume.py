"""Runs that go on: after a limit, an interrupt, a failure or a crash, here or in another kernel."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from rlm_magic import Answer, Budget, Message
from rlm_magic.engine import Run, read_trajectory, resting_repl
from rlm_magic.engine.pending import Paid, read_pending
from rlm_magic.errors import BudgetError, ModelError, RLMError, RunInterrupted, RunNotFound
from rlm_magic.events import CellFinished, SubCallsProgressed
from rlm_magic.models import ScriptedModel
from rlm_magic.records import SubCall, Usage

from .conftest import RunFactory, cell

TWO_STEPS = [cell("n = 20\ndef double(x):\n    return 2 * x"), cell("said = llm_query('why?')\nprint(said)")]
REST = [cell("total = double(n)\nprint(total)"), "FINAL_VAR(total)"]


def stopped(make_run: RunFactory, replies: Sequence[str] = TWO_STEPS) -> Answer:
    """Return a run that its user stopped after these replies."""
    run = make_run(list(replies))
    for _ in replies:
        run.step()
    return run.stop()


def elsewhere(answer: Answer) -> Answer:
    """Return the answer as another kernel reads it."""
    assert answer.trajectory is not None
    return read_trajectory(answer.trajectory)


def kinds(path: Path) -> list[str]:
    return [json.loads(line)["type"] for line in path.read_text().splitlines()]


def no_calls(_messages: Sequence[Message]) -> str:
    raise AssertionError("a sub-call was paid for twice")


def test_it_goes_on_in_the_same_kernel_with_the_same_objects(make_run: RunFactory) -> None:
    first = stopped(make_run, [cell("marker = object()\nlines = 1")])
    repl = resting_repl(first)
    run = make_run([cell("same = marker\nFINAL(lines + 1)")], resume=first, repl=repl)
    answer = run.finish()
    assert answer.text == "2"
    assert answer.variables["same"] is first.variables["marker"]
    assert "as they were" in run.steps[1].notes[0]


def test_it_goes_on_in_another_kernel_from_the_record(make_run: RunFactory) -> None:
    first = stopped(make_run)
    run = make_run(REST, sub=no_calls, resume=elsewhere(first))
    answer = run.finish()
    assert answer.text == "40"
    assert answer.variables["said"] == "sub-model heard 'why?'"
    assert [step.number for step in answer.steps] == [1, 2, 3, 4]
    assert answer.run_id == first.run_id


def test_it_stays_one_run_in_one_file(make_run: RunFactory) -> None:
    first = stopped(make_run)
    answer = make_run(REST, sub=no_calls, resume=elsewhere(first)).finish()
    assert answer.trajectory == first.trajectory
    back = elsewhere(answer)
    assert [step.number for step in back.steps] == [1, 2, 3, 4]
    assert (back.status, back.text, back.question) == ("answered", "40", first.question)
    assert back.usage == answer.usage


def test_what_was_spent_before_counts(make_run: RunFactory) -> None:
    first = stopped(make_run)
    answer = make_run(REST, sub=no_calls, resume=elsewhere(first)).finish()
    assert answer.usage["root"].calls == 4
    assert answer.usage["sub"].calls == 1
    assert answer.seconds >= first.seconds


def test_the_model_sees_its_earlier_steps_and_that_it_goes_on(make_run: RunFactory) -> None:
    first = stopped(make_run)
    run = make_run(REST, resume=elsewhere(first))
    run.step()
    contents = [message.content for message in run.messages]
    assert contents[2] == TWO_STEPS[0]
    assert "sub-model heard 'why?'" in contents[5]
    assert "broken off here (stopped: by the user)" in contents[5]
    assert "Turn 3 of 20." in contents[5]


def test_a_run_stopped_by_its_steps_goes_on_with_more(make_run: RunFactory) -> None:
    first = make_run([*TWO_STEPS[:1], "no idea yet"], budget=Budget(steps=1)).finish()
    assert first.status == "stopped: steps"
    with pytest.raises(BudgetError, match="has taken 2 steps"):
        make_run(REST, resume=elsewhere(first), budget=Budget(steps=2))
    answer = make_run(REST, resume=elsewhere(first), budget=Budget(steps=5)).finish()
    assert (answer.text, answer.status) == ("40", "answered")


def test_a_limit_that_still_holds_still_stops_it(make_run: RunFactory) -> None:
    budget = Budget(sub_calls=1)
    first = stopped(make_run)
    answer = make_run([cell("llm_query('again')"), "FINAL(done)"], sub=no_calls, resume=first, budget=budget)
    assert answer.finish().status == "stopped: sub_calls"


def test_a_failed_model_call_is_made_again(make_run: RunFactory) -> None:
    def flaky(messages: Sequence[Message]) -> str:
        if len(messages) > 2:
            raise ModelError("connection lost")
        return TWO_STEPS[0]

    with pytest.raises(ModelError) as caught:
        make_run(flaky).finish()
    first = caught.value.answer
    assert first is not None
    assert make_run(REST, resume=elsewhere(first)).finish().text == "40"


def test_an_interrupted_cell_is_not_run_again_and_that_is_said(make_run: RunFactory) -> None:
    with pytest.raises(RunInterrupted) as caught:
        make_run([cell("a = 1"), cell("import signal\nb = 1\nsignal.raise_signal(signal.SIGINT)")]).finish()
    run = make_run(["FINAL_VAR(a)"], resume=elsewhere(caught.value.answer))
    answer = run.finish()
    assert answer.text == "1"
    assert "b" not in answer.variables
    assert "cell 2.1: it had been stopped in the middle" in answer.steps[2].notes[0]


def test_a_run_cut_off_in_the_middle_of_a_line_goes_on(make_run: RunFactory) -> None:
    first = stopped(make_run)
    path = first.trajectory
    assert path is not None
    whole = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(whole[:3]) + whole[3][:20])
    cut = read_trajectory(path)
    assert cut.status == "unfinished"
    assert cut.usage == first.usage
    answer = make_run(REST, sub=no_calls, resume=cut).finish()
    assert answer.text == "40"
    assert kinds(path) == [
        "metadata",
        "iteration",
        "iteration",
        "metadata",
        "iteration",
        "iteration",
        "metadata",
    ]


GAPS = {
    "asks for something new": (
        ["import time\nout = llm_query(f'at {time.time_ns()}')"],
        "cell 1.1: it now asks for something it did not ask before",
    ),
    "fails this time": (
        [
            "import os\nos.environ.setdefault('RLM_TEST_ONCE', '1')\nimport sys\n"
            "assert not hasattr(sys, 'rlm_test_once')\nsys.rlm_test_once = 1"
        ],
        "cell 1.1: it failed this time: AssertionError",
    ),
    "reply was clipped": (["out = llm_query('x' * 10 + 'long')"], "the reply to"),
    "code held a secret": (["key = 'sk-" + "a" * 30 + "'"], "cell 1.1: its code was shortened or redacted"),
}


@pytest.mark.parametrize(("cells", "gap"), GAPS.values(), ids=GAPS)
def test_what_cannot_be_restored_is_said(make_run: RunFactory, cells: list[str], gap: str) -> None:
    import sys

    sub = ScriptedModel(
        lambda messages: "r" * 300_000 if "long" in messages[-1].content else "ok", name="sub"
    )
    run = make_run([cell("\n".join(cells))], sub=sub)
    run.step()
    first = run.stop()
    later = make_run(["FINAL(ok)"], sub=no_calls, resume=elsewhere(first))
    answer = later.finish()
    vars(sys).pop("rlm_test_once", None)
    assert gap in answer.steps[1].notes[0]
    assert gap in later.messages[-1].content


def test_children_are_answered_from_the_record_too(make_run: RunFactory) -> None:
    child = ScriptedModel(["FINAL(from a child)"], name="sub")
    run = make_run([cell("out = rlm_query_batched(['go'])")], sub=child)
    run.step()
    answer = make_run(["FINAL_VAR(out)"], sub=no_calls, resume=elsewhere(run.stop())).finish()
    assert answer.value == ["from a child"]


def test_so_are_those_of_the_last_level_and_of_threads(make_run: RunFactory) -> None:
    code = (
        "from concurrent.futures import ThreadPoolExecutor\n"
        "with ThreadPoolExecutor(4) as pool:\n    out = list(pool.map(llm_query, map(str, range(20))))\n"
        "flat = rlm_query('look', context='some text')"
    )
    run = make_run([cell(code)], budget=Budget(max_depth=0))
    run.step()
    first = run.stop()
    later = make_run(["FINAL_VAR(out)"], sub=no_calls, resume=elsewhere(first), budget=Budget(max_depth=0))
    answer = later.finish()
    assert answer.value == [f"sub-model heard '{n}'" for n in range(20)]
    assert answer.variables["flat"] == first.variables["flat"]


def test_a_failed_sub_call_fails_again_unpaid(make_run: RunFactory) -> None:
    def sub(_messages: Sequence[Message]) -> str:
        raise ModelError("down")

    code = "try:\n    llm_query('x')\nexcept Exception as error:\n    why = str(error)"
    run = make_run([cell(code)], sub=sub)
    run.step()
    answer = make_run(["FINAL_VAR(why)"], sub=no_calls, resume=elsewhere(run.stop())).finish()
    assert answer.text == "ModelError: down"


def test_an_answered_run_is_not_resumed(make_run: RunFactory) -> None:
    done = make_run(["FINAL(42)"]).finish()
    with pytest.raises(RLMError, match="has its answer"):
        make_run(["FINAL(43)"], resume=done)


def test_a_run_whose_file_is_gone_is_an_error_that_names_it(make_run: RunFactory) -> None:
    first = stopped(make_run)
    assert first.trajectory is not None
    first.trajectory.unlink()
    with pytest.raises(RunNotFound, match=first.run_id):
        make_run(REST, resume=first)


def test_a_resting_repl_holds_no_threads(make_run: RunFactory) -> None:
    run: Run = make_run([cell("import subprocess\nsubprocess.run(['true'])\nn = 1")])
    run.step()
    before = threading.active_count()
    first = run.stop()
    run.release()
    assert threading.active_count() < before
    again = make_run(["FINAL_VAR(n)"], resume=first, repl=resting_repl(first))
    assert again.finish().text == "1"


def test_a_followed_run_hands_on_its_variables_and_its_story(make_run: RunFactory) -> None:
    first = make_run([cell("found = ['beta']\ncontextual = 1") + "FINAL(beta it is)"]).finish()
    run = make_run([cell("FINAL(found[0] + '!')")], question="And now?", follow=first)
    told = run.messages[1].content
    assert "What is the second word?" in told
    assert "beta it is" in told
    assert "found, contextual" in told
    answer = run.finish()
    assert answer.text == "beta!"
    assert answer.run_id != first.run_id


def test_variables_are_handed_on_from_run_to_run(make_run: RunFactory) -> None:
    first = make_run([cell("found = [1]\ndef double(x): return 2 * x") + "FINAL(1)"]).finish()
    second = make_run([cell("more = 2") + "FINAL(2)"], follow=first).finish()
    assert set(second.variables) == {"found", "double", "more"}
    third = make_run([cell("print(double(more))"), "FINAL_VAR(found)"], follow=second).finish()
    assert third.value is first.variables["found"]
    assert third.steps[0].cells[0].result.stdout == "4\n"


def test_the_answer_of_the_followed_run_is_not_that_of_the_next(make_run: RunFactory) -> None:
    first = make_run([cell("answer = {'content': 'old', 'ready': True}")]).finish()
    assert first.text == "old"
    replies = [cell("x = 1"), cell("answer['content'] = 'new'\nanswer['ready'] = True")]
    assert make_run(replies, follow=first).finish().text == "new"


def test_functions_of_the_followed_run_work_for_the_new_one(make_run: RunFactory) -> None:
    code = (
        "def ask(x):\n    return llm_query(x + context)\n"
        "class Asker:\n    def done(self):\n        FINAL('by ' + context)"
    )
    first = make_run([cell(code) + "FINAL(1)"], context="old").finish()
    run = make_run([cell("said = ask('see ')\nAsker().done()")], context="new", follow=first)
    answer = run.finish()
    assert answer.text == "by new"
    assert answer.variables["said"] == "sub-model heard 'see new'"
    assert answer.usage["sub"].calls == 1
    assert "sub" not in first.usage
    assert [call.prompt for call in answer.steps[0].sub_calls] == ["see new"]


def test_a_followed_run_of_another_kernel_says_that_its_variables_are_gone(make_run: RunFactory) -> None:
    first = make_run([cell("found = 1") + "FINAL(1)"]).finish()
    assert "variables are gone" in make_run(["FINAL(2)"], follow=elsewhere(first)).messages[1].content


def died(make_run: RunFactory, code: str, sub: Callable[[Sequence[Message]], str] | ScriptedModel) -> Answer:
    """Return a run whose kernel died in its second step, as its files have it."""

    class Died(BaseException):
        pass

    def on_event(event: object) -> None:
        # As late as it can be: all cells have run, and the step is not written yet.
        if isinstance(event, CellFinished) and event.step == 2:
            raise Died

    run = make_run([cell("n = 20"), cell(code)], sub=sub, on_event=on_event)
    run.step()
    with pytest.raises(Died):
        run.step()
    return read_trajectory(run.trajectory.path)


def test_a_kernel_that_dies_in_a_step_has_nothing_paid_for_twice(make_run: RunFactory) -> None:
    code = "out = llm_query_batched(['a', 'b'])\nkid = rlm_query('go')\nn += 1"
    plain = ScriptedModel(
        lambda messages: "FINAL(kid)" if messages[0].role == "system" else f"re {messages[-1].content}",
        name="sub",
    )
    cut = died(make_run, code, plain)
    assert [step.number for step in cut.steps] == [1]
    run = make_run(["FINAL_VAR(out)"], sub=no_calls, resume=cut)
    answer = run.finish()
    assert answer.value == ["re a", "re b"]
    assert (answer.variables["kid"], answer.variables["n"]) == ("kid", 21)
    assert answer.usage["root"].calls == 3
    assert answer.usage["sub"].calls == 3
    assert [len(step.sub_calls) for step in answer.steps] == [0, 3, 0]
    assert not list(run.trajectory.path.parent.glob("*.pending"))


def test_only_what_had_not_come_back_is_asked_for(make_run: RunFactory) -> None:
    cut = died(make_run, "out = llm_query_batched(['a', 'b'])", ScriptedModel(["1", "2"], name="sub"))
    pending = next(Path(cut.trajectory or "").parent.glob("*.pending"))
    lines = pending.read_bytes().splitlines(keepends=True)
    pending.write_bytes(b"".join(lines[:2]) + lines[2][:30])
    asked: list[str] = []

    def sub(messages: Sequence[Message]) -> str:
        asked.append(messages[-1].content)
        return "anew"

    answer = make_run(["FINAL_VAR(out)"], sub=sub, resume=cut).finish()
    assert len(asked) == 1
    assert "anew" in answer.value
    assert answer.usage["sub"].calls == 2


def test_what_was_paid_for_is_found_wherever_its_record_was_cut(tmp_path: Path) -> None:
    reply = {"step": 1, "reply": "日本語", "usage": {}}
    call = {"step": 1, "call": {"prompt": "なぜ", "response": "理由"}}
    lines = [(json.dumps(line, ensure_ascii=False) + "\n").encode() for line in (reply, call)]
    whole = b"".join(lines)
    for size in range(len(lines[0]), len(whole) + 1):
        (tmp_path / "run.pending").write_bytes(whole[:size])
        pending = read_pending(tmp_path / "run.jsonl", after=0)
        assert pending is not None
        assert (pending.completion.text, len(pending.sub_calls)) == ("日本語", size == len(whole))


def test_the_same_question_about_several_contexts_comes_back_in_their_order(make_run: RunFactory) -> None:
    second_is_back = threading.Event()

    def sub(messages: Sequence[Message]) -> str:
        if "printed one" not in messages[-1].content and "printed two" not in messages[-1].content:
            return cell("print('printed', context)")
        if "printed one" in messages[-1].content:
            assert second_is_back.wait(30)
            return "FINAL(about one)"
        return "FINAL(about two)"

    def on_event(event: object) -> None:
        if isinstance(event, SubCallsProgressed) and event.done == 1:
            second_is_back.set()

    run = make_run(
        [cell("out = rlm_query_batched(['sum up'] * 2, contexts=['one', 'two'])")], sub=sub, on_event=on_event
    )
    run.step()
    first = run.stop()
    assert first.variables["out"] == ["about one", "about two"]
    answer = make_run(["FINAL_VAR(out)"], sub=no_calls, resume=elsewhere(first)).finish()
    assert answer.value == ["about one", "about two"]


@pytest.mark.parametrize("here", [True, False], ids=["this kernel", "another kernel"])
def test_what_a_batch_had_got_back_when_it_was_interrupted_is_not_paid_for_again(
    make_run: RunFactory, here: bool
) -> None:
    others_are_back, calm = threading.Event(), threading.Event()
    asked: list[str] = []

    def sub(messages: Sequence[Message]) -> str:
        asked.append(messages[-1].content)
        if asked.count("slow") == 1 and messages[-1].content == "slow":
            assert others_are_back.wait(30)
            signal.raise_signal(signal.SIGINT)
            calm.wait(30)
        return f"re {messages[-1].content}"

    def on_event(event: object) -> None:
        if isinstance(event, SubCallsProgressed) and event.done == 2:
            others_are_back.set()

    batch = cell("out = llm_query_batched(['a', 'slow', 'b'])")
    with pytest.raises(RunInterrupted) as caught:
        make_run([batch], sub=sub, on_event=on_event).finish()
    calm.set()
    first = caught.value.answer
    repl = resting_repl(first) if here else None
    run = make_run([batch, "FINAL_VAR(out)"], sub=sub, repl=repl, resume=first if here else elsewhere(first))
    answer = run.finish()
    assert answer.value == ["re a", "re slow", "re b"]
    assert sorted(asked) == ["a", "b", "slow", "slow"]
    assert {call.prompt: call.cached for call in answer.steps[1].sub_calls} == {
        "a": True,
        "b": True,
        "slow": False,
    }
    assert answer.usage["sub"].calls == 3


def test_a_reply_about_one_context_is_not_taken_for_that_about_another(make_run: RunFactory) -> None:
    one = SubCall(
        "sub", "sum up", "about one", Usage(1, 1, 1), 0.0, child=Answer("q", "", "answered"), number=0
    )
    two = replace(one, reply="about two", number=1)
    paid = Paid([two])
    assert paid.take("sum up", 0) is None
    assert paid.take("sum up", 1) == two
    assert Paid([two, one]).take("sum up", 0) == one
    assert Paid([replace(two, child=None)]).take("sum up", 0) is not None
