"""The loop, driven by scripted models: every way to end a run, what the model is told, what is kept."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from rlm_magic import Budget, Completion, Message, RLMError, Usage
from rlm_magic.config import EngineConfig
from rlm_magic.engine.tools import RESERVED
from rlm_magic.errors import (
    AnswerRejected,
    BudgetError,
    BudgetExceeded,
    ModelError,
    RunInterrupted,
    ScriptExhausted,
)
from rlm_magic.events import (
    CellFinished,
    CellStarted,
    RunFinished,
    RunStarted,
    StepFinished,
    SubCallsProgressed,
    TextStreamed,
    ThinkingStarted,
)
from rlm_magic.models import ScriptedModel

from .conftest import TEXT, Deadline, RunFactory, cell

ENDINGS = {
    "text": ["FINAL(beta)"],
    "text behind a cell": [cell("x = 1") + "FINAL(beta)"],
    "variable as text": [cell("found = context.split()[1]") + "FINAL_VAR(found)"],
    "variable of an earlier step": [cell("found = 'beta'"), "FINAL_VAR(found)"],
    "FINAL in code": [cell("FINAL(context.split()[1])")],
    "FINAL in code, swallowed": [cell("try:\n    FINAL('beta')\nexcept:\n    pass\nmore = 1")],
    "FINAL in code behind except Exception": [cell("try:\n    FINAL('beta')\nexcept Exception:\n    pass")],
    "FINAL in a function": [cell("def done(x):\n    FINAL(x)\ndone('beta')")],
    "FINAL_VAR in code by name": [cell("found = 'beta'\nFINAL_VAR('found')")],
    "FINAL_VAR in code by value": [cell("FINAL_VAR('be' + 'ta ')")],
    "SUBMIT": [cell("SUBMIT('beta')")],
    "SUBMIT by name": [cell("SUBMIT(answer='beta')")],
    "answer dict": [cell("answer['content'] = 'beta'\nanswer['ready'] = True")],
    "answer dict, ready first": [cell("answer['ready'] = True\nanswer['content'] = 'beta'")],
    "answer dict by update": [cell("answer.update(content='beta', ready=True)")],
    "answer dict over two steps": [cell("answer['content'] = 'beta'"), cell("answer['ready'] = True")],
    "answer dict made anew": [cell("answer = {'content': 'beta', 'ready': True}")],
    "answer dict with an array": [
        cell("import numpy\nanswer['content'] = numpy.array(['beta'])[:1]\nanswer['ready'] = True"),
    ],
    "answer as the model's own variable": [cell("answer = 'beta'"), "FINAL_VAR(answer)"],
    "after a draft in thought": ["<think>\nFINAL(draft)\n</think>\nFINAL(beta)"],
    "missing variable, then text": ["FINAL_VAR(missing)\nFINAL(beta)"],
    "after prose that led nowhere": ["I think it is beta.", "FINAL(beta)"],
}


@pytest.mark.parametrize("replies", ENDINGS.values(), ids=ENDINGS)
def test_every_way_to_end(make_run: RunFactory, replies: list[str]) -> None:
    answer = make_run(replies).finish()
    assert answer.status == "answered"
    assert answer.text.strip(" []'") == "beta"
    assert len(answer.steps) == len(replies)
    assert answer.steps[-1].final == answer.text


def test_the_value_keeps_its_type(make_run: RunFactory) -> None:
    answer = make_run([cell("FINAL({'n': 2})")]).finish()
    assert answer.value == {"n": 2}
    assert answer.text == str(answer) == "{'n': 2}"


def test_submit_of_several_names_is_a_dict(make_run: RunFactory) -> None:
    assert make_run([cell("SUBMIT(word='beta', line=1)")]).finish().value == {"word": "beta", "line": 1}


def test_the_first_final_wins_and_later_cells_do_not_run(make_run: RunFactory) -> None:
    answer = make_run([cell("FINAL('first')") + cell("late = 1\nFINAL('second')")]).finish()
    assert answer.text == "first"
    assert "late" not in answer.variables


def test_a_missing_variable_is_told_with_the_names_that_exist(make_run: RunFactory) -> None:
    run = make_run([cell("found = 1") + "FINAL_VAR(fuond)", "FINAL(ok)"])
    run.step()
    assert "no variable 'fuond'" in heard(run)
    assert "found" in heard(run)
    assert run.finish().text == "ok"


def test_a_missing_variable_in_code_is_told_too(make_run: RunFactory) -> None:
    run = make_run([cell("found = 1\nFINAL_VAR('fuond')"), "FINAL(ok)"])
    run.step()
    assert "no variable 'fuond'" in heard(run)
    assert "found" in heard(run)


TOLD = {
    "no code and no answer": ("I think it is beta.", "held no code to run and no answer"),
    "code without its tag": ("```\nprint(1)\n```", "not tagged `repl`"),
    "unclosed block": ("```repl\nprint(1)\n", "never closed"),
    "unclosed thought": ("<think>hm\nFINAL(1)", "unclosed <think>"),
    "malformed final": ("FINAL(oops", "not understood"),
    "empty final": ("FINAL()", "empty"),
    "empty answer dict": (cell("answer['ready'] = True"), "is empty"),
    "an error": (cell("1 / 0"), "ZeroDivisionError"),
    "an error before later cells": (cell("1 / 0") + cell("x = 1"), "1 later code block(s)"),
    "a final beside an error": (cell("1 / 0") + "FINAL(made up)", "FINAL was not used"),
    "output": (cell("print(len(context))"), "17"),
    "last expression": (cell("context.split()"), "['alpha', 'beta', 'gamma']"),
    "silence": (cell("x = 1"), "(no output)"),
    "str of the answer fails": (
        cell("class Bad:\n    def __str__(self): raise ValueError('no text')\nbad = Bad()")
        + "FINAL_VAR(bad)",
        "no text",
    ),
    "FINAL of what has no text": (
        cell("class Bad:\n    def __str__(self): raise ValueError('no text')\nFINAL(Bad())"),
        "no text",
    ),
    "answer dict of what has no text": (
        cell("answer['content'] = 10**5000\nanswer['ready'] = True"),
        'answer["content"] was not used: its str() failed: ValueError',
    ),
    "str of the answer fails the second time": (
        cell("class Once(list):\n    def __str__(self): return 'x' + self.pop()\nFINAL(Once(['y']))"),
        "Your answer was not used: its str() failed: IndexError",
    ),
}


@pytest.mark.parametrize(("reply", "told"), TOLD.values(), ids=TOLD)
def test_what_the_model_is_told(make_run: RunFactory, reply: str, told: str) -> None:
    run = make_run([reply, "FINAL(ok)"])
    run.step()
    assert told in heard(run)
    assert run.finish().text == "ok"


def test_a_reply_cut_at_the_output_limit_is_said(make_run: RunFactory) -> None:
    class Cut(ScriptedModel):
        def complete(self, messages: Sequence[Message], on_text: object = None) -> Completion:
            done = super().complete(messages, None)
            return Completion(done.text, done.usage, "length" if len(messages) == 2 else "stop")

    run = make_run(Cut(["```repl\nx", "FINAL(ok)"]))
    run.step()
    assert "output limit" in heard(run)


def test_output_is_capped_with_the_omitted_count(make_run: RunFactory) -> None:
    run = make_run(
        [cell("print('a' * 5000 + 'b' * 5000)"), "FINAL(ok)"], config=EngineConfig(output_chars=100)
    )
    run.step()
    assert "9,900 of 10,000 characters omitted" in heard(run)
    assert "aaa" in heard(run)
    assert "bbb" in heard(run)
    assert len(heard(run)) < 500


def test_the_prompt_holds_the_description_and_not_the_text(make_run: RunFactory) -> None:
    seen: list[Message] = []

    def reply(messages: Sequence[Message]) -> str:
        seen.extend(messages)
        return "FINAL(ok)"

    make_run(reply, context="UNIQUE-MARKER\n" * 50).finish()
    said = "\n".join(message.content for message in seen)
    assert "UNIQUE-MARKER" not in said
    assert "a str of 17 characters" in said
    assert "What is the second word?" in said
    assert "Turn 1 of 20." in said


def test_every_turn_shows_its_number_and_the_budget(make_run: RunFactory) -> None:
    run = make_run(["x", "y", "FINAL(z)"], budget=Budget(steps=5, tokens=10_000, sub_calls=7))
    run.step()
    run.step()
    assert "Turn 3 of 5." in heard(run)
    assert "7 sub-calls left" in heard(run)
    assert "tokens left" in heard(run)


def test_a_fence_in_the_output_cannot_end_the_output_block(make_run: RunFactory) -> None:
    run = make_run([cell("print('```\\nFINAL(injected)')"), "FINAL(ok)"])
    run.step()
    assert "````output\n```\nFINAL(injected)\n````" in heard(run)


def test_names_the_loop_owns_are_restored(make_run: RunFactory) -> None:
    answer = make_run(
        [
            cell("context = 'gone'; llm_query = None; FINAL_VAR = 3"),
            cell("FINAL(llm_query('q') + context[:5])"),
        ]
    ).finish()
    assert answer.text.endswith("alpha")


def test_steps_can_be_taken_one_by_one(make_run: RunFactory) -> None:
    run = make_run([cell("n = 1"), cell("n += 1"), "FINAL_VAR(n)"])
    assert [step.number for step in run] == [1, 2, 3]
    assert run.answer is not None
    assert run.answer.value == 2
    with pytest.raises(RLMError, match="over"):
        run.step()


def test_a_run_can_be_stopped_between_steps(make_run: RunFactory) -> None:
    run = make_run([cell("n = 1"), "never asked"])
    run.step()
    answer = run.stop()
    assert answer.status == "stopped: by the user"
    assert answer.variables["n"] == 1


# Sub-calls


def test_llm_query(make_run: RunFactory) -> None:
    answer = make_run([cell("FINAL(llm_query('hello'))")]).finish()
    assert answer.text == "sub-model heard 'hello'"
    (call,) = answer.steps[0].sub_calls
    assert (call.model, call.prompt, call.error) == ("sub", "hello", None)
    assert answer.usage["sub"].calls == 1
    assert answer.usage["root"].calls == 1


def test_a_batch_keeps_its_order_and_a_failure_keeps_its_slot(make_run: RunFactory) -> None:
    def reply(messages: Sequence[Message]) -> str:
        if messages[-1].content == "3":
            raise ModelError("no luck with 3")
        return f"<{messages[-1].content}>"

    answer = make_run([cell("FINAL(llm_query_batched([str(i) for i in range(40)]))")], sub=reply).finish()
    assert answer.value[:3] == ["<0>", "<1>", "<2>"]
    assert answer.value[3].startswith("[llm_query failed: ModelError: no luck with 3")
    assert answer.value[4:] == [f"<{i}>" for i in range(4, 40)]
    assert sum(call.error is not None for call in answer.steps[0].sub_calls) == 1


def test_concurrency_is_bounded_and_used(make_run: RunFactory) -> None:
    lock, running, peak = threading.Lock(), 0, 0
    together = threading.Barrier(4)

    def reply(messages: Sequence[Message]) -> str:
        nonlocal running, peak
        with lock:
            running += 1
            peak = max(peak, running)
        together.wait(timeout=30)  # passes only if four are under way at once
        with lock:
            running -= 1
        return "ok"

    run = make_run(
        [cell("FINAL(len(llm_query_batched(['q'] * 12)))")], sub=reply, config=EngineConfig(concurrency=4)
    )
    assert run.finish().value == 12
    assert peak == 4


def test_a_failing_single_call_is_an_error_of_the_cell(make_run: RunFactory) -> None:
    def reply(messages: Sequence[Message]) -> str:
        raise ModelError("down")

    run = make_run([cell("before = 1\nllm_query('x')"), cell("FINAL(before)")], sub=reply)
    run.step()
    assert "ModelError" in heard(run)
    assert "down" in heard(run)
    assert run.finish().value == 1


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("llm_query(b'bytes')", "not bytes"),
        ("llm_query_batched('one prompt')", "llm_query(prompt)"),
        ("llm_query('x', model='no-such')", "no-such"),
        ("SUBMIT()", "SUBMIT takes"),
    ],
)
def test_misuse_is_explained(make_run: RunFactory, code: str, told: str) -> None:
    run = make_run([cell(code), "FINAL(ok)"])
    run.step()
    assert told in heard(run)


def test_a_sub_model_can_be_chosen_by_name(make_run: RunFactory) -> None:
    other = ScriptedModel(["from the other"], name="other")
    answer = make_run([cell("FINAL(llm_query('x', model='other'))")], resolve=lambda name: other).finish()
    assert answer.text == "from the other"
    assert answer.usage["other"].calls == 1


def test_sub_calls_from_threads_of_the_cell_are_recorded(make_run: RunFactory) -> None:
    code = """
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(4) as pool:
    out = list(pool.map(llm_query, 'abcd'))
FINAL(out)
"""
    answer = make_run([cell(code)]).finish()
    assert answer.value == [f"sub-model heard {c!r}" for c in "abcd"]
    assert len(answer.steps[0].sub_calls) == 4


def test_show_vars(make_run: RunFactory) -> None:
    run = make_run([cell("SHOW_VARS()"), cell("n = 3\nwords = ['a', 'b']\nSHOW_VARS()"), "FINAL(ok)"])
    run.step()
    assert "no variables yet" in heard(run)
    run.step()
    assert "n: int = 3" in heard(run)
    assert "words: list of 2" in heard(run)
    assert "llm_query" not in heard(run).split("Turn")[0]


# Budget


def test_when_steps_run_out_the_model_is_asked_once_for_its_best_answer(make_run: RunFactory) -> None:
    run = make_run([cell("n = 1"), cell("n = 2"), "FINAL_VAR(n)"], budget=Budget(steps=2))
    answer = run.finish()
    assert answer.status == "stopped: steps"
    assert answer.value == 2
    assert len(answer.steps) == 3
    assert "Answer now" in run.messages[-1].content


def test_a_last_reply_without_final_is_taken_as_it_is(make_run: RunFactory) -> None:
    answer = make_run(["hm", "It is probably beta."], budget=Budget(steps=1)).finish()
    assert (answer.status, answer.text) == ("stopped: steps", "It is probably beta.")


def test_sub_calls_run_out(make_run: RunFactory) -> None:
    replies = [cell("out = llm_query_batched(['a', 'b', 'c'])\nprint(out)"), "FINAL(best guess)"]
    run = make_run(replies, budget=Budget(sub_calls=2))
    run.step()
    assert "sub_calls=2" in heard(run)
    answer = run.finish()
    assert (answer.status, answer.text) == ("stopped: sub_calls", "best guess")
    assert answer.variables["out"][:2] == ["sub-model heard 'a'", "sub-model heard 'b'"]
    assert answer.usage["sub"].calls == 2


@pytest.mark.parametrize(("budget", "limit"), [(Budget(tokens=1), "tokens"), (Budget(seconds=0), "seconds")])
def test_nothing_is_asked_when_the_budget_does_not_cover_it(
    make_run: RunFactory, budget: Budget, limit: str
) -> None:
    answer = make_run([], budget=budget).finish()
    assert answer.status == f"stopped: {limit}"
    assert answer.steps == ()
    assert answer.usage == {}


def test_tokens_run_out_with_steps_and_variables_kept(make_run: RunFactory) -> None:
    class Costly(ScriptedModel):
        def complete(self, messages: Sequence[Message], on_text: object = None) -> Completion:
            return Completion(super().complete(messages, None).text, Usage(1, 4_000, 2_000, 0.0))

    answer = make_run(Costly([cell("n = 1"), "never"]), budget=Budget(tokens=5_000)).finish()
    assert answer.status == "stopped: tokens"
    assert answer.variables["n"] == 1
    assert answer.total.tokens == 6_000
    assert len(answer.steps) == 1


def test_an_answer_on_the_turn_that_spends_the_budget_is_kept(make_run: RunFactory) -> None:
    class Costly(ScriptedModel):
        def complete(self, messages: Sequence[Message], on_text: object = None) -> Completion:
            return Completion(super().complete(messages, None).text, Usage(1, 4_000, 2_000, 0.0))

    answer = make_run(Costly(["FINAL(beta)"]), budget=Budget(tokens=5_000)).finish()
    assert (answer.status, answer.text) == ("answered", "beta")


def test_the_run_ends_when_its_seconds_are_over_inside_a_model_call(make_run: RunFactory) -> None:
    never = threading.Event()

    def reply(messages: Sequence[Message]) -> str:
        never.wait(30)
        return "too late"

    answer = make_run(reply, budget=Budget(seconds=0.3)).finish()
    never.set()
    assert answer.status == "stopped: seconds"


def test_the_run_ends_when_its_seconds_are_over_inside_a_sub_call(make_run: RunFactory) -> None:
    never, deadline = threading.Event(), Deadline()

    def reply(messages: Sequence[Message]) -> str:
        if messages[-1].content == "slow":
            deadline.wait_and_pass()
            never.wait(30)
        return "quick reply"

    code = "n = 1\nout = llm_query_batched(['quick', 'slow'])"
    run = make_run([cell(code), "never"], sub=reply, budget=Budget(seconds=500), on_event=deadline)
    deadline.run = run
    answer = run.finish()
    never.set()
    assert answer.status == "stopped: seconds"
    assert answer.variables["n"] == 1
    quick, slow = answer.steps[0].sub_calls
    assert quick.reply == "quick reply"
    assert "seconds=500" in (slow.error or "")
    # What came in time is not lost to the variable either.
    out = answer.variables["out"]
    assert out[0] == "quick reply"
    assert out[1].startswith("[llm_query failed: BudgetExceeded")


def test_a_cell_that_runs_too_long_is_stopped_and_the_run_goes_on(make_run: RunFactory) -> None:
    run = make_run([cell("n = 1\nwhile True: pass"), cell("FINAL(n)")], budget=Budget(cell_seconds=0.3))
    step = run.step()
    assert step is not None
    assert step.cells[0].result.timed_out
    assert run.finish().value == 1


def test_waiting_for_a_sub_call_does_not_use_up_the_cells_time(make_run: RunFactory) -> None:
    def reply(messages: Sequence[Message]) -> str:
        threading.Event().wait(1.5)
        return "slow but fine"

    answer = make_run([cell("FINAL(llm_query('x'))")], sub=reply, budget=Budget(cell_seconds=1.0)).finish()
    assert answer.text == "slow but fine"


def test_a_cost_limit_needs_a_price(make_run: RunFactory) -> None:
    with pytest.raises(BudgetError, match="mystery:m"):
        make_run(ScriptedModel([], name="mystery:m"), budget=Budget(cost_usd=1.0))


# Failures and interrupts


def test_a_failing_root_model_keeps_what_was_found(make_run: RunFactory) -> None:
    run = make_run([cell("n = 1")])
    with pytest.raises(ScriptExhausted) as failed:
        run.finish()
    assert run.answer is failed.value.answer
    assert run.answer is not None
    assert run.answer.status.startswith("failed: ScriptExhausted")
    assert run.answer.variables["n"] == 1


def test_a_foreign_fault_of_a_model_is_a_model_error(make_run: RunFactory) -> None:
    def reply(messages: Sequence[Message]) -> str:
        raise KeyError("broken")

    with pytest.raises(ModelError, match="root failed"):
        make_run(reply).finish()


ODD_VALUES = {
    "a number of 5,000 digits": "value = 10**4999",
    "a dict without a length": "class D(dict):\n    def __len__(self): raise ValueError\nvalue = D()",
    "a str without a repr": "class S(str):\n    def __repr__(self): raise ValueError\nvalue = S('a')",
    "a flag that is neither": "import numpy\nanswer['ready'] = value = numpy.array([1, 2])",
}


@pytest.mark.parametrize("code", ODD_VALUES.values(), ids=ODD_VALUES)
def test_no_value_of_the_models_ends_the_run_by_being_looked_at(make_run: RunFactory, code: str) -> None:
    answer = make_run([cell(code), cell("print(SHOW_VARS())"), "FINAL(ok)"]).finish()
    assert (answer.text, answer.status) == ("ok", "answered")
    assert "value: " in answer.steps[1].cells[0].result.stdout


@pytest.mark.parametrize(
    "error", [SystemExit(3), KeyboardInterrupt(), BudgetExceeded("not ours", limit="tokens")]
)
def test_a_model_may_raise_anything_and_nobody_waits_for_it(
    make_run: RunFactory, error: BaseException
) -> None:
    def fail(messages: Sequence[Message]) -> str:
        raise error

    answer = make_run([cell("llm_query_batched(['a'])"), "FINAL(ok)"], sub=fail).finish()
    assert type(error).__name__ in (answer.steps[0].sub_calls[0].error or "")
    with pytest.raises(ModelError, match=f"root failed: {type(error).__name__}"):
        make_run(fail).finish()


@pytest.mark.parametrize("reply", ["FINAL(ok)", Completion(None, Usage())], ids=["a str", "no text"])  # type: ignore[arg-type]
def test_a_model_that_returns_no_reply_is_told_what_to_return(make_run: RunFactory, reply: object) -> None:
    class Careless(ScriptedModel):
        def complete(self, messages: object, on_text: object = None) -> Completion:
            return reply  # type: ignore[return-value]

    with pytest.raises(ModelError, match=r"returned .*; a model returns a Completion with its text as a str"):
        make_run(Careless([], name="careless")).finish()


@pytest.mark.parametrize("where", ["root", "sub", "cell"])
def test_an_interrupt_ends_the_run_at_once_and_keeps_everything(make_run: RunFactory, where: str) -> None:
    import os
    import signal

    never = threading.Event()

    def stop() -> None:
        os.kill(os.getpid(), signal.SIGINT)

    def root(messages: Sequence[Message]) -> str:
        if len(messages) == 2:
            return cell("first = 1\ndone = llm_query('quick')")
        if where == "root":
            threading.Timer(0.2, stop).start()
            never.wait(30)
        return cell(
            "second = 2\n"
            + ("stop_soon()\nimport time; time.sleep(30)" if where == "cell" else "llm_query('slow')")
        )

    def sub(messages: Sequence[Message]) -> str:
        if messages[-1].content == "slow":
            threading.Timer(0.2, stop).start()
            never.wait(30)
        return "reply"

    run = make_run(root, sub=sub, given={"stop_soon": lambda: threading.Timer(0.2, stop).start()})
    with pytest.raises(RunInterrupted) as interrupted:
        run.finish()
    never.set()
    answer = interrupted.value.answer
    assert answer is run.answer
    assert answer.status == "interrupted"
    assert answer.variables["first"] == 1
    assert answer.variables["done"] == "reply"
    assert ("second" in answer.variables) == (where != "root")
    assert len(answer.steps) == (1 if where == "root" else 2)


# Events


def test_events_come_in_order_and_on_the_calling_thread(make_run: RunFactory) -> None:
    events: list[object] = []
    threads: set[threading.Thread] = set()

    def on_event(event: object) -> None:
        events.append(event)
        threads.add(threading.current_thread())

    run = make_run([cell("x = llm_query_batched(['a', 'b'])"), "FINAL(ok)"], on_event=on_event)
    answer = run.finish()
    assert threads == {threading.current_thread()}
    kinds = [type(event) for event in events if not isinstance(event, TextStreamed)]
    assert kinds == [
        RunStarted,
        ThinkingStarted,
        CellStarted,
        SubCallsProgressed,
        SubCallsProgressed,
        SubCallsProgressed,
        CellFinished,
        StepFinished,
        ThinkingStarted,
        StepFinished,
        RunFinished,
    ]
    streamed = "".join(event.text for event in events if isinstance(event, TextStreamed) and event.step == 1)
    assert streamed == answer.steps[0].reply
    assert events[-1].answer is answer


def test_the_text_variable_is_not_touched(make_run: RunFactory) -> None:
    assert make_run([cell("FINAL(context)")]).finish().value == TEXT


def heard(run: object) -> str:
    """Return what the model was told last."""
    return run.messages[-1].content


def only_numbers(value: object) -> object:
    try:
        return int(str(value))
    except ValueError as error:
        raise AnswerRejected(f"{value!r} is not a number") from error


REJECTED = {
    "as text": ["FINAL(two)", "FINAL(2)"],
    "in code": [cell("FINAL('two')"), cell("FINAL('2')")],
    "as a dict": [cell("answer.update(content='two', ready=True)"), cell("x = 1"), "FINAL(2)"],
}


@pytest.mark.parametrize("replies", REJECTED.values(), ids=REJECTED)
def test_an_answer_of_the_wrong_form_goes_back_to_the_model(make_run: RunFactory, replies: list[str]) -> None:
    run = make_run(replies, accept=only_numbers)
    run.step()
    assert "Your answer was not accepted: 'two' is not a number" in heard(run)
    assert run.steps[0].final is None
    answer = run.finish()
    assert (answer.value, answer.text, answer.status) == (2, "2", "answered")
    assert len(answer.steps) == len(replies)


def test_a_wrong_answer_on_the_last_turn_is_kept_as_text(make_run: RunFactory) -> None:
    run = make_run([cell("x = 1"), "FINAL(two)"], accept=only_numbers, budget=Budget(steps=1))
    answer = run.finish()
    assert (answer.text, answer.status) == ("two", "stopped: steps")


def test_tools_are_there_restored_and_not_listed(make_run: RunFactory) -> None:
    code = "out = shout('hi')\nshout = None"
    run = make_run(
        [cell(code), cell("FINAL(shout(out))")], tools={"shout": str.upper}, extra_prompt="Also: shout"
    )
    assert run.messages[0].content.endswith("Also: shout")
    answer = run.finish()
    assert answer.text == "HI"
    assert answer.variables == {"out": "HI"}


def test_the_names_of_the_loop_are_those_that_no_tool_may_have(make_run: RunFactory) -> None:
    answer = make_run([cell("FINAL({name for name in globals() if not name.startswith('_')})")]).finish()
    assert answer.value - {"display", "re", "json"} == RESERVED
