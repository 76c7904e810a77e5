"""A server on loopback that streams as OpenAI, Anthropic and Bedrock do, and misbehaves on request."""

from __future__ import annotations

import base64
import json
import socket
import struct
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

OPENAI_PATH = "/v1/chat/completions"
ANTHROPIC_PATH = "/v1/messages"
BEDROCK_ENDING = "/invoke-with-response-stream"


@dataclass(kw_only=True)
class Plan:
    """How the server answers one request. `events` are sent as they are; `cut` closes without the end."""

    status: int = 200
    body: dict[str, Any] | None = None
    headers: dict[str, str] = field(default_factory=dict)
    events: list[tuple[str | None, Any]] = field(default_factory=list)
    cut: bool = False
    pause_s: float = 0.0


@dataclass
class Request:
    """One request as the server saw it."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


class ProviderServer:
    """Answers requests with its plans in order; the last one is repeated.

    `requests` keeps what came in, `connections` says how many are open now.
    """

    def __init__(self) -> None:
        self.plans: list[Plan] = []
        self.requests: list[Request] = []
        self._sockets: set[socket.socket] = set()
        self.stopping = threading.Event()
        self._lock = threading.Lock()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler_for(self))
        # Its threads are waited for on closing, so that no socket of one test is left to the next.
        self._http.daemon_threads = False
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def take(self, request: Request) -> Plan:
        with self._lock:
            self.requests.append(request)
            return self.plans.pop(0) if len(self.plans) > 1 else self.plans[0]

    @property
    def connections(self) -> int:
        return len(self._sockets)

    @contextmanager
    def connected(self, connection: socket.socket) -> Iterator[None]:
        with self._lock:
            self._sockets.add(connection)
        try:
            yield
        finally:
            with self._lock:
                self._sockets.discard(connection)

    def close(self) -> None:
        self.stopping.set()
        self._http.shutdown()
        with self._lock:
            for connection in self._sockets:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        self._http.server_close()
        self._thread.join()


@contextmanager
def provider_server() -> Iterator[ProviderServer]:
    server = ProviderServer()
    try:
        yield server
    finally:
        server.close()


def _handler_for(server: ProviderServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            headers = {name.lower(): value for name, value in self.headers.items()}
            plan = server.take(Request(self.path, headers, body))
            if plan.status != 200 or plan.body is not None:
                self._send_json(plan)
            else:
                self._send_events(plan)

        def _send_json(self, plan: Plan) -> None:
            data = json.dumps(plan.body).encode()
            self.send_response(plan.status)
            for name, value in {**plan.headers, "Content-Type": "application/json"}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def _send_events(self, plan: Plan) -> None:
            self.send_response(200)
            framed = self.path.endswith(BEDROCK_ENDING)
            kind = "application/vnd.amazon.eventstream" if framed else "text/event-stream"
            self.send_header("Content-Type", kind)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for name, data in plan.events:
                text = data if isinstance(data, str) else json.dumps(data)
                line = (f"event: {name}\n" if name else "") + f"data: {text}\n\n"
                self._send_chunk(aws_frame(text) if framed else line.encode())
                server.stopping.wait(plan.pause_s)
            if not plan.cut:
                self.wfile.write(b"0\r\n\r\n")
            self.close_connection = True

        def _send_chunk(self, data: bytes) -> None:
            self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
            self.wfile.flush()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: the tests read `requests`."""

        def handle(self) -> None:
            # A client that hangs up early is one of the things under test.
            with server.connected(self.connection), suppress(BrokenPipeError, ConnectionResetError):
                super().handle()

    return Handler


def aws_frame(text: str) -> bytes:
    """Return an event as one message of AWS's event stream: lengths, headers, payload, checksums."""
    payload = json.dumps({"bytes": base64.b64encode(text.encode()).decode()}).encode()
    headers = b"".join(
        bytes([len(name)]) + name + b"\x07" + struct.pack(">H", len(value)) + value
        for name, value in (
            (b":event-type", b"chunk"),
            (b":content-type", b"application/json"),
            (b":message-type", b"event"),
        )
    )
    lengths = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    message = lengths + struct.pack(">I", zlib.crc32(lengths)) + headers + payload
    return message + struct.pack(">I", zlib.crc32(message))


def openai_events(
    pieces: list[str],
    *,
    finish: str | None = "stop",
    usage: tuple[int, int] | None = (12, 5),
    cached: int = 0,
    cost: float | None = None,
) -> list[tuple[str | None, Any]]:
    """Return the chunks of a streamed chat completion, its usage chunk and [DONE]."""

    def chunk(**more: Any) -> tuple[None, Any]:
        return None, {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", **more}

    def choice(delta: dict[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
        return {"index": 0, "delta": delta, "finish_reason": finish_reason}

    events: list[tuple[str | None, Any]] = [chunk(choices=[choice({"role": "assistant", "content": ""})])]
    events += [chunk(choices=[choice({"content": piece})]) for piece in pieces]
    if finish is not None:
        events.append(chunk(choices=[choice({}, finish)]))
    if usage is not None:
        tokens = {"prompt_tokens": usage[0], "completion_tokens": usage[1], "total_tokens": sum(usage)}
        told = {} if cost is None else {"cost": cost}
        details = {"prompt_tokens_details": {"cached_tokens": cached}}
        events.append(chunk(choices=[], usage={**tokens, **details, **told}))
    return [*events, (None, "[DONE]")] if finish is not None else events


def anthropic_events(
    pieces: list[str],
    *,
    stop: str | None = "end_turn",
    usage: tuple[int, int] = (12, 5),
    cached: tuple[int, int] = (0, 0),
    thinking: str = "",
) -> list[tuple[str | None, Any]]:
    """Return the events of a streamed message; `cached` is what was written to and read from the cache."""
    start = {"input_tokens": usage[0], "output_tokens": 1}
    start |= {"cache_creation_input_tokens": cached[0], "cache_read_input_tokens": cached[1]}
    message = {
        "id": "m1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [],
        "usage": start,
    }
    events: list[Any] = [{"type": "message_start", "message": message}]
    events.append({"type": "ping"})
    index = 0
    if thinking:
        block = {"type": "thinking", "thinking": "", "signature": ""}
        events.append({"type": "content_block_start", "index": 0, "content_block": block})
        delta = {"type": "thinking_delta", "thinking": thinking}
        events.append({"type": "content_block_delta", "index": 0, "delta": delta})
        events.append({"type": "content_block_stop", "index": 0})
        index = 1
    events.append(
        {"type": "content_block_start", "index": index, "content_block": {"type": "text", "text": ""}}
    )
    for piece in pieces:
        delta = {"type": "text_delta", "text": piece}
        events.append({"type": "content_block_delta", "index": index, "delta": delta})
    if stop is not None:
        events.append({"type": "content_block_stop", "index": index})
        ended = {"stop_reason": stop, "stop_sequence": None}
        events.append({"type": "message_delta", "delta": ended, "usage": {"output_tokens": usage[1]}})
        events.append({"type": "message_stop"})
    return [(event["type"], event) for event in events]
