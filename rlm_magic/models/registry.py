"""Which models exist: names to models, and the defaults for this environment."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..config import ModelConfig
from ..errors import UnknownModel
from .offline import OfflineModel
from .protocol import Model


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """How to open one provider's models. `defaults` is its (root, sub) pair of full names."""

    open: Callable[[str], Model]
    """Takes what follows the colon; the empty str for a provider that has one model only."""
    defaults: tuple[str, str]


def _open_openai(model: str) -> Model:
    from .openai import OpenAIModel

    return OpenAIModel(model)


def _open_anthropic(model: str) -> Model:
    from .anthropic import AnthropicModel

    return AnthropicModel(model)


def _open_offline(model: str) -> Model:
    if model:
        raise UnknownModel(f"unknown model 'offline:{model}': there is one offline model; write 'offline'")
    return OfflineModel()


_CONFIG = ModelConfig()

PROVIDERS: Mapping[str, Provider] = {
    "openai": Provider(open=_open_openai, defaults=_CONFIG.openai),
    "anthropic": Provider(open=_open_anthropic, defaults=_CONFIG.anthropic),
    "offline": Provider(open=_open_offline, defaults=_CONFIG.offline),
}


def open_model(name: str) -> Model:
    """Return the model `name`: "offline", or "provider:model" such as "openai:gpt-5".

    Nothing is sent: whether the provider knows the model shows in the first call. Raises UnknownModel for a
    name of another form or provider, MissingPackage without the provider's SDK, MissingKey without a key.
    """
    provider_name, colon, model = name.strip().partition(":")
    provider = PROVIDERS.get(provider_name)
    if provider is None or (provider_name != "offline" and not model.strip()) or (colon and not model):
        raise UnknownModel(_unknown(name))
    return provider.open(model.strip())


def default_models() -> tuple[str, str]:
    """Return the names of the root model and the sub-model to use when the user names none.

    The first of OPENAI_API_KEY and ANTHROPIC_API_KEY that is set decides; with neither, "offline" is both.
    """
    for variable, provider in (("OPENAI_API_KEY", "openai"), ("ANTHROPIC_API_KEY", "anthropic")):
        if os.environ.get(variable, "").strip():
            return PROVIDERS[provider].defaults
    return PROVIDERS["offline"].defaults


def sub_model_for(root_name: str) -> str:
    """Return the sub-model that belongs to a root model: its provider's default one.

    A root of no known provider (a scripted one) is its own sub-model.

    >>> sub_model_for("anthropic:claude-opus-5")
    'anthropic:claude-haiku-5-5'
    """
    provider = PROVIDERS.get(root_name.strip().partition(":")[0])
    return provider.defaults[1] if provider else root_name


def known_models() -> list[str]:
    """Return the full names of the models that are defaults of some provider, for completion and advice."""
    return [default for provider in PROVIDERS.values() for default in dict.fromkeys(provider.defaults)]


def _unknown(name: str) -> str:
    known = known_models()
    # The bare names too, so that "gpt-5" finds "openai:gpt-5".
    aliases = {alias: full for full in known for alias in (full, full.partition(":")[2]) if alias}
    close = difflib.get_close_matches(name.strip().lower(), aliases, n=3, cutoff=0.5)
    hint = dict.fromkeys(aliases[alias] for alias in close) or dict.fromkeys(known)
    return (
        f"unknown model {name!r}: write provider:model with one of the providers {', '.join(PROVIDERS)}; "
        f"for example {', '.join(hint)}"
    )
