"""Keep secrets out of what is written down: by the values this process holds, and by their usual shapes."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping

PLACEHOLDER = "[redacted]"
_SECRET_NAME = re.compile(r"(API_?KEY|SECRET|TOKEN|PASSWORD|PASSWD|CREDENTIAL)", re.IGNORECASE)
_SHORTEST_SECRET_CHARS = 8

_SHAPES = re.compile(
    r"""
      \bsk-(?:ant-|proj-|or-)?[A-Za-z0-9_-]{16,}       # OpenAI, Anthropic, OpenRouter
    | \b(?:AKIA|ASIA)[A-Z0-9]{16}\b                    # AWS access key ids
    | \bgh[pousr]_[A-Za-z0-9]{30,}                     # GitHub
    | (?<=Bearer[ ])[A-Za-z0-9._~+/-]{16,}=*           # Authorization headers
    """,
    re.VERBOSE,
)


def redactor(environ: Mapping[str, str] = os.environ) -> Callable[[str], str]:
    """Return a function that replaces the secrets of `environ`, and anything shaped like a key, in a text."""
    values = {value for name, value in environ.items() if _SECRET_NAME.search(name)}
    long_enough = sorted((v for v in values if len(v) >= _SHORTEST_SECRET_CHARS), key=len, reverse=True)
    by_value = re.compile("|".join(map(re.escape, long_enough))) if long_enough else None

    def redact(text: str) -> str:
        if by_value is not None:
            text = by_value.sub(PLACEHOLDER, text)
        return _SHAPES.sub(PLACEHOLDER, text)

    return redact
