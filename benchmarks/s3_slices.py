"""Slices of a text that is far away: in separate objects, re-chunked, again, from another process's disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import s3_bare
import s3_boto3
from s3_place import Place, Stored, child, some
from s3_rows import Row, in_round_trips, median, seconds

from rlm_magic.context import Context, open_context


def separate(place: Place) -> Iterator[Row]:
    """50 objects, far away."""
    yield _separate(place, place.sizes.far_ms, aim=1.15)


def separate_near(place: Place) -> Iterator[Row]:
    """50 objects, near by."""
    yield _separate(place, place.sizes.near_ms, aim=1.6)


def _separate(place: Place, latency_ms: float, *, aim: float) -> Row:
    stored, lines = place.separate, 50 * place.sizes.separate_lines
    place.far(latency_ms)
    ours_s = _cold(place, stored, lambda context: context[0:lines])
    case = f"50 objects of {place.sizes.separate_lines:,} lines, {latency_ms:g} ms: context[0:{lines}]"
    bare_s = s3_bare.pooled(stored.keys, repetitions=place.sizes.repetitions)
    note = f"the bare requests, through obstore: {bare_s * 1000 / latency_ms:.2f} round trips"
    row = in_round_trips(case, ours_s, latency_ms=latency_ms, aim=aim, note=note)
    return row.beside(
        sequential=s3_boto3.one_by_one(stored.keys),
        pooled=s3_boto3.pooled(stored.keys, repetitions=place.sizes.repetitions),
    )


def many(place: Place) -> Iterator[Row]:
    """The whole text of many small objects."""
    stored, latency_ms = place.many, place.sizes.far_ms
    place.far(latency_ms)
    ours_s = _cold(place, stored, lambda context: context[:])
    case = f"{len(stored.keys):,} objects, {_megabytes(stored)}, {latency_ms:g} ms: context[:]"
    part = some(stored.keys, place.sizes.sequential_part)
    yield in_round_trips(case, ours_s, latency_ms=latency_ms, aim=9).beside(
        sequential=s3_boto3.one_by_one(part, of=len(stored.keys)),
        pooled=s3_boto3.pooled(stored.keys, repetitions=min(2, place.sizes.repetitions)),
    )


def rechunked(place: Place) -> Iterator[Row]:
    """The whole text after `ingest`."""
    stored, latency_ms = place.rechunked, place.sizes.far_ms
    place.far(latency_ms)
    ours_s = _cold(place, stored, lambda context: context[:])
    case = f"the same re-chunked, {_counted(stored)}: context[:]"
    yield in_round_trips(case, ours_s, latency_ms=latency_ms, aim=2.5).beside(
        sequential=s3_boto3.one_by_one(stored.keys),
        pooled=s3_boto3.pooled(stored.keys, repetitions=place.sizes.repetitions),
    )


def again(place: Place) -> Iterator[Row]:
    """The whole text, once more, against a text that was given in memory."""
    stored = place.rechunked
    place.far(place.sizes.far_ms)
    far, given = place.open(stored.url), open_context([stored.text])
    assert far[:] == given[:] == stored.text
    requests = far.stats.requests
    ours, theirs = [], []
    for _ in range(2 * place.sizes.repetitions):
        ours.append(seconds(lambda: far[:])[0])
        theirs.append(seconds(lambda: given[:])[0])
    assert far.stats.requests == requests
    ours_s, base_s = median(ours), median(theirs)
    yield Row(
        case="the same slice again, against a text in memory",
        measured=f"{ours_s:.4f} s",
        value=ours_s / base_s,
        unit=f"x {base_s:.4f} s",
        aim=1.2,
    )


_FILL = r"""
import json, os, sys, time
from pathlib import Path
from rlm_magic.context import open_context

def held_bytes():
    return sum(path.stat().st_size for path in Path(os.environ["RLM_CACHE_DIR"]).rglob("*") if path.is_file())

context = open_context(sys.argv[1])
size = len(context[:])
# What is read is written behind the reader's back: wait until that has come to rest.
rested, before, patience = 0, -1, time.monotonic() + 60
while rested < 3 and time.monotonic() < patience:
    time.sleep(0.2)
    now = held_bytes()
    rested = rested + 1 if now == before else 0
    before = now
print(json.dumps({"held_bytes": now}))
"""

_READ = r"""
import json, sys, time
from rlm_magic.context import open_context

context = open_context(sys.argv[1])
context.stats, context.info
started = time.perf_counter()
text = context[:]
taken_s = time.perf_counter() - started
print(json.dumps({"seconds": taken_s, "requests": context.stats.requests, "characters": len(text)}))
"""

_PLAIN = r"""
import json, sys, time
from pathlib import Path
paths = [Path(line) for line in Path(sys.argv[1]).read_text().splitlines()]
started = time.perf_counter()
data = b"".join([path.read_bytes() for path in paths])
print(json.dumps({"seconds": time.perf_counter() - started, "bytes": len(data)}))
"""


def disk(place: Place) -> Iterator[Row]:
    """The whole text in a new process, after another one has read it."""
    place.far(0)
    for stored in (place.rechunked, place.many):
        place.far(0)
        place.empty_cache()
        child(_FILL, stored.url)
        place.far(place.sizes.far_ms)
        yield _from_disk(place, stored)


def _from_disk(place: Place, stored: Stored) -> Row:
    listing = place.root / "paths.txt"
    listing.write_text("\n".join(map(str, stored.paths)))
    ours, theirs = [], []
    for _ in range(place.sizes.repetitions):
        ours.append(child(_READ, stored.url))
        theirs.append(child(_PLAIN, listing)["seconds"])
    assert all(told["characters"] == len(stored.text) for told in ours)
    ours_s, base_s = median(told["seconds"] for told in ours), median(theirs)
    return Row(
        case=f"new process, disk cache warm, {_counted(stored)}: context[:]",
        measured=f"{ours_s:.3f} s",
        value=ours_s / base_s,
        unit=f"x {base_s:.3f} s of plain files",
        aim=3,
        note=f"requests to the store: {max(told['requests'] for told in ours):g}",
    )


def _cold(place: Place, stored: Stored, read: Callable[[Context], str]) -> float:
    """Return the median time of a read of the whole text, on a new open context each time."""
    read(place.open(stored.url))  # imports, and whatever else only the first of all reads pays for
    taken = []
    for _ in range(place.sizes.repetitions):
        taken_s, text = seconds(partial(read, place.open(stored.url)))
        assert text == stored.text
        taken.append(taken_s)
        # Before the next one: two such texts at once would measure how the system finds memory.
        del text
    return median(taken)


def _megabytes(stored: Stored) -> str:
    return f"{len(stored.text) / 1e6:.0f} MB"


def _counted(stored: Stored) -> str:
    return f"{len(stored.keys):,} object{'s' if len(stored.keys) > 1 else ''}"
