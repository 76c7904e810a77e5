"""From a request to the operation it asks for, and to the answer. Knows nothing of sockets."""

from __future__ import annotations

from collections.abc import Callable

from .config import INLINE_HASH_BYTES
from .errors import S3Error
from .http import Request, Response
from .incoming import Incoming
from .objects import ObjectStore
from .operations.buckets import Buckets
from .operations.listing import Listings
from .operations.multipart import Multipart
from .operations.objects import Objects
from .walk import Walker

Operation = Callable[[Request, Incoming], Response]

# What S3 selects by a bare query parameter. One that is not served must be refused: answering "?acl"
# with the object itself would be a wrong answer.
_SUBRESOURCES = frozenset(
    """
    accelerate acl analytics attributes cors delete encryption intelligent-tiering inventory legal-hold
    lifecycle location logging metrics notification object-lock ownershipControls partNumber policy
    policyStatus publicAccessBlock replication requestPayment restore retention select tagging torrent
    uploadId uploads versionId versioning versions website
    """.split()  # noqa: SIM905 - a list literal of forty short words is forty lines
)


TAKES_BYTES = ("PutObject", "UploadPart")
"""Operations whose body is, or becomes part of, an object."""


class Service:
    """Everything that S3 does here, over one directory."""

    def __init__(self, directory: str) -> None:
        self.store = ObjectStore(directory)
        walker = Walker()
        self._objects = Objects(self.store)
        self._buckets = Buckets(self.store, walker)
        self._listings = Listings(self.store, walker)
        self._multipart = Multipart(self.store, self._objects)
        self._operations = self._table()

    def incoming(self, request: Request) -> Incoming:
        """Return where the request's body goes: a new file for the bytes of an object, else memory."""
        if request.operation in TAKES_BYTES:
            return Incoming(request.headers, path=self.store.new_file())
        return Incoming(request.headers)

    def answer_at_once(self, request: Request) -> Response | None:
        """Return the answer to a read that needs no thread, else None. Raises S3Error."""
        if request.query or not request.key or request.verb not in ("GET", "HEAD"):
            return None
        return self._objects.read(request, hash_bytes=INLINE_HASH_BYTES)

    def answer(self, request: Request, incoming: Incoming) -> Response:
        """Carry the request out; may take as long as its files do. Raises S3Error."""
        return self._operations[request.operation](request, incoming)

    def _table(self) -> dict[str, Operation]:
        bodiless: dict[str, Callable[[Request], Response]] = {
            "GetObject": self._read,
            "HeadObject": self._read,
            "CopyObject": self._objects.copy,
            "DeleteObject": self._objects.delete,
            "CreateMultipartUpload": self._multipart.create,
            "UploadPartCopy": self._multipart.copy_part,
            "AbortMultipartUpload": self._multipart.abort,
            "ListParts": self._multipart.list_parts,
            "ListMultipartUploads": self._multipart.list_uploads,
            "ListObjectsV2": self._listings.list_v2,
            "ListObjects": self._listings.list_v1,
            "ListBuckets": self._buckets.list_all,
            "CreateBucket": self._buckets.create,
            "HeadBucket": self._buckets.head,
            "GetBucketLocation": self._buckets.location,
            "DeleteBucket": self._buckets.delete,
        }
        table: dict[str, Operation] = {name: _ignoring_body(run) for name, run in bodiless.items()}
        table["PutObject"] = self._objects.put
        table["UploadPart"] = self._multipart.put_part
        table["CompleteMultipartUpload"] = self._multipart.complete
        table["DeleteObjects"] = self._objects.delete_many
        return table

    def _read(self, request: Request) -> Response:
        response = self._objects.read(request)
        assert response is not None
        return response


def _ignoring_body(run: Callable[[Request], Response]) -> Operation:
    return lambda request, _incoming: run(request)


def operation_name(request: Request) -> str:
    """Return S3's name of what is asked for. Raises S3Error: "NotImplemented", "MethodNotAllowed".

    The parameters that S3 itself ignores (signatures, x-id) are ignored.
    """
    asked = _SUBRESOURCES.intersection(request.query) if request.query else _NOTHING
    if request.query.get("versionId") == "null":
        asked -= {"versionId"}
    if request.key:
        name = _ON_OBJECT.get((request.verb, asked), "")
        if "x-amz-copy-source" in request.headers:
            name = _COPIES.get(name, name)
    elif request.bucket:
        name = _ON_BUCKET.get((request.verb, asked), "")
        if name == "ListObjects" and request.query.get("list-type") == "2":
            name = "ListObjectsV2"
    else:
        name = "ListBuckets" if request.verb == "GET" else ""
    if name:
        return name
    what = f"{request.verb} ?{'&'.join(sorted(asked))}" if asked else request.verb
    raise S3Error("NotImplemented" if asked else "MethodNotAllowed", f"{what} is not served here")


_NOTHING: frozenset[str] = frozenset()
_PART = frozenset({"partNumber", "uploadId"})

_ON_OBJECT = {
    ("GET", _NOTHING): "GetObject",
    ("GET", frozenset({"partNumber"})): "GetObject",
    ("GET", frozenset({"uploadId"})): "ListParts",
    ("HEAD", _NOTHING): "HeadObject",
    ("HEAD", frozenset({"partNumber"})): "HeadObject",
    ("PUT", _NOTHING): "PutObject",
    ("PUT", _PART): "UploadPart",
    ("POST", frozenset({"uploads"})): "CreateMultipartUpload",
    ("POST", frozenset({"uploadId"})): "CompleteMultipartUpload",
    ("DELETE", _NOTHING): "DeleteObject",
    ("DELETE", frozenset({"uploadId"})): "AbortMultipartUpload",
}
_COPIES = {"PutObject": "CopyObject", "UploadPart": "UploadPartCopy"}
_ON_BUCKET = {
    ("GET", _NOTHING): "ListObjects",
    ("GET", frozenset({"location"})): "GetBucketLocation",
    ("GET", frozenset({"uploads"})): "ListMultipartUploads",
    ("HEAD", _NOTHING): "HeadBucket",
    ("PUT", _NOTHING): "CreateBucket",
    ("POST", frozenset({"delete"})): "DeleteObjects",
    ("DELETE", _NOTHING): "DeleteBucket",
}
