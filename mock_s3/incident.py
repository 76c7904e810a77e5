"""The incident hidden in a sample: one service breaks for one reason, and the others fail because of it.

The loudest errors come from the gateway; the reason is one quiet line of the service that failed first.
"""

from __future__ import annotations

from dataclasses import dataclass

from .chance import Chance


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why one service breaks. `change` is the line that says so, `failure` the error that follows from it."""

    service: str
    why: str
    change: str
    failure: str
    frames: tuple[str, ...]
    repair: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """What a reader of the sample should find. Line numbers count from 0 over all objects in order."""

    service: str
    why: str
    change_line: int
    change_text: str
    failure_line: int
    failure_text: str
    repair_line: int

    def story(self) -> str:
        """Return the incident in a few lines of text."""
        return (
            f"root cause: {self.service}: {self.why}\n"
            f"change, line {self.change_line:,}: {self.change_text}\n"
            f"first failure, line {self.failure_line:,}: {self.failure_text}\n"
            f"repaired, line {self.repair_line:,}"
        )


CAUSES = (
    Cause(
        service="inventory",
        why="its database pool was shrunk from 40 connections to 4 by a configuration reload",
        change="INFO  {host} [config] reload rev=8841 applied: db.pool.max 40 -> 4, log.sampling 0.2 -> 0.2",
        failure="PoolTimeout: no connection within 2000ms (pool.max=4 in_use=4 waiting={n})",
        frames=("db/pool.py:118 in acquire", "stock/repository.py:57 in reserve", "stock/api.py:203 in post"),
        repair="INFO  {host} [config] reload rev=8842 applied: db.pool.max 4 -> 40",
    ),
    Cause(
        service="payments",
        why="it reloaded a client certificate that had expired, so the acquirer refuses it",
        change="INFO  {host} [tls] client certificate loaded CN=payments-eu notAfter=2026-03-13",
        failure="HandshakeError: acquirer closed the connection: certificate_expired (alert 45, attempt {n})",
        frames=(
            "tls/session.py:88 in connect",
            "acquirer/client.py:141 in charge",
            "api/charge.py:66 in post",
        ),
        repair="INFO  {host} [tls] client certificate loaded CN=payments-eu notAfter=2027-03-13",
    ),
    Cause(
        service="catalog",
        why="a skipped retention job let old index segments fill its disk",
        change="WARN  {host} [retention] skipped: lock held by pid 4117; 1 volume at 97% /var/lib/catalog",
        failure="OSError: [Errno 28] No space left on device: /var/lib/catalog/index/seg-{n}.tmp",
        frames=("index/segment.py:310 in flush", "index/writer.py:92 in commit", "api/items.py:47 in get"),
        repair="INFO  {host} [retention] finished: removed 1812 segments, /var/lib/catalog at 41%",
    ),
    Cause(
        service="auth",
        why="the lifetime of cached signing keys was set to 3600 milliseconds instead of seconds",
        change="INFO  {host} [config] reload rev=5127 applied: jwks.cache.ttl 3600s -> 3600ms",
        failure="KeyFetchError: key server answers 429 Too Many Requests (fetch {n} within 60s)",
        frames=("jwks/cache.py:71 in get", "tokens/verify.py:128 in verify", "api/session.py:39 in check"),
        repair="INFO  {host} [config] reload rev=5128 applied: jwks.cache.ttl 3600ms -> 3600s",
    ),
    Cause(
        service="shipping",
        why="the flag rates.v2 was raised from 1% to 100% of orders, where zones lack a divisor",
        change="INFO  {host} [flags] rates.v2 rollout 1% -> 100% by release-train-311",
        failure="ZeroDivisionError: volumetric divisor is 0 for zone NULL, parcel {n}",
        frames=("rates/v2.py:204 in price", "rates/quote.py:77 in quote", "api/quotes.py:58 in post"),
        repair="INFO  {host} [flags] rates.v2 rollout 100% -> 0% by oncall",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """When what happens, in lines from the start of the sample."""

    change_line: int
    failure_line: int
    repair_line: int


def plan_course(chance: Chance, lines: int) -> Course:
    """Place an incident in the middle of a sample; it covers some seven hundredths of it."""
    change = 0.42 + 0.2 * chance.random()
    failure = change + 0.012 + 0.01 * chance.random()
    return Course(
        change_line=int(lines * change),
        failure_line=int(lines * failure),
        repair_line=int(lines * (failure + 0.07)),
    )
