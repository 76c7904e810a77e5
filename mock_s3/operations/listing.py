"""ListObjectsV2 and the older ListObjects."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .. import xml
from ..answers import iso_time, xml_response
from ..config import PAGE_KEYS
from ..errors import S3Error
from ..http import Request, Response
from ..objects import ObjectStore
from ..walk import Walker


@dataclass(frozen=True, slots=True, kw_only=True)
class ListQuery:
    """What a listing asks for. `after` is exclusive, and may be a common prefix that was given."""

    prefix: str
    delimiter: str
    after: str
    max_keys: int
    url_encoded: bool

    def encode(self, text: str) -> str:
        """Return a key as this listing writes keys."""
        return xml.url_encoded(text) if self.url_encoded else text


@dataclass(frozen=True, slots=True)
class Page:
    """Keys and common prefixes, each in order, and the last of both when more follow, else an empty str."""

    keys: list[str]
    prefixes: list[str]
    next_after: str


def read_query(query: dict[str, str], *, after: str) -> ListQuery:
    """Return a listing's parameters. Raises S3Error("InvalidArgument")."""
    max_keys = query.get("max-keys", "") or str(PAGE_KEYS)
    if not (max_keys.isascii() and max_keys.isdigit() and len(max_keys) < 10):
        raise S3Error("InvalidArgument", f"max-keys {max_keys!r} is not a number from 0 on")
    encoding = query.get("encoding-type", "")
    if encoding not in ("", "url"):
        raise S3Error("InvalidArgument", f"encoding-type {encoding!r} is not url")
    return ListQuery(
        prefix=query.get("prefix", ""),
        delimiter=query.get("delimiter", ""),
        after=after,
        max_keys=min(int(max_keys), PAGE_KEYS),
        url_encoded=bool(encoding),
    )


def page(keys: Callable[[bytes, bool], Iterator[str]], query: ListQuery) -> Page:
    """Cut one page from the sorted keys that `keys(after, shallow)` yields."""
    found: list[str] = []
    prefixes: list[str] = []
    last = ""
    if not query.max_keys:
        return Page(found, prefixes, "")
    for key in keys(query.after.encode(), query.delimiter == "/"):
        name = _common_prefix(key, query)
        # A page that ended with a common prefix goes on behind all of it.
        if name is not None and name in (last, query.after):
            continue
        if len(found) + len(prefixes) == query.max_keys:
            return Page(found, prefixes, last)
        last = key if name is None else name
        (found if name is None else prefixes).append(last)
    return Page(found, prefixes, "")


def _common_prefix(key: str, query: ListQuery) -> str | None:
    if not query.delimiter:
        return None
    end = key.find(query.delimiter, len(query.prefix))
    return None if end < 0 else key[: end + len(query.delimiter)]


class Listings:
    """Lists the objects of a bucket."""

    def __init__(self, store: ObjectStore, walker: Walker) -> None:
        self._store = store
        self._walker = walker

    def list_v2(self, request: Request) -> Response:
        """Answer ListObjectsV2."""
        token = request.query.get("continuation-token")
        start_after = request.query.get("start-after", "")
        query = read_query(request.query, after=start_after if token is None else _read_token(token))
        found = self._page(request.bucket, query)
        head: list[xml.Element] = [("KeyCount", len(found.keys) + len(found.prefixes))]
        if start_after:
            head.append(("StartAfter", query.encode(start_after)))
        if token is not None:
            head.append(("ContinuationToken", token))
        if found.next_after:
            head.append(("NextContinuationToken", _token(found.next_after)))
        return self._render(request, query, found, head)

    def list_v1(self, request: Request) -> Response:
        """Answer ListObjects."""
        marker = request.query.get("marker", "")
        query = read_query(request.query, after=marker)
        found = self._page(request.bucket, query)
        head: list[xml.Element] = [("Marker", query.encode(marker))]
        if found.next_after and query.delimiter:
            head.append(("NextMarker", query.encode(found.next_after)))
        return self._render(request, query, found, head)

    def _page(self, bucket: str, query: ListQuery) -> Page:
        top = self._store.bucket_path(bucket)

        def keys(after: bytes, shallow: bool) -> Iterator[str]:
            return self._walker.keys(top, prefix=query.prefix, after=after, shallow=shallow)

        return page(keys, query)

    def _render(self, request: Request, query: ListQuery, found: Page, head: list[xml.Element]) -> Response:
        elements: list[xml.Element] = [
            ("Name", request.bucket),
            ("Prefix", query.encode(query.prefix)),
            ("MaxKeys", query.max_keys),
            ("IsTruncated", "true" if found.next_after else "false"),
            *head,
        ]
        if query.delimiter:
            elements.append(("Delimiter", query.encode(query.delimiter)))
        if query.url_encoded:
            elements.append(("EncodingType", "url"))
        elements += [("Contents", entry) for entry in self._contents(request.bucket, query, found.keys)]
        elements += [("CommonPrefixes", [("Prefix", query.encode(prefix))]) for prefix in found.prefixes]
        return xml_response("ListBucketResult", elements)

    def _contents(self, bucket: str, query: ListQuery, keys: list[str]) -> Iterator[list[xml.Element]]:
        for key in keys:
            try:
                info = self._store.info(bucket, key)
            except S3Error:
                continue  # deleted meanwhile, or a link that leads out
            yield [
                ("Key", query.encode(key)),
                ("LastModified", iso_time(info.modified_s)),
                ("ETag", f'"{info.etag}"'),
                ("Size", info.size),
                ("StorageClass", "STANDARD"),
            ]


def _token(after: str) -> str:
    return base64.urlsafe_b64encode(after.encode()).decode()


def _read_token(token: str) -> str:
    try:
        after = base64.b64decode(token.encode(), altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeError) as error:
        raise S3Error("InvalidArgument", "the continuation token is not one of ours") from error
    if not after:
        raise S3Error("InvalidArgument", "the continuation token is empty")
    return after
