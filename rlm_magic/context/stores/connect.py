"""Stores by address: connected when first asked, and pickled without any secret."""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ...config import ContextConfig
from ...errors import SourceError, StoreUnavailable
from ..address import Access, Address, check_access
from .aws import settings
from .objects import ObstoreStore

if TYPE_CHECKING:
    from obstore.store import ObjectStore


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
        self._shared = shared or Connection(address, access, config)

    def __reduce__(self) -> tuple[Any, ...]:
        return _of_pickle, (self.address, self.access, self._config)

    def at(self, prefix: str) -> RemoteStore:
        """Return the store of another prefix of the same bucket, over the same connections."""
        address = replace(self.address, key=prefix)
        return RemoteStore(address, access=self.access, config=self._config, shared=self._shared)

    def _connection(self) -> ObjectStore:
        return self._shared.store()

    def _renew(self) -> bool:
        return self._shared.renew()

    def _path(self, key: str) -> str:
        return self.address.key + key


class Connection:
    """What all stores of one bucket share: connections and credentials, made when first needed."""

    def __init__(self, address: Address, access: Access, config: ContextConfig) -> None:
        self._address, self._access, self._config = replace(address, key=""), access, config
        self._lock = threading.Lock()
        self._made: ObjectStore | None = None

    def store(self) -> ObjectStore:
        """Return the connected store of this process."""
        _refuse_after_fork()
        if (made := self._made) is not None:
            return made
        with self._lock:
            if self._made is None:
                self._made = _connect(self._address, self._access, self._config)
            return self._made

    def renew(self) -> bool:
        """Look credentials up anew; return whether there are any."""
        if self._address.scheme != "s3" or self._access.anonymous:
            return False
        with self._lock:
            self._made = None
        return True


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
            'start it with multiprocessing.get_context("spawn"), or read in the parent'
        )


def _of_pickle(address: Address, access: Access, config: ContextConfig) -> RemoteStore:
    return RemoteStore(address, access=access, config=config)


def _connect(address: Address, access: Access, config: ContextConfig) -> ObjectStore:
    match address.scheme:
        case "s3":
            return _s3(address, access, config)
        case "gs" | "az":
            return _cloud(address, access, config)
        case _:
            from obstore.store import HTTPStore

            root = f"{address.scheme}://{address.bucket}"
            return HTTPStore.from_url(root, **_transport(config, allow_http=address.scheme == "http"))


def _s3(address: Address, access: Access, config: ContextConfig) -> ObjectStore:
    from obstore.store import S3Store

    found = settings(access, of=str(address))
    chosen: dict[str, Any] = {"region": found.region, "skip_signature": found.credentials is None}
    if found.endpoint_url is not None:
        # Servers of one's own seldom have a host name for each bucket.
        chosen |= {"endpoint": found.endpoint_url.rstrip("/"), "virtual_hosted_style_request": False}
    is_plain_http = (found.endpoint_url or "").startswith("http://")
    return S3Store(
        address.bucket,
        config=chosen,  # type: ignore[arg-type]
        credential_provider=found.credentials,  # type: ignore[arg-type]
        **_transport(config, allow_http=is_plain_http),
    )


def _cloud(address: Address, access: Access, config: ContextConfig) -> ObjectStore:
    from obstore.exceptions import BaseError
    from obstore.store import AzureStore, GCSStore

    kind = GCSStore if address.scheme == "gs" else AzureStore
    try:
        chosen: Any = {"skip_signature": True} if access.anonymous else {}
        return kind(address.bucket, config=chosen, **_transport(config, allow_http=False))
    except (BaseError, ValueError, OSError) as error:
        text = str(error).split("Debug source", 1)[0].strip()
        raise SourceError(
            f"{address}: {text}; it is set up by its own environment variables, such as "
            "GOOGLE_APPLICATION_CREDENTIALS or AZURE_STORAGE_ACCOUNT_NAME"
        ) from error


def _transport(config: ContextConfig, *, allow_http: bool) -> dict[str, Any]:
    return {
        "client_options": {
            "allow_http": allow_http,
            "connect_timeout": timedelta(seconds=config.connect_timeout_s),
            "timeout": timedelta(seconds=config.request_timeout_s),
            "pool_max_idle_per_host": str(config.idle_connections),
        },
        "retry_config": {
            "max_retries": config.store_retries,
            "retry_timeout": timedelta(seconds=config.request_timeout_s),
            "backoff": {
                "init_backoff": timedelta(milliseconds=50),
                "max_backoff": timedelta(seconds=2),
                "base": 2,
            },
        },
    }
