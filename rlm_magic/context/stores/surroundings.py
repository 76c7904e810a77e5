"""What decides, beside the options of a binding, where a store is and who asks it."""

from __future__ import annotations

import os
from collections.abc import Hashable
from pathlib import Path

_OF_CLOUDS = ("AWS_", "GOOGLE_", "AZURE_", "BOTO_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_")


def surroundings() -> Hashable:
    """Return something that differs once a store may be another one, or asked by somebody else.

    That is the environment variables of the clouds and of proxies, and when AWS's two files were written.
    """
    variables = {name: value for name, value in os.environ.items() if name.upper().startswith(_OF_CLOUDS)}
    files = (
        os.environ.get("AWS_CONFIG_FILE", "~/.aws/config"),
        os.environ.get("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials"),
    )
    return tuple(sorted(variables.items())), tuple(map(_written, files))


def _written(path: str) -> int | None:
    try:
        return Path(path).expanduser().stat().st_mtime_ns
    except (OSError, RuntimeError):
        # Not there, or not ours to look at: no connection is made from it either.
        return None
