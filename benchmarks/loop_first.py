"""From the first text that the server sends to where the user sees it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from subprocess import DEVNULL
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import start_new_kernel
from loop_place import Place
from loop_rows import Row

import rlm_magic
from rlm_magic.events import Event, TextStreamed

_AIM_MS = 50
_KERNEL_S = 60


def first_token(place: Place) -> Iterator[Row]:
    """The first piece of a reply: as an event of a run, and as a message to a Jupyter front end."""
    think_ms = place.sizes.think_ms
    yield _row(
        f"first text, to the event TextStreamed, after {think_ms} ms",
        [_to_event(place, think_ms) for _ in range(place.sizes.tokens)],
    )
    with _notebook() as client:
        _to_front_end(client, place, think_ms)  # imports are not what is measured
        for thought_ms in (think_ms, 0):
            yield _row(
                f"first text, to the status line of a Jupyter front end, after {thought_ms} ms",
                [_to_front_end(client, place, thought_ms) for _ in range(place.sizes.tokens)],
            )


def _row(case: str, delays_s: list[float]) -> Row:
    worst_ms = 1000 * max(delays_s)
    return Row(
        case=case,
        ours=f"{worst_ms:.1f} ms",
        value=worst_ms,
        unit="ms, the worst",
        aim=_AIM_MS,
        note=f"of {len(delays_s)}; rlms streams nothing",
    )


def _to_event(place: Place, think_ms: int) -> float:
    seen: list[float] = []

    def watch(event: Event) -> None:
        if isinstance(event, TextStreamed):
            seen.append(time.time())

    model = place.new_model(f"stream-{think_ms}")
    name = f"vllm:{model}@{place.url}"
    rlm_magic.ask("What do you think?", "A text.\n", model=name, sub_model=name, on_event=watch)
    return seen[0] - place.log(model)[0]["first_at"]


def _to_front_end(client: BlockingKernelClient, place: Place, think_ms: int) -> float:
    model = place.new_model(f"stream-{think_ms}")
    name = f"vllm:{model}@{place.url}"
    request = client.execute(f"%rlm --model {name} --sub-model {name} --progress html What do you think?")
    seen_at = 0.0
    for at, message in _messages(client, request):
        text = message["content"].get("data", {}).get("text/plain", "")
        if not seen_at and "musing" in text:
            seen_at = at
    if not seen_at:
        raise RuntimeError("the status line never told of the reply while it streamed")
    return seen_at - place.log(model)[0]["first_at"]


@contextmanager
def _notebook() -> Iterator[BlockingKernelClient]:
    """Yield the client of a new kernel that has the extension and a context."""
    manager, client = start_new_kernel(kernel_name="python3", stderr=DEVNULL)
    try:
        for code in ("%load_ext rlm_magic", "%%rlm_context page\nA text."):
            for _, message in _messages(client, client.execute(code)):
                if message["msg_type"] == "error":
                    raise RuntimeError("\n".join(message["content"]["traceback"]))
        yield client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def _messages(client: BlockingKernelClient, request: str) -> Iterator[tuple[float, dict[str, Any]]]:
    """Yield what the kernel says about a request, each with when it came, until it is idle again."""
    while True:
        message = client.get_iopub_msg(timeout=_KERNEL_S)
        at = time.time()
        if message["parent_header"].get("msg_id") != request:
            continue
        yield at, message
        if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
            return
