"""The loop beside rlms, on one model server: time per step, memory, batches, the first text on screen.

    python benchmarks/bench_loop.py                     # all, in the sizes of the published figures: minutes
    python benchmarks/bench_loop.py --rlms-python FILE  # an interpreter that has rlms; else one is installed
    python benchmarks/bench_loop.py --quick             # small, some seconds, without rlms: that it runs

The server speaks OpenAI's protocol on loopback, in a process of its own, and takes no time to think. Both
systems are given the same str, the same nine replies (loop_script.py) and the same SDK, each in processes of
its own and with its own defaults: rlm_magic records its run on disk and streams, rlms does neither. Every
answer is checked. Of some runs the fastest counts, for both: others on the machine only ever add time.

"The whole run" is one call, binding the text included. "From request to request" is the server's view of the
same runs: it leaves out what comes before the first request of a run and after its last reply.
"""

from __future__ import annotations

import argparse
import os
import platform
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from statistics import median

import loop_script
from loop_first import first_token
from loop_place import QUICK, Measured, Place, Sizes, folder, make_rlms, place, rlms_version
from loop_rows import Row, header, line

_STEPS = len(loop_script.STEPS)
_BATCH_CALLS, _CONCURRENCY = 64, 16


def steps(place: Place) -> Iterator[Row]:
    """Wall time per step and peak memory, for each size of context."""
    between_s = []
    for megabytes in place.sizes.megabytes:
        ours = _measure(place, "rlm_magic", megabytes)
        theirs = place.measure("rlms", megabytes=megabytes, runs=place.sizes.runs)
        between_s.append(_between_s(ours))
        whole = _times(f"{megabytes} MB: a step, the whole run divided by {_STEPS}", _whole_s, ours, theirs)
        yield replace(whole, note=_around(ours, theirs))
        yield _times(f"{megabytes} MB: a step, from request to request", _between_s, ours, theirs)
        yield _memory(f"{megabytes} MB, a str: peak memory", ours, theirs)
        from_file = _measure(place, "rlm_magic-file", megabytes)
        told = f"a step of the whole run: {1000 * _whole_s(from_file):.2f} ms"
        yield replace(_memory(f"{megabytes} MB, a file: peak memory", from_file, None), note=told)
    smallest, *_, largest = place.sizes.megabytes
    yield Row(
        case=f"a step at {largest} MB beside one at {smallest} MB, from request to request",
        ours=f"{1000 * between_s[-1]:.2f} ms",
        value=between_s[-1] / between_s[0],
        unit="x as long",
        aim=1.25,
    )


def batch(place: Place) -> Iterator[Row]:
    """64 sub-calls at concurrency 16, timed in the cell that makes them."""
    sub_ms = place.sizes.sub_ms
    ideal_s = _BATCH_CALLS / _CONCURRENCY * sub_ms / 1000
    ours, theirs = (
        _batch_s(place.measure(system, kind="batch", sub_model=f"sub-{sub_ms}", runs=place.sizes.batches))
        for system in ("rlm_magic", "rlms")
    )
    assert ours is not None
    yield Row(
        case=f"{_BATCH_CALLS} sub-calls of {sub_ms} ms at concurrency {_CONCURRENCY}",
        ours=f"{ours:.3f} s",
        rlms="-" if theirs is None else f"{theirs:.3f} s",
        value=ours / ideal_s,
        unit=f"x the ideal {ideal_s:g} s",
        aim=1.15,
    )


def _measure(place: Place, system: str, megabytes: int) -> Measured:
    measured = place.measure(system, megabytes=megabytes, runs=place.sizes.runs)
    assert measured is not None
    return measured


def _whole_s(measured: Measured) -> float:
    return min(run.seconds for run in measured.runs) / _STEPS


def _between_s(measured: Measured) -> float:
    return min(median(run.between_s) for run in measured.runs)


def _around(ours: Measured, theirs: Measured | None) -> str:
    """Return what a whole run has besides the time between its requests."""
    systems = [measured for measured in (ours, theirs) if measured is not None]
    before, after = (
        " and ".join(f"{1000 * min(run.around_s[end] for run in measured.runs):.0f}" for measured in systems)
        for end in (0, 1)
    )
    return f"before the first request {before} ms, from the last on {after} ms"


def _batch_s(measured: Measured | None) -> float | None:
    """Return the time of the fastest batch; each answer is the number of right replies and the seconds."""
    if measured is None:
        return None
    told = [run.answer.split() for run in measured.runs]
    assert all(right == str(_BATCH_CALLS) for right, _ in told), told
    return min(float(seconds) for _, seconds in told)


def _times(case: str, figure: Callable[[Measured], float], ours: Measured, theirs: Measured | None) -> Row:
    ours_s, theirs_s = figure(ours), None if theirs is None else figure(theirs)
    return Row(
        case=case,
        ours=f"{1000 * ours_s:.2f} ms",
        rlms="-" if theirs_s is None else f"{1000 * theirs_s:.2f} ms",
        value=None if theirs_s is None else ours_s / theirs_s,
        unit="x rlms",
        aim=0.5,
    )


def _memory(case: str, ours: Measured, theirs: Measured | None) -> Row:
    return Row(
        case=case,
        ours=f"{ours.peak_bytes / 1e6:,.0f} MB",
        rlms="-" if theirs is None else f"{theirs.peak_bytes / 1e6:,.0f} MB",
        value=(ours.peak_bytes - ours.text_bytes) / 1e6,
        unit="MB above the text",
        aim=100,
        note="" if theirs is None else f"{ours.peak_bytes / theirs.peak_bytes:.2f}x rlms in all",
    )


CASES: dict[str, Callable[[Place], Iterator[Row]]] = {"steps": steps, "batch": batch, "first": first_token}


def main() -> None:
    """Print the table, a row as soon as it is measured."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--case", action="append", choices=CASES, help="only this one; may be repeated")
    parser.add_argument("--quick", action="store_true", help="small, without rlms: the figures mean nothing")
    parser.add_argument(
        "--rlms-python", metavar="FILE", help="an interpreter that has rlms; else one is made"
    )
    arguments = parser.parse_args()
    with folder() as root:
        rlms = None if arguments.quick else _rlms(arguments.rlms_python, root)
        size = ", quick" if arguments.quick else ""
        python = platform.python_version()
        print(f"bench_loop {date.today()}, Python {python}, {os.cpu_count()} cores, {_beside(rlms)}{size}")
        print(header(), flush=True)
        missed = 0
        with place(QUICK if arguments.quick else Sizes(), rlms_python=rlms, root=root) as there:
            for name in arguments.case or CASES:
                for row in CASES[name](there):
                    missed += row.is_missed
                    print(line(row), flush=True)
        print(f"{missed} missed.")


def _rlms(named: str | None, root: Path) -> str | None:
    """Return the interpreter with rlms: the one that was named, else a new one."""
    if named is None:
        return make_rlms(root / "rlms")
    if rlms_version(named) is None:
        raise SystemExit(f"--rlms-python {named}: it has no rlms. Install it there, or leave the option out")
    return named


def _beside(rlms: str | None) -> str:
    return "WITHOUT rlms: only our own figures" if rlms is None else f"rlms {rlms_version(rlms)}"


if __name__ == "__main__":
    main()
