"""One request and what becomes of it, from its head to the last byte of its answer."""

from __future__ import annotations

from dataclasses import dataclass, replace

from .answers import error_response
from .config import CONTROL_PREFIX
from .errors import S3Error
from .faults import ERRORS, ON_BODIES, ON_RANGES, Fault, Target
from .http import Request, Response
from .incoming import BodyReader, Incoming, is_aws_chunked
from .sending import UNDAMAGED, Damage
from .service import TAKES_BYTES, operation_name
from .state import State
from .stats import RequestRecord


@dataclass(slots=True)
class Exchange:
    """The state of one request. Its owner calls `close` in the end, whatever happened."""

    request: Request
    request_id: str
    incoming: Incoming
    reader: BodyReader
    started_s: float
    fault: Fault | None
    refusal: S3Error | None
    """What the head alone already deserves; the body is read and thrown away."""
    response: Response | None = None
    ready_at: float = 0.0
    """When the network lets the answer begin."""
    working: bool = False
    """A thread is at it, and has its files."""

    @property
    def is_control(self) -> bool:
        return self.request.path.startswith(CONTROL_PREFIX)

    @property
    def fault_kind(self) -> str:
        return self.fault.kind if self.fault else ""

    @property
    def object_name(self) -> str:
        """BUCKET/KEY, as fault plans name it."""
        return f"{self.request.bucket}/{self.request.key}"

    def check_body(self) -> S3Error | None:
        """Return why the request must be refused, if it must, now that its body is there."""
        if self.refusal is None:
            try:
                self.reader.finish()
            except S3Error as error:
                self.refusal = error
        return self.refusal

    def refuse(self, error: S3Error) -> Response:
        """Return the error as an answer to this request."""
        return error_response(
            error, resource=self.request.path, request_id=self.request_id, verb=self.request.verb
        )

    def close(self) -> None:
        """Let go of files."""
        self.incoming.discard()
        if self.response is not None:
            self.response.body.close()


def open_exchange(state: State, request: Request, *, started_s: float) -> Exchange:
    """Decide what a head alone decides: the operation, the fault, where the body goes.

    Raises S3Error when not even the end of the request can be told, so that the connection must close.
    """
    length = request.content_length()
    is_control = request.path.startswith(CONTROL_PREFIX)
    fault = None
    problem = None if is_control else _resolve(request)
    if problem is None and not is_control:
        fault = state.plan.next(target(request))
        request.changed = state.plan.is_changed(f"{request.bucket}/{request.key}")
        mislead(fault, request)
        problem = refusal(fault)
    incoming = None
    has_body = length != 0 or request.operation in TAKES_BYTES
    if has_body and problem is None and not (fault is not None and fault.kind == "reset"):
        try:
            incoming = state.service.incoming(request)
        except OSError as error:
            problem = internal_error(error)
    if incoming is None:
        incoming = Incoming(request.headers, keep=False)
    return Exchange(
        request=request,
        request_id=f"{next(state.request_ids):016X}",
        incoming=incoming,
        reader=BodyReader(incoming, length=length, aws_chunked=is_aws_chunked(request.headers)),
        started_s=started_s,
        fault=fault,
        refusal=problem,
    )


def internal_error(error: OSError) -> S3Error:
    """Return what a full disk, or one that cannot be written, is to a client."""
    return S3Error("InternalError", f"{type(error).__name__}: {error.strerror}")


def _resolve(request: Request) -> S3Error | None:
    try:
        request.resolve()
        request.operation = operation_name(request)
        if request.operation in TAKES_BYTES and not request.announces_body:
            raise S3Error("MissingContentLength", f"{request.operation} needs Content-Length")
    except S3Error as error:
        return error
    return None


def target(request: Request) -> Target:
    """Return what the rules of a fault plan look at."""
    return Target(
        verb=request.verb,
        name=f"{request.bucket}/{request.key}",
        byte_range=request.headers.get("range", "") + request.query.get("partNumber", ""),
        is_read=request.operation == "GetObject",
    )


def mislead(fault: Fault | None, request: Request) -> None:
    """Have a request answered for a range that it did not ask for, when a fault says so."""
    if fault is None or fault.kind not in ON_RANGES:
        return
    first, _, last = request.headers.pop("range").removeprefix("bytes=").partition("-")
    if fault.kind == "shift" and first.isdigit():
        request.headers["range"] = f"bytes={int(first) + 1}-{int(last) + 1 if last else ''}"


def refusal(fault: Fault | None) -> S3Error | None:
    """Return the error which a fault puts in place of the answer, if it is one of those."""
    return S3Error(*ERRORS[fault.kind]) if fault and fault.kind in ERRORS else None


def damage(fault: Fault | None, request: Request, response: Response) -> Damage:
    """Return what becomes of the body, and shorten the answer itself when the fault is `short`."""
    result = Damage(swap_case=True) if request.changed and response.status in (200, 206) else UNDAMAGED
    length = len(response.body)
    if fault is None or fault.kind not in ON_BODIES or response.status not in (200, 206) or not length:
        return result
    if fault.kind == "short":
        _shorten(response, length // 2)
        return result
    if fault.kind == "flip":
        return replace(result, flip_at=int(fault.position * length))
    if fault.kind == "cut":
        return replace(result, stop_at=length // 2, then="close")
    return replace(result, stop_at=length // 2, then="hold" if fault.kind == "stall" else "drip")


def _shorten(response: Response, length: int) -> None:
    response.body.shorten(length)
    span = response.headers.get("Content-Range")
    if span is not None:
        bounds, _, size = span.removeprefix("bytes ").partition("/")
        start = int(bounds.partition("-")[0])
        response.headers["Content-Range"] = f"bytes {start}-{start + max(length, 1) - 1}/{size}"


def count_begin(state: State, exchange: Exchange) -> None:
    """Count a request whose head has come; control requests are counted nowhere."""
    if exchange.is_control:
        return
    state.counts.began(exchange.request.verb)
    state.counts.operations[exchange.request.operation or "Unknown"] += 1
    if exchange.fault is not None:
        state.counts.faults[exchange.fault.kind] += 1


def count_end(state: State, exchange: Exchange, *, bytes_out: int, ended_s: float) -> None:
    """Count what a request moved, and log it."""
    if exchange.is_control:
        return
    request = exchange.request
    record = RequestRecord(
        verb=request.verb,
        operation=request.operation,
        bucket=request.bucket,
        key=request.key,
        range=request.headers.get("range", ""),
        status=exchange.response.status if exchange.response else 0,
        fault=exchange.fault_kind,
        bytes_in=exchange.incoming.size,
        bytes_out=bytes_out,
        started_s=round(exchange.started_s, 6),
        ended_s=round(ended_s, 6),
    )
    state.counts.ended(record)
