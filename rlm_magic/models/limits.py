"""Rate limits: told apart from other refusals, and left to whoever sends the requests.

The SDKs would wait and repeat by themselves, each request for itself, while the others of its batch go on
running into the same limit. The caller sees them all, the budget and the user's stop; so it waits.
"""

from __future__ import annotations

import email.utils
import math
import time
from collections.abc import Iterator, Mapping
from typing import Any

RATE_LIMIT_STATUSES = (429, 529)
"""Too many requests; and Anthropic's word for being overloaded, which asks for the same."""


_WORDS = {"429", "529", "rate_limit_error", "rate_limit_exceeded", "overloaded_error", "throttlingexception"}


def leave_rate_limits(response: Any) -> None:
    """Mark a response, before the SDK sees it, as one not to repeat, if it is about a rate limit.

    The header is the one by which servers tell both SDKs whether to repeat.
    """
    if response.status_code in RATE_LIMIT_STATUSES:
        response.headers["x-should-retry"] = "false"


def is_rate_limit(error: Exception) -> bool:
    """Return whether an SDK's error is about a rate limit, told by a status or inside a stream.

    OpenAI's 429 about money is not: no waiting helps then.
    """
    said = {str(word).lower() for word in _words_of(error)}
    return bool(said & _WORDS) and "insufficient_quota" not in said


def _words_of(error: Exception) -> Iterator[object]:
    body = getattr(error, "body", None)
    inner = body.get("error", body) if isinstance(body, dict) else None
    for source in (vars(error), inner if isinstance(inner, dict) else {}):
        yield from (source.get(name) for name in ("status_code", "code", "type"))


def retry_after_s(error: Exception) -> float | None:
    """Return how long the server of a refused request said to wait, or None if it did not say."""
    headers = getattr(getattr(error, "response", None), "headers", None)
    return wait_of(headers) if headers is not None else None


def wait_of(headers: Mapping[str, str]) -> float | None:
    """Return the seconds in `retry-after-ms` or `retry-after` (a number or a date), or None for neither.

    >>> wait_of({"retry-after-ms": "1500"}), wait_of({"retry-after": "2"}), wait_of({"retry-after": "soon"})
    (1.5, 2.0, None)
    """
    for header, divisor in (("retry-after-ms", 1000), ("retry-after", 1)):
        try:
            wait = float(headers.get(header, "")) / divisor
        except ValueError:
            continue
        if math.isfinite(wait):
            return max(0.0, wait)
    return _until(headers.get("retry-after", ""))


def _until(date: str) -> float | None:
    parsed = email.utils.parsedate_tz(date)
    if parsed is None:
        return None
    try:
        return max(0.0, email.utils.mktime_tz(parsed) - time.time())
    except (ValueError, OverflowError):
        return None
