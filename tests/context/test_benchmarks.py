"""The benchmarks of this room run, small. What they measure is not judged here."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
BASELINE = r"~?\d+\.\d{3} s(?: [\d,.]+x)?"
S3_BESIDE_BOTH = [
    "50 objects of 20 lines, 10 ms",
    "50 objects of 20 lines, 5 ms",
    "518 objects, 2 MB, 10 ms: context[:]",
    "the same re-chunked, 1 object: context[:]",
    "scan of 6 steps",
    "3 random slices",
]
S3_ALONE = {
    "the same slice again": 1,
    "new process, disk cache warm": 2,
    "a read while prefetches are queued": 1,
    "3 MB by iteration": 2,
    "open a manifest of 100 segments": 1,
    "open a manifest of 1,000 segments": 2,
}


@pytest.mark.parametrize(
    ("script", "rows"),
    [
        ("bench_slice.py", ["1", "100", "1,000", "ASCII", "accents", "emoji", "one-byte lines"]),
        (
            "bench_search.py",
            ["literal, rare", "literal", "regex with a literal in it", "alternation", "ignore case"],
        ),
    ],
)
def test_prints_the_date_and_a_ratio_for_each_case(script: str, rows: list[str]) -> None:
    command = [sys.executable, str(BENCHMARKS / script), "--mb", "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert re.match(rf"{script[:-3]} \d{{4}}-\d\d-\d\d, Python", done.stdout)
    for row in rows:
        assert re.search(rf"^ *{row} .*\d\.\d\d$", done.stdout, re.MULTILINE), row


def test_every_s3_figure_stands_beside_its_aim_and_those_of_boto3() -> None:
    command = [sys.executable, str(BENCHMARKS / "bench_s3.py"), "--quick"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    first, _, *rows, last = done.stdout.splitlines()
    assert re.match(r"bench_s3 \d{4}-\d\d-\d\d, Python \S+, \d+ cores, quick$", first)
    judged = [re.search(r" \d+(\.\d+)?  (ok|MISSED) ", row) for row in rows]
    assert all(judged), done.stdout
    assert last.startswith(f"{sum(found[2] == 'MISSED' for found in judged if found)} missed")
    for start in S3_BESIDE_BOTH:
        (row,) = [row for row in rows if row.startswith(start)]
        assert re.search(rf"(ok|MISSED) +{BASELINE} +{BASELINE}(?:  [^~].*)?$", row), row
    for start, lines in S3_ALONE.items():
        assert sum(row.startswith(start) for row in rows) == lines, start
    assert len(rows) == len(S3_BESIDE_BOTH) + sum(S3_ALONE.values())
