"""Reads that somebody could foresee: scans, slices in half-written code, and what comes first."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from functools import partial

import s3_boto3
from s3_place import Place, Stored
from s3_rows import Row, Taken, at_once, in_round_trips, median, seconds

from rlm_magic.config import MIB, ContextConfig
from rlm_magic.context import Context

_PIECES = 6


def scan(place: Place) -> Iterator[Row]:
    """A linear scan with time to think between its steps; nothing tells of it but the reads themselves."""
    stored, sizes = place.many, place.sizes
    step = sizes.step_lines
    place.far(sizes.far_ms)

    def stalls_s(context: Context) -> float:
        for number in range(sizes.scan_steps):
            time.sleep(sizes.think_s)
            start = number * step
            assert context[start : start + step] == stored.between(start, start + step)
        return context.stats.stall_s

    plain, reading_ahead = place.open(stored.url, ContextConfig(prefetch_bytes=0)), place.open(stored.url)
    with_s, without_s = at_once(partial(stalls_s, reading_ahead), partial(stalls_s, plain))
    case = f"scan of {sizes.scan_steps} steps of {step:,} lines, {sizes.think_s:g} s of think time: stalls"
    part = range(0, 5 * step, step)
    yield _stalls(case, with_s, without_s, aim=5, than="without prefetch").beside(
        sequential=_stepwise(stored, part, step, of=sizes.scan_steps, threads=False),
        pooled=_stepwise(stored, part, step, of=sizes.scan_steps, threads=True),
    )


def jumps(place: Place) -> Iterator[Row]:
    """Slices at random places, each written down in a reply a moment before it is read."""
    stored, sizes = place.many, place.sizes
    step = sizes.step_lines
    place.far(sizes.far_ms)
    dice = random.Random(7)
    starts = [dice.randrange(stored.lines - step) for _ in range(sizes.jumps)]
    # Less memory than text: or the whole text would be loaded while the model thinks, hints or no hints.
    config = ContextConfig(memory_bytes=min(64 * MIB, len(stored.text) // 2))

    def stalls_s(context: Context, *, hints: bool) -> float:
        foresight = context.foresight()
        assert foresight is not None
        for start in starts:
            foresight.thinking()
            for piece, pause_s in _reply(start, start + step, reply_s=sizes.reply_s):
                if hints:
                    foresight.streamed(piece)
                time.sleep(pause_s)
            foresight.acting()
            assert context[start : start + step] == stored.between(start, start + step)
        return context.stats.stall_s

    blind, told = place.open(stored.url, config), place.open(stored.url, config)
    with_s, without_s = at_once(partial(stalls_s, told, hints=True), partial(stalls_s, blind, hints=False))
    case = f"{sizes.jumps} random slices, each in a reply {sizes.reply_s:g} s before its end: stalls"
    yield _stalls(case, with_s, without_s, aim=20, than="without hints").beside(
        sequential=_stepwise(stored, starts[:5], step, of=sizes.jumps, threads=False),
        pooled=_stepwise(stored, starts[:5], step, of=sizes.jumps, threads=True),
    )


def queued(place: Place) -> Iterator[Row]:
    """A read that somebody waits for, while hundreds are queued that nobody waits for yet."""
    stored, latency_ms = place.many, place.sizes.far_ms
    place.far(latency_ms)
    taken, waiting = [], []
    for _ in range(place.sizes.repetitions):
        context = place.open(stored.url)
        foresight = context.foresight()
        assert foresight is not None
        foresight.thinking()
        waiting.append(_queued_in(context, stored))
        # The last line is in the object that is queued last.
        taken_s, text = seconds(partial(context.__getitem__, -1))
        assert stored.text.endswith(text)
        foresight.acting()
        taken.append(taken_s)
    fewest = place.sizes.queued
    baseline = s3_boto3.queued(stored.keys[:fewest], stored.keys[-1], repetitions=place.sizes.repetitions)
    note = f"{min(waiting)} were queued; for boto3 {fewest}"
    yield in_round_trips(
        "a read while prefetches are queued", median(taken), latency_ms=latency_ms, aim=1.2, note=note
    ).beside(pooled=baseline)


def _queued_in(context: Context, stored: Stored) -> int:
    """Return how many objects neither came nor are on their way."""
    arrived = context.stats.prefetched_bytes * len(stored.keys) // len(stored.text)
    return len(stored.keys) - arrived - ContextConfig().background_connections


def _reply(start: int, stop: int, *, reply_s: float) -> Iterator[tuple[str, float]]:
    """Yield the pieces of a reply with the pause behind each."""
    yield "I read that part.\n\n```repl\n", 0
    yield f"part = context[{start}:{stop}]\n", reply_s / _PIECES
    for number in range(1, _PIECES):
        yield f"print({number}, part.count('status=50{number}'))\n", reply_s / _PIECES
    yield "```", 0


def _stalls(case: str, with_s: float, without_s: float, *, aim: float, than: str) -> Row:
    return Row(
        case=case,
        measured=f"{with_s:.3f} s",
        value=100 * with_s / max(without_s, 1e-9),
        unit=f"% of {without_s:.2f} s {than}",
        aim=aim,
        ours_s=with_s,
    )


def _stepwise(stored: Stored, starts: range | list[int], step: int, *, of: int, threads: bool) -> Taken:
    """Return the stalls of `of` steps that read their objects when they need them, scaled from some."""
    taken_s = 0.0
    for start in starts:
        keys = stored.holding(start, start + step)
        read = s3_boto3.pooled(keys, repetitions=1) if threads else s3_boto3.one_by_one(keys)
        taken_s += read.seconds
    return Taken(taken_s * of / len(starts), is_scaled=len(starts) < of)
