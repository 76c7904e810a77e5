"""The figures of a benchmark as rows of a table, and how times are taken."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeVar

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Taken:
    """Seconds that a baseline took; `is_scaled` when only a part was measured."""

    seconds: float
    is_scaled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure: what was measured, what that is in the unit of its aim, and the same with boto3.

    `ours_s` is what the ratios to boto3 refer to.
    """

    case: str
    measured: str
    value: float
    unit: str
    aim: float
    ours_s: float | None = None
    sequential: Taken | None = None
    pooled: Taken | None = None
    note: str = ""

    @property
    def is_ok(self) -> bool:
        """Whether the aim is met."""
        return self.value <= self.aim

    def beside(self, *, sequential: Taken | None = None, pooled: Taken | None = None) -> Row:
        """Return the row with baselines added."""
        return replace(self, sequential=sequential or self.sequential, pooled=pooled or self.pooled)


def in_round_trips(case: str, ours_s: float, *, latency_ms: float, aim: float, note: str = "") -> Row:
    """Return the row of a time that is judged in round trips."""
    return Row(
        case=case,
        measured=f"{ours_s:.3f} s",
        value=ours_s * 1000 / latency_ms,
        unit="round trips",
        aim=aim,
        ours_s=ours_s,
        note=note,
    )


def header() -> str:
    """Return the head of the table that `line` fills."""
    return (
        f"{'case':<68} {'measured':>10} {'in the unit of its aim':>32} {'aim':>6}  {'':<6} "
        f"{'boto3 one by one':>18} {'boto3, 64 threads':>18}"
    )


def line(row: Row) -> str:
    """Return a row as a line of the table; `~` marks a baseline of which only a part was measured."""
    judged = "ok" if row.is_ok else "MISSED"
    told = (
        f"{row.case:<68} {row.measured:>10} {f'{row.value:,.2f} {row.unit}':>32} {row.aim:>6g}  {judged:<6} "
        f"{_baseline(row, row.sequential):>18} {_baseline(row, row.pooled):>18}"
    )
    return told + (f"  {row.note}" if row.note else "")


def _baseline(row: Row, taken: Taken | None) -> str:
    if taken is None:
        return "-"
    # Where nothing was waited for at all, there is no ratio.
    ratio = f" {taken.seconds / row.ours_s:,.1f}x" if row.ours_s else ""
    return f"{'~' if taken.is_scaled else ''}{taken.seconds:.3f} s{ratio}"


def seconds(work: Callable[[], _Result]) -> tuple[float, _Result]:
    """Return how long a call took, and its result."""
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result


def median(values: Iterable[float]) -> float:
    """Return the median."""
    return statistics.median(values)


def at_once(first: Callable[[], _Result], second: Callable[[], _Result]) -> tuple[_Result, _Result]:
    """Run two that mostly wait, at the same time, and return both results."""
    with ThreadPoolExecutor(2) as pool:
        one, other = pool.submit(first), pool.submit(second)
        return one.result(), other.result()
