"""What a call costs, in US dollars, by the list prices bundled with genai-prices: no network is used."""

from __future__ import annotations

FREE = ("offline", "scripted")
"""Models that run here and cost nothing, as opposed to those whose price is unknown."""


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
    a server behind another base URL is priced like the model it says it serves.
    """
    if name.partition(":")[0] in FREE:
        return 0.0
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
    provider, _, model = name.partition(":")
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
