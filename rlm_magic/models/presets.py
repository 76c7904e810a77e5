"""Servers that speak OpenAI's protocol: where each is, and which environment variables are its own."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from ..errors import ModelError
from .names import ModelName

_OLLAMA_PORT = 11434


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """One server. Its key is the first of `key_variables` set; `url_variable` overrides `base_url`."""

    base_url: str
    url_variable: str
    key_variables: tuple[str, ...]
    key_needed: bool = True
    key_header: str = ""
    """Where the key goes too, besides Authorization."""
    cap: str = "max_tokens"
    """What the server calls the limit on output tokens."""
    tells_cost: bool = False
    """Whether its usage says what the call cost."""


PRESETS: Mapping[str, Preset] = {
    "openai": Preset(
        base_url="https://api.openai.com/v1",
        url_variable="OPENAI_BASE_URL",
        key_variables=("OPENAI_API_KEY",),
        # Its reasoning models refuse the older name.
        cap="max_completion_tokens",
    ),
    "azure": Preset(
        # No common address: each resource has its own.
        base_url="",
        url_variable="AZURE_OPENAI_ENDPOINT",
        key_variables=("AZURE_OPENAI_API_KEY", "AZURE_OPENAI_AD_TOKEN"),
        cap="max_completion_tokens",
    ),
    "openrouter": Preset(
        base_url="https://openrouter.ai/api/v1",
        url_variable="OPENROUTER_BASE_URL",
        key_variables=("OPENROUTER_API_KEY",),
        tells_cost=True,
    ),
    "vercel": Preset(
        base_url="https://ai-gateway.vercel.sh/v1",
        url_variable="AI_GATEWAY_BASE_URL",
        key_variables=("AI_GATEWAY_API_KEY", "VERCEL_OIDC_TOKEN"),
    ),
    "portkey": Preset(
        base_url="https://api.portkey.ai/v1",
        url_variable="PORTKEY_BASE_URL",
        key_variables=("PORTKEY_API_KEY",),
        key_header="x-portkey-api-key",
    ),
    "vllm": Preset(
        base_url="http://localhost:8000/v1",
        url_variable="VLLM_BASE_URL",
        key_variables=("VLLM_API_KEY",),
        key_needed=False,
    ),
    "ollama": Preset(
        base_url=f"http://localhost:{_OLLAMA_PORT}/v1",
        url_variable="OLLAMA_HOST",
        key_variables=("OLLAMA_API_KEY",),
        key_needed=False,
    ),
    "gemini": Preset(
        base_url="https://generativelanguage.googleapis.com/v1beta/openai",
        url_variable="GEMINI_BASE_URL",
        key_variables=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
    ),
}


def named_by(name: ModelName, variable: str) -> str:
    """Return what to call the place that an address came from: the name, or an environment variable."""
    return f"what follows the @ in the name of model {name.model!r}" if name.base_url else variable


def address_of(name: ModelName) -> str:
    """Return the base URL for a name: its own, else the environment's, else the preset's.

    Raises ModelError where there is none, and for one in the name that holds a password: names are recorded.
    """
    preset = PRESETS[name.provider]
    if name.base_url:
        return without_password(name)
    url = os.environ.get(preset.url_variable, "").strip() or preset.base_url
    if not url:
        raise ModelError(
            f"{preset.url_variable} is not set, and {str(name)!r} needs it; set it to the resource's "
            f"address, or write {name}@https://..."
        )
    return ollama_address(url) if name.provider == "ollama" else url


def without_password(name: ModelName) -> str:
    """Return the base URL in a name. Raises ModelError if it holds a password: names are recorded."""
    if "@" in name.base_url.partition("://")[2].partition("/")[0]:
        raise ModelError(
            f"the address of {name.provider}:{name.model} holds a password, and names are recorded; set the "
            "key in the provider's environment variable instead"
        )
    return name.base_url


def ollama_address(host: str) -> str:
    """Return the base URL that an OLLAMA_HOST means, which may be a host alone, with a port, or a URL.

    >>> ollama_address("0.0.0.0"), ollama_address("http://gpu:1/")
    ('http://127.0.0.1:11434/v1', 'http://gpu:1/v1')
    """
    parts = urlsplit(host if "://" in host else f"http://{host}")
    # The address a server listens on is none to connect to on every system.
    netloc = parts.netloc.replace("0.0.0.0", "127.0.0.1")
    if "://" not in host and ":" not in netloc:
        netloc += f":{_OLLAMA_PORT}"
    return f"{parts.scheme}://{netloc}{parts.path.rstrip('/') or '/v1'}"


def is_loopback(url: str) -> bool:
    """Return whether `url` is on this machine.

    >>> is_loopback("http://localhost:1/v1"), is_loopback("http://[::1]/"), is_loopback("https://host/v1")
    (True, True, False)
    """
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
