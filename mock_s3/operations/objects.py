"""Objects: GET, HEAD, PUT, copy, DELETE, and DeleteObjects."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from functools import partial
from urllib.parse import unquote

from .. import conditions, xml
from ..address import check_bucket, check_key
from ..answers import iso_time, xml_response
from ..body import FileBody
from ..errors import S3Error
from ..http import Request, Response, http_date
from ..incoming import Incoming
from ..objects import ObjectStore
from ..records import DEFAULT_TYPE, ObjectInfo, kept_headers


class Objects:
    """Reads and writes whole objects."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def read(self, request: Request, *, hash_bytes: int | None = None) -> Response | None:
        """Answer GET and HEAD, or return None when that would take hashing more than `hash_bytes`."""
        opened = self._store.open(request.bucket, request.key, hash_bytes=hash_bytes)
        if opened is None:
            return None
        descriptor, info = opened
        try:
            response = _describe(request, info)
            start, stop = _span(request, info, response)
        except BaseException:
            os.close(descriptor)
            raise
        if request.verb == "HEAD":
            os.close(descriptor)
            response.length = stop - start
        else:
            response.body = FileBody(descriptor, start=start, stop=stop)
        return response

    def put(self, request: Request, incoming: Incoming) -> Response:
        """Make the body the object."""
        info = ObjectInfo(
            size=0,
            mtime_ns=0,
            etag=incoming.md5,
            headers=kept_headers(request.headers),
            checksums=incoming.verified,
        )
        info = self._commit(request, incoming, info)
        return Response(200, {"ETag": f'"{info.etag}"', **_checksum_headers(info)})

    def copy(self, request: Request) -> Response:
        """Make another object's bytes this object; its headers too, unless the request brings its own."""
        source_bucket, source_key = copy_source(request)
        replaces = request.headers.get("x-amz-metadata-directive", "COPY").upper() == "REPLACE"
        if (source_bucket, source_key) == (request.bucket, request.key) and not replaces:
            raise S3Error("InvalidRequest", "a copy onto itself must replace the metadata")
        incoming = Incoming({}, path=self._store.new_file())
        try:
            source = self.copy_bytes(request, source_bucket, source_key, incoming)
            headers = kept_headers(request.headers) if replaces else source.headers
            info = ObjectInfo(
                size=0, mtime_ns=0, etag=incoming.md5, headers=headers, checksums=source.checksums
            )
            info = self._commit(request, incoming, info)
        finally:
            incoming.discard()
        return xml_response(
            "CopyObjectResult", [("ETag", f'"{info.etag}"'), ("LastModified", iso_time(info.modified_s))]
        )

    def copy_bytes(self, request: Request, bucket: str, key: str, incoming: Incoming) -> ObjectInfo:
        """Write the source's bytes, or the range x-amz-copy-source-range of them, and return its info."""
        opened = self._store.open(bucket, key)
        assert opened is not None
        descriptor, info = opened
        with os.fdopen(descriptor, "rb") as file:
            conditions.check_read(
                request.headers, etag=info.etag, modified_s=info.modified_s, prefix="x-amz-copy-source-"
            )
            span = conditions.parse_range(request.headers.get("x-amz-copy-source-range"), info.size)
            start, stop = span or (0, info.size)
            file.seek(start)
            while start < stop and (data := file.read(min(1 << 20, stop - start))):
                incoming.write(data)
                start += len(data)
        incoming.finish({})
        return info

    def delete(self, request: Request) -> Response:
        """Delete one object; also when there is none, as in S3."""
        self._store.delete(request.bucket, request.key)
        return Response(204)

    def delete_many(self, request: Request, incoming: Incoming) -> Response:
        """Delete what a list of up to 1,000 keys names; each key succeeds or fails by itself."""
        self._store.bucket_path(request.bucket)
        tree = xml.parse(incoming.data, "Delete")
        keys = [element.findtext("Key") or "" for element in tree.findall("Object")]
        if not 0 < len(keys) <= 1000:
            raise S3Error("MalformedXML", f"{len(keys)} keys; between 1 and 1000 are allowed")
        quiet = (tree.findtext("Quiet") or "").lower() == "true"
        return xml_response(
            "DeleteResult", [element for key in keys for element in self._delete_one(request, key, quiet)]
        )

    def _delete_one(self, request: Request, key: str, quiet: bool) -> list[xml.Element]:
        try:
            check_key(key)
            self._store.delete(request.bucket, key)
        except S3Error as error:
            return [("Error", [("Key", key), ("Code", error.code), ("Message", error.message)])]
        return [] if quiet else [("Deleted", [("Key", key)])]

    def _commit(self, request: Request, incoming: Incoming, info: ObjectInfo) -> ObjectInfo:
        check = partial(conditions.check_write, request.headers)
        return self._store.commit(incoming, request.bucket, request.key, info, check=check)


def copy_source(request: Request) -> tuple[str, str]:
    """Return bucket and key of x-amz-copy-source. Raises S3Error for a name that leaves the directory."""
    source, _, version = request.headers["x-amz-copy-source"].partition("?versionId=")
    if version not in ("", "null"):
        raise S3Error("NotImplemented", "objects have no versions here")
    bucket, _, key = unquote(source, errors="replace").removeprefix("/").partition("/")
    check_bucket(bucket)
    check_key(key)
    if not key:
        raise S3Error("InvalidArgument", f"x-amz-copy-source {source[:80]!r} names no object")
    return bucket, key


def _describe(request: Request, info: ObjectInfo) -> Response:
    etag, modified_s = info.etag, info.modified_s
    if request.changed:
        etag, modified_s = hashlib.md5(etag.encode(), usedforsecurity=False).hexdigest(), modified_s + 1
    conditions.check_read(request.headers, etag=etag, modified_s=modified_s)
    headers = {"ETag": f'"{etag}"', "Last-Modified": http_date(modified_s), "Accept-Ranges": "bytes"}
    return Response(200, {**headers, "Content-Type": DEFAULT_TYPE, **_titled(info.headers)})


def _span(request: Request, info: ObjectInfo, response: Response) -> tuple[int, int]:
    part = request.query.get("partNumber")
    if part is not None:
        span: tuple[int, int] | None = _part_span(part, info)
        response.headers["x-amz-mp-parts-count"] = str(len(info.part_sizes) or 1)
    else:
        wanted = request.headers.get("range")
        span = conditions.parse_range(wanted, info.size) if wanted else None
    if span is None:
        if request.headers.get("x-amz-checksum-mode", "").upper() == "ENABLED":
            response.headers.update(_checksum_headers(info))
        return 0, info.size
    response.status = 206
    response.headers["Content-Range"] = f"bytes {span[0]}-{span[1] - 1}/{info.size}"
    return span


def _part_span(part: str, info: ObjectInfo) -> tuple[int, int]:
    sizes = info.part_sizes or (info.size,)
    if not part.isdecimal() or not 0 < int(part[:9]) <= len(sizes):
        raise S3Error("InvalidRange", f"partNumber {part[:20]} is not one of {len(sizes)}")
    start = sum(sizes[: int(part) - 1])
    return start, start + sizes[int(part) - 1]


def _checksum_headers(info: ObjectInfo) -> dict[str, str]:
    if not info.checksums:
        return {}
    sums = {f"x-amz-checksum-{name}": value for name, value in info.checksums.items()}
    return {**sums, "x-amz-checksum-type": "FULL_OBJECT"}


def _titled(headers: Mapping[str, str]) -> dict[str, str]:
    # Kept in lower case; sent so that "Content-Type" replaces the default instead of standing beside it.
    return {name if name.startswith("x-amz-") else name.title(): value for name, value in headers.items()}
