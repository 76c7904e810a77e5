"""One connection: requests in, answers out, strictly in turn, each no sooner than the network allows."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import Any

from . import answering
from .answers import error_response
from .config import HEAD_BYTES
from .errors import S3Error
from .exchange import Exchange, count_begin, count_end, damage, open_exchange
from .http import Request, parse_head, render_head
from .network import Link, Pacer
from .sending import Sending
from .state import State

_WRITE_BUFFER_BYTES = 1 << 20


class Connection(asyncio.Protocol):
    """The server's side of a keep-alive connection. Pipelined requests wait in the buffer for their turn."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray()
        self._exchange: Exchange | None = None
        self._sending: Sending | None = None
        self._busy = False
        """An answer is being made or sent; no further request is looked at."""
        self._advancing = False
        self._write_full = False
        self._lost = False
        self._answered_any = False
        self._link: Link | None = None
        self._own_pacer: Pacer | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.set_write_buffer_limits(high=_WRITE_BUFFER_BYTES)
        self._state.transports.add(transport)
        self._state.counts.connected()

    def data_received(self, data: bytes) -> None:
        pacer = self._pacer()
        wait_s = pacer.receive_wait_s(len(data), self._loop.time()) if pacer else 0.0
        if wait_s > 0:
            self._transport.pause_reading()
        self._at(self._loop.time() + wait_s, self._take, data)

    # No eof_received: a client that shuts down its sending side counts as gone, as with nginx. It looks the
    # same as one that gave up waiting, which matters more here: those must leave `in_flight` at once.

    def pause_writing(self) -> None:
        self._write_full = True
        if self._sending is not None:
            self._sending.blocked = True

    def resume_writing(self) -> None:
        self._write_full = False
        if self._sending is not None:
            self._sending.blocked = False
            self._sending.pump()

    def connection_lost(self, _exc: Exception | None) -> None:
        self._lost = True
        if self._sending is not None:
            self._sending.cancel()
        self._state.transports.discard(self._transport)
        self._state.counts.disconnected()
        # A thread that still works on the exchange has its files; it is closed when the thread is done.
        if self._exchange is None or not self._exchange.working:
            self._close_exchange()

    def _pacer(self) -> Pacer | None:
        if self._link is not self._state.link:
            self._link = self._state.link
            self._own_pacer = self._link.pacer()
        return self._own_pacer

    def _at(self, when: float, call: Callable[..., None], *args: Any) -> None:
        """Call now if it is time, else then, unless the connection is lost by then."""
        if when <= self._loop.time():
            call(*args)
        else:
            self._loop.call_at(when, lambda: None if self._lost else call(*args))

    # Requests in.

    def _take(self, data: bytes) -> None:
        self._buffer += data
        self._advance()
        if self._busy and len(self._buffer) > HEAD_BYTES:
            self._transport.pause_reading()
        elif not self._transport.is_closing():
            self._transport.resume_reading()

    def _advance(self) -> None:
        """Read and answer requests until more bytes, or an answer under way, are needed."""
        if self._advancing:
            return
        self._advancing = True
        try:
            while not (self._busy or self._transport.is_closing()) and self._step():
                pass
        finally:
            self._advancing = False

    def _step(self) -> bool:
        if self._exchange is None:
            self._begin()
        exchange = self._exchange
        if exchange is None:
            return False
        if not exchange.reader.done:
            if not self._buffer:
                return False
            self._read_body(exchange)
        if exchange.reader.done and not self._busy:
            self._dispatch(exchange)
        return True

    def _begin(self) -> None:
        """Open an exchange if a whole head is there."""
        while self._buffer[:2] == b"\r\n":
            del self._buffer[:2]
        end = self._buffer.find(b"\r\n\r\n", 0, HEAD_BYTES)
        if end < 0 and len(self._buffer) < HEAD_BYTES:
            return
        request = None
        try:
            if end < 0:
                raise S3Error("InvalidRequest", f"the request's head exceeds {HEAD_BYTES} bytes")
            request = parse_head(bytes(self._buffer[:end]))
            del self._buffer[: end + 4]
            exchange = open_exchange(self._state, request, started_s=self._loop.time())
        except S3Error as error:
            self._refuse_connection(error, request)
            return
        self._exchange = exchange
        count_begin(self._state, exchange)
        expects = request.headers.get("expect", "").lower() == "100-continue"
        if expects and not exchange.reader.done:
            self._at(self._loop.time() + self._state.link.delay_s(first=False), self._continue, exchange)

    def _continue(self, exchange: Exchange) -> None:
        if self._exchange is exchange and not exchange.reader.done:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _refuse_connection(self, error: S3Error, request: Request | None) -> None:
        """Answer what is not HTTP and close: where the next request would begin, nobody can tell."""
        self._state.counts.errors[error.code] += 1
        response = error_response(error, resource=request.path if request else "", request_id="0", verb="")
        body = response.body.read(0, len(response.body))
        self._transport.write(render_head(response, request_id="0", keep_alive=False) + body)
        self._transport.close()

    def _read_body(self, exchange: Exchange) -> None:
        data, self._buffer = self._buffer, bytearray()
        try:
            self._buffer += exchange.reader.feed(bytes(data))
        except (S3Error, OSError) as error:
            self._refuse_body(exchange, error)

    def _refuse_body(self, exchange: Exchange, error: S3Error | OSError) -> None:
        exchange.request.keep_alive = False
        self._busy = True
        exchange.response = answering.refuse(self._state, exchange, error)
        self._prepared()

    # Answers out.

    def _dispatch(self, exchange: Exchange) -> None:
        self._busy = True
        delay_s = answering.delay_s(self._state, exchange, first=not self._answered_any)
        exchange.ready_at = self._loop.time() + delay_s
        self._answered_any = True
        answering.prepare(self._state, exchange, self._prepared)

    def _prepared(self) -> None:
        exchange = self._exchange
        assert exchange is not None
        if self._lost:
            self._close_exchange()
        else:
            reset = exchange.fault_kind in ("reset", "lost")
            self._at(exchange.ready_at, self._reset if reset else self._send)

    def _send(self) -> None:
        exchange = self._exchange
        assert exchange is not None
        assert exchange.response is not None
        response = exchange.response
        harm = damage(exchange.fault, exchange.request, response)
        head = render_head(response, request_id=exchange.request_id, keep_alive=exchange.request.keep_alive)
        self._sending = Sending(
            self._transport, response.body, damage=harm, pacer=self._pacer(), done=self._sent
        )
        self._sending.blocked = self._write_full
        self._sending.start(head)

    def _sent(self, whole: bool) -> None:
        exchange = self._exchange
        assert exchange is not None
        self._close_exchange()
        if not whole or not exchange.request.keep_alive:
            self._transport.close()
            return
        self._busy = False
        if self._buffer:
            self._take(b"")

    def _reset(self) -> None:
        """Break the connection off with RST, which is what lingering for no time does."""
        connected = self._transport.get_extra_info("socket")
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    def _close_exchange(self) -> None:
        exchange, self._exchange = self._exchange, None
        bytes_out = self._sending.sent if self._sending else 0
        self._sending = None
        if exchange is not None:
            exchange.close()
            count_end(self._state, exchange, bytes_out=bytes_out, ended_s=self._loop.time())
