"""Slices of a text that is in memory, against a ready-made list of its lines.

    python benchmarks/bench_slice.py [--mb 200]

Prints, for slices of 1, 100, 1,000 and 50,000 lines at random places, the time of `context[a:b]` as a ratio
to `"".join(lines[a:b])`, and the peak memory of a process that binds a file of each kind of text and reads
all of it, as a ratio to the text's own size.
"""

from __future__ import annotations

import argparse
import gc
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

from log_text import write

from rlm_magic.context import Context, open_context

# (lines in a slice, slices in a round)
SLICES = ((1, 20_000), (100, 4_000), (1_000, 400), (50_000, 10))
ROUNDS = 7
TEXTS = {"ASCII": "", "accents": " déjà vu à l'été", "emoji": " 😀", "one-byte lines": None}

# Run in a process of its own, so that the peak is that of reading and nothing else.
MEMORY_PROBE = r"""
import re, sys
from rlm_magic.context import open_context
import numpy

def peak_bytes():
    try:
        # getrusage would report the peak of the process that started this one, if that was larger.
        return int(re.search(r"VmHWM:\s+(\d+)", open("/proc/self/status").read())[1]) * 1024
    except OSError:
        import resource
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)

before = peak_bytes()
context = open_context(sys.argv[1])
for first in range(0, len(context), 10_000):
    context[first : first + 10_000]
print(peak_bytes() - before)
"""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--mb", type=int, default=200, help="size of the text in megabytes")
    megabytes = arguments.parse_args().mb
    print(f"bench_slice {date.today()}, Python {platform.python_version()}, {megabytes} MB")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log.txt"
        write(path, megabytes)
        compare_slices(path)
        compare_memory(path, megabytes)


def compare_slices(path: Path) -> None:
    context = open_context(path)
    with path.open(encoding="utf-8", newline="\n") as file:
        lines = list(file)
    assert len(lines) == len(context)
    assert context[5:1000] == "".join(lines[5:1000])
    assert sum(map(len, context)) == sum(map(len, lines))
    gc.freeze()
    print(f"{'lines':>8} {'context':>12} {'list':>12} {'ratio':>7}")
    for length, count in SLICES:
        if length < len(lines):
            compare(context, lines, length=length, count=count)


def compare(context: Context, lines: list[str], *, length: int, count: int) -> None:
    """Alternate the two over fresh random places each round, and print the medians."""
    dice = random.Random(length)
    ours, theirs = [], []
    for _ in range(ROUNDS):
        places = [dice.randrange(len(lines) - length) for _ in range(count)]
        if length == 1:
            ours.append(seconds_each(lambda a: context[a], places))
        else:
            ours.append(seconds_each(lambda a: context[a : a + length], places))
        theirs.append(seconds_each(lambda a: "".join(lines[a : a + length]), places))
    mine, base = statistics.median(ours), statistics.median(theirs)
    print(f"{length:>8,} {mine * 1e6:>9.2f} µs {base * 1e6:>9.2f} µs {mine / base:>7.2f}")


def seconds_each(work: Callable[[int], str], places: list[int]) -> float:
    started = time.perf_counter()
    for place in places:
        work(place)
    return (time.perf_counter() - started) / len(places)


def compare_memory(path: Path, megabytes: int) -> None:
    print(f"{'text':>16} {'bytes':>14} {'peak':>14} {'ratio':>7}")
    for name, ornament in TEXTS.items():
        if ornament is None:
            path.write_bytes(b"a\n" * (megabytes * 500_000))
        elif ornament:
            write(path, megabytes, ornament=ornament)
        probe = subprocess.run(
            [sys.executable, "-c", MEMORY_PROBE, str(path)], capture_output=True, text=True, check=True
        )
        size, peak = path.stat().st_size, int(probe.stdout)
        print(f"{name:>16} {size:>14,} {peak:>14,} {peak / size:>7.2f}")


if __name__ == "__main__":
    main()
