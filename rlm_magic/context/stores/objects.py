"""Objects in whatever obstore reaches. Obstore is imported here and in `connect`, nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from ...config import ContextConfig
from ...errors import RLMError, SnapshotChanged, StoreUnavailable, WriteConflict
from ..again import again
from . import Head
from .refusals import is_expired, missing, refused

if TYPE_CHECKING:
    from obstore import GetOptions, ObjectMeta, PutMode, UpdateVersion
    from obstore.store import ObjectStore

_DEFAULTS = ContextConfig()
_Answer = TypeVar("_Answer")


class ObstoreStore:
    """An obstore store under the contract of `Store`. `url` is how errors name it."""

    bucket: str | None = None
    shared_as: Hashable = None
    """Equal for stores whose requests go over the same connections; None for one that shares with none."""

    def __init__(self, store: ObjectStore, *, url: str, config: ContextConfig = _DEFAULTS) -> None:
        self._store = store
        self._config = config
        self.url = url.rstrip("/")

    def head(self, key: str) -> Head:
        """Return the size and ETag of an object."""
        import obstore

        meta = self._ask(key, lambda store: obstore.head(store, self._path(key)))
        return _head(meta)

    def get(self, key: str, *, start: int = 0, stop: int | None = None, version: str | None = None) -> bytes:
        """Return a range of an object, comparing the ETag that came with these very bytes."""
        return bytes(self.view(key, start=start, stop=stop, version=version))

    def view(
        self, key: str, *, start: int = 0, stop: int | None = None, version: str | None = None
    ) -> memoryview:
        """Return what `get` does, not copied from where the client has it."""
        if stop is not None and stop <= start:
            return memoryview(b"")
        data, found = self._ask(key, lambda store: _read(store, self._path(key), start, stop))
        if version is not None and found != version:
            raise SnapshotChanged(f"{self._name(key)} changed since the context was opened; bind it again")
        return data

    def put(self, key: str, parts: Sequence[bytes]) -> None:
        """Write an object: in one request, or a large one in several at a time that take effect together."""
        import obstore

        config, data = self._config, b"".join(parts)
        is_large = len(data) > config.upload_part_bytes
        put = partial(
            obstore.put,
            path=self._path(key),
            file=data,
            use_multipart=is_large,
            chunk_size=config.upload_part_bytes,
            max_concurrency=config.upload_parts,
        )
        again(lambda: self._ask(key, put, writes=True), config=config)

    def swap(self, key: str, data: bytes, *, expected: str | None) -> None:
        """Write an object by a conditional request.

        When its answer is lost, a second attempt finds the condition no longer true because the first one
        got through. So what is there is looked at before anybody is accused of having been faster.
        """
        import obstore

        path = self._path(key)

        def attempt() -> None:
            try:
                mode: PutMode = "create" if expected is None else self._condition(key, expected)
                self._ask(key, lambda store: obstore.put(store, path, data, mode=mode), writes=True)
            except (WriteConflict, StoreUnavailable):
                if not self._holds(key, data):
                    raise

        try:
            again(attempt, config=self._config)
        except StoreUnavailable as error:
            if error.status == 409:
                raise self._conflict(key) from error
            raise

    def listing(self, prefix: str = "") -> dict[str, Head]:
        """Return every object below a prefix (whole parts of a key), hidden ones too; nothing is read."""
        import obstore

        skip, root = len(self._path("")), self._path(prefix)

        def listed(store: ObjectStore) -> dict[str, Head]:
            found = (meta for batch in obstore.list(store, root or None) for meta in batch)
            return {meta["path"][skip:]: _head(meta) for meta in found}

        return self._ask(prefix, listed)

    def children(self, prefix: str = "") -> list[str]:
        """Return the objects and, with a slash behind them, the prefixes right below a prefix."""
        import obstore

        skip, root = len(self._path("")), self._path(prefix)

        def listed(store: ObjectStore) -> list[str]:
            found = obstore.list_with_delimiter(store, root or None)
            return [f"{path}/" for path in found["common_prefixes"]] + [
                meta["path"] for meta in found["objects"]
            ]

        return [path[skip:] for path in self._ask(prefix, listed)]

    def keys(self) -> list[str]:
        """Return every key, those with a hidden part left out."""
        return sorted(key for key in self.listing() if not is_hidden(key))

    def _holds(self, key: str, data: bytes) -> bool:
        try:
            return self.get(key) == data
        except RLMError:
            # Nothing is there, or it cannot be read: the error that led here says more.
            return False

    def _connection(self, *, writes: bool) -> ObjectStore:  # noqa: ARG002
        return self._store

    def _renew(self, refused: ObjectStore) -> bool:  # noqa: ARG002
        """Sign with newer credentials than `refused` does from now on; return whether there can be any."""
        return False

    def _condition(self, key: str, expected: str) -> UpdateVersion:  # noqa: ARG002
        """Return how the store is told to write only over the version `expected`."""
        return {"e_tag": expected}

    def _path(self, key: str) -> str:
        return key

    def _name(self, key: str) -> str:
        return f"{self.url}/{key}"

    def _ask(self, key: str, ask: Callable[[ObjectStore], _Answer], *, writes: bool = False) -> _Answer:
        """Ask the store; with renewed credentials once more, where the old ones had run out."""
        from obstore.exceptions import BaseError

        failures = (BaseError, OSError, NotImplementedError, ValueError)
        store = self._connection(writes=writes)
        try:
            return ask(store)
        except failures as error:
            if not (is_expired(str(error)) and self._renew(store)):
                raise self._as_ours(key, error) from error
        store = self._connection(writes=writes)
        try:
            return ask(store)
        except failures as error:
            raise self._as_ours(key, error) from error

    def _as_ours(self, key: str, error: Exception) -> RLMError:
        from obstore.exceptions import AlreadyExistsError, PreconditionError

        name, text = self._name(key), str(error)
        if isinstance(error, FileNotFoundError) or "<Code>NoSuchBucket<" in text:
            return missing(name, text, bucket=self.bucket)
        is_decided = "<Code>ConditionalRequestConflict<" not in text
        if isinstance(error, (AlreadyExistsError, PreconditionError)) and is_decided:
            return self._conflict(key)
        if isinstance(error, NotImplementedError):
            return StoreUnavailable(f"{name}: {text}", may_pass=False)
        return refused(name, text)

    def _conflict(self, key: str) -> WriteConflict:
        return WriteConflict(
            f"somebody else wrote {self._name(key)} meanwhile; nothing of theirs was touched"
        )


def is_hidden(key: str) -> bool:
    """Return whether a part of a key begins with a dot, as what stores keep for themselves does."""
    return any(part.startswith(".") for part in key.split("/"))


def _read(store: ObjectStore, key: str, start: int, stop: int | None) -> tuple[memoryview, str]:
    import obstore

    result = obstore.get(store, key, options=_options(start, stop))
    return memoryview(result.bytes()), _head(result.meta).version


def _head(meta: ObjectMeta) -> Head:
    # Azure's ETags have quotes in headers, where conditions need them, and none in listings.
    tag = meta["e_tag"] or ""
    return Head(meta["size"], f'"{tag}"' if tag and not tag.endswith('"') else tag)


def _options(start: int, stop: int | None) -> GetOptions:
    if stop is not None:
        return {"range": (start, stop)}
    # No range for a whole object: servers refuse any range of an empty one.
    return {"range": {"offset": start}} if start else {}
