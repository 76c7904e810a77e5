"""What a half-written remote address may go on to. For completion: quick, and never an error."""

from __future__ import annotations

from concurrent.futures import TimeoutError as TookTooLong
from dataclasses import replace
from functools import partial

from ..config import ContextConfig
from ..errors import RLMError
from .address import Access, parse
from .again import begun
from .stores.connect import RemoteStore


def addresses_like(url: str, *, access: Access, config: ContextConfig | None = None) -> list[str]:
    """Return the objects and prefixes one level below, sorted, whose addresses begin with `url`.

    A prefix ends with a slash. Nothing is returned for what cannot be listed: a bucket whose name is not
    finished, a web server, no access, or a store that takes longer than `config.complete_s`.
    """
    config = config or ContextConfig()
    folder_url = url[: url.rfind("/") + 1]
    if folder_url.endswith("://"):
        return []
    try:
        folder = parse(folder_url)
        if folder.is_web or folder.is_glob:
            return []
        bucket = replace(folder, key="")
        store = RemoteStore(bucket, access=access, config=config)
        keys = begun(partial(store.children, folder.key)).result(config.complete_s)
    except (RLMError, TookTooLong):
        return []
    return sorted(address for key in keys if (address := f"{bucket}{key}").startswith(url))
