"""Buckets, which are the directories directly under DIR."""

from __future__ import annotations

import os

from .. import xml
from ..address import check_bucket, check_new_bucket
from ..answers import iso_time, xml_response
from ..config import REGION
from ..errors import S3Error
from ..http import Request, Response
from ..objects import ObjectStore
from ..walk import Walker

_OWNER: xml.Element = ("Owner", [("ID", "mock"), ("DisplayName", "mock")])


class Buckets:
    """Lists, makes and removes buckets."""

    def __init__(self, store: ObjectStore, walker: Walker) -> None:
        self._store = store
        self._walker = walker

    def list_all(self, _request: Request) -> Response:
        """Answer ListBuckets: every directory whose name a bucket may have."""
        entries: list[xml.Element] = []
        for name in sorted(os.listdir(self._store.root)):
            try:
                check_bucket(name)
                created = int(os.stat(self._store.bucket_path(name)).st_mtime)
            except S3Error:
                continue  # a file, a link, or a name no bucket may have
            entries.append(("Bucket", [("Name", name), ("CreationDate", iso_time(created))]))
        return xml_response("ListAllMyBucketsResult", [_OWNER, ("Buckets", entries)])

    def create(self, request: Request) -> Response:
        """Make a bucket; one that is there already stays as it is, as in us-east-1."""
        check_new_bucket(request.bucket)
        try:
            os.mkdir(f"{self._store.root}/{request.bucket}")
        except FileExistsError:
            self._store.bucket_path(request.bucket)
        return Response(200, {"Location": f"/{request.bucket}"})

    def head(self, request: Request) -> Response:
        """Answer HeadBucket."""
        self._store.bucket_path(request.bucket)
        return Response(200, {"x-amz-bucket-region": REGION})

    def location(self, request: Request) -> Response:
        """Answer GetBucketLocation; us-east-1 is written as an empty element."""
        self._store.bucket_path(request.bucket)
        return xml_response("LocationConstraint", [])

    def delete(self, request: Request) -> Response:
        """Remove a bucket that holds no object."""
        with self._store.lock:
            path = self._store.bucket_path(request.bucket)
            if not self._walker.is_empty(path):
                raise S3Error("BucketNotEmpty", f"{request.bucket} still holds objects")
            _remove_directories(path)
        return Response(204)


def _remove_directories(path: str) -> None:
    # Not rmtree: files that no key can name (links, pipes, names that are not UTF-8) are not ours to delete.
    for directory, _, _ in os.walk(path, topdown=False):
        try:
            os.rmdir(directory)
        except OSError as error:
            raise S3Error("BucketNotEmpty", f"{os.path.basename(path)}: {error.strerror}") from error
