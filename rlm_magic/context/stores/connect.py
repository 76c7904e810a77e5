"""Stores by address: connected when first asked, and pickled without any secret."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from ...config import ContextConfig
from ...errors import SourceError, StoreUnavailable, WriteConflict
from ..address import Access, Address, check_access
from ..recent import Recent
from .aws import Settings, settings
from .objects import ObstoreStore
from .surroundings import surroundings

if TYPE_CHECKING:
    from obstore import UpdateVersion
    from obstore.store import GCSCredential, ObjectStore

_KEPT = 4


class RemoteStore(ObstoreStore):
    """The objects of a bucket below a prefix, or of a web server.

    The key of `address` is the prefix; one that is not empty ends with a slash.
    Raises SourceError for options that do not fit. What is wrong with profile or credentials is said by the
    first request, so that a pickled context can be looked at where there are none.
    """

    def __init__(
        self, address: Address, *, access: Access, config: ContextConfig, shared: Connection | None = None
    ) -> None:
        check_access(address, access)
        self.address, self.access = address, access
        self.bucket = address.bucket
        self.url = str(address).rstrip("/")
        self._config = config
        self._shared = shared or _connection(address, access, config)
        self.shared_as = id(self._shared)

    def __reduce__(self) -> tuple[Any, ...]:
        return _of_pickle, (self.address, self.access, self._config)

    def at(self, prefix: str) -> RemoteStore:
        """Return the store of another prefix of the same bucket, over the same connections."""
        address = replace(self.address, key=prefix)
        return RemoteStore(address, access=self.access, config=self._config, shared=self._shared)

    def _connection(self, *, writes: bool) -> ObjectStore:
        return self._shared.store(writes=writes)

    def _renew(self, refused: ObjectStore) -> bool:
        return self._shared.renew(refused)

    def _condition(self, key: str, expected: str) -> UpdateVersion:
        if self.address.scheme != "gs":
            return {"e_tag": expected}
        # Google's conditions are on generations: the one that has the expected ETag now.
        import obstore

        meta = self._ask(key, lambda store: obstore.head(store, self._path(key)))
        if meta["e_tag"] != expected:
            raise WriteConflict(f"somebody else wrote {self._name(key)} meanwhile; it was not touched")
        return {"e_tag": expected, "version": meta["version"]}

    def _path(self, key: str) -> str:
        return self.address.key + key


class Connection:
    """What all stores of one bucket share: connections and credentials, made when first needed."""

    def __init__(self, address: Address, access: Access, config: ContextConfig) -> None:
        self._address, self._access, self._config = replace(address, key=""), access, config
        self._lock = threading.Lock()
        self._made: dict[bool, ObjectStore] = {}
        self._found: Settings | None = None

    def store(self, *, writes: bool) -> ObjectStore:
        """Return the connected store of this process; the one that writes waits longer for an answer."""
        _refuse_after_fork()
        if (made := self._made.get(writes)) is not None:
            return made
        with self._lock:
            if writes not in self._made:
                if self._found is None and self._address.scheme == "s3":
                    self._found = settings(self._access, of=str(self._address))
                transport = partial(_transport, self._config, writes=writes)
                self._made[writes] = _connect(self._address, self._access, self._found, transport)
            return self._made[writes]

    def renew(self, refused: ObjectStore | None = None) -> bool:
        """Look credentials up anew; return whether there are any.

        Of many requests that were refused with the store `refused`, the first renews it for all.
        """
        if self._address.scheme != "s3" or self._access.anonymous:
            return False
        with self._lock:
            if refused is None or any(made is refused for made in self._made.values()):
                self._made, self._found = {}, None
        return True


_RECENT: Recent[Connection] = Recent(_KEPT)


def _connection(address: Address, access: Access, config: ContextConfig) -> Connection:
    key = (address.scheme, address.bucket, access, config, surroundings())
    return _RECENT.get(key, lambda: Connection(address, access, config))


_connected_in: int | None = None


def _refuse_after_fork() -> None:
    """Raise StoreUnavailable in a forked child of a process that had connected.

    obstore's threads are one pool per process and do not survive a fork; it would not fail, but hang for
    good, and so would a store made anew.
    """
    global _connected_in
    pid = os.getpid()
    if _connected_in is None:
        _connected_in = pid
    if _connected_in != pid:
        raise StoreUnavailable(
            f"process {pid} was forked off one that reads from a remote store, and cannot do so itself; "
            'start it with multiprocessing.get_context("spawn"), or read in the parent',
            may_pass=False,
        )


def _of_pickle(address: Address, access: Access, config: ContextConfig) -> RemoteStore:
    return RemoteStore(address, access=access, config=config)


def _connect(
    address: Address, access: Access, found: Settings | None, transport: Callable[..., dict[str, Any]]
) -> ObjectStore:
    if found is not None:
        return _s3(address, found, transport)
    if not address.is_web:
        return _cloud(address, access, transport)
    from obstore.store import HTTPStore

    root = f"{address.scheme}://{address.bucket}"
    return HTTPStore.from_url(root, **transport(allow_http=address.scheme == "http"))


def _s3(address: Address, found: Settings, transport: Callable[..., dict[str, Any]]) -> ObjectStore:
    from obstore.store import S3Store

    chosen: dict[str, Any] = {"region": found.region, "skip_signature": found.credentials is None}
    # One zone's buckets have hosts of their own, which obstore knows.
    if found.endpoint_url is not None or not address.bucket.endswith("--x-s3"):
        endpoint = found.endpoint_url or _endpoint_of_aws(found.region)
        chosen |= {
            "endpoint": endpoint.rstrip("/"),
            # Without it, obstore's own look at AWS_ENDPOINT_URL_S3 would go before what was asked for.
            "aws_endpoint_url_s3": endpoint.rstrip("/"),
            # Servers of one's own seldom have a host name for each bucket.
            "virtual_hosted_style_request": False,
        }
    is_plain_http = (found.endpoint_url or "").startswith("http://")
    return S3Store(
        address.bucket,
        config=chosen,  # type: ignore[arg-type]
        credential_provider=found.credentials,  # type: ignore[arg-type]
        **transport(allow_http=is_plain_http),
    )


def _endpoint_of_aws(region: str) -> str:
    """Return the host of a region.

    >>> _endpoint_of_aws("cn-north-1")
    'https://s3.cn-north-1.amazonaws.com.cn'
    """
    return f"https://s3.{region}.amazonaws.com{'.cn' if region.startswith('cn-') else ''}"


def _cloud(address: Address, access: Access, transport: Callable[..., dict[str, Any]]) -> ObjectStore:
    from obstore.exceptions import BaseError
    from obstore.store import AzureStore, GCSStore

    kind = GCSStore if address.scheme == "gs" else AzureStore
    endpoint, emulator = _endpoint(address.scheme), _emulator() if address.scheme == "gs" else ""
    chosen: Any = {"base_url": emulator} if emulator else {}
    others = transport(allow_http=endpoint.startswith("http://"))
    if access.anonymous:
        chosen["skip_signature"] = True
    elif emulator:
        # Nobody checks them, but without any, obstore would look for some to write with.
        others["credential_provider"] = _credentials_of_emulator
    try:
        return kind(address.bucket, config=chosen, **others)
    except (BaseError, ValueError, OSError) as error:
        text = str(error).split("Debug source", 1)[0].strip()
        raise SourceError(
            f"{address}: {text}; it is set up by its own environment variables, such as "
            "GOOGLE_APPLICATION_CREDENTIALS or AZURE_STORAGE_ACCOUNT_NAME"
        ) from error


def _endpoint(scheme: str) -> str:
    """Return where the environment says that a store is, or nothing for its usual place."""
    if scheme == "gs":
        return _emulator() or os.environ.get("GOOGLE_BASE_URL", "")
    return os.environ.get("AZURE_STORAGE_ENDPOINT") or os.environ.get("AZURE_ENDPOINT", "")


def _emulator() -> str:
    """Return the stand-in for Google's storage that its own tools are told to use; obstore does not ask."""
    host = os.environ.get("STORAGE_EMULATOR_HOST", "")
    return host if not host or "://" in host else f"http://{host}"


def _credentials_of_emulator() -> GCSCredential:
    return {"token": "emulator", "expires_at": None}


def _transport(config: ContextConfig, *, writes: bool, allow_http: bool) -> dict[str, Any]:
    # For obstore an answer is late while the body that it answers is still being sent.
    silence_s = config.transfer_timeout_s if writes else config.request_timeout_s
    return {
        "client_options": {
            "allow_http": allow_http,
            "connect_timeout": timedelta(seconds=config.connect_timeout_s),
            "read_timeout": timedelta(seconds=silence_s),
            "timeout": timedelta(seconds=config.transfer_timeout_s),
            "pool_max_idle_per_host": str(config.idle_connections),
        },
        "retry_config": {
            # One policy for all: ours, which counts, and slows down where the store asks for it.
            "max_retries": 0,
            "retry_timeout": timedelta(seconds=config.transfer_timeout_s),
        },
    }
