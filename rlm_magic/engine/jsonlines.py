"""Read a file of JSON Lines that a crash may have cut short."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def whole_records(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the object of each whole line; a last one that is cut, even inside a character, is left out."""
    with path.open("rb") as lines:
        yield from (json.loads(line) for line in lines if line.endswith(b"\n"))
