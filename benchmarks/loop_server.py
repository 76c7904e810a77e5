"""A model server on loopback that speaks OpenAI's protocol, in a process of its own.

What a model says is in its name, so one server serves every case:

    script-N      the nine steps in order; every other N is a run of its own
    batch-N       one cell that makes 64 sub-calls
    stream-MS-N   thinks for so many milliseconds, then streams a reply for one second
    sub-MS        answers after so many milliseconds; `sub-0` at once

GET /log/MODEL returns when each of its requests arrived and when its first text was sent (time.time()).
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import loop_script

PIECE_CHARS = 40
"""Of a reply that comes at once; token by token would measure the SDK, which both systems share."""
STREAM_S = 1.0
STREAM_PIECES = 50
_OVERHEAD = {"id": "c1", "created": 1, "model": "m"}
_USAGE = {"prompt_tokens": 10, "completion_tokens": 10, "total_tokens": 20}


@dataclass(slots=True, kw_only=True)
class Said:
    """One reply: its pieces, and the time before the first and after each of them."""

    pieces: list[str]
    think_s: float = 0.0
    pause_s: float = 0.0


@dataclass(slots=True)
class Models:
    """Every model that was asked for so far, and when."""

    logs: dict[str, list[dict[str, float]]] = field(default_factory=lambda: defaultdict(list))

    def say(self, model: str, prompt: str) -> Said:
        """Return what a model says to its newest request, whose last message is `prompt`."""
        kind, _, rest = model.partition("-")
        if kind == "script":
            step = (len(self.logs[model]) - 1) % len(loop_script.STEPS)
            return Said(pieces=_cut(loop_script.reply(loop_script.STEPS[step])))
        if kind == "batch":
            return Said(pieces=_cut(loop_script.reply(loop_script.BATCH)))
        if kind == "stream":
            words = ["musing "] * STREAM_PIECES
            pause_s, think_s = STREAM_S / STREAM_PIECES, int(rest.partition("-")[0]) / 1000
            return Said(pieces=[*words, "\nFINAL(done)\n"], think_s=think_s, pause_s=pause_s)
        return Said(pieces=_cut(loop_script.sub_reply(prompt)), think_s=int(rest) / 1000)


def _cut(text: str) -> list[str]:
    return [text[start : start + PIECE_CHARS] for start in range(0, len(text), PIECE_CHARS)]


async def _converse(models: Models, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    # Replies are written in pieces: without this the kernel holds the second one back for 40 ms.
    writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            arrived_at = time.time()
            if head.startswith(b"GET /log/"):
                _send(writer, "application/json", json.dumps(models.logs[_path(head)[5:]]).encode())
                continue
            body = json.loads(await reader.readexactly(_length(head)))
            entry = {"arrived_at": arrived_at}
            models.logs[body["model"]].append(entry)
            said = models.say(body["model"], body["messages"][-1]["content"])
            await asyncio.sleep(said.think_s)
            if body.get("stream"):
                await _stream(writer, said, entry)
            else:
                entry["first_at"] = time.time()
                _send(writer, "application/json", _whole("".join(said.pieces)))
    except (asyncio.IncompleteReadError, ConnectionError):
        pass  # the client has hung up: that is how connections end
    finally:
        writer.close()


def _path(head: bytes) -> str:
    return head.split(b" ", 2)[1].decode()


def _length(head: bytes) -> int:
    return int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])


def _send(writer: asyncio.StreamWriter, kind: str, body: bytes) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)


def _whole(text: str) -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return json.dumps(
        {**_OVERHEAD, "object": "chat.completion", "choices": [choice], "usage": _USAGE}
    ).encode()


async def _stream(writer: asyncio.StreamWriter, said: Said, entry: dict[str, float]) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    writer.write(head + _event(_delta({"role": "assistant", "content": ""})))
    entry["first_at"] = time.time()
    for piece in said.pieces:
        writer.write(_event(_delta({"content": piece})))
        if said.pause_s:
            await asyncio.sleep(said.pause_s)
    writer.write(b"".join(_ending()))


def _ending() -> Iterator[bytes]:
    yield _event(_delta({}, "stop"))
    yield _event({"choices": [], "usage": _USAGE})
    yield _chunk(b"data: [DONE]\n\n")
    yield _chunk(b"")


def _delta(delta: dict[str, str], finish_reason: str | None = None) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}]}


def _event(data: dict[str, Any]) -> bytes:
    told = json.dumps({**_OVERHEAD, "object": "chat.completion.chunk", **data})
    return _chunk(f"data: {told}\n\n".encode())


def _chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


async def main() -> None:
    """Serve until standard input ends; the first line of output is the port."""
    models = Models()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _converse(models, reader, writer)

    server = await asyncio.start_server(converse, "127.0.0.1", 0, limit=2**26)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
