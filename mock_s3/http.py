"""HTTP/1.1 heads: requests parsed, responses rendered. Pure."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from urllib.parse import parse_qsl

from .address import Address, locate
from .body import Body, BytesBody
from .errors import S3Error

_NOWHERE = Address()
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")
_VERBS = frozenset({"GET", "HEAD", "PUT", "POST", "DELETE"})
_REASONS = {int(status): status.phrase for status in HTTPStatus}


@dataclass(slots=True)
class Request:
    """One request. Header names are lower case; of a repeated header the values are joined by commas."""

    verb: str
    target: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    keep_alive: bool
    address: Address = _NOWHERE
    operation: str = ""
    """S3's name of what is asked for, such as "GetObject"; empty until it is known."""
    changed: bool = False
    """A fault has the object look as if somebody had replaced it."""

    @property
    def bucket(self) -> str:
        return self.address.bucket

    @property
    def key(self) -> str:
        return self.address.key

    @property
    def announces_body(self) -> bool:
        """Whether the head says how the body ends."""
        return "content-length" in self.headers or "transfer-encoding" in self.headers

    def resolve(self) -> None:
        """Fill in `address` from path and Host. Raises S3Error for a name that leaves the directory."""
        self.address = locate(self.path, self.headers.get("host", ""))

    def content_length(self) -> int | None:
        """Return the declared length, None when the body is chunked. Raises S3Error when it is ambiguous.

        Without a declaration there is no body, as RFC 9112 6.3 has it.
        """
        declared = self.headers.get("content-length")
        if "transfer-encoding" in self.headers:
            # Both at once is how requests are smuggled past a proxy: RFC 9112 6.3 lets a server refuse.
            if declared is not None or self.headers["transfer-encoding"].lower() != "chunked":
                raise S3Error("InvalidRequest", "Transfer-Encoding must be chunked, without Content-Length")
            return None
        if declared is None:
            return 0
        if not (declared.isascii() and declared.isdigit() and len(declared) < 16):
            raise S3Error("InvalidRequest", f"Content-Length {declared[:40]!r} is not a length")
        return int(declared)


@dataclass(slots=True)
class Response:
    """One answer; `Content-Length` is the body's unless `length` says otherwise (HEAD)."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: Body = field(default_factory=lambda: BytesBody(b""))
    length: int | None = None


def parse_head(head: bytes) -> Request:
    """Parse a request line and headers, without the empty line. Raises S3Error for what is not HTTP/1.1."""
    first, *lines = head.decode("latin-1").split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or words[2] not in ("HTTP/1.1", "HTTP/1.0"):
        raise S3Error("InvalidRequest", f"{first[:80]!r} is not an HTTP/1.1 request line")
    verb, target, version = words
    if verb not in _VERBS:
        raise S3Error("MethodNotAllowed", f"{verb[:20]} is not a method of S3 that is served here")
    headers = _headers(lines)
    default = "keep-alive" if version == "HTTP/1.1" else "close"
    path, _, query = _origin_form(target).partition("?")
    return Request(
        verb=verb,
        target=target,
        path=path,
        query=dict(parse_qsl(query, keep_blank_values=True)) if query else {},
        headers=headers,
        keep_alive=headers.get("connection", default).lower() != "close",
    )


def _origin_form(target: str) -> str:
    if target.startswith("/"):
        return target
    if target.startswith(("http://", "https://")):
        return "/" + target.split("://", 1)[1].partition("/")[2]
    raise S3Error("InvalidURI", f"{target[:80]!r} is not a path")


def _headers(lines: list[str]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not _TOKEN.match(name) or "\n" in value or "\r" in value or "\0" in value:
            raise S3Error("InvalidRequest", f"{line[:80]!r} is not a header")
        name, value = name.lower(), value.strip()
        if name == "content-length" and headers.get(name, value) != value:
            raise S3Error("InvalidRequest", "two lengths")
        headers[name] = f"{headers[name]}, {value}" if name in headers and name != "content-length" else value
    return headers


def render_head(response: Response, *, request_id: str, keep_alive: bool) -> bytes:
    """Return status line and headers, the empty line included."""
    status = response.status
    lines = [
        f"HTTP/1.1 {status} {_REASONS.get(status, '')}\r\nServer: mock_s3\r\n"
        f"Date: {http_date(int(time.time()))}\r\nx-amz-request-id: {request_id}\r\n"
    ]
    lines += [f"{name}: {value}\r\n" for name, value in response.headers.items()]
    if status not in (204, 304):
        length = len(response.body) if response.length is None else response.length
        lines.append(f"Content-Length: {length}\r\n")
    if not keep_alive:
        lines.append("Connection: close\r\n")
    lines.append("\r\n")
    return "".join(lines).encode("latin-1", "replace")


_dates: dict[int, str] = {}


def http_date(seconds: int) -> str:
    """Return a time as HTTP writes it.

    >>> http_date(0)
    'Thu, 01 Jan 1970 00:00:00 GMT'
    """
    text = _dates.get(seconds)
    if text is None:
        # Formatting costs as much as the rest of a head; a server sees the same few times again and again.
        if len(_dates) > 10_000:
            _dates.clear()
        text = _dates[seconds] = formatdate(seconds, usegmt=True)
    return text
