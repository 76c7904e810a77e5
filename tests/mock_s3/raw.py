"""A client of plain sockets: it sends what it is told and reports what came, connection ends included."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from urllib.parse import urlsplit
from xml.etree import ElementTree

PATIENCE_S = 30.0


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> str:
        """S3's code of an error."""
        return ElementTree.fromstring(self.body).findtext("Code") or ""


class Raw:
    """One connection."""

    def __init__(self, url: str) -> None:
        address = urlsplit(url)
        self.socket = socket.create_connection((address.hostname, address.port), timeout=PATIENCE_S)
        self._file = self.socket.makefile("rb")

    def __enter__(self) -> Raw:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def ask(self, verb: str, target: str, *, body: bytes = b"", **headers: str) -> Answer:
        """Send one request (underscores in header names become hyphens) and return its answer."""
        self.send(request(verb, target, body=body, **headers))
        return self.answer(has_body=verb != "HEAD")

    def head(self) -> tuple[int, dict[str, str]]:
        """Read a status line and headers."""
        line = self._file.readline()
        if not line:
            raise EOFError("the connection is closed")
        headers = {}
        while (text := self._file.readline().decode().rstrip("\r\n")) != "":
            name, _, value = text.partition(": ")
            headers[name.lower()] = value
        return int(line.split()[1]), headers

    def read(self, size: int) -> bytes:
        """Read up to `size` bytes of a body, fewer when the connection ends."""
        return self._file.read(size)

    def answer(self, *, has_body: bool = True) -> Answer:
        """Read one whole answer."""
        status, headers = self.head()
        size = int(headers.get("content-length", 0)) if has_body and status >= 200 else 0
        body = self.read(size)
        assert len(body) == size, "the body was cut off"
        return Answer(status, headers, body)

    def at_end(self) -> bool:
        """Wait until the server closes the connection in good order; False when something comes instead."""
        return self._file.read(1) == b""


def request(verb: str, target: str, *, body: bytes = b"", **headers: str) -> bytes:
    """Return the bytes of one request."""
    fields = {"Host": "127.0.0.1", **{name.replace("_", "-"): value for name, value in headers.items()}}
    if body or verb == "PUT":
        fields.setdefault("Content-Length", str(len(body)))
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"{verb} {target} HTTP/1.1\r\n{lines}\r\n".encode() + body


def ask(url: str, verb: str, target: str, *, body: bytes = b"", **headers: str) -> Answer:
    """Send one request over a connection of its own and return its answer."""
    with Raw(url) as raw:
        return raw.ask(verb, target, body=body, **headers)
