"""Each fault as a raw client meets it, and the plan that decides who is struck."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mock_s3
from mock_s3.faults import KINDS, FaultPlan, Target, parse_faults

from .raw import Raw, ask, request

DATA = b"".join(b"line %05d of a log\n" % number for number in range(2000))


@pytest.fixture
def target(bucket: Path) -> str:
    (bucket / "k").write_bytes(DATA)
    return f"/{bucket.name}/k"


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("slowdown", 503, "SlowDown"),
        ("error", 500, "InternalError"),
        ("forbidden", 403, "AccessDenied"),
        ("expired", 400, "ExpiredToken"),
        ("skewed", 403, "RequestTimeTooSkewed"),
        ("missing", 404, "NoSuchKey"),
        ("conflict", 409, "ConditionalRequestConflict"),
    ],
)
def test_errors_in_place_of_answers(
    url: mock_s3.Server, target: str, kind: str, status: int, code: str
) -> None:
    url.set_faults(f"{kind}@1")
    with Raw(url) as raw:
        answer = raw.ask("GET", target)
        assert (answer.status, answer.code) == (status, code)
        assert raw.ask("GET", target).body == DATA
    stats = url.stats()
    assert (stats["faults"], stats["errors"]) == ({kind: 1}, {code: 1})


def test_an_error_keeps_a_write_from_happening(url: mock_s3.Server, bucket: Path) -> None:
    url.set_faults("slowdown verb=PUT")
    with Raw(url) as raw:
        assert raw.ask("PUT", f"/{bucket.name}/k", body=b"x" * 1_000_000).status == 503
        assert raw.ask("GET", f"/{bucket.name}/k").status == 404


def test_reset_comes_instead_of_the_answer(url: mock_s3.Server, bucket: Path, target: str) -> None:
    url.set_faults("reset@1-2")
    with Raw(url) as raw, pytest.raises(ConnectionResetError):
        raw.ask("GET", target)
    with Raw(url) as raw, pytest.raises(ConnectionResetError):
        raw.ask("PUT", f"/{bucket.name}/new", body=b"x")
    assert not (bucket / "new").exists()
    assert ask(url, "GET", target).body == DATA


def test_lost_resets_after_the_write_has_happened(url: mock_s3.Server, bucket: Path) -> None:
    url.set_faults("lost@1 verb=PUT")
    with Raw(url) as raw, pytest.raises(ConnectionResetError):
        raw.ask("PUT", f"/{bucket.name}/k", body=b"x", If_None_Match="*")
    assert (bucket / "k").read_bytes() == b"x"
    assert ask(url, "PUT", f"/{bucket.name}/k", body=b"x", If_None_Match="*").status == 412


@pytest.mark.parametrize("headers", [{}, {"Range": "bytes=100-1099"}])
def test_cut_closes_the_connection_half_way(
    url: mock_s3.Server, target: str, headers: dict[str, str]
) -> None:
    url.set_faults("cut@1")
    whole = DATA[100:1100] if headers else DATA
    with Raw(url) as raw:
        raw.send(request("GET", target, **headers))
        _, announced = raw.head()
        assert announced["content-length"] == str(len(whole))
        assert raw.read(len(whole)) == whole[: len(whole) // 2]
        assert raw.at_end()


def test_stall_sends_half_and_keeps_the_connection_open(url: mock_s3.Server, target: str) -> None:
    url.set_faults("stall@1")
    with Raw(url) as raw:
        raw.send(f"GET {target} HTTP/1.1\r\n\r\n".encode())
        raw.head()
        half = len(DATA) // 2
        assert raw.read(half) == DATA[:half]
        assert url.stats()["in_flight"] == 1
        raw.socket.settimeout(0.2)
        with pytest.raises(TimeoutError):
            raw.socket.recv(1)
    while url.stats()["in_flight"]:  # the client has left, and the server notices
        pass


def test_drip_sends_half_and_then_a_byte_at_a_time(url: mock_s3.Server, target: str) -> None:
    url.set_faults("drip@1")
    with Raw(url) as raw:
        raw.send(f"GET {target} HTTP/1.1\r\n\r\n".encode())
        raw.head()
        half = len(DATA) // 2
        assert raw.read(half) == DATA[:half]
        dripped = raw.socket.recv(100)
    assert 0 < len(dripped) < 100
    assert DATA[half:].startswith(dripped)


def test_flip_changes_one_bit_and_nothing_else(url: mock_s3.Server, target: str) -> None:
    honest = ask(url, "GET", target)
    url.set_faults("flip")
    answer = ask(url, "GET", target)
    different = [(a, b) for a, b in zip(answer.body, DATA, strict=True) if a != b]
    assert [(a ^ b).bit_count() for a, b in different] == [1]
    assert answer.headers["etag"] == honest.headers["etag"]


def test_flip_strikes_large_bodies_in_the_piece_it_falls_into(url: mock_s3.Server, bucket: Path) -> None:
    data = bytes(3_000_000)
    (bucket / "zeros").write_bytes(data)
    url.set_faults("flip")
    assert Counter(ask(url, "GET", f"/{bucket.name}/zeros").body) == {0: len(data) - 1, 1: 1}


def test_short_bodies_agree_with_their_headers(url: mock_s3.Server, target: str) -> None:
    url.set_faults("short")
    with Raw(url) as raw:
        whole = raw.ask("GET", target)
        assert whole.body == DATA[: len(DATA) // 2]
        part = raw.ask("GET", target, Range="bytes=100-1099")
    assert (part.status, part.body) == (206, DATA[100:600])
    assert part.headers["content-range"] == f"bytes 100-599/{len(DATA)}"


def test_a_range_is_answered_by_another_one(url: mock_s3.Server, target: str) -> None:
    url.set_faults("shift")
    with Raw(url) as raw:
        part = raw.ask("GET", target, Range="bytes=100-1099")
        assert (part.status, part.body) == (206, DATA[101:1101])
        assert part.headers["content-range"] == f"bytes 101-1100/{len(DATA)}"
        assert raw.ask("GET", target, Range="bytes=100-").body == DATA[101:]
        assert raw.ask("GET", target).body == DATA
        url.set_faults("whole")
        part = raw.ask("GET", target, Range="bytes=100-1099")
    assert (part.status, part.body) == (200, DATA)
    assert "content-range" not in part.headers


def test_change_stays_until_the_object_is_written(url: mock_s3.Server, bucket: Path, target: str) -> None:
    etag = ask(url, "GET", target).headers["etag"]
    url.set_faults("change@2")
    assert ask(url, "GET", target, If_Match=etag).body == DATA
    for _ in range(2):
        assert ask(url, "GET", target, If_Match=etag).code == "PreconditionFailed"
    changed = ask(url, "GET", target)
    assert changed.headers["etag"] != etag
    assert changed.body == DATA.swapcase()
    assert ask(url, "HEAD", target).headers["etag"] == changed.headers["etag"]
    assert (
        ask(url, "GET", target, If_Match=changed.headers["etag"], Range="bytes=0-9").body
        == DATA[:10].swapcase()
    )
    assert (bucket / "k").read_bytes() == DATA
    assert ask(url, "PUT", target, body=DATA).status == 200
    assert ask(url, "GET", target, If_Match=etag).body == DATA


def test_slow_holds_back_one_answer_and_not_the_others(url: mock_s3.Server, target: str) -> None:
    url.set_faults("slow@1 seconds=3600")
    with Raw(url) as late, Raw(url) as prompt:
        late.send(f"GET {target} HTTP/1.1\r\n\r\n".encode())
        while not url.stats()["faults"]:
            pass
        assert prompt.ask("GET", target).body == DATA
        assert url.stats()["in_flight"] == 1


def test_body_faults_leave_other_requests_alone(url: mock_s3.Server, bucket: Path, target: str) -> None:
    (bucket / "empty").write_bytes(b"")
    url.set_faults("cut, stall, flip, short")
    with Raw(url) as raw:
        assert raw.ask("HEAD", target).headers["content-length"] == str(len(DATA))
        assert b"<Key>k</Key>" in raw.ask("GET", f"/{bucket.name}").body
        assert raw.ask("GET", f"/{bucket.name}/empty").status == 200
        assert raw.ask("GET", f"/{bucket.name}/none").code == "NoSuchKey"
        assert raw.ask("PUT", f"/{bucket.name}/new", body=b"x").status == 200


# The plan, without a server.


def read(name: str, byte_range: str = "", verb: str = "GET") -> Target:
    return Target(verb=verb, name=name, byte_range=byte_range, is_read=verb == "GET")


def kinds(plan: FaultPlan, targets: list[Target]) -> list[str]:
    return [fault.kind if (fault := plan.next(target)) else "" for target in targets]


def test_counted_rules_strike_exactly_those() -> None:
    targets = [read(f"b/{number}") for number in range(6)]
    assert kinds(FaultPlan("cut@3", seed=0), targets) == ["", "", "cut", "", "", ""]
    assert kinds(FaultPlan("cut@2-4 times=2", seed=0), targets) == ["", "cut", "cut", "", "", ""]
    assert kinds(FaultPlan("cut times=1, flip", seed=0), targets) == ["cut"] + ["flip"] * 5
    assert kinds(FaultPlan("", seed=0), targets) == [""] * 6


def test_rules_per_key_count_each_object_for_itself() -> None:
    targets = [read("b/1"), read("b/2"), read("b/1"), read("b/2"), read("b/3")]
    assert kinds(FaultPlan("error@1 per=key", seed=0), targets) == ["error", "error", "", "", "error"]
    assert kinds(FaultPlan("error@2 per=key", seed=0), targets) == ["", "", "error", "error", ""]


def test_rules_choose_by_key_and_verb() -> None:
    targets = [*map(read, ("logs/a.txt", "logs/b/c.txt", "logs/a.bin")), read("logs/x.txt", verb="PUT")]
    assert kinds(FaultPlan("error key=logs/*.txt", seed=0), targets) == ["error", "error", "", "error"]
    assert kinds(FaultPlan("error verb=PUT", seed=0), targets) == ["", "", "", "error"]
    assert kinds(FaultPlan("error key=a%2C%20b", seed=0), [read("a, b")]) == ["error"]


@settings(deadline=None)
@given(seed=st.integers(0, 1000), order=st.permutations(list(range(40))))
def test_random_faults_do_not_depend_on_the_order_of_requests(seed: int, order: list[int]) -> None:
    def struck(numbers: list[int]) -> set[tuple[int, int]]:
        plan = FaultPlan("slowdown:0.3, flip:0.2", seed=seed)
        attempts = [(attempt, number) for attempt in range(2) for number in numbers]
        return {a for a in attempts if plan.next(read(f"b/{a[1]}", f"bytes={a[1]}-"))}

    assert struck(list(range(40))) == struck(order)


def test_random_faults_are_as_frequent_as_asked_and_differ_by_seed() -> None:
    targets = [read(f"b/{number}") for number in range(10_000)]
    first, again, other = (kinds(FaultPlan("slowdown:0.1", seed=seed), targets) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    # Five standard deviations of a binomial around 1,000.
    assert 850 < first.count("slowdown") < 1150
    assert kinds(FaultPlan("slowdown:0", seed=0), targets) == [""] * 10_000


def test_retries_of_one_request_are_drawn_anew() -> None:
    fates = kinds(FaultPlan("slowdown:0.5", seed=3), [read("b/k")] * 200)
    assert 60 < fates.count("slowdown") < 140


@pytest.mark.parametrize(
    "spec",
    [
        "nonsense", "cut@", "cut@0", "cut@3-2", "cut:2", "cut:-1", "cut:x", "cut@1:0.5", "cut key",
        "cut key=", "cut times=0", "cut times=x", "cut verb=FETCH", "cut per=object", "slow seconds=-1",
        "cut 3", "@3",
    ],
)  # fmt: skip
def test_bad_plans_are_refused_by_name(url: mock_s3.Server, spec: str) -> None:
    with pytest.raises(ValueError, match="fault '"):
        parse_faults(spec)
    with pytest.raises(ValueError, match="fault '"):
        url.set_faults(f"slowdown, {spec}")


def test_every_kind_is_documented() -> None:
    import mock_s3.faults

    for kind in KINDS:
        assert kind in (mock_s3.faults.__doc__ or "")
