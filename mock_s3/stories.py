"""What the services of a sample log: requests that pass from one to the next, and what goes wrong daily.

A story is what one request leaves behind: (milliseconds after its start, line with places for time and id).
Stories are drawn up once and told again with other times and ids, which is what makes writing fast.
"""

from __future__ import annotations

from .chance import Chance
from .incident import Cause

Story = tuple[tuple[int, bytes], ...]

_UPSTREAM = {"inventory": "orders", "payments": "orders", "shipping": "orders", "catalog": "", "auth": ""}
"""Who stands between a service and the gateway."""

_ROUTES = {
    "inventory": "POST /v1/orders",
    "payments": "POST /v1/checkout",
    "shipping": "POST /v1/quotes",
    "catalog": "GET /v1/items",
    "auth": "POST /v1/session",
}
_NAMES = ("Zoë Adjei", "Lea Müller", "Ana Sofía", "王芳", "Noor Haddad", "Øyvind Berg", "Kofi Mensah", "李雷")
_AGENTS = ("web/5.12", "ios/8.3.1", "android/8.2.0", "partner-api/2", "curl/8.5.0")
_WORKERS = ("search", "notifications", "recommend", "billing-export")


class Storyteller:
    """Draws up stories by chance."""

    def __init__(self, chance: Chance) -> None:
        self._chance = chance

    def ordinary(self) -> Story:
        """Return a story of any kind as a quiet day has them, small failures included."""
        roll = self._chance.random()
        if roll < 0.62:
            return self._request(self._chance.pick(tuple(_ROUTES)))
        if roll < 0.90:
            return self._background()
        if roll < 0.97:
            return self._slow_query()
        return self._hiccup()

    def host(self, service: str) -> str:
        """Return one of a service's instances."""
        return f"{service}-{self._chance.between(1, 4)}"

    def _request(self, service: str) -> Story:
        number, chance = self._chance.between, self._chance
        took, user = number(8, 240), f"user={number(10_000, 99_999)}"
        gateway, route = self.host("gateway"), f"{_ROUTES[service]}/{number(1000, 9999)}"
        agent, address = chance.pick(_AGENTS), f"10.{number(0, 255)}.4.{number(1, 254)}"
        token = f"token ok {user} scopes=read,write age={number(1, 3500)}s"
        lines = [
            (0, "INFO ", gateway, f"{route} begin {user} agent={agent} ip={address}"),
            (2, "DEBUG", self.host("auth"), token),
        ]
        if middle := _UPSTREAM[service]:
            lines.append(
                (4, "INFO ", self.host(middle), f"order={number(10**6, 10**7)} items={number(1, 9)}")
            )
        lines.append((took // 2, "INFO ", self.host(service), self._work(service)))
        if chance.happens(0.05):
            customer = f"customer name={chance.pick(_NAMES)!r} {user}"
            lines.append((took // 2 + 1, "INFO ", self.host(service), customer))
        end = f"{route} end status=200 took={took}ms bytes={number(200, 90_000)}"
        return _story([*lines, (took, "INFO ", gateway, end)])

    def _work(self, service: str) -> str:
        number, pick = self._chance.between, self._chance.pick
        sku, warehouse = f"sku=SKU-{number(10_000, 99_999)}", f"warehouse=W{number(1, 9)}"
        amount, parcel = f"amount={number(3, 400)}.{number(10, 99)}", f"parcel={number(10**5, 10**6)}"
        what = {
            "inventory": f"reserved {sku} qty={number(1, 5)} {warehouse}",
            "payments": f"authorised {amount} EUR method=card acquirer=eu-1",
            "shipping": f"quoted {parcel} zone=Z{number(1, 30)} carrier=dpd",
            "catalog": f"served item={number(1000, 99_999)} cache={pick(('hit', 'hit', 'hit', 'miss'))}",
            "auth": f"session opened device={pick(_AGENTS)} mfa={pick(('totp', 'none', 'passkey'))}",
        }
        return f"{what[service]} took={number(1, 60)}ms"

    def _background(self) -> Story:
        number, host = self._chance.between, self.host(self._chance.pick(_WORKERS))
        batch, messages = f"batch={number(10**5, 10**6)}", number(10, 500)
        return _story(
            [
                (0, "DEBUG", host, f"{batch} picked up, {messages} messages, lag={number(0, 900)}ms"),
                (number(5, 90), "INFO ", host, f"{batch} done ok={messages} failed=0"),
            ]
        )

    def _slow_query(self) -> Story:
        number, host = self._chance.between, self.host(self._chance.pick((*_ROUTES, "orders")))
        query = f"SELECT * FROM t_{number(1, 60)} WHERE id = ?"
        text = f"slow query {number(800, 1900)}ms rows={number(1, 90_000)}: {query}"
        return _story([(0, "WARN ", host, text)])

    def _hiccup(self) -> Story:
        """A failure as every day has some: it passes at the second attempt, or concerns one request."""
        number, host = self._chance.between, self.host(self._chance.pick((*_ROUTES, *_WORKERS)))
        if self._chance.happens(0.5):
            peer = f"10.{number(0, 255)}.9.{number(1, 254)}"
            return _story(
                [
                    (0, "WARN ", host, f"connection to {peer} reset by peer, attempt 1 of 3"),
                    (number(50, 200), "INFO ", host, f"connection to {peer} ok, attempt 2 of 3"),
                ]
            )
        error = f"ValidationError: field 'postcode' has {number(11, 40)} characters, at most 10 allowed"
        frames = ("schema/check.py:44 in length", "api/base.py:91 in parse")
        return _story([(0, "ERROR", host, _trace(error, frames))])

    def failing(self, cause: Cause) -> Story:
        """Return a request that the incident breaks: first in its service, loudest at the gateway."""
        number, gateway = self._chance.between, self.host("gateway")
        error, middle = cause.failure.format(n=number(10, 999)), _UPSTREAM[cause.service]
        lines = [(0, "ERROR", self.host(cause.service), _trace(error, cause.frames))]
        if middle:
            host, failed = self.host(middle), f"call to {cause.service} failed with 500, attempt 1 of 2"
            gave_up = f"UpstreamError: {cause.service} unavailable after 2 attempts, order rolled back"
            lines += [(30, "WARN ", host, failed), (60, "ERROR", host, gave_up)]
        upstream = middle or cause.service
        route = f"{_ROUTES[cause.service]}/{number(1000, 9999)}"
        end = f"{route} end status=503 took={number(2000, 4100)}ms upstream={upstream}"
        breaker = f"circuit breaker {upstream} error rate {number(21, 97)}% over 10s"
        return _story([*lines, (70, "ERROR", gateway, end), (71, "ERROR", gateway, breaker)])

    def notice(self, text: str) -> Story:
        """Return a line that belongs to no request: `text` has no time yet."""
        return ((0, b"%s " + text.replace("%", "%%").encode() + b"\n"),)


def _trace(error: str, frames: tuple[str, ...]) -> str:
    return "".join([error, *(f"\n    at {frame}" for frame in frames)])


def _story(lines: list[tuple[int, str, str, str]]) -> Story:
    return tuple(
        (after_ms, f"%s {level} {host} [req-%s] {text}\n".replace("%", "%%").replace("%%s", "%s").encode())
        for after_ms, level, host, text in lines
    )
