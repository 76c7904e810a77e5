"""The control path /_mock/: counts, and the network and the faults changed while the server runs.

    GET  /_mock/stats       the counts              POST /_mock/reset      start counting anew
    GET  /_mock/requests    the latest requests     GET  /_mock/process    {"pid": ...}
    GET, PUT /_mock/network {"latency_ms": 150}     numbers left out stay as they are
    GET, PUT /_mock/faults  {"faults": "cut@3", "seed": 0}

No bucket can be named _mock. Control requests are answered at once and counted nowhere.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from .body import BytesBody
from .config import CONTROL_PREFIX
from .faults import FaultPlan
from .http import Request, Response
from .incoming import Incoming
from .network import Link
from .state import State


def answer(state: State, request: Request, incoming: Incoming) -> Response:
    """Carry a control request out; a bad one is answered 400 with the reason, and changes nothing."""
    action = _ACTIONS.get((request.verb, request.path.removeprefix(CONTROL_PREFIX)))
    if action is None:
        return _json({"error": f"{request.verb} {request.path} is not a control request"}, status=404)
    try:
        given = json.loads(incoming.data) if incoming.data else {}
        if not isinstance(given, dict):
            raise ValueError("give a JSON object")
        return _json(action(state, given))
    # What a wrong name or type of a setting raises; nothing else in the actions does.
    except (ValueError, TypeError) as error:
        return _json({"error": str(error)}, status=400)


def _json(value: Any, *, status: int = 200) -> Response:
    return Response(status, {"Content-Type": "application/json"}, BytesBody(json.dumps(value).encode()))


def _stats(state: State, _given: dict[str, Any]) -> Any:
    return state.counts.snapshot()


def _requests(state: State, _given: dict[str, Any]) -> Any:
    return list(state.counts.log)


def _process(_state: State, _given: dict[str, Any]) -> Any:
    return {"pid": os.getpid()}


def _reset(state: State, _given: dict[str, Any]) -> Any:
    state.counts.reset()
    return {}


def _network(state: State, given: dict[str, Any]) -> Any:
    if given:
        state.link = Link(replace(state.link.network, **given), seed=state.seed)
    return state.link.network.settings()


def _faults(state: State, given: dict[str, Any]) -> Any:
    if given:
        unknown = given.keys() - {"faults", "seed"}
        if unknown:
            raise ValueError(f"{', '.join(sorted(unknown))}: give faults and seed")
        spec, seed = given.get("faults", state.plan.spec), given.get("seed", state.plan.seed)
        if not isinstance(spec, str) or not isinstance(seed, int):
            raise ValueError("faults must be a str and seed an int")
        state.plan = FaultPlan(spec, seed=seed)
    return {"faults": state.plan.spec, "seed": state.plan.seed}


_ACTIONS: dict[tuple[str, str], Callable[[State, dict[str, Any]], Any]] = {
    ("GET", "stats"): _stats,
    ("GET", "requests"): _requests,
    ("GET", "process"): _process,
    ("POST", "reset"): _reset,
    ("GET", "network"): _network,
    ("PUT", "network"): _network,
    ("GET", "faults"): _faults,
    ("PUT", "faults"): _faults,
}
