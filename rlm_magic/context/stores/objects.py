"""Objects in whatever obstore reaches. The only module that imports it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ...errors import SegmentMissing, SnapshotChanged, StoreUnavailable, WriteConflict
from . import Head

if TYPE_CHECKING:
    from obstore import GetOptions
    from obstore.store import ObjectStore


class ObstoreStore:
    """An obstore store under the contract of `Store`. `url` is how errors name it."""

    def __init__(self, store: ObjectStore, *, url: str) -> None:
        self._store = store
        self.url = url.rstrip("/")

    def head(self, key: str) -> Head:
        """Return the size and ETag of an object."""
        import obstore

        with self._as_our_errors(key):
            meta = obstore.head(self._store, key)
        return Head(meta["size"], meta["e_tag"] or "")

    def get(self, key: str, *, start: int = 0, stop: int | None = None, version: str | None = None) -> bytes:
        """Return a range of an object, comparing the ETag that came with these very bytes."""
        import obstore

        if stop is not None and stop <= start:
            return b""
        with self._as_our_errors(key):
            result = obstore.get(self._store, key, options=_options(start, stop))
            found = result.meta["e_tag"] or ""
            data = bytes(result.bytes())
        if version is not None and found != version:
            raise SnapshotChanged(f"{self.url}/{key} changed since the context was opened; bind it again")
        return data

    def put(self, key: str, parts: Sequence[bytes]) -> None:
        """Write an object in one request."""
        import obstore

        with self._as_our_errors(key):
            obstore.put(self._store, key, b"".join(parts))

    def swap(self, key: str, data: bytes, *, expected: str | None) -> None:
        """Write an object by a conditional request."""
        import obstore

        with self._as_our_errors(key):
            obstore.put(self._store, key, data, mode="create" if expected is None else {"e_tag": expected})

    def keys(self) -> list[str]:
        """Return every key, those with a hidden part left out."""
        import obstore

        with self._as_our_errors(""):
            listed = [meta["path"] for batch in obstore.list(self._store) for meta in batch]
        return sorted(key for key in listed if not any(part.startswith(".") for part in key.split("/")))

    @contextmanager
    def _as_our_errors(self, key: str) -> Iterator[None]:
        from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError

        name = f"{self.url}/{key}"
        try:
            yield
        except FileNotFoundError as error:
            raise SegmentMissing(f"{name} is not there") from error
        except (AlreadyExistsError, PreconditionError) as error:
            raise WriteConflict(
                f"somebody else wrote {name} meanwhile; nothing of theirs was touched"
            ) from error
        except (BaseError, OSError, NotImplementedError) as error:
            # The text is followed by a dump of the Rust value, which helps nobody.
            raise StoreUnavailable(f"{name}: {str(error).split('Debug source', 1)[0].strip()}") from error


def _options(start: int, stop: int | None) -> GetOptions:
    if stop is not None:
        return {"range": (start, stop)}
    # No range for a whole object: servers refuse any range of an empty one.
    return {"range": {"offset": start}} if start else {}
