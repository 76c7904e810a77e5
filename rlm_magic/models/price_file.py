"""The user's own table of prices and windows: a JSON file named by $RLM_PRICES.

    {"vllm:Qwen/Qwen3-32B": {"input": 0.1, "output": 0.3, "context_window": 131072},
     "ollama:*": {"input": 0, "output": 0}}

Dollars per million tokens, by full model name without its address. An exact name goes before a pattern, and
of patterns (`*`, `?`) the first that fits counts.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path

from ..errors import ModelError
from .names import parse_name

VARIABLE = "RLM_PRICES"
_MILLION = 1_000_000
_EXAMPLE = 'write {"vllm:some-model": {"input": 0.1, "output": 0.3}}, in dollars per million tokens'


@dataclass(frozen=True, slots=True)
class Price:
    """What a model costs in dollars per million tokens, and how many tokens it reads; None is unknown.

    Tokens read from or written to the provider's cache cost as much as others unless told.
    """

    input: float | None = None
    output: float | None = None
    cache_read: float | None = None
    cache_write: float | None = None
    context_window: int | None = None

    def cost_usd(
        self, input_tokens: int, output_tokens: int, cache_read_tokens: int, cache_write_tokens: int
    ) -> float:
        """Return what one call costs; `input_tokens` includes those of the cache.

        >>> Price(input=1.0, output=2.0, cache_read=0.1).cost_usd(3_000_000, 1_000_000, 1_000_000, 0)
        4.1
        """
        whole, per_output = self.input or 0.0, self.output or 0.0
        plain = input_tokens - cache_read_tokens - cache_write_tokens
        read = whole if self.cache_read is None else self.cache_read
        write = whole if self.cache_write is None else self.cache_write
        total = plain * whole + cache_read_tokens * read + cache_write_tokens * write
        return (total + output_tokens * per_output) / _MILLION


def own_price(name: str) -> Price | None:
    """Return what the user's table says of a model, or None. Raises ModelError for a table that is faulty."""
    table = own_prices()
    parts = parse_name(name)
    bare = f"{parts.provider}:{parts.model}"
    if bare in table:
        return table[bare]
    return next((price for pattern, price in table.items() if fnmatchcase(bare, pattern)), None)


def own_prices() -> Mapping[str, Price]:
    """Return the user's table; empty without one. Raises ModelError for a file that is missing or faulty."""
    given = os.environ.get(VARIABLE, "").strip()
    if not given:
        return {}
    path = Path(given).expanduser()
    try:
        stamp = path.stat().st_mtime_ns
    except OSError as error:
        raise ModelError(f"{VARIABLE} names {given!r}, which cannot be read: {error}") from error
    return _read(path, stamp)


# By the time of its last change too, so that an edited table counts without a new kernel.
@lru_cache(maxsize=4)
def _read(path: Path, _stamp: int) -> Mapping[str, Price]:
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{VARIABLE}: {path} is no JSON file ({error}); {_EXAMPLE}") from error
    if not isinstance(table, dict):
        raise ModelError(f"{VARIABLE}: {path} holds a {type(table).__name__}, not a table; {_EXAMPLE}")
    return {name: _price(path, name, entry) for name, entry in table.items()}


def _price(path: Path, name: str, entry: object) -> Price:
    known = {field.name for field in fields(Price)}
    if not isinstance(entry, dict) or not entry.keys() <= known:
        raise ModelError(
            f"{VARIABLE}: {path}: {name!r} must map some of {', '.join(sorted(known))} to numbers"
        )
    for key, value in entry.items():
        kinds = (int,) if key == "context_window" else (int, float)
        if isinstance(value, bool) or not isinstance(value, kinds) or not 0 <= value < float("inf"):
            raise ModelError(f"{VARIABLE}: {path}: {key} of {name!r} is {value!r}; give a number from 0 up")
    if ("input" in entry) != ("output" in entry):
        raise ModelError(f"{VARIABLE}: {path}: {name!r} needs both input and output, or neither")
    return Price(**entry)
