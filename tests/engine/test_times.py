"""A record says when everything began: steps, cells, sub-calls, child runs, in seconds of their own run."""

from __future__ import annotations

from rlm_magic import Budget
from rlm_magic.engine import read_trajectory
from rlm_magic.records import Answer

from .conftest import RunFactory, cell


def check_order(answer: Answer) -> None:
    """Hold every start against what it must lie between."""
    reached_s = 0.0
    for step in answer.steps:
        assert step.started_s is not None
        assert reached_s <= step.started_s + 1e-6
        reached_s = step.started_s + step.seconds
        inside_s = step.started_s
        for made in step.cells:
            assert made.started_s is not None
            assert inside_s <= made.started_s + 1e-6
            inside_s = made.started_s + made.result.seconds
            for call in made.sub_calls:
                assert call.started_s is not None
                assert made.started_s <= call.started_s + 1e-3
                assert call.started_s + call.seconds <= inside_s + 1e-2
                if call.child is not None:
                    check_order(call.child)
        assert inside_s <= reached_s + 1e-2
    assert reached_s <= answer.seconds + 1e-2


def test_everything_of_a_run_has_its_time_and_keeps_it(make_run: RunFactory) -> None:
    work = cell("a = llm_query_batched(['x', 'y'])\nb = rlm_query('z')")
    sub = ["heard", "heard", "FINAL(child)"]
    answer = make_run([work, cell("1 + 1"), "FINAL(done)"], sub=sub, budget=Budget(max_depth=1)).finish()
    assert [len(step.sub_calls) for step in answer.steps] == [3, 0, 0]
    assert answer.steps[0].sub_calls[2].child is not None
    check_order(answer)
    assert answer.trajectory is not None
    again = read_trajectory(answer.trajectory)
    check_order(again)
    assert [step.started_s for step in again.steps] == [step.started_s for step in answer.steps]
    assert [c.started_s for c in again.steps[0].sub_calls] == [c.started_s for c in answer.steps[0].sub_calls]


def test_a_resumed_run_goes_on_in_time(make_run: RunFactory) -> None:
    first = make_run([cell("a = 1")], budget=Budget(steps=1))
    first.step()
    stopped = first.stop()
    resumed = make_run([cell("a"), "FINAL(done)"], resume=stopped, budget=Budget(steps=5))
    answer = resumed.finish()
    assert len(answer.steps) == 3
    check_order(answer)
    assert (answer.steps[1].started_s or 0) >= stopped.seconds
