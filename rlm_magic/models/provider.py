"""What the two SDKs share: reading a key, naming the server, and turning their errors into ours, once.

Invariant: no key is in any message, nor in the cause that a traceback would show with it.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from ..config import ModelConfig
from ..errors import MissingKey, ModelError, RateLimited, UnknownModel
from .limits import is_rate_limit, leave_rate_limits, retry_after_s

DETAIL_CHARS = 600
"""How much of a provider's own words goes into an error."""

# Where errors come from that are about signing in to a cloud; those of the request are the SDK's own.
_CREDENTIAL_PACKAGES = ("builtins", "botocore", "google")


def read_key(*variables: str) -> str:
    """Return the first of the environment `variables` that is set, without blanks around it, else "".

    Raises MissingKey for one that no header can carry: the HTTP library's own error would print it.
    """
    for variable in variables:
        key = os.environ.get(variable, "").strip()
        if key and not (key.isascii() and key.isprintable() and " " not in key):
            raise MissingKey(
                f"{variable} holds characters that no key has (a blank, a line break?); set it again"
            )
        if key:
            return key
    return ""


def no_key(variable: str, name: str) -> MissingKey:
    """Return the error for a key that is not set."""
    return MissingKey(
        f"{variable} is not set, and {name!r} needs it; set it, or use model 'offline', which needs none"
    )


def client_settings(http_client: Callable[..., Any], config: ModelConfig) -> dict[str, Any]:
    """Return what both SDKs' clients are made with: our patience, and no patience of theirs with rate limits.

    `http_client` is the SDK's own default one.
    """
    return {
        "http_client": http_client(event_hooks={"response": [leave_rate_limits]}),
        "timeout": config.timeout_s,
        "max_retries": config.max_retries,
    }


def close_with(owner: object, close: Callable[[], None]) -> None:
    """Call `close` when `owner` is gone, so that no idle connection outlives its model.

    The client's own finalizer runs too late: when both are collected in one go its sockets may go first.
    Not at exit: there the system closes them, and a stalled request must not hold the process open.
    """
    weakref.finalize(owner, close).atexit = False


def wire_text(text: str) -> str:
    """Return `text` as a request can carry it: lone surrogates, which UTF-8 cannot hold, become "?"."""
    return text.encode("utf-8", "replace").decode("utf-8")


def host_of(base_url: str, *, variable: str) -> str:
    """Return host and port of `base_url`: the whole of it may carry a password. Raises ModelError for no URL.

    `variable` is the environment variable that could have set it wrong.
    """
    try:
        parts = urlsplit(base_url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError as error:
        raise ModelError(
            f"{variable} is not a URL ({error}); set it to one such as https://host/v1"
        ) from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ModelError(f"{variable} is not an http or https address; set it to one such as https://host/v1")
    return f"{parts.hostname}{port}"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Whom an error is about. `secret` is removed from every message.

    `sign_in` says how to get credentials that are only looked for when the first request is made; it is empty
    where there are none of that kind.
    """

    name: str
    host: str
    key_variable: str
    secret: str = field(repr=False)
    sign_in: str = ""

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Turn what the SDK, or the transport below it, raises inside the block into a ModelError."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - beside the SDK's own tree the transport's errors come out here
            raise self._failure(error) from self.cause(error)

    def detail(self, error: Exception) -> str:
        """Return what `error` says, without the key and not at length."""
        return _detail(error, self.secret)

    def cause(self, error: Exception) -> Exception | None:
        """Return `error` as the cause to show with ours, or None where it would give the key away."""
        return _cause(error, self.secret)

    def rate_limited(self, error: Exception) -> RateLimited:
        """Return ours for an error that `is_rate_limit`."""
        message = f"{self.name!r}: rate limit at {self.host}: {self.detail(error)}"
        return RateLimited(message, retry_after_s=retry_after_s(error))

    def _failure(self, error: Exception) -> ModelError:
        status, detail = getattr(error, "status_code", None), self.detail(error)
        if status == 401:
            return MissingKey(f"{self.host} refused {self.key_variable} for {self.name!r}: {detail}")
        if status == 404:
            return UnknownModel(f"{self.host} does not know {self.name!r}: {detail}")
        if is_rate_limit(error):
            return self.rate_limited(error)
        if self.sign_in and _package(error) in _CREDENTIAL_PACKAGES:
            return MissingKey(f"{self.name!r} found no credentials ({detail}); {self.sign_in}")
        if isinstance(status, int):
            return ModelError(f"{self.name!r}: {self.host} answered {status}: {detail}")
        return ModelError(f"{self.name!r}: no answer from {self.host}: {detail}")


@contextmanager
def setting_up(name: str, *, secret: str) -> Iterator[None]:
    """Turn what an SDK raises while its client is made (settings it refuses) into a ModelError."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - see guarded
        raise ModelError(f"{name!r} cannot be set up: {_detail(error, secret)}") from _cause(error, secret)


def _package(error: Exception) -> str:
    return type(error).__module__.partition(".")[0]


def _cause(error: Exception, secret: str) -> Exception | None:
    # A traceback prints the cause's own words too, and those are not ours to clean.
    return None if secret and secret in f"{error!s} {error!r} {error.__cause__!r}" else error


def _detail(error: Exception, secret: str) -> str:
    cause = f" ({error.__cause__})" if error.__cause__ is not None else ""
    text = f"{type(error).__name__}: {error}{cause}"
    clean = text.replace(secret, "***") if secret else text
    return clean if len(clean) <= DETAIL_CHARS else clean[:DETAIL_CHARS] + "..."
