"""The ledger: what is counted, when a call is refused, and that threads cannot slip past a limit."""

from __future__ import annotations

import threading

import pytest

from rlm_magic import Budget, Usage
from rlm_magic.engine import Ledger
from rlm_magic.errors import BudgetError, BudgetExceeded


def spend(ledger: Ledger, usage: Usage, *, model: str = "m", sub_call: bool = False) -> None:
    with ledger.call(model, tokens=1, sub_call=sub_call) as reservation:
        reservation.settle(usage)


def test_usage_is_summed_per_model() -> None:
    ledger = Ledger(Budget())
    spend(ledger, Usage(1, 10, 5, 0.5))
    spend(ledger, Usage(1, 20, 5, 0.25))
    spend(ledger, Usage(1, 7, 3, None), model="other")
    assert ledger.usage == {"m": Usage(2, 30, 10, 0.75), "other": Usage(1, 7, 3, None)}


@pytest.mark.parametrize(
    ("budget", "usage", "limit"),
    [
        (Budget(tokens=15), Usage(1, 10, 5, 0.0), "tokens"),
        (Budget(cost_usd=0.5), Usage(1, 1, 1, 0.5), "cost_usd"),
    ],
)
def test_a_spent_limit_refuses_the_next_call(budget: Budget, usage: Usage, limit: str) -> None:
    ledger = Ledger(budget)
    assert ledger.spent is None
    spend(ledger, usage)
    assert ledger.spent == limit
    with pytest.raises(BudgetExceeded, match=limit) as refused:
        spend(ledger, usage)
    assert refused.value.limit == limit
    assert ledger.refused == limit
    assert ledger.usage["m"] == usage


def test_seconds_come_from_the_clock() -> None:
    now = [100.0]
    ledger = Ledger(Budget(seconds=10), clock=lambda: now[0])
    now[0] = 109.0
    assert ledger.seconds_left == pytest.approx(1.0)
    assert ledger.spent is None
    now[0] = 111.0
    assert ledger.seconds_left == 0.0
    assert ledger.spent == "seconds"


def test_sub_calls_are_counted_apart_from_root_calls() -> None:
    ledger = Ledger(Budget(sub_calls=1))
    spend(ledger, Usage(calls=1))
    spend(ledger, Usage(calls=1), sub_call=True)
    with pytest.raises(BudgetExceeded, match="sub_calls=1"):
        spend(ledger, Usage(calls=1), sub_call=True)
    spend(ledger, Usage(calls=1))  # the root model may still answer
    assert ledger.sub_calls == 1


def test_an_estimate_that_does_not_fit_is_refused_before_it_is_sent() -> None:
    ledger = Ledger(Budget(tokens=100))
    with pytest.raises(BudgetExceeded, match="tokens=100"), ledger.call("m", tokens=101, sub_call=True):
        pytest.fail("the call went out")
    with ledger.call("m", tokens=100, sub_call=True):
        pass


def test_parallel_calls_never_pass_the_limit() -> None:
    ledger = Ledger(Budget(sub_calls=50))
    sent: list[int] = []

    def worker() -> None:
        for number in range(20):
            try:
                with ledger.call("m", tokens=1, sub_call=True) as reservation:
                    sent.append(number)
                    reservation.settle(Usage(calls=1))
            except BudgetExceeded:
                pass

    threads = [threading.Thread(target=worker) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(sent) == 50
    assert ledger.usage["m"].calls == 50


@pytest.mark.parametrize(
    ("budget", "named"),
    [
        (Budget(steps=0), "steps=0"),
        (Budget(steps=2.5), "steps=2.5"),
        (Budget(seconds=-1), "seconds=-1"),
        (Budget(cell_seconds=0), "cell_seconds=0"),
        (Budget(cost_usd=float("nan")), "cost_usd=nan"),
        (Budget(tokens="many"), "tokens='many'"),
    ],
)
def test_an_impossible_budget_is_refused_by_name(budget: Budget, named: str) -> None:
    with pytest.raises(BudgetError, match=named):
        Ledger(budget)
