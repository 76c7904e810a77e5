"""What a call costs and how much a model can read: from the user's own table, else from genai-prices.

genai-prices comes with its list of prices and windows; no network is used. What neither knows is unknown
(None), never 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import ModelError
from .names import parse_name
from .price_file import Price, own_price

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo

FREE = ("offline", "scripted", "replay")
"""Models that run here and cost nothing, as opposed to those whose price is unknown."""

# Where genai-prices calls a provider otherwise.
_PROVIDERS = {"gemini": "google", "bedrock": "aws", "vertex": "google"}
# Vercel passes on what the model's own provider asks; its models are named "creator/model".
_RESELLERS = ("vercel",)


def cost_usd(
    name: str,
    *,
    input_tokens: int,
    output_tokens: int,
    cache_read_tokens: int = 0,
    cache_write_tokens: int = 0,
) -> float | None:
    """Return the list price of one call to the model `name`, such as "openai:gpt-5"; None when it is unknown.

    `input_tokens` includes what was read from or written to a provider's cache. The price goes by the name:
    a server behind another base URL is priced like the model it says it serves. The user's own table
    ($RLM_PRICES) goes before the list.
    """
    if name.partition(":")[0] in FREE:
        return 0.0
    own = _own_price(name)
    if own is not None and own.input is not None:
        return own.cost_usd(input_tokens, output_tokens, cache_read_tokens, cache_write_tokens)
    try:
        # Imported here: 0.15 s, and only a call to a paid model needs it.
        from genai_prices import Usage, calc_price
    except ImportError:
        # The reply has been paid for by now: that its price is unknown is no reason to lose it.
        return None
    usage = Usage(
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        cache_read_tokens=cache_read_tokens,
        cache_write_tokens=cache_write_tokens,
    )
    provider, model = _listed(name)
    try:
        return float(calc_price(usage, model, provider_id=provider).total_price)
    except (LookupError, ValueError):
        # No such model, or counts that do not add up (more tokens from the cache than were sent).
        return None


def price_known(name: str) -> bool:
    """Return whether calls to the model `name` can be priced; a budget in dollars needs that.

    >>> price_known("offline"), price_known("openai:no-such-model")
    (True, False)
    """
    return cost_usd(name, input_tokens=1, output_tokens=1) is not None


def listed_window(name: str) -> int | None:
    """Return how many tokens the model `name` can read, or None when neither table says.

    >>> listed_window("openai:gpt-5"), listed_window("vllm:my-own")
    (400000, None)
    """
    own = _own_price(name)
    if own is not None and own.context_window is not None:
        return own.context_window
    found = _find(name)
    return found.context_window if found is not None else None


def _find(name: str) -> ModelInfo | None:
    if name.partition(":")[0] in FREE:
        return None
    try:
        from genai_prices.data_snapshot import get_snapshot
    except ImportError:
        return None
    provider, model = _listed(name)
    try:
        return get_snapshot().find_provider_model(model, None, provider, None)[1]
    except LookupError:
        return None


def _listed(name: str) -> tuple[str, str]:
    parts = parse_name(name)
    provider, model = parts.provider, parts.model
    if provider in _RESELLERS and "/" in model:
        provider, _, model = model.partition("/")
    return _PROVIDERS.get(provider, provider), model


def _own_price(name: str) -> Price | None:
    try:
        return own_price(name)
    except ModelError:
        # Said when the model was opened. Here a reply has been paid for: it must not be lost to a table that
        # was spoilt since.
        return None
