"""Which environment variables hold the keys of which provider, and which are set. Never what they hold."""

from __future__ import annotations

import os
from collections.abc import Mapping

from .presets import PRESETS

# Bedrock and Vertex sign with the credentials of their clouds' own tools.
_ANTHROPIC = {"anthropic": ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN")}


def key_variables() -> Mapping[str, tuple[str, ...]]:
    """Return the variables that may hold a provider's key, by provider; the first that is set counts."""
    return {**{name: preset.key_variables for name, preset in PRESETS.items()}, **_ANTHROPIC}


def key_set(variable: str) -> bool:
    """Return whether a variable holds a key."""
    return bool(os.environ.get(variable, "").strip())
