"""Names of models taken apart. Pure.

`provider:model`, `provider:model@base_url`, or one of the words that stand for a pair of models. Model names
may hold ":" and "@" themselves (Bedrock's versions, Vertex's dates), so an address begins only where "@" is
followed by a URL.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ..config import ModelConfig

ALIASES: Mapping[str, tuple[str, str]] = {"claude": ModelConfig().anthropic, "gpt": ModelConfig().openai}
"""One word for a root model and the sub-model that goes with it."""

_ADDRESS = re.compile(r"@(?=[A-Za-z]+://)")


@dataclass(frozen=True, slots=True)
class ModelName:
    """The parts of a name; `base_url` is empty where the name has none."""

    provider: str
    model: str
    base_url: str = ""

    def __str__(self) -> str:
        parts = f"{self.provider}:{self.model}" if self.model else self.provider
        return f"{parts}@{self.base_url}" if self.base_url else parts


def parse_name(name: str) -> ModelName:
    """Return the parts of a model's name; one of ALIASES stands for its root model.

    >>> parse_name("vllm:Qwen/Qwen3@http://gpu:8000/v1")
    ModelName(provider='vllm', model='Qwen/Qwen3', base_url='http://gpu:8000/v1')
    >>> parse_name("vertex:claude-sonnet-4-5@20250929").base_url
    ''
    """
    name = name.strip()
    provider, _, rest = ALIASES.get(name, (name,))[0].partition(":")
    if provider == "replay":
        return ModelName(provider, rest.strip())
    model, *address = _ADDRESS.split(rest, maxsplit=1)
    return ModelName(provider.strip(), model.strip(), address[0].strip().removesuffix("/") if address else "")
