"""What `%load_ext rlm_magic` adds to a running IPython, and which heavy packages it brings in (aim: none).

    python benchmarks/bench_import.py [--runs 7]

Each run is a fresh process with IPython already up. The baseline is that process's own IPython start.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from datetime import date

HEAVY = ("openai", "anthropic", "boto3", "obstore", "diskcache", "numpy", "jinja2", "msgspec", "re2")
AIM_MS = 150

PROBE = f"""
import json, sys, time
started = time.perf_counter()
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config
config = Config()
config.HistoryManager.enabled = False
shell = InteractiveShell.instance(config=config)
up = time.perf_counter()
before = set(sys.modules)
shell.run_line_magic("load_ext", "rlm_magic")
loaded = time.perf_counter()
new = set(sys.modules) - before
print(json.dumps({{
    "ipython_ms": 1000 * (up - started),
    "added_ms": 1000 * (loaded - up),
    "modules": len(new),
    "heavy": [name for name in {HEAVY!r} if name in new],
}}))
"""


def measure() -> dict[str, object]:
    """Start one process and return its figures."""
    done = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=True)
    figures: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return figures


def main() -> None:
    """Print the medians, the ratio to IPython's own start, and the heavy packages that came in."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=7)
    args = parser.parse_args()
    measure()  # warms the page cache and the byte code
    runs = [measure() for _ in range(args.runs)]
    added = statistics.median(run["added_ms"] for run in runs)
    ipython = statistics.median(run["ipython_ms"] for run in runs)
    print(f"bench_import, {date.today()}, Python {sys.version.split()[0]}, median of {args.runs} processes")
    print(f"  %load_ext rlm_magic adds {added:.0f} ms (aim: {AIM_MS}); IPython itself {ipython:.0f} ms")
    print(f"  ratio to IPython's own start: {added / ipython:.2f}; {runs[0]['modules']} modules")
    print(f"  heavy packages imported: {', '.join(runs[0]['heavy']) or 'none'}")


if __name__ == "__main__":
    main()
