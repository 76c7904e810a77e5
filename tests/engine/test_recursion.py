"""Child runs: their namespaces, outputs and directories apart, their records under the cell, one ledger."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from rlm_magic import Budget, Message
from rlm_magic.config import EngineConfig
from rlm_magic.engine import list_runs, read_trajectory
from rlm_magic.errors import ModelError, RunInterrupted
from rlm_magic.events import ChildRunProgressed, Event
from rlm_magic.models import ScriptedModel
from rlm_magic.records import Answer, Completion, Usage

from .conftest import Deadline, RunFactory, cell


def question_of(messages: Sequence[Message]) -> str:
    """Return what a child run was asked."""
    return messages[1].content.removeprefix("Question: ").partition("\n")[0]


def is_child(messages: Sequence[Message]) -> bool:
    return messages[0].role == "system"


class Scripts:
    """A sub-model that steers each child run by a script of its own, and answers plain prompts."""

    def __init__(self, scripts: dict[str, list[str]], plain: str = "plain") -> None:
        self.scripts = {question: list(replies) for question, replies in scripts.items()}
        self.plain = plain
        self.lock = threading.Lock()

    def __call__(self, messages: Sequence[Message]) -> str:
        if not is_child(messages):
            return f"{self.plain}: {messages[-1].content}"
        turn = sum(message.role == "assistant" for message in messages)
        return self.scripts[question_of(messages)][turn]


def test_a_child_answers_about_a_context_of_its_own(make_run: RunFactory) -> None:
    sub = Scripts({"how long?": [cell("n = len(context)"), "FINAL_VAR(n)"]})
    answer = make_run([cell("out = rlm_query('how long?', context='abc')\nFINAL(out)")], sub=sub).finish()
    assert answer.text == "3"
    (call,) = answer.steps[0].sub_calls
    assert call.child is not None
    assert (call.child.status, call.child.variables) == ("answered", {"n": 3})
    assert [len(step.cells) for step in call.child.steps] == [1, 0]


def test_the_parent_is_told_which_turn_its_children_and_theirs_are_at(make_run: RunFactory) -> None:
    scripts = {"q": [cell("rlm_query('deeper')"), "FINAL(q)"], "deeper": ["FINAL(d)"]}
    told: list[ChildRunProgressed] = []
    threads: set[threading.Thread] = set()

    def on_event(event: Event) -> None:
        if isinstance(event, ChildRunProgressed):
            told.append(event)
            threads.add(threading.current_thread())

    budget = Budget(max_depth=2, child_steps=7)
    replies = ["x = 1", cell("FINAL(rlm_query('q'))")]
    assert make_run(replies, sub=Scripts(scripts), budget=budget, on_event=on_event).finish().text == "q"
    assert told == [ChildRunProgressed(2, q, turn, 7) for q, turn in (("q", 1), ("deeper", 1), ("q", 2))]
    assert threads == {threading.current_thread()}


def test_without_a_context_a_child_has_its_parents(make_run: RunFactory) -> None:
    sub = Scripts({"second word?": [cell("FINAL(context.split()[1])")]})
    assert make_run([cell("FINAL(rlm_query('second word?'))")], sub=sub).finish().text == "beta"


def test_children_touch_neither_their_parents_variables_nor_each_others(make_run: RunFactory) -> None:
    code = cell("assert 'x' not in globals()\nx = question = {q!r}\nprint('from', x)")
    sub = Scripts({q: [code.replace("{q!r}", repr(q)), "FINAL_VAR(x)"] for q in ("a", "b", "c")})
    root = cell("x = 'mine'\nprint('before')\nout = rlm_query_batched(['a', 'b', 'c'])\nprint('after')")
    answer = make_run([root, "FINAL(ok)"], sub=sub).finish()
    assert answer.variables == {"x": "mine", "out": ["a", "b", "c"]}
    assert answer.steps[0].cells[0].result.output == "before\nafter"
    children = {call.prompt: call.child for call in answer.steps[0].sub_calls}
    for name, child in children.items():
        assert child is not None
        assert child.steps[0].cells[0].result.output == f"from {name}"


def test_children_side_by_side_have_all_their_sub_calls_in_flight_together(make_run: RunFactory) -> None:
    # Each sub-call waits for the three others: only together do they get through.
    together = threading.Barrier(4, timeout=20)
    scripts = {q: [cell(f"out = llm_query('{q}')\nFINAL(out)")] for q in "abcd"}
    children = Scripts(scripts)

    def sub(messages: Sequence[Message]) -> str:
        if not is_child(messages):
            together.wait()
        return children(messages)

    answer = make_run([cell("FINAL(rlm_query_batched(list('abcd')))")], sub=sub).finish()
    assert answer.value == [f"plain: {q}" for q in "abcd"]


def test_nested_cells_have_as_deep_a_stack_as_any(make_run: RunFactory) -> None:
    together = threading.Barrier(8, timeout=20)
    code = "def f(n):\n    return n and 1 + f(n - 1)\nllm_query('wait')\nFINAL(f(880))"
    children = Scripts({q: [cell(code)] for q in "abcdefgh"})

    def sub(messages: Sequence[Message]) -> str:
        if not is_child(messages):
            together.wait()
        return children(messages)

    root = cell(f"out = rlm_query_batched(list('abcdefgh'))\n{code}")
    answer = make_run([root.replace("llm_query('wait')", "")], sub=sub).finish()
    assert answer.variables["out"] == ["880"] * 8
    assert answer.value == 880


def test_nested_cells_keep_their_directory_output_and_environment(
    make_run: RunFactory, tmp_path: Path
) -> None:
    """The fault of rlms: parallel children chdir and print into each other."""
    for name in "abc":
        (tmp_path / name).mkdir()
        (tmp_path / name / "mine.txt").write_text(name)
    together = threading.Barrier(3, timeout=20)
    code = (
        "import os, pathlib\nos.chdir({q!r})\nos.environ['RLM_TEST_Q'] = {q!r}\nprint('start {q}')\n"
        "llm_query('wait')\nprint(pathlib.Path('mine.txt').read_text(), os.environ['RLM_TEST_Q'])"
    )
    again = "print(pathlib.Path('mine.txt').read_text(), os.environ['RLM_TEST_Q'])\nFINAL('done')"
    children = Scripts(
        {q: [cell(code.replace("{q!r}", repr(q)).replace("{q}", q)), cell(again)] for q in "abc"}
    )

    def sub(messages: Sequence[Message]) -> str:
        if not is_child(messages):
            together.wait()
        return children(messages)

    here = os.getcwd()
    root = f"import os\nos.chdir({str(tmp_path)!r})\nout = rlm_query_batched(list('abc'))\nprint(os.getcwd())"
    answer = make_run([cell(root), "FINAL(ok)"], sub=sub).finish()
    assert os.getcwd() == here
    assert "RLM_TEST_Q" not in os.environ
    assert answer.variables["out"] == ["done"] * 3
    assert answer.steps[0].cells[0].result.output == str(tmp_path)
    for call in answer.steps[0].sub_calls:
        assert call.child is not None
        first, second = (step.cells[0].result.output for step in call.child.steps)
        assert first == f"start {call.prompt}\n{call.prompt} {call.prompt}"
        assert second == f"{call.prompt} {call.prompt}"


def test_at_the_last_level_a_sub_model_is_asked_with_the_text(make_run: RunFactory) -> None:
    sub = Scripts({"go": [cell("FINAL(rlm_query('look', context='the text'))")]})
    answer = make_run([cell("FINAL(rlm_query('go'))")], sub=sub).finish()
    assert answer.text == "plain: look\n\nthe text"


def test_with_depth_zero_there_are_no_children(make_run: RunFactory) -> None:
    run = make_run([cell("FINAL(rlm_query('look', context='abc'))")], budget=Budget(max_depth=0))
    assert "rlm_query" not in run.messages[0].content
    assert run.finish().text == "sub-model heard 'look\\n\\nabc'"


def test_two_levels_of_children_when_the_budget_says_so(make_run: RunFactory) -> None:
    sub = Scripts(
        {
            "top": [cell("FINAL(rlm_query_batched(['x', 'y'], contexts=['1', '22']))")],
            "x": [cell("FINAL(len(context))")],
            "y": [cell("FINAL(len(context))")],
        }
    )
    answer = make_run([cell("FINAL(rlm_query('top'))")], sub=sub, budget=Budget(max_depth=2)).finish()
    assert answer.text == "['1', '2']"
    (top,) = answer.steps[0].sub_calls
    assert top.child is not None
    assert [call.child.text for call in top.child.steps[0].sub_calls if call.child] == ["1", "2"]


def test_a_context_that_fits_no_prompt_is_refused_at_the_last_level(make_run: RunFactory) -> None:
    code = (
        "try:\n    rlm_query('look', context='a' * 4000)\nexcept Exception as error:\n    FINAL(repr(error))"
    )
    run = make_run([cell(code)], budget=Budget(max_depth=0), window=lambda name: 100)
    answer = run.finish()
    assert answer.text.startswith("PromptTooLarge('the prompt has about 1,00")
    assert "sub takes 100" in answer.text
    assert answer.usage.keys() == {"root"}


def test_a_child_that_fails_fails_its_slot_only(make_run: RunFactory) -> None:
    def sub(messages: Sequence[Message]) -> str:
        if question_of(messages) == "bad":
            raise ModelError("no such luck")
        return "FINAL(good)"

    answer = make_run([cell("FINAL(rlm_query_batched(['good', 'bad', 'good']))")], sub=sub).finish()
    good, bad, again = answer.value
    assert (good, again) == ("good", "good")
    assert bad == "[rlm_query failed: ModelError: no such luck]"


def test_a_child_without_an_answer_is_an_error_that_says_why(make_run: RunFactory) -> None:
    code = "try:\n    rlm_query('go')\nexcept Exception as error:\n    FINAL(repr(error))"
    sub = Scripts({"go": [cell("x = 1")] * 3 + [""]})
    answer = make_run([cell(code)], sub=sub, budget=Budget(child_steps=3)).finish()
    assert "ended without an answer (stopped: steps)" in answer.text


def test_a_child_keeps_what_it_answers_on_its_last_turn(make_run: RunFactory) -> None:
    sub = Scripts({"go": [cell("x = 1"), cell("x = 2"), "FINAL(as good as it gets)"]})
    run = make_run([cell("FINAL(rlm_query('go'))")], sub=sub, budget=Budget(child_steps=2))
    assert run.finish().text == "as good as it gets"


def test_another_model_by_name_steers_the_child(make_run: RunFactory) -> None:
    other = ScriptedModel(["FINAL(other)"], name="other")
    run = make_run([cell("FINAL(rlm_query('go', model='other'))")], resolve={"other": other}.__getitem__)
    answer = run.finish()
    assert answer.text == "other"
    assert answer.steps[0].sub_calls[0].model == "other"


@pytest.mark.parametrize(
    ("code", "told"),
    {
        "one str as prompts": ("rlm_query_batched('abc')", "takes a list of prompts"),
        "a context too few": ("rlm_query_batched(['a', 'b'], contexts=['x'])", "2 prompts and 1 contexts"),
        "one str as contexts": ("rlm_query_batched(['a', 'b'], contexts='xy')", "one context for each"),
        "no such context": ("rlm_query('a', context=7)", "not int"),
        "from a thread": (
            "from concurrent.futures import ThreadPoolExecutor\n"
            "with ThreadPoolExecutor() as pool:\n    list(pool.map(rlm_query, ['a']))",
            "on the cell's own thread only",
        ),
    }.values(),
)
def test_bad_calls_are_errors_of_the_cell(make_run: RunFactory, code: str, told: str) -> None:
    run = make_run([cell(code), "FINAL(ok)"])
    step = run.step()
    assert step is not None
    assert told in (step.cells[0].result.error or "")
    assert run.finish().text == "ok"


def test_the_ledger_covers_the_whole_tree(make_run: RunFactory) -> None:
    class Paid(ScriptedModel):
        def complete(self, messages: Sequence[Message], on_text: object = None) -> Completion:
            return Completion(super().complete(messages).text, Usage(1, 10, 5, 1.0))

    scripts = {q: [cell("llm_query_batched(['1', '2'])"), "FINAL(ok)"] for q in "abc"}
    sub = Paid(Scripts(scripts), name="scripted:sub")
    root = Paid([cell("FINAL(rlm_query_batched(list('abc')))")], name="scripted:root")
    answer = make_run(root, sub=sub).finish()
    # Three children of two turns, and two sub-calls each.
    assert answer.usage["scripted:sub"] == Usage(12, 120, 60, 12.0)
    assert answer.usage["scripted:root"] == Usage(1, 10, 5, 1.0)
    assert [call.usage for call in answer.steps[0].sub_calls] == [Usage(4, 40, 20, 4.0)] * 3


def test_children_do_not_get_past_the_limits_of_the_root(make_run: RunFactory) -> None:
    """The fault of rlms: a $5 child under a $1 budget."""
    asked = []

    def sub(messages: Sequence[Message]) -> str:
        asked.append(messages)
        return "FINAL(ok)" if len(messages) > 2 else cell("llm_query_batched(['x'] * 5)")

    run = make_run(
        [cell("out = rlm_query_batched(['a', 'b', 'c'])"), "FINAL(done)"], sub=sub, budget=Budget(sub_calls=7)
    )
    answer = run.finish()
    assert len(asked) == 7 == answer.usage["sub"].calls
    assert answer.text == "done"
    assert answer.status == "stopped: sub_calls"


def test_the_budget_left_is_told_in_code(make_run: RunFactory) -> None:
    code = "llm_query('x')\nleft = dict(BUDGET())\nprint(BUDGET())"
    answer = make_run([cell(code), "FINAL(ok)"], budget=Budget(steps=5, sub_calls=10, seconds=None)).finish()
    left = answer.variables["left"]
    assert (left["steps"], left["sub_calls"], left["seconds"]) == (4, 9, None)
    assert "sub_calls: 9 left" in answer.steps[0].cells[0].result.output
    assert "seconds: no limit" in answer.steps[0].cells[0].result.output


def test_the_record_of_a_child_hangs_under_the_cell_that_called_it(make_run: RunFactory) -> None:
    sub = Scripts({"go": [cell("print('hi')\nllm_query('x');"), "FINAL(done)"]})
    answer = make_run([cell("FINAL(rlm_query('go'))")], sub=sub).finish()
    assert answer.trajectory is not None
    lines = [json.loads(line) for line in answer.trajectory.read_text().splitlines()]
    (entry,) = lines[1]["code_blocks"][0]["result"]["rlm_calls"]
    nested = entry["metadata"]
    assert nested["run_metadata"]["question"] == "go"
    assert [line["type"] for line in nested["iterations"]] == ["iteration"] * 2
    assert nested["iterations"][0]["code_blocks"][0]["result"]["stdout"] == "hi"
    back = read_trajectory(answer.trajectory)
    (call,) = back.steps[0].sub_calls
    child = call.child
    assert isinstance(child, Answer)
    assert (child.question, child.text, child.status) == ("go", "done", "answered")
    assert call.usage == answer.steps[0].sub_calls[0].usage
    assert [inner.prompt for inner in child.steps[0].sub_calls] == ["x"]


def test_a_child_is_written_as_it_goes_beside_its_parent(make_run: RunFactory) -> None:
    seen: list[list[str]] = []
    run = make_run([cell("FINAL(rlm_query('go'))")], sub=lambda messages: script(messages))

    def script(messages: Sequence[Message]) -> str:
        if len(messages) > 2:
            (path,) = run.trajectory.children_dir.glob("*.jsonl")
            seen.append([json.loads(line)["type"] for line in path.read_text().splitlines()])
            return "FINAL(ok)"
        return cell("x = 1")

    answer = run.finish()
    assert seen == [["metadata", "iteration"]]
    assert list_runs() == [answer.run_id]


def test_an_interrupt_ends_the_whole_tree_and_keeps_what_it_found(make_run: RunFactory) -> None:
    calm, asked = threading.Event(), threading.Event()
    scripts = Scripts(
        {
            "quick": ["FINAL(found)"],
            "slow": [cell("x = 1"), cell("y = llm_query('never')")],
            "stopper": [cell("import signal\nsignal.raise_signal(signal.SIGINT)")],
        }
    )

    def sub(messages: Sequence[Message]) -> str:
        if messages[-1].content == "never":
            asked.set()
            calm.wait(30)
        elif question_of(messages) == "stopper":
            asked.wait(30)
        return scripts(messages)

    code = "out = rlm_query_batched(['quick', 'slow', 'stopper', 'late'])\nafter = 1"
    run = make_run([cell(code)], sub=sub, config=EngineConfig(child_concurrency=2))
    with pytest.raises(RunInterrupted) as caught:
        run.finish()
    calm.set()
    step = caught.value.answer.steps[0]
    calls = {call.prompt: call for call in step.sub_calls}
    assert calls["quick"].reply == "found"
    assert {name: call.child.status for name, call in calls.items() if call.child} == {
        "quick": "answered",
        "slow": "interrupted",
        "stopper": "interrupted",
    }
    assert calls["late"].error == "RunInterrupted: not begun"
    slow = calls["slow"].child
    assert slow is not None
    assert slow.variables == {"x": 1}
    assert step.cells[0].result.interrupted
    assert not caught.value.answer.variables


def test_the_runs_deadline_ends_every_child_and_keeps_what_came(make_run: RunFactory) -> None:
    calm, deadline = threading.Event(), Deadline()
    scripts = Scripts({"quick": ["FINAL(found)"], "slow": [cell("x = 1"), "never"]})

    def sub(messages: Sequence[Message]) -> str:
        if is_child(messages) and question_of(messages) == "slow" and len(messages) > 2:
            deadline.wait_and_pass()
            calm.wait(30)
        return scripts(messages)

    code = "out = rlm_query_batched(['quick', 'slow'])"
    run = make_run([cell(code), "never"], sub=sub, budget=Budget(seconds=500), on_event=deadline)
    deadline.run = run
    answer = run.finish()
    calm.set()
    assert answer.status == "stopped: seconds"
    quick, slow = answer.variables["out"]
    assert quick == "found"
    assert "budget of seconds ran out" in slow
    child = answer.steps[0].sub_calls[1].child
    assert child is not None
    assert (child.status, child.variables) == ("stopped: seconds", {"x": 1})
