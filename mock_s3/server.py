"""The server process: an event loop that listens until it is told to stop, or until its parent is gone."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable

from .config import PARENT_POLL_S
from .connection import Connection
from .network import Network
from .state import State, new_state

_BACKLOG = 1024
_STDIN = 0
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def run(
    directory: str,
    *,
    host: str,
    port: int,
    network: Network,
    faults: str,
    seed: int,
    until_eof: bool,
    on_ready: Callable[[str], None],
) -> None:
    """Serve a directory until SIGINT or SIGTERM, or with `until_eof` until standard input ends.

    Calls `on_ready(url)` once connections are accepted. Raises OSError when it cannot listen there, and
    ValueError for a bad fault plan.
    """
    state = new_state(directory, network=network, faults=faults, seed=seed)
    asyncio.run(_serve(state, host=host, port=port, until_eof=until_eof, on_ready=on_ready))


async def _serve(
    state: State, *, host: str, port: int, until_eof: bool, on_ready: Callable[[str], None]
) -> None:
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in _STOP_SIGNALS:
        loop.add_signal_handler(number, stopped.set)
    server = await loop.create_server(lambda: Connection(state), host, port, backlog=_BACKLOG)
    if until_eof:
        _stop_without_parent(loop, stopped)
    address, bound_port = server.sockets[0].getsockname()[:2]
    on_ready(f"http://[{address}]:{bound_port}" if ":" in address else f"http://{address}:{bound_port}")
    await stopped.wait()
    for number in _STOP_SIGNALS:
        # One more of them would find the loop half closed, and asyncio would tell of that with a traceback.
        loop.remove_signal_handler(number)
        signal.signal(number, signal.SIG_IGN)
    server.close()
    for transport in tuple(state.transports):
        transport.abort()
    await asyncio.sleep(0)  # one turn of the loop, in which the connections let go of their files
    state.threads.shutdown(wait=True, cancel_futures=True)


def _stop_without_parent(loop: asyncio.AbstractEventLoop, stopped: asyncio.Event) -> None:
    """Stop when standard input ends, and when the parent is gone though a fork of it holds the pipe open."""

    def wait_for_end() -> None:
        # Not sys.stdin: an interpreter that ends while a thread waits in there aborts over its lock.
        while os.read(_STDIN, 4096):
            pass
        loop.call_soon_threadsafe(stopped.set)

    def look(parent: int) -> None:
        if os.getppid() != parent:
            stopped.set()
        loop.call_later(PARENT_POLL_S, look, parent)

    threading.Thread(target=wait_for_end, daemon=True).start()
    look(os.getppid())
