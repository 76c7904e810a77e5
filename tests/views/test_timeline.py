"""The timeline and what was spent: child runs where they ran, waits counted once, all accounted for."""

from __future__ import annotations

import pytest

from rlm_magic import Answer, Step, Usage
from rlm_magic.records import Cell, CellResult, SubCall
from rlm_magic.views.timeline import WIDTH, spending, timeline

CALL = Usage(1, 10, 10, 0.01)


def call(start_s: float | None, seconds: float, **more: object) -> SubCall:
    return SubCall("sub", "look here", "found", CALL, seconds, started_s=start_s, **more)  # type: ignore[arg-type]


def step(number: int, start_s: float | None, *cells: Cell, seconds: float = 10) -> Step:
    return Step(number, "", cells, Usage(1, 100, 100, 0.1), seconds, started_s=start_s)


def cell(start_s: float | None, seconds: float, *calls: SubCall) -> Cell:
    return Cell("code", CellResult(seconds=seconds), calls, start_s)


def answer(*steps: Step, seconds: float) -> Answer:
    return Answer("q", "t", "answered", steps=steps, seconds=seconds, model="root")


def where(answer: Answer) -> dict[str, tuple[float, float]]:
    """Return when each row begins and how long it takes, in seconds, as its bars show it."""
    made = timeline(answer, most_rows=400)
    scale = made.seconds / WIDTH
    return {row.label: (row.parts[0].x * scale, row.seconds) for row in made.rows}


def test_rows_lie_where_they_ran() -> None:
    run = answer(step(1, 0.0), step(2, 10.0, cell(14.0, 6, call(15.0, 2), call(16.0, 3))), seconds=20)
    rows = timeline(run, most_rows=400).rows
    assert [(row.depth, row.label) for row in rows] == [
        (0, "step 1"),
        (0, "step 2"),
        (1, "cell 2.1"),
        (2, "sub-call: look here"),
        (2, "sub-call: look here"),
    ]
    assert where(run)["cell 2.1"] == pytest.approx((14, 6))
    assert rows[3].parts[0].x == pytest.approx(750)
    assert [part.width for part in rows[1].parts] == pytest.approx([200, 300])
    assert not timeline(run, most_rows=400).estimated


def test_a_child_run_is_timed_from_its_own_beginning() -> None:
    child = answer(step(1, 0.5, cell(1.0, 1), seconds=2), seconds=3)
    run = answer(step(1, 0.0, cell(4.0, 6, call(5.0, 3, child=child))), seconds=10)
    rows = timeline(run, most_rows=400).rows
    assert [row.depth for row in rows] == [0, 1, 2, 3, 4]
    assert [row.parts[0].x for row in rows] == pytest.approx([0, 400, 500, 550, 600])


def test_a_record_without_start_times_is_laid_end_to_end() -> None:
    run = answer(step(1, None, cell(None, 4, call(None, 3))), step(2, None), seconds=20)
    assert timeline(run, most_rows=400).estimated
    shown = where(run)
    assert shown["cell 1.1"] == pytest.approx((6, 4))
    assert shown["step 2"] == pytest.approx((10, 10))


def test_a_large_run_is_shown_in_part_and_counted() -> None:
    batch = cell(0.0, 1, *(call(0.0, 1) for _ in range(100)))
    run = answer(*(step(n, 0.0, batch) for n in range(1, 21)), seconds=1)
    made = timeline(run, most_rows=400)
    assert len(made.rows) + made.omitted == 20 * 102
    assert len(made.rows) == 400


def test_every_second_and_every_cent_is_accounted_for() -> None:
    child = answer(step(1, 0.0, seconds=2), seconds=2)
    calls = (call(4.0, 3), call(5.0, 3), call(8.0, 1, child=child))
    run = answer(step(1, 0.0, cell(3.0, 7, *calls)), seconds=12)
    found = {spent.what.split(" (")[0]: spent for spent in spending(run)}
    assert {what: spent.seconds for what, spent in found.items()} == pytest.approx(
        {
            "thinking": 3,
            "waiting for 2 sub-calls": 4,
            "waiting for 1 child run": 1,
            "running code": 2,
            "outside of steps": 2,
        }
    )
    assert sum(spent.share for spent in found.values()) == pytest.approx(1)
    assert found["thinking"].cost == "$0.1000"
    assert found["waiting for 2 sub-calls"].cost == "$0.0200"
    assert found["waiting for 1 child run"].tokens == "20"


def test_an_empty_run_has_neither() -> None:
    run = answer(seconds=0)
    assert timeline(run, most_rows=400).rows == []
    assert spending(run) == []
