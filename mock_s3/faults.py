"""Faults, by a plan that is the same for the same seed.

A plan is written as rules, separated by commas; the first rule that strikes a request decides:

    slowdown:0.1                    one request in ten is answered 503 SlowDown
    cut@3                           the third object read breaks off half way
    error@1 per=key                 the first request for each object fails with 500
    flip:0.5 key=logs/*.txt         one read in two of these objects has one bit flipped
    stall@2-4 times=2               of the second to fourth read, two stall
    forbidden verb=PUT              every PUT is refused
    slow:0.02 seconds=1.5           one request in fifty takes 1.5 s longer

Answered instead of the request: slowdown (503), error (500), forbidden (403), expired (400 ExpiredToken),
skewed (403 RequestTimeTooSkewed), missing (404 NoSuchKey), conflict (409 ConditionalRequestConflict), reset
(connection reset without an answer).
Carried out, and then: lost (connection reset instead of the answer), slow.
Only on reads of objects that have bytes: cut (connection closed half way), stall (nothing more after half),
drip (a byte a second after half), flip (one bit), short (half the bytes, with headers to match), shift (a
Range is answered by as many bytes from one place further on, and Content-Range says so), whole (a Range is
answered by 200 and the whole object).
On GET and HEAD of objects: change (from here on the object looks replaced: another ETag, 412 to If-Match,
letters in the other case), until it is written, or faults are set anew.

A rule without `:P` or `@N` strikes always. With `@N` it counts the requests it could strike, in order of
arrival; with `:P` the seed, the request (verb, object, range) and how often that same request came decide,
so that a plan does not depend on which of many parallel requests came first. `key` is a shell pattern for
BUCKET/KEY in which `*` passes slashes and `%2C` stands for a comma, `%20` for a blank.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from dataclasses import dataclass
from fnmatch import fnmatchcase
from urllib.parse import unquote

ERRORS = {
    "slowdown": ("SlowDown", "please reduce your request rate"),
    "error": ("InternalError", "we encountered an internal error, please try again"),
    "forbidden": ("AccessDenied", "access denied"),
    "expired": ("ExpiredToken", "the provided token has expired"),
    "skewed": ("RequestTimeTooSkewed", "the request's time is too far from the server's"),
    "missing": ("NoSuchKey", "the specified key does not exist"),
    "conflict": ("ConditionalRequestConflict", "a conflicting operation is under way on this object"),
}
ON_BODIES = ("cut", "stall", "drip", "flip", "short")
ON_RANGES = ("shift", "whole")
KINDS = (*ERRORS, "reset", "lost", "slow", *ON_BODIES, *ON_RANGES, "change")

_TRIGGER = re.compile(r"([a-z]+)(?::([0-9.eE+-]+)|@(\d{1,9})(?:-(\d{1,9}))?)?\Z", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule of a plan; see the module's text for what the fields do."""

    kind: str
    probability: float = 1.0
    nth: range | None = None
    key: str = "*"
    verb: str = ""
    times: int | None = None
    per_key: bool = False
    seconds: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What strikes one request. `position` in [0, 1) says where in a body, `seconds` how much later."""

    kind: str
    position: float
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """As much of a request as rules look at. `name` is BUCKET/KEY; `is_read` is GET of an object."""

    verb: str
    name: str
    byte_range: str
    is_read: bool


def parse_faults(spec: str) -> tuple[Rule, ...]:
    """Read a plan. Raises ValueError naming the rule at fault.

    >>> parse_faults("cut@3 key=logs/*")[0].nth
    range(3, 4)
    """
    return tuple(_parse_rule(text.strip()) for text in spec.split(",") if text.strip())


def _parse_rule(text: str) -> Rule:
    first, *options = text.split()
    found = _TRIGGER.match(first)
    if found is None or found[1] not in KINDS:
        raise ValueError(
            f"fault {text!r}: give KIND, KIND:PROBABILITY or KIND@N, with KIND of {', '.join(KINDS)}"
        )
    rule: dict[str, object] = {"kind": found[1]}
    if found[2] is not None:
        rule["probability"] = _number(text, found[2], maximum=1.0)
    if found[3] is not None:
        rule["nth"] = range(int(found[3]), int(found[4] or found[3]) + 1)
        if found[3].strip("0") == "" or not rule["nth"]:
            raise ValueError(f"fault {text!r}: requests are counted from 1, and N-M must not be empty")
    for option in options:
        rule.update(_parse_option(text, option))
    return Rule(**rule)  # type: ignore[arg-type]


def _parse_option(text: str, option: str) -> dict[str, object]:
    name, _, value = option.partition("=")
    if name == "key" and value:
        return {"key": unquote(value)}
    if name == "verb" and value in ("GET", "HEAD", "PUT", "POST", "DELETE"):
        return {"verb": value}
    if name == "times" and value.isascii() and value.isdigit() and int(value[:9]) > 0:
        return {"times": int(value[:9])}
    if option == "per=key":
        return {"per_key": True}
    if name == "seconds":
        return {"seconds": _number(text, value, maximum=3600.0)}
    raise ValueError(
        f"fault {text!r}: {option!r} is not an option; "
        "give key=PATTERN, verb=GET, times=N, per=key or seconds=S"
    )


def _number(text: str, value: str, *, maximum: float) -> float:
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not 0 <= number <= maximum:
        raise ValueError(f"fault {text!r}: {value!r} is not a number from 0 to {maximum:g}")
    return number


class FaultPlan:
    """Decides the fate of each request. One plan serves one server; not shared by threads."""

    def __init__(self, spec: str = "", *, seed: int) -> None:
        self.spec = spec
        self.seed = seed
        self._rules = parse_faults(spec)
        self._seen: Counter[tuple[int, str]] = Counter()
        self._struck: Counter[tuple[int, str]] = Counter()
        self._changed: set[str] = set()

    def next(self, target: Target) -> Fault | None:
        """Count the request against every rule that could strike it, and return the first that does."""
        if not self._rules:
            return None
        struck = None
        for number, rule in enumerate(self._rules):
            if _applies(rule, target) and self._strikes(number, rule, target) and struck is None:
                self._struck[number, target.name if rule.per_key else ""] += 1
                struck = Fault(
                    kind=rule.kind, position=self._chance(number, target, "position"), seconds=rule.seconds
                )
        if struck is not None and struck.kind == "change":
            self._changed.add(target.name)
        return struck

    def is_changed(self, name: str) -> bool:
        """Return whether an object looks replaced since a `change` struck it."""
        return name in self._changed

    def written(self, name: str) -> None:
        """Note that an object was written or deleted, which ends its pretended change."""
        self._changed.discard(name)

    def _strikes(self, number: int, rule: Rule, target: Target) -> bool:
        scope = target.name if rule.per_key else ""
        self._seen[number, scope] += 1
        if rule.nth is not None:
            lot = self._seen[number, scope] in rule.nth
        elif rule.probability < 1:
            request = f"{target.verb} {target.name} {target.byte_range}"
            # A count of its own per request: which of two parallel requests came first must not matter.
            self._seen[number, f" {request}"] += 1
            lot = self._chance(number, target, self._seen[number, f" {request}"]) < rule.probability
        else:
            lot = True
        return lot and (rule.times is None or self._struck[number, scope] < rule.times)

    def _chance(self, number: int, target: Target, what: object) -> float:
        text = f"{self.seed}|{number}|{target.verb}|{target.name}|{target.byte_range}|{what}"
        return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=6).digest()) / 2**48


def _applies(rule: Rule, target: Target) -> bool:
    if rule.verb and rule.verb != target.verb:
        return False
    if rule.kind in ON_BODIES and not target.is_read:
        return False
    if rule.kind in ON_RANGES and not (target.is_read and target.byte_range.startswith("bytes=")):
        return False
    if rule.kind == "change" and not (target.verb in ("GET", "HEAD") and "/" in target.name.rstrip("/")):
        return False
    return fnmatchcase(target.name, rule.key)
