"""The floor: the same objects through obstore alone, by as many threads, with nothing made of the bytes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import obstore
from obstore.store import S3Store
from s3_place import BUCKET
from s3_rows import median, seconds


def pooled(keys: Sequence[str], *, repetitions: int) -> float:
    """Return how many seconds a thread for each object takes to get it, the median of so many times."""
    store = S3Store(
        BUCKET,
        config={
            "endpoint": os.environ["AWS_ENDPOINT_URL_S3"],
            "access_key_id": os.environ["AWS_ACCESS_KEY_ID"],
            "secret_access_key": os.environ["AWS_SECRET_ACCESS_KEY"],
            "region": os.environ["AWS_DEFAULT_REGION"],
            "virtual_hosted_style_request": False,
        },
        client_options={"allow_http": True},
    )

    def read() -> list[int]:
        return list(pool.map(lambda key: len(obstore.get(store, key).bytes()), keys))

    with ThreadPoolExecutor(len(keys)) as pool:
        read()
        return median(seconds(read)[0] for _ in range(repetitions))
