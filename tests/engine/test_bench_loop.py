"""The benchmark of the loop runs, small and without rlms. What it measures is not judged here."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
ROWS = {
    "1 MB: a step": 2,
    "2 MB: a step": 2,
    "1 MB, a str: peak memory": 1,
    "1 MB, a file: peak memory": 1,
    "2 MB, a str: peak memory": 1,
    "2 MB, a file: peak memory": 1,
    "a step at 2 MB beside one at 1 MB": 1,
    "64 sub-calls of 20 ms at concurrency 16": 1,
    "first text, to the event TextStreamed": 1,
    "first text, to the status line of a Jupyter front end": 2,
}
JUDGED = re.compile(r" [\d,]+\.\d\d (?:MB|x|ms)\b.* \d+(?:\.\d+)?  (ok|MISSED)(?:  |$)")


def bench_loop(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(BENCHMARKS / "bench_loop.py"), *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)


def test_every_figure_stands_beside_its_aim_and_none_is_judged_by_an_rlms_that_is_not_there() -> None:
    done = bench_loop("--quick")
    assert done.returncode == 0, done.stderr
    first, _, *rows, last = done.stdout.splitlines()
    assert re.match(r"bench_loop \d{4}-\d\d-\d\d, Python \S+, \d+ cores, WITHOUT rlms.*, quick$", first)
    for start, lines in ROWS.items():
        assert sum(row.startswith(start) for row in rows) == lines, start
    assert len(rows) == sum(ROWS.values())
    judged = [JUDGED.search(row) for row in rows if "x rlms" not in row]
    assert all(judged), done.stdout
    assert last == f"{sum(found[1] == 'MISSED' for found in judged if found)} missed."
    assert all("  not judged" in row for row in rows if "x rlms" in row)


def test_an_interpreter_without_rlms_is_refused_before_anything_is_measured() -> None:
    done = bench_loop("--case", "batch", "--rlms-python", "no-such-python")
    assert done.returncode != 0
    assert done.stdout == ""
    assert "no-such-python: it has no rlms" in done.stderr
