"""Batches: what is too large, too slow or refused for its rate costs no more than its own slot."""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence

import pytest

from rlm_magic import Budget, Message
from rlm_magic.config import EngineConfig
from rlm_magic.engine.pace import Pace
from rlm_magic.errors import BudgetError, RateLimited
from rlm_magic.models import ScriptedModel

from .conftest import RunFactory, cell

QUICK = EngineConfig(backoff_first_s=0.001, backoff_most_s=0.004)


def test_a_prompt_beyond_the_window_is_refused_before_it_is_sent(make_run: RunFactory) -> None:
    sub = ScriptedModel([], name="sub")
    code = "try:\n    llm_query('x' * 4000)\nexcept Exception as error:\n    FINAL(repr(error))"
    answer = make_run([cell(code)], sub=sub, window=lambda name: 500).finish()
    assert answer.text == (
        "PromptTooLarge('the prompt has about 1,000 tokens and sub takes 500: "
        "send less of the text, or parts of it in a batch')"
    )
    assert "sub" not in answer.usage
    (call,) = answer.steps[0].sub_calls
    assert call.error is not None
    assert call.error.startswith("PromptTooLarge")


def test_one_large_prompt_of_a_batch_fails_alone(make_run: RunFactory) -> None:
    code = "FINAL(llm_query_batched(['small', 'x' * 4000, 'small']))"
    value = make_run([cell(code)], window=lambda name: 500).finish().value
    assert value[0] == value[2] == "sub-model heard 'small'"
    assert value[1].startswith("[llm_query failed: PromptTooLarge: the prompt has about 1,000 tokens")


def test_a_question_beyond_the_window_opens_no_child_run(make_run: RunFactory) -> None:
    sub = ScriptedModel(["FINAL(small)"], name="sub")
    code = "FINAL(rlm_query_batched(['x' * 12_000, 'small']))"
    value = make_run([cell(code)], sub=sub, window=lambda name: 2_000).finish().value
    assert value == [
        "[rlm_query failed: PromptTooLarge: the prompt has about 3,000 tokens and sub takes 2,000: "
        "put the question into the prompt and give the text as context=]",
        "small",
    ]


def test_a_slow_slot_does_not_lose_its_neighbours(make_run: RunFactory) -> None:
    calm = threading.Event()

    def sub(messages: Sequence[Message]) -> str:
        if messages[-1].content == "slow":
            calm.wait(30)
        return "quick reply"

    code = "out = llm_query_batched(['a', 'slow', 'b'])\nFINAL(out)"
    answer = make_run([cell(code)], sub=sub, config=EngineConfig(batch_seconds=2.0)).finish()
    calm.set()
    assert answer.value[0] == answer.value[2] == "quick reply"
    assert answer.value[1] == "[llm_query failed: ModelError: no reply within 2 s, the time for one batch]"


class Limited(ScriptedModel):
    """Refuses for its rate whatever is above `most` calls at once, and the first `refusals` calls."""

    def __init__(self, *, most: int = 1000, refusals: int = 0, wait_s: float | None = None) -> None:
        super().__init__(lambda messages: f"re {messages[-1].content}", name="sub")
        self.most, self.refusals, self.wait_s = most, refusals, wait_s
        self.lock = threading.Lock()
        self.in_flight = self.answered = self.refused = 0

    def complete(self, messages: Sequence[Message], on_text: object = None) -> object:
        with self.lock:
            self.in_flight += 1
            refuse = self.in_flight > self.most or self.refused < self.refusals
            self.refused += refuse
        try:
            threading.Event().wait(0.002)
            if refuse:
                raise RateLimited("429", retry_after_s=self.wait_s)
            with self.lock:
                self.answered += 1
            return super().complete(messages, None)
        finally:
            with self.lock:
                self.in_flight -= 1


@pytest.mark.parametrize("wait_s", [None, 0.01])
def test_rate_limits_slow_a_batch_and_fail_nothing(make_run: RunFactory, wait_s: float | None) -> None:
    sub = Limited(most=3, wait_s=wait_s)
    answer = make_run([cell("FINAL(llm_query_batched(range(40)))")], sub=sub, config=QUICK).finish()
    assert answer.value == [f"re {n}" for n in range(40)]
    assert sub.refused > 0
    # Refused calls are neither paid for nor counted against the limit.
    assert answer.usage["sub"].calls == sub.answered == 40


def test_refused_calls_do_not_use_up_the_budget(make_run: RunFactory) -> None:
    sub = Limited(refusals=5)
    run = make_run([cell("FINAL(llm_query('x'))")], sub=sub, config=QUICK, budget=Budget(sub_calls=1))
    assert run.finish().text == "re x"


def test_waiting_for_a_rate_moves_no_random_number_that_a_cell_has_seeded(make_run: RunFactory) -> None:
    code = "import random\nrandom.seed(7)\nllm_query('x')\nFINAL(random.random())"
    answer = make_run([cell(code)], sub=Limited(refusals=3), config=QUICK).finish()
    assert answer.value == random.Random(7).random()


def test_the_root_model_waits_for_its_rate_too(make_run: RunFactory) -> None:
    class Root(Limited):
        def complete(self, messages: Sequence[Message], on_text: object = None) -> object:
            super().complete(messages, None)
            return ScriptedModel(["FINAL(ok)"]).complete(messages, None)

    root = Root(refusals=2)
    answer = make_run(root, config=QUICK).finish()
    assert answer.text == "ok"
    assert sum(usage.calls for usage in answer.usage.values()) == 1


def test_a_provider_that_never_yields_fails_the_slot_in_the_end(make_run: RunFactory) -> None:
    config = EngineConfig(rate_limit_seconds=0.05, backoff_first_s=0.001, backoff_most_s=0.002)
    run = make_run([cell("FINAL(llm_query_batched(['x']))")], sub=Limited(most=0), config=config)
    assert run.finish().value == ["[llm_query failed: RateLimited: 429]"]


def test_the_runs_time_ends_the_wait_for_a_rate(make_run: RunFactory) -> None:
    sub = Limited(most=0, wait_s=60.0)
    answer = make_run([cell("out = llm_query('x')"), "never"], sub=sub, budget=Budget(seconds=0.3)).finish()
    assert answer.status == "stopped: seconds"


def test_an_unknown_price_is_refused_under_a_budget_in_dollars(make_run: RunFactory) -> None:
    other = ScriptedModel(["never"], name="acme:unpriced")
    code = "try:\n    llm_query('x', model='other')\nexcept Exception as error:\n    FINAL(repr(error))"
    run = make_run(
        ScriptedModel([cell(code)], name="scripted"),
        sub=ScriptedModel([], name="scripted"),
        resolve=lambda name: other,
        budget=Budget(cost_usd=1.0),
    )
    assert "the price of 'acme:unpriced' is not known" in run.finish().text
    with pytest.raises(BudgetError):
        make_run(other, budget=Budget(cost_usd=1.0))


def test_a_burst_of_refusals_halves_the_pace_once_and_replies_let_it_grow() -> None:
    pace = Pace(first_s=0.0, most_s=0.0)
    assert all(pace.admit("m") for _ in range(16))
    for _ in range(16):
        pace.left("m")
        pace.refused("m", sent_at=0.0 if _ else float("inf"), retry_after_s=0.0)
    admitted = 0
    while pace.admit("m"):
        admitted += 1
    assert admitted == 8
    for _ in range(8):
        pace.replied("m")
        pace.left("m")
    while pace.admit("m"):
        admitted += 1
    assert admitted - 8 in (8, 9)


def test_no_call_is_admitted_before_the_time_its_provider_named() -> None:
    pace = Pace(first_s=0.0, most_s=0.0)
    assert pace.admit("m")
    pace.left("m")
    pace.refused("m", sent_at=float("inf"), retry_after_s=60.0)
    assert not pace.admit("m")
    assert pace.admit("another model")
