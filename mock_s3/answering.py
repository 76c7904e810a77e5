"""From a whole request to its answer: at once when it is quick, in a thread when files make it slow."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from . import control
from .errors import S3Error
from .exchange import Exchange, internal_error
from .http import Response
from .state import State


def prepare(state: State, exchange: Exchange, done: Callable[[], None]) -> None:
    """Set `exchange.response`, then call `done`, perhaps later. A request that is to be reset gets none.

    While a thread works, `exchange.working` is true and the exchange's files belong to the thread.
    """
    if exchange.is_control:
        exchange.response = control.answer(state, exchange.request, exchange.incoming)
    elif exchange.fault_kind != "reset":
        error = exchange.check_body()
        exchange.response = _at_once(state, exchange) if error is None else refuse(state, exchange, error)
        if exchange.response is None:
            _in_thread(state, exchange, done)
            return
    done()


def refuse(state: State, exchange: Exchange, error: S3Error | OSError) -> Response:
    """Count an error and return it as an answer. An OSError, such as a full disk, is an InternalError."""
    if isinstance(error, OSError):
        error = internal_error(error)
    if error.status != 304:
        state.counts.errors[error.code] += 1
    return exchange.refuse(error)


def _at_once(state: State, exchange: Exchange) -> Response | None:
    try:
        return state.service.answer_at_once(exchange.request)
    except (S3Error, OSError) as error:
        return refuse(state, exchange, error)


def _in_thread(state: State, exchange: Exchange, done: Callable[[], None]) -> None:
    exchange.working = True

    def finish(job: asyncio.Future[Response]) -> None:
        exchange.working = False
        error = job.exception()
        if error is None:
            exchange.response = job.result()
            if exchange.request.verb not in ("GET", "HEAD"):
                state.plan.written(exchange.object_name)
        elif isinstance(error, S3Error | OSError):
            exchange.response = refuse(state, exchange, error)
        else:
            bug = S3Error("InternalError", "a defect of mock_s3; its traceback is on standard error")
            exchange.response = refuse(state, exchange, bug)
        done()
        if error is not None and not isinstance(error, S3Error | OSError):
            raise error  # to the event loop, which prints it

    loop = asyncio.get_running_loop()
    job = loop.run_in_executor(state.threads, state.service.answer, exchange.request, exchange.incoming)
    job.add_done_callback(finish)


def delay_s(state: State, exchange: Exchange, *, first: bool) -> float:
    """Return how long after the request its answer begins; `first` on its connection."""
    if exchange.is_control:
        return 0.0
    extra_s = exchange.fault.seconds if exchange.fault and exchange.fault.kind == "slow" else 0.0
    return state.link.delay_s(first=first) + extra_s
