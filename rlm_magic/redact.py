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
    \b(?:
        sk-(?:ant-|proj-|or-)?[A-Za-z0-9_-]{16,}       # OpenAI, Anthropic, OpenRouter
      | (?:AKIA|ASIA)[A-Z0-9]{16}\b                    # AWS access key ids
      | AIza[A-Za-z0-9_-]{35}                          # Google
      | gh[pousr]_[A-Za-z0-9]{30,} | github_pat_[A-Za-z0-9_]{30,} | glpat-[A-Za-z0-9_-]{20,}
      | (?:hf|gsk)_[A-Za-z0-9]{30,}                    # Hugging Face, Groq
      | xox[abeoprs]-[A-Za-z0-9-]{10,}                 # Slack
      | eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}  # JSON Web Tokens
    )
    | (?<=[Bb]earer[ ])[A-Za-z0-9._~+/-]{16,}=*        # Authorization headers
    | (?<=://)[^\s/:@"'<>]{1,64}:[^\s/@"'<>]{1,64}(?=@)  # passwords in addresses
    | -----BEGIN[ ][A-Z ]{0,20}PRIVATE[ ]KEY-----[^-]{1,20000}(?:-----END[ ][A-Z ]{0,20}PRIVATE[ ]KEY-----)?
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
