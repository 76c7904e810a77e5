"""Addresses of remote objects, such as "s3://bucket/logs/*.txt". Pure: nothing is asked of any store.

A URL is taken to the letter: nothing in an `s3://` key is percent-decoded, as in every S3 tool.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from ipaddress import ip_address
from urllib.parse import unquote, urlsplit

from ..errors import SourceError

_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<rest>.*)", re.DOTALL)
_BUCKETS = ("s3", "gs", "az")
_GLOB_CHARS = re.compile(r"[*?\[]")
_KNOWN = "s3://bucket/key, gs://bucket/key, az://container/blob or https://host/file"


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How to reach an S3-compatible store; None is what AWS's environment and files say. No secrets."""

    endpoint_url: str | None = None
    region: str | None = None
    profile: str | None = None
    anonymous: bool = False

    @property
    def is_default(self) -> bool:
        """Whether nothing was asked for."""
        return self == Access()


@dataclass(frozen=True)
class Address:
    """A bucket (or a web server) and a key in it; `scheme` is s3, gs, az, http or https."""

    scheme: str
    bucket: str
    key: str

    def __str__(self) -> str:
        return f"{self.scheme}://{self.bucket}/{self.key}"

    @property
    def is_web(self) -> bool:
        """Whether this is one object of a web server, which can be neither listed nor written."""
        return self.scheme not in _BUCKETS

    @cached_property
    def is_glob(self) -> bool:
        """Whether the key is a pattern."""
        return not self.is_web and _GLOB_CHARS.search(self.key) is not None

    @cached_property
    def fixed_prefix(self) -> str:
        """The part of a pattern before its first magic part, up to and with the slash.

        >>> parse("s3://b/logs/2024-*/x.txt").fixed_prefix
        'logs/'
        """
        magic = _GLOB_CHARS.search(self.key)
        fixed = self.key if magic is None else self.key[: magic.start()]
        return fixed[: fixed.rfind("/") + 1]


def is_url(source: str) -> bool:
    """Return whether a str is a URL of any kind."""
    return _URL.match(source) is not None


def parse(url: str) -> Address:
    """Return the parts of a URL; raises SourceError for one that can name no object.

    >>> parse("s3://bucket/logs/")
    Address(scheme='s3', bucket='bucket', key='logs/')
    """
    found = _URL.match(url)
    scheme = found["scheme"].lower() if found else ""
    if found is None or scheme not in (*_BUCKETS, "http", "https"):
        raise SourceError(f"{url}: there is no store for {scheme or 'this'}://; use {_KNOWN}")
    if scheme not in _BUCKETS:
        return _web(url, scheme)
    bucket, _, key = found["rest"].partition("/")
    if not bucket:
        raise SourceError(f"{url} names no bucket; write it as {scheme}://bucket/key")
    if "@" in bucket or ":" in bucket:
        raise SourceError(f"{scheme}://...: {bucket.rpartition('@')[2]!r} is no bucket; write {_KNOWN}")
    if _unreachable(key):
        raise SourceError(f"{url}: a key with an empty part, '.' or '..' between slashes cannot be read")
    return Address(scheme, bucket, key)


def is_loopback(host: str | None) -> bool:
    """Return whether a host is this machine."""
    if host is None or host == "localhost":
        return host is not None
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def check_access(address: Address, access: Access) -> None:
    """Raise SourceError for options that the kind of store does not have."""
    if address.scheme != "s3" and access != Access(anonymous=access.anonymous):
        raise SourceError(
            f"{address}: endpoint_url, region and profile are options of s3://; "
            f"{address.scheme}:// is set up by the environment of its own tools"
        )
    if access.endpoint_url is None:
        return
    parts = urlsplit(access.endpoint_url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SourceError(
            f"endpoint_url={access.endpoint_url!r} is no URL such as https://host or http://host:9000"
        )
    if parts.username or parts.password:
        raise SourceError(
            "endpoint_url must hold no user or password; name a profile, or set AWS_* variables"
        )


def _web(url: str, scheme: str) -> Address:
    parts = urlsplit(url)
    plain = f"{scheme}://{parts.hostname}{parts.path}"
    if parts.username or parts.password or parts.query or parts.fragment:
        # Never repeated in a message: a query is where presigned URLs keep their signature.
        raise SourceError(f"{plain}: a URL with a user, '?' or '#' cannot be bound; download it first")
    if scheme == "http" and not is_loopback(parts.hostname):
        raise SourceError(f"{plain}: text over http could be changed on its way; use https")
    key = unquote(parts.path).lstrip("/")
    if not parts.hostname or not key or key.endswith("/"):
        raise SourceError(f"{plain} names no file; a web server cannot be listed, so name one object")
    return Address(scheme, parts.netloc, key)


def _unreachable(key: str) -> bool:
    parts = key.removesuffix("/").split("/")
    return bool(key) and any(part in ("", ".", "..") for part in parts)
