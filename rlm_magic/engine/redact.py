"""Redaction for records: what the engine shares with recordings of models, and values under telling names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..redact import PLACEHOLDER, redactor

__all__ = ["PLACEHOLDER", "redact_named", "redactor"]

_TELLING = re.compile(r"key|secret|token$|password|passwd|credential|authorization|cookie", re.IGNORECASE)


def redact_named(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options without the values whose names say that they are secret, at every depth.

    >>> redact_named({"seed": 1, "default_headers": {"Authorization": "Basic abc", "X-Team": "ops"}})
    {'seed': 1, 'default_headers': {'Authorization': '[redacted]', 'X-Team': 'ops'}}
    """
    return {name: _redacted(name, value) for name, value in options.items()}


def _redacted(name: str, value: Any) -> Any:
    if _TELLING.search(str(name)):
        return PLACEHOLDER
    return redact_named(value) if isinstance(value, Mapping) else value
