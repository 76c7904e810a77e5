"""The baselines: the same objects read with boto3, one after the other or by a pool of 64 threads.

Connections are warm, and what a text is made of them is part of the time, as it is of ours.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from s3_place import BUCKET
from s3_rows import Taken, median, seconds

THREADS = 64


def client() -> Any:
    """Return a client that keeps a connection for each thread."""
    import boto3
    from botocore.config import Config

    return boto3.client("s3", config=Config(max_pool_connections=THREADS))


def get(s3: Any, key: str) -> bytes:
    """Return an object."""
    data: bytes = s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    return data


def one_by_one(keys: Sequence[str], *, of: int | None = None) -> Taken:
    """Return how long it takes to read objects one after the other, scaled up to `of` if that is given."""
    s3 = client()
    get(s3, keys[0])
    taken_s, _ = seconds(lambda: b"".join([get(s3, key) for key in keys]).decode())
    total = len(keys) if of is None else of
    return Taken(taken_s * total / len(keys), is_scaled=total != len(keys))


def pooled(keys: Sequence[str], *, repetitions: int) -> Taken:
    """Return how long 64 threads take to read objects, the median of so many times."""
    s3 = client()
    with ThreadPoolExecutor(THREADS) as pool:
        read: Callable[[], str] = lambda: b"".join(pool.map(lambda key: get(s3, key), keys)).decode()  # noqa: E731
        read()
        return Taken(median(seconds(read)[0] for _ in range(repetitions)))


def queued(keys: Sequence[str], wanted: str, *, repetitions: int) -> Taken:
    """Return how long a read takes that is submitted to the 64 threads behind all of `keys`."""
    s3 = client()
    taken = []
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda key: get(s3, key), keys[:THREADS]))
        for _ in range(repetitions):
            before = [pool.submit(get, s3, key) for key in keys]
            taken.append(seconds(lambda: pool.submit(get, s3, wanted).result())[0])
            for future in before:
                future.result()
    return Taken(median(taken))
