"""Synthetic log text for the benchmarks, the same for a seed on every machine."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

LEVELS = ("INFO", "INFO", "INFO", "INFO", "DEBUG", "DEBUG", "WARN", "ERROR")
SERVICES = ("billing", "checkout", "search", "gateway", "inventory", "mailer")
WORDS = (
    "request",
    "accepted",
    "by",
    "worker",
    "and",
    "handed",
    "to",
    "next",
    "stage",
    "after",
    "its",
    "shard",
)
_BLOCK_LINES = 2_000
_BLOCKS = 40


def blocks(megabytes: int, *, ornament: str = "", seed: int = 7) -> Iterator[str]:
    """Yield about `megabytes` of log lines, 155 bytes each on average; `ornament` is added to every line."""
    dice = random.Random(seed)
    # Forty different blocks, repeated in random order: writing every line anew would take minutes.
    prepared = ["".join(_line(dice, ornament) for _ in range(_BLOCK_LINES)) for _ in range(_BLOCKS)]
    written = 0
    while written < megabytes * 1_000_000:
        block = dice.choice(prepared)
        written += len(block.encode())
        yield block


def write(path: Path, megabytes: int, *, ornament: str = "") -> None:
    """Write the text to a file, a block at a time."""
    with path.open("w", encoding="utf-8", newline="") as file:
        file.writelines(blocks(megabytes, ornament=ornament))


def _line(dice: random.Random, ornament: str) -> str:
    words = " ".join(dice.choices(WORDS, k=dice.randint(12, 22)))
    clock = f"{dice.randint(10, 23)}:{dice.randint(10, 59)}:{dice.uniform(10, 60):.3f}"
    moment = f"2026-11-{dice.randint(10, 30)}T{clock}Z"
    level, service = dice.choice(LEVELS), dice.choice(SERVICES)
    status = dice.choice((200, 200, 200, 204, 301, 404, 500, 503))
    number = dice.getrandbits(32)
    return f"{moment} {level} {service} id={number:08x} status={status} {words}{ornament}\n"
