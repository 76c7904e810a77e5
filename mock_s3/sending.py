"""One answer on its way out: in pieces, no faster than the link, damaged if a fault says so."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from .body import Body
from .config import CHUNK_BYTES
from .network import Pacer

DRIP_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """What happens to a body on its way. Offsets count from the body's first byte."""

    stop_at: int | None = None
    then: Literal["close", "hold", "drip"] = "close"
    """What follows after `stop_at` bytes: the end of the connection, nothing at all, a byte a second."""
    flip_at: int | None = None
    swap_case: bool = False

    def apply(self, offset: int, data: bytes) -> bytes:
        """Return the piece at `offset` as it arrives.

        >>> Damage(flip_at=5).apply(4, b"abc")
        b'acc'
        """
        if self.swap_case:
            data = data.swapcase()
        if self.flip_at is not None and offset <= self.flip_at < offset + len(data):
            at = self.flip_at - offset
            data = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        return data


UNDAMAGED = Damage()


class Sending:
    """Sends head and body, then calls `done(whole)`: False when the connection has to go.

    It keeps at most one piece beyond what the transport has taken, so a body of any size costs no memory.
    """

    def __init__(
        self,
        transport: asyncio.Transport,
        body: Body,
        *,
        damage: Damage,
        pacer: Pacer | None,
        done: Callable[[bool], None],
    ) -> None:
        self.sent = 0
        """Bytes of the body handed to the transport."""
        self.blocked = False
        """The transport's buffer is full; `pump` goes on when it is not."""
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._body = body
        self._damage = damage
        self._pacer = pacer
        self._done = done
        self._head = b""
        self._limit = len(body) if damage.stop_at is None else damage.stop_at
        self._chunk_bytes = pacer.chunk_bytes if pacer else CHUNK_BYTES
        self._timer: asyncio.TimerHandle | None = None
        self._over = False

    def start(self, head: bytes) -> None:
        """Send the head and as much of the body as goes now."""
        # With the first piece in one write: two small writes would be two packets and two system calls.
        self._head = head
        self.pump()

    def pump(self) -> None:
        """Send on, until the body ends, the transport is full, or the link is busy."""
        # A transport that is closing drops what is written: reading a large file for it would be in vain.
        while not (self.blocked or self._over or self._timer or self._transport.is_closing()):
            if self.sent >= self._limit:
                self._end()
                return
            piece = self._body.read(self.sent, min(self._chunk_bytes, self._limit - self.sent))
            if not piece:
                self._finish(whole=False)  # truncated in place, so the announced length cannot be kept
                return
            self._send_or_wait(self._damage.apply(self.sent, piece))

    def _send_or_wait(self, piece: bytes) -> None:
        if self._pacer is not None:
            wait_s = self._pacer.send_wait_s(len(piece), self._loop.time())
            if wait_s > 0:
                self._flush_head()
                self._timer = self._loop.call_later(wait_s, self._send_later, piece)
                return
        self._write(piece)

    def _send_later(self, piece: bytes) -> None:
        self._timer = None
        self._write(piece)
        self.pump()

    def _write(self, piece: bytes) -> None:
        self.sent += len(piece)
        head, self._head = self._head, b""
        self._transport.write(head + piece if head else piece)

    def _flush_head(self) -> None:
        if self._head:
            self._write(b"")

    def _end(self) -> None:
        self._flush_head()
        if self._damage.stop_at is None:
            self._finish(whole=True)
        elif self._damage.then == "close":
            self._finish(whole=False)
        elif self._damage.then == "drip" and self.sent < len(self._body):
            self._limit += 1
            piece = self._damage.apply(self.sent, self._body.read(self.sent, 1))
            self._timer = self._loop.call_later(DRIP_S, self._send_later, piece)
        elif self._damage.then == "drip":
            self._finish(whole=True)
        # "hold": the client has to lose its patience; its leaving cancels this.

    def _finish(self, *, whole: bool) -> None:
        self._over = True
        self._done(whole)

    def cancel(self) -> None:
        """Stop without calling `done`."""
        self._over = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
