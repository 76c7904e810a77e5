"""What does not fit: a text larger than its memory budget, and manifests of very many segments."""

from __future__ import annotations

import json
from collections.abc import Iterator

import s3_boto3
from s3_place import BUCKET, Place, child
from s3_rows import Row, Taken, median, seconds

from rlm_magic.config import MIB, ContextConfig

_PEAK = r"""
import re
def peak_bytes():
    try:
        # getrusage would report the peak of the process that started this one, if that was larger.
        return int(re.search(r"VmHWM:\s+(\d+)", open("/proc/self/status").read())[1]) * 1024
    except OSError:
        import resource, sys
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
"""

_ITERATE = (
    _PEAK
    + r"""
import json, sys, time
from rlm_magic.config import ContextConfig
from rlm_magic.context import open_context

context = open_context(sys.argv[1], config=ContextConfig(memory_bytes=int(sys.argv[2])))
started = time.perf_counter()
lines = 0
for line in context:
    lines += 1
assert lines == len(context)
print(json.dumps({"seconds": time.perf_counter() - started, "peak_bytes": peak_bytes()}))
"""
)

_OPEN = (
    _PEAK
    + r"""
import json, statistics, sys, time
from rlm_magic.context import open_context

# Imports and the first connection are not what is measured.
open_context(sys.argv[1])
taken = []
for _ in range(int(sys.argv[3])):
    started = time.perf_counter()
    context = open_context(sys.argv[2])
    taken.append(time.perf_counter() - started)
    segments = context.info.segments
print(json.dumps({"seconds": statistics.median(taken), "peak_bytes": peak_bytes(), "segments": segments}))
"""
)


def iterate(place: Place) -> Iterator[Row]:
    """A text of a gigabyte, line by line, in a process of its own."""
    url, megabytes = place.large, place.sizes.large_megabytes
    place.far(place.sizes.large_ms)
    for budget_bytes in (256 * MIB, ContextConfig().memory_bytes):
        place.empty_cache()
        told = child(_ITERATE, url, budget_bytes)
        bare = child(_ITERATE, url, budget_bytes, RLM_CACHE="off")
        yield Row(
            case=f"{megabytes:,} MB by iteration, memory budget {budget_bytes // MIB:,} MiB: peak memory",
            measured=f"{told['peak_bytes'] / 1e6:,.0f} MB",
            value=(told["peak_bytes"] - budget_bytes) / 1e6,
            unit="MB over the budget",
            aim=150,
            note=f"{megabytes / told['seconds']:,.0f} MB/s; without disk cache {_told(bare, megabytes)}",
        )


def _told(told: dict[str, float], megabytes: int) -> str:
    return f"{told['peak_bytes'] / 1e6:,.0f} MB, {megabytes / told['seconds']:,.0f} MB/s"


def manifests(place: Place) -> Iterator[Row]:
    """Open manifests of many and of very many segments, each in a process of its own."""
    many, most = place.sizes.manifest_segments
    warm_up, latency_ms = place.separate.url, place.sizes.far_ms
    told, baseline = _opened(place, many, warm_up, times=2 * place.sizes.repetitions)
    yield Row(
        case=f"open a manifest of {many:,} segments, {latency_ms:g} ms",
        measured=f"{told['seconds']:.3f} s",
        value=told["seconds"] * 1000 - latency_ms,
        unit="ms over one round trip",
        aim=30,
        ours_s=told["seconds"],
        sequential=baseline,
    )
    told, baseline = _opened(place, most, warm_up, times=1)
    case = f"open a manifest of {most:,} segments, {latency_ms:g} ms"
    yield Row(
        case=case,
        measured=f"{told['seconds']:.3f} s",
        value=told["seconds"],
        unit="s",
        aim=3,
        ours_s=told["seconds"],
        sequential=baseline,
    )
    peak_mb = told["peak_bytes"] / 1e6
    yield Row(case=f"{case}: peak memory", measured=f"{peak_mb:.0f} MB", value=peak_mb, unit="MB", aim=400)


def _opened(place: Place, segments: int, warm_up: str, *, times: int) -> tuple[dict[str, float], Taken]:
    """Return what a process tells that opens such a manifest, and how long boto3 and json take to read it."""
    url = place.manifest_of(segments)
    place.far(place.sizes.far_ms)
    place.empty_cache()
    told = child(_OPEN, warm_up, url, times)
    assert told["segments"] == segments
    s3, key = s3_boto3.client(), f"{url.removeprefix(f's3://{BUCKET}/')}manifest.json"
    s3_boto3.get(s3, "separate/manifest.json")
    repeated = range(min(times, 3))
    return told, Taken(median(seconds(lambda: json.loads(s3_boto3.get(s3, key)))[0] for _ in repeated))
