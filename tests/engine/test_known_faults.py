"""Faults that were reproduced in other RLM systems; here is what this one does instead."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from rlm_magic import Budget, Message
from rlm_magic.config import EngineConfig
from rlm_magic.events import StepFinished
from rlm_magic.models import ScriptedModel
from rlm_magic.records import Completion, Usage

from .conftest import RunFactory, cell
from .test_recursion import is_child


class Paid(ScriptedModel):
    """Each call costs a dollar and uses as many tokens as its reply has characters."""

    def complete(self, messages: Sequence[Message], on_text: object = None) -> Completion:
        text = super().complete(messages).text
        return Completion(text, Usage(1, 0, len(text), 1.0))


def restless(messages: Sequence[Message]) -> str:
    """A child that would go on for ever, or a sub-model that says something."""
    return cell("llm_query('more')") if is_child(messages) else "something"


@pytest.mark.parametrize("limit", [{"cost_usd": 5.0}, {"tokens": 3_000}, {"sub_calls": 4}], ids=str)
def test_a_child_spends_from_the_budget_of_the_root(make_run: RunFactory, limit: dict[str, float]) -> None:
    """rlms: a $5 child under a $1 budget passed, reported as $0.03; children got the full max_tokens."""
    root = Paid([cell("out = rlm_query_batched(['a', 'b'])"), "FINAL(ok)"], name="scripted:root")
    sub = Paid(restless, name="scripted:sub")
    run = make_run(root, sub=sub, budget=Budget(**limit, child_steps=50), config=EngineConfig(concurrency=1))
    answer = run.finish()
    (name, most), *_ = limit.items()
    spent = {"cost_usd": answer.total.cost_usd, "tokens": answer.total.tokens}
    spent["sub_calls"] = answer.usage["scripted:sub"].calls
    # Two children have one call each in flight when the limit is met.
    one_call = {"cost_usd": 1, "tokens": 100, "sub_calls": 0}[name]
    assert 0 < (spent[name] or 0) <= most + 2 * one_call
    children = [call.child for call in answer.steps[0].sub_calls]
    assert [child.status for child in children if child] == [f"stopped: {name}"] * 2
    root_usage = answer.usage["scripted:root"]
    assert sum((call.usage for call in answer.steps[0].sub_calls), root_usage) == answer.total


def test_each_slot_of_a_batch_has_its_own_usage(make_run: RunFactory) -> None:
    """rlms: the last call's usage is copied to every slot."""
    sub = Paid(lambda messages: "x" * int(messages[-1].content), name="scripted:sub")
    answer = make_run([cell("llm_query_batched(['1', '20', '300']);"), "FINAL(ok)"], sub=sub).finish()
    used = {call.prompt: call.usage.output_tokens for call in answer.steps[0].sub_calls}
    assert used == {"1": 1, "20": 20, "300": 300}


def test_an_answer_that_meets_a_limit_is_an_answer(make_run: RunFactory) -> None:
    """rlms: a limit tripped on the answering turn discards the answer."""
    root = Paid(["FINAL(beta)"], name="scripted:root")
    answer = make_run(root, sub=root, budget=Budget(cost_usd=0.5)).finish()
    assert (answer.text, answer.status) == ("beta", "answered")
    assert answer.total.cost_usd == 1.0


def test_an_error_in_a_cell_keeps_what_was_paid_for_before_it(make_run: RunFactory) -> None:
    """rlms PR172: state is lost on an exception, and its sub-calls are paid for again."""
    answer = make_run([cell("said = llm_query('why?')\n1 / 0"), "FINAL_VAR(said)"]).finish()
    assert answer.text == "sub-model heard 'why?'"
    assert answer.usage["sub"].calls == 1


def test_a_second_question_is_about_the_context_it_is_asked_of(make_run: RunFactory) -> None:
    """rlms: on turn 2 of a persistent session `context` is still the first document."""
    first = make_run([cell("seen = context") + "FINAL(1)"], context="first").finish()
    second = make_run([cell("FINAL((seen, context))")], context="second", follow=first).finish()
    assert second.value == ("first", "second")


def test_the_last_word_before_a_reply_is_never_the_models_own(make_run: RunFactory) -> None:
    """rlms: the prompt for a forced final answer has the role of the assistant."""
    roles: list[list[str]] = []

    def root(messages: Sequence[Message]) -> str:
        roles.append([message.role for message in messages])
        return cell("x = 1")

    make_run(root, budget=Budget(steps=3)).finish()
    assert len(roles) == 4
    for number, said in enumerate(roles):
        assert said == ["system", "user", *["assistant", "user"] * number]


def test_compaction_keeps_what_the_user_added_to_the_instructions(make_run: RunFactory) -> None:
    """rlms: compaction drops user_prologue."""
    heard: list[str] = []

    def root(messages: Sequence[Message]) -> str:
        heard.append(messages[0].content)
        return "FINAL(ok)" if len(heard) > 6 else cell("print('line ' * 1500)")

    run = make_run(root, window=lambda name: 6_000, extra_prompt="Answer in Dutch.")
    run.finish()
    assert any(step.compaction for step in run.steps)
    assert all("Answer in Dutch." in content for content in heard)


def test_every_step_is_reported_as_it_ends(make_run: RunFactory) -> None:
    """rlms: on_iteration_* is never called."""
    steps: list[int] = []
    run = make_run(
        [cell("x = 1"), cell("y = 2"), "FINAL(ok)"],
        on_event=lambda event: steps.append(event.step.number) if isinstance(event, StepFinished) else None,
    )
    run.finish()
    assert steps == [1, 2, 3]


def test_a_run_without_depth_returns_an_answer_all_the_same(make_run: RunFactory) -> None:
    """rlms: max_depth=0 returns a str."""
    assert make_run(["FINAL(ok)"], budget=Budget(max_depth=0)).finish().status == "answered"


def test_a_slow_slot_costs_none_of_the_paid_replies(make_run: RunFactory) -> None:
    """rlms: one timeout covers a whole batch, so that a slow slot loses every paid result."""
    calm = threading.Event()

    def sub(messages: Sequence[Message]) -> str:
        if messages[-1].content == "0":
            calm.wait(30)
        return "paid"

    code = "out = llm_query_batched(range(9))"
    run = make_run([cell(code), "FINAL_VAR(out)"], sub=sub, config=EngineConfig(batch_seconds=2.0))
    answer = run.finish()
    calm.set()
    assert answer.value[1:] == ["paid"] * 8


def test_a_failed_slot_is_never_mistaken_for_a_reply(make_run: RunFactory) -> None:
    """rlms, subprocess kernel: failed batch slots come back as ''."""
    sub = ScriptedModel(["only one"], name="sub")
    run = make_run(
        [cell("FINAL(llm_query_batched(['a', 'b']))")], sub=sub, config=EngineConfig(concurrency=1)
    )
    ok, failed = run.finish().value
    assert ok == "only one"
    assert failed.startswith("[llm_query failed: ScriptExhausted")
