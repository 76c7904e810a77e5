"""Which models exist: names to models, and the defaults for this environment."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..config import ModelConfig
from ..errors import UnknownModel
from .names import ALIASES, ModelName, parse_name
from .offline import OfflineModel
from .options import none_taken
from .presets import PRESETS
from .price_file import own_prices
from .prices import listed_window
from .protocol import Model
from .replay import ReplayModel, recorded_window

Given = Mapping[str, object] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """How to open one provider's models. `defaults` is its (root, sub) pair of full names, if it has one.

    `alone` says that it is one model only and is named without any.
    """

    open: Callable[[ModelName, Given], Model]
    defaults: tuple[str, str] | None = None
    alone: bool = False


def _open_openai(name: ModelName, options: Given) -> Model:
    from .openai import OpenAIModel

    return OpenAIModel(name.model, provider=name.provider, base_url=name.base_url, options=options)


def _open_anthropic(name: ModelName, options: Given) -> Model:
    from .anthropic import AnthropicModel

    return AnthropicModel(name.model, provider=name.provider, base_url=name.base_url, options=options)


def _open_offline(name: ModelName, options: Given) -> Model:
    if name.model:
        raise UnknownModel(f"unknown model {str(name)!r}: there is one offline model; write 'offline'")
    none_taken(options, name="offline")
    return OfflineModel()


def _open_replay(name: ModelName, options: Given) -> Model:
    return ReplayModel(name.model, options=options)


_CONFIG = ModelConfig()
_DEFAULTS = {
    "openai": _CONFIG.openai,
    "anthropic": _CONFIG.anthropic,
    "openrouter": _CONFIG.openrouter,
    "vercel": _CONFIG.vercel,
    "gemini": _CONFIG.gemini,
    "bedrock": _CONFIG.bedrock,
    "vertex": _CONFIG.vertex,
}

PROVIDERS: Mapping[str, Provider] = {
    **{name: Provider(open=_open_openai, defaults=_DEFAULTS.get(name)) for name in PRESETS},
    **{
        name: Provider(open=_open_anthropic, defaults=_DEFAULTS[name])
        for name in ("anthropic", "bedrock", "vertex")
    },
    "offline": Provider(open=_open_offline, defaults=_CONFIG.offline, alone=True),
    "replay": Provider(open=_open_replay),
}


def open_model(name: str, *, options: Mapping[str, object] | None = None) -> Model:
    """Return the model `name`.

    A name is "offline", "provider:model" such as "openai:gpt-5", "provider:model@base_url" for any server
    that speaks the provider's protocol, "replay:FILE" for a recording, or one of the words "claude", "gpt".
    `options` are sampling options, sent with every request: `temperature`, `top_p`, `max_output_tokens`,
    `reasoning_effort`, `thinking`, `seed` and whatever else the provider knows; what it does not know it
    refuses in the first call.

    Nothing is sent: whether the provider knows the model shows in the first call. Raises UnknownModel for a
    name of another form or provider, MissingPackage without the provider's SDK, MissingKey without a key, and
    ModelError for options that cannot be sent and for a faulty table in $RLM_PRICES.
    """
    parts = parse_name(name)
    provider = PROVIDERS.get(parts.provider)
    if provider is None or (not parts.model and (not provider.alone or name.strip() != parts.provider)):
        raise UnknownModel(_unknown(name))
    own_prices()
    return provider.open(parts, options)


def context_window(name: str) -> int | None:
    """Return how many tokens the model `name` can read, or None when that is not known.

    From the table in $RLM_PRICES, else from genai-prices. That of a replay is that of the first model it
    recorded, so that a run which shortens its conversation does so again at the same place.
    """
    parts = parse_name(name)
    if parts.provider == "replay":
        return recorded_window(parts.model)
    return listed_window(name)


def open_model_for_code(name: str) -> Model:
    """Return the model that model-written code asks for by name; UnknownModel for one with an address.

    Code can be led astray by the text it reads, and the user's key must not go where it says.
    """
    if parse_name(name).base_url:
        raise UnknownModel(
            f"model {name!r}: code cannot name a server; leave the address out, or use the sub-model given"
        )
    return open_model(name)


def default_models() -> tuple[str, str]:
    """Return the names of the root model and the sub-model to use when the user names none.

    The first of OPENAI_API_KEY and ANTHROPIC_API_KEY that is set decides; with neither, "offline" is both.
    """
    for variable, default in (("OPENAI_API_KEY", _CONFIG.openai), ("ANTHROPIC_API_KEY", _CONFIG.anthropic)):
        if os.environ.get(variable, "").strip():
            return default
    return _CONFIG.offline


def sub_model_for(root_name: str) -> str:
    """Return the sub-model that belongs to a root model: its provider's default one.

    A root of no known provider (a scripted one), at an address of its own, or of a provider whose models the
    user names (Azure's deployments, a server of one's own) is its own sub-model.

    >>> sub_model_for("anthropic:claude-opus-5"), sub_model_for("vllm:my-own")
    ('anthropic:claude-haiku-5-5', 'vllm:my-own')
    """
    if root_name.strip() in ALIASES:
        return ALIASES[root_name.strip()][1]
    parts = parse_name(root_name)
    provider = PROVIDERS.get(parts.provider)
    if provider is None or provider.defaults is None or parts.base_url:
        return root_name
    return provider.defaults[1]


def known_models() -> list[str]:
    """Return the names to offer, for completion and advice: the short words, then the providers' defaults."""
    pairs = [provider.defaults for provider in PROVIDERS.values() if provider.defaults]
    return [*ALIASES, *(name for pair in pairs for name in dict.fromkeys(pair))]


def _unknown(name: str) -> str:
    known = known_models()
    # The bare names too, so that "gpt-5" finds "openai:gpt-5"; of equal ones the first, its maker's, counts.
    aliases = {alias: full for full in reversed(known) for alias in (full, full.partition(":")[2]) if alias}
    close = difflib.get_close_matches(name.strip().lower(), aliases, n=3, cutoff=0.5)
    hint = dict.fromkeys(aliases[alias] for alias in close) or (*ALIASES, *ALIASES["gpt"], "offline")
    return (
        f"unknown model {name!r}: write provider:model, or provider:model@base_url, with one of the "
        f"providers {', '.join(PROVIDERS)}; for example {', '.join(hint)}"
    )
