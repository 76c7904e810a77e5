"""Multipart uploads. Parts wait under DIR/.mock_s3/uploads/ID/ until they are joined or given up.

A part is a file named NUMBER-MD5-SIZE, so that its name says all that is known about it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from functools import partial
from typing import NamedTuple, TypedDict
from uuid import uuid4
from xml.etree import ElementTree

from .. import conditions, xml
from ..answers import iso_time, xml_response
from ..config import PART_BYTES, PARTS
from ..errors import S3Error
from ..http import Request, Response
from ..incoming import Incoming
from ..objects import ObjectStore
from ..records import ObjectInfo, kept_headers
from .objects import Objects, copy_source

_UPLOAD_ID = re.compile(r"[0-9a-f]{32}\Z")
_DESCRIPTION = "upload.json"


class _Description(TypedDict):
    bucket: str
    key: str
    headers: dict[str, str]


class Part(NamedTuple):
    """One stored part."""

    number: int
    md5: str
    size: int

    @property
    def file_name(self) -> str:
        return f"{self.number:05}-{self.md5}-{self.size}"


class Multipart:
    """Starts uploads, takes their parts, joins them."""

    def __init__(self, store: ObjectStore, objects: Objects) -> None:
        self._store = store
        self._objects = objects
        self._root = f"{store.private}/uploads"

    def create(self, request: Request) -> Response:
        """Start an upload."""
        self._store.bucket_path(request.bucket)
        upload_id = uuid4().hex
        os.makedirs(f"{self._root}/{upload_id}")
        description = {
            "bucket": request.bucket,
            "key": request.key,
            "headers": kept_headers(request.headers),
        }
        with open(f"{self._root}/{upload_id}/{_DESCRIPTION}", "w", encoding="utf-8") as file:
            json.dump(description, file)
        return xml_response("InitiateMultipartUploadResult", [*_names(request), ("UploadId", upload_id)])

    def put_part(self, request: Request, incoming: Incoming) -> Response:
        """Keep the body as a part, in place of an earlier one of the same number."""
        etag = self._keep(request, incoming)
        sums = {f"x-amz-checksum-{name}": value for name, value in incoming.verified.items()}
        return Response(200, {"ETag": f'"{etag}"', **sums})

    def copy_part(self, request: Request) -> Response:
        """Keep another object's bytes, or a range of them, as a part."""
        self._folder(request)
        incoming = Incoming({}, path=self._store.new_file())
        try:
            info = self._objects.copy_bytes(request, *copy_source(request), incoming)
            etag = self._keep(request, incoming)
        finally:
            incoming.discard()
        return xml_response(
            "CopyPartResult", [("ETag", f'"{etag}"'), ("LastModified", iso_time(info.modified_s))]
        )

    def _keep(self, request: Request, incoming: Incoming) -> str:
        assert incoming.path is not None
        part = Part(_part_number(request), incoming.md5, incoming.size)
        with self._store.lock:
            folder = self._folder(request)
            earlier = _parts(folder).get(part.number)
            os.replace(incoming.path, f"{folder}/{part.file_name}")
            if earlier is not None and earlier != part:
                os.unlink(f"{folder}/{earlier.file_name}")
        return part.md5

    def complete(self, request: Request, incoming: Incoming) -> Response:
        """Join the parts that the request lists into the object. Raises S3Error as S3 does."""
        with self._store.lock:
            folder = self._folder(request)
            parts = _chosen(xml.parse(incoming.data, "CompleteMultipartUpload"), _parts(folder))
            joined = Incoming({}, path=self._store.new_file())
            try:
                self._join(folder, parts, joined)
                check = partial(conditions.check_write, request.headers)
                info = self._store.commit(
                    joined, request.bucket, request.key, self._info(folder, parts), check=check
                )
            finally:
                joined.discard()
            shutil.rmtree(folder)
        return xml_response(
            "CompleteMultipartUploadResult",
            [
                ("Location", f"/{request.bucket}/{request.key}"),
                *_names(request),
                ("ETag", f'"{info.etag}"'),
            ],
        )

    def _join(self, folder: str, parts: list[Part], joined: Incoming) -> None:
        for part in parts:
            with open(f"{folder}/{part.file_name}", "rb") as file:
                while data := file.read(1 << 20):
                    joined.write(data)
        joined.finish({})

    def _info(self, folder: str, parts: list[Part]) -> ObjectInfo:
        digest = hashlib.md5(b"".join(bytes.fromhex(part.md5) for part in parts), usedforsecurity=False)
        return ObjectInfo(
            size=0,
            mtime_ns=0,
            etag=f"{digest.hexdigest()}-{len(parts)}",
            headers=_description(folder)["headers"],
            part_sizes=tuple(part.size for part in parts),
        )

    def abort(self, request: Request) -> Response:
        """Give an upload up and drop its parts."""
        with self._store.lock:
            shutil.rmtree(self._folder(request))
        return Response(204)

    def list_parts(self, request: Request) -> Response:
        """Answer ListParts, all on one page."""
        parts = sorted(_parts(self._folder(request)).values())
        entries: list[xml.Element] = [
            ("Part", [("PartNumber", part.number), ("ETag", f'"{part.md5}"'), ("Size", part.size)])
            for part in parts
        ]
        head: list[xml.Element] = [
            ("UploadId", request.query["uploadId"]),
            ("IsTruncated", "false"),
            ("MaxParts", PARTS),
        ]
        return xml_response("ListPartsResult", [*_names(request), *head, *entries])

    def list_uploads(self, request: Request) -> Response:
        """Answer ListMultipartUploads, all on one page."""
        self._store.bucket_path(request.bucket)
        entries: list[xml.Element] = []
        for upload_id in sorted(os.listdir(self._root)) if os.path.isdir(self._root) else []:
            description = _description(f"{self._root}/{upload_id}")
            if description["bucket"] == request.bucket:
                entries.append(("Upload", [("Key", description["key"]), ("UploadId", upload_id)]))
        return xml_response(
            "ListMultipartUploadsResult", [("Bucket", request.bucket), ("IsTruncated", "false"), *entries]
        )

    def _folder(self, request: Request) -> str:
        """The upload's directory. An id of another bucket or key is as unknown as one never given."""
        upload_id = request.query.get("uploadId", "")
        folder = f"{self._root}/{upload_id}"
        if _UPLOAD_ID.match(upload_id) and os.path.isdir(folder):
            description = _description(folder)
            if (description["bucket"], description["key"]) == (request.bucket, request.key):
                return folder
        raise S3Error("NoSuchUpload", f"there is no upload {upload_id[:40]!r} of {request.key!r}")


def _names(request: Request) -> list[xml.Element]:
    return [("Bucket", request.bucket), ("Key", request.key)]


def _description(folder: str) -> _Description:
    with open(f"{folder}/{_DESCRIPTION}", encoding="utf-8") as file:
        description: _Description = json.load(file)
    return description


def _part_number(request: Request) -> int:
    text = request.query.get("partNumber", "")
    if not (text.isascii() and text.isdigit() and len(text) < 6 and 1 <= int(text) <= PARTS):
        raise S3Error("InvalidArgument", f"partNumber {text[:20]!r} is not a number from 1 to {PARTS}")
    return int(text)


def _parts(folder: str) -> dict[int, Part]:
    parts = {}
    for name in os.listdir(folder):
        if name != _DESCRIPTION:
            number, md5, size = name.split("-")
            parts[int(number)] = Part(int(number), md5, int(size))
    return parts


def _chosen(tree: ElementTree.Element, stored: dict[int, Part]) -> list[Part]:
    """The parts a completion lists, each there with the ETag it names, in rising order, large enough."""
    chosen: list[Part] = []
    for element in tree.findall("Part"):
        number = element.findtext("PartNumber") or ""
        part = stored.get(int(number)) if number.isdecimal() and len(number) < 6 else None
        etag = (element.findtext("ETag") or "").strip().strip('"')
        if part is None or part.md5 != etag:
            raise S3Error("InvalidPart", f"part {number[:20]!r} with ETag {etag[:40]!r} was not uploaded")
        if chosen and part.number <= chosen[-1].number:
            raise S3Error("InvalidPartOrder", f"part {number} follows part {chosen[-1].number}")
        chosen.append(part)
    if not chosen:
        raise S3Error("MalformedXML", "a completion must list at least one part")
    for part in chosen[:-1]:
        if part.size < PART_BYTES:
            raise S3Error("EntityTooSmall", f"part {part.number} has {part.size} bytes of {PART_BYTES}")
    return chosen
