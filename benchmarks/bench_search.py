"""Searches of a text that is in memory, against `re.finditer` over the whole text as one str.

    python benchmarks/bench_search.py [--mb 200]

Prints the time of `context.search(pattern, limit=None)`, which gives lines, their numbers and the spans in
them, as a ratio to `re.finditer` over the whole text, which gives spans in the text and nothing else.
"""

from __future__ import annotations

import argparse
import platform
import re
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

from log_text import write

from rlm_magic.context import Context, open_context

# (what it is, pattern, ignore case). The rare word is in one line of the text, at its middle.
SEARCHES = (
    ("literal, rare", "zebra crossing", False),
    ("literal", "status=503", False),
    ("regex with a literal in it", r"\bERROR\b.*status=500", False),
    ("alternation", r"ERROR mailer|WARN billing|zebra", False),
    ("ignore case", r"error checkout", True),
)
ROUNDS = 3


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--mb", type=int, default=200, help="size of the text in megabytes")
    megabytes = arguments.parse_args().mb
    print(f"bench_search {date.today()}, Python {platform.python_version()}, {megabytes} MB")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log.txt"
        half = Path(folder) / "half.txt"
        write(half, (megabytes + 1) // 2)
        once = half.read_text(encoding="utf-8")
        path.write_text(once + "a zebra crossing\n" + once, encoding="utf-8", newline="")
        compare_all(path)


def compare_all(path: Path) -> None:
    text = path.read_bytes().decode()
    context = open_context(path)
    assert sum(map(len, context)) == len(text)
    print(f"{'search':>28} {'lines':>9} {'context':>10} {'finditer':>10} {'ratio':>7}")
    for name, pattern, ignore_case in SEARCHES:
        compare(context, text, name, pattern, ignore_case=ignore_case)


def compare(context: Context, text: str, name: str, pattern: str, *, ignore_case: bool) -> None:
    wanted = re.compile(pattern, re.IGNORECASE if ignore_case else 0)
    found = context.search(pattern, ignore_case=ignore_case, limit=None)
    lines = {match.line for match in found}
    assert len(lines) == len(found)
    assert all(wanted.search(match.text) for match in found)
    ours = seconds(lambda: context.search(pattern, ignore_case=ignore_case, limit=None))
    theirs = seconds(lambda: list(wanted.finditer(text)))
    print(f"{name:>28} {len(found):>9,} {ours:>8.3f} s {theirs:>8.3f} s {ours / theirs:>7.2f}")


def seconds(work: Callable[[], object]) -> float:
    taken = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


if __name__ == "__main__":
    main()
