"""Google Cloud Storage and Azure Blob Storage for tests: as much of each as one bucket needs, on loopback."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

_PAGE_KEYS = 2


class Cloud(BaseHTTPRequestHandler):
    """One bucket. Objects are kept with the number of the write that made them."""

    protocol_version = "HTTP/1.1"
    # Head and body are two writes; without this the second waits for the client's delayed acknowledgement.
    disable_nagle_algorithm = True
    objects: ClassVar[dict[str, tuple[int, bytes]]]
    lock: ClassVar[threading.Lock]
    writes: ClassVar[int]

    def do_GET(self) -> None:
        key, query = self._asked()
        if not key:
            return self._answer(200, self._listed(query).encode())
        if key not in self.objects:
            return self._answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
        number, data = self.objects[key]
        headers = {"Last-Modified": formatdate(0, usegmt=True), **self._version(number, data)}
        wanted = self.headers.get("Range")
        if wanted is None:
            return self._answer(200, data, headers)
        first, last = wanted.removeprefix("bytes=").split("-")
        part = data[int(first) : int(last) + 1 if last else None]
        headers["Content-Range"] = f"bytes {first}-{int(first) + len(part) - 1}/{len(data)}"
        return self._answer(206, part, headers)

    do_HEAD = do_GET  # noqa: N815 - named by http.server

    def do_PUT(self) -> None:
        key, _ = self._asked()
        data = self.rfile.read(int(self.headers["Content-Length"]))
        with self.lock:
            status = self._refusal(self.objects.get(key))
            if status is None:
                type(self).writes += 1
                self.objects[key] = self.writes, data
        if status is not None:
            return self._answer(status, b"<Error><Code>ConditionNotMet</Code></Error>")
        return self._answer(201, b"", self._version(*self.objects[key]))

    def log_message(self, *_: object) -> None:
        pass

    def _asked(self) -> tuple[str, dict[str, str]]:
        parts = urlsplit(self.path)
        key = unquote(parts.path.removeprefix("/").partition("/")[2])
        return key, {name: values[0] for name, values in parse_qs(parts.query).items()}

    def _page(self, query: dict[str, str], *, after: str) -> tuple[list[str], str]:
        """Return some of the keys below the prefix, and behind which the next ones come."""
        keys = sorted(key for key in self.objects if key.startswith(query.get("prefix", "")))
        keys = [key for key in keys if key > query.get(after, "")]
        return keys[:_PAGE_KEYS], keys[_PAGE_KEYS - 1] if len(keys) > _PAGE_KEYS else ""

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _listed(self, query: dict[str, str]) -> str:
        raise NotImplementedError

    def _version(self, number: int, data: bytes) -> dict[str, str]:
        raise NotImplementedError

    def _refusal(self, there: tuple[int, bytes] | None) -> int | None:
        """Return the status that a write is refused with, None if its conditions hold."""
        raise NotImplementedError


class Google(Cloud):
    """The XML interface: conditions are on generations, an ETag is the MD5."""

    def _listed(self, query: dict[str, str]) -> str:
        keys, token = self._page(query, after="continuation-token")
        rows = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>{len(data)}</Size>"
            f"<LastModified>1970-01-01T00:00:00.000Z</LastModified><ETag>{_md5(data)}</ETag></Contents>"
            for key in keys
            for _, data in [self.objects[key]]
        )
        more = f"<NextContinuationToken>{escape(token)}</NextContinuationToken>" if token else ""
        return f"<ListBucketResult><IsTruncated>{bool(token)}</IsTruncated>{more}{rows}</ListBucketResult>"

    def _version(self, number: int, data: bytes) -> dict[str, str]:
        return {"ETag": _md5(data), "x-goog-generation": str(number)}

    def _refusal(self, there: tuple[int, bytes] | None) -> int | None:
        wanted = self.headers.get("x-goog-if-generation-match")
        number = there[0] if there else 0
        return 412 if wanted is not None and int(wanted) != number else None


class Azure(Cloud):
    """Blobs: an ETag has quotes in headers, and none in listings."""

    def _listed(self, query: dict[str, str]) -> str:
        keys, marker = self._page(query, after="marker")
        rows = "".join(
            f"<Blob><Name>{escape(key)}</Name><Properties><Content-Length>{len(data)}</Content-Length>"
            f"<Last-Modified>{formatdate(0, usegmt=True)}</Last-Modified><Etag>0x8D{number:X}</Etag>"
            "<Content-Type>text/plain</Content-Type></Properties></Blob>"
            for key in keys
            for number, data in [self.objects[key]]
        )
        return (
            f"<EnumerationResults><Blobs>{rows}</Blobs>"
            f"<NextMarker>{escape(marker)}</NextMarker></EnumerationResults>"
        )

    def _version(self, number: int, data: bytes) -> dict[str, str]:
        return {"ETag": f'"0x8D{number:X}"'}

    def _refusal(self, there: tuple[int, bytes] | None) -> int | None:
        if self.headers.get("If-None-Match") == "*" and there is not None:
            return 409
        wanted = self.headers.get("If-Match")
        found = self._version(*there)["ETag"] if there else ""
        return 412 if wanted is not None and wanted != found else None


@contextmanager
def serving(kind: type[Cloud]) -> Iterator[str]:
    """Serve one empty bucket, and yield the server's URL."""
    handler = type("Handler", (kind,), {"objects": {}, "lock": threading.Lock(), "writes": 0})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def _md5(data: bytes) -> str:
    return f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'
