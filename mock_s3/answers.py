"""Answers in S3's words: XML documents, errors, times."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from . import xml
from .body import BytesBody
from .errors import S3Error
from .http import Response


def xml_response(root: str, content: Iterable[xml.Element]) -> Response:
    """Return an answer whose body is an XML document."""
    return Response(200, {"Content-Type": "application/xml"}, BytesBody(xml.document(root, content)))


def error_response(error: S3Error, *, resource: str, request_id: str, verb: str) -> Response:
    """Return an error as S3 sends it; a HEAD and a 304 get the status alone."""
    if verb == "HEAD" or error.status == 304:
        return Response(error.status, dict(error.headers))
    elements: list[xml.Element] = [
        ("Code", error.code),
        ("Message", error.message),
        ("Resource", resource),
        ("RequestId", request_id),
    ]
    body = BytesBody(xml.document("Error", elements, namespace=False))
    return Response(error.status, {"Content-Type": "application/xml", **error.headers}, body)


def iso_time(seconds: int) -> str:
    """Return a time as S3's XML writes it.

    >>> iso_time(0)
    '1970-01-01T00:00:00.000Z'
    """
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
