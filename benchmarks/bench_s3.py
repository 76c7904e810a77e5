"""A text in S3 beside boto3: round trips, stalls, memory. mock_s3 serves it from a process of its own.

    python benchmarks/bench_s3.py                  # all, in the sizes of the published figures: minutes
    python benchmarks/bench_s3.py --case rechunked # one of them; may be repeated
    python benchmarks/bench_s3.py --quick          # small, some seconds: shows that it runs, and nothing more

Each figure stands beside its aim, and beside boto3 reading the same objects one by one and with a pool of 64
threads, with warm connections. Every context measured cold is newly opened, its disk cache empty.
"""

from __future__ import annotations

import argparse
import os
import platform
from collections.abc import Callable, Iterator
from datetime import date

import s3_ahead
import s3_large
import s3_slices
from s3_place import Place, place
from s3_rows import Row, header, line
from s3_sizes import QUICK, Sizes

CASES: dict[str, Callable[[Place], Iterator[Row]]] = {
    "separate": s3_slices.separate,
    "near": s3_slices.separate_near,
    "many": s3_slices.many,
    "rechunked": s3_slices.rechunked,
    "again": s3_slices.again,
    "disk": s3_slices.disk,
    "scan": s3_ahead.scan,
    "jumps": s3_ahead.jumps,
    "queued": s3_ahead.queued,
    "iterate": s3_large.iterate,
    "manifests": s3_large.manifests,
}


def main() -> None:
    """Print the table, a row as soon as it is measured."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--case", action="append", choices=CASES, help="only this one; may be repeated")
    parser.add_argument("--quick", action="store_true", help="small sizes: the figures then mean nothing")
    arguments = parser.parse_args()
    sizes = QUICK if arguments.quick else Sizes()
    size = ", quick" if arguments.quick else ""
    print(f"bench_s3 {date.today()}, Python {platform.python_version()}, {os.cpu_count()} cores{size}")
    print(header(), flush=True)
    missed = 0
    with place(sizes) as there:
        there.open(there.separate.url)[0]  # imports are not what is measured
        for name in arguments.case or CASES:
            for row in CASES[name](there):
                missed += not row.is_ok
                print(line(row), flush=True)
    print(f"{missed} missed. ~ was measured on a part and scaled to the whole.")


if __name__ == "__main__":
    main()
