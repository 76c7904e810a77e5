"""The benchmarks of this room run, small. What they measure is not judged here."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


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
