"""Completion on the lines of our magics: documents, models of the user's own, addresses in S3."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell

import mock_s3
from rlm_magic.config import ContextConfig
from rlm_magic.context.address import Access
from rlm_magic.context.prefixes import addresses_like
from rlm_magic.models import ScriptedModel

from ..context.s3 import isolate, make_bucket, point_at
from .test_magics import completed

KEYS = ("logs/app/1.txt", "logs/app/2.txt", "logs/web/1.txt", "logs/readme.txt", "logs/with space.txt")


@pytest.fixture
def s3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    make_bucket(tmp_path, "bucket", dict.fromkeys(KEYS, b"text\n"))
    with mock_s3.serve(tmp_path) as url:
        point_at(url, monkeypatch)
        yield url


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("s3://bucket/", ["s3://bucket/logs/"]),
        ("s3://bucket/lo", ["s3://bucket/logs/"]),
        (
            "s3://bucket/logs/",
            [
                "s3://bucket/logs/app/",
                "s3://bucket/logs/readme.txt",
                "s3://bucket/logs/web/",
                "s3://bucket/logs/with space.txt",
            ],
        ),
        ("s3://bucket/logs/app/1", ["s3://bucket/logs/app/1.txt"]),
        ("s3://bucket/nothing/", []),
        ("s3://buck", []),
        ("s3://", []),
        ("s3://no-such-bucket/x", []),
        ("s3://bucket/logs/*/", []),
        ("https://host/x", []),
        ("nonsense://bucket/x", []),
        ("s3://a b/../x", []),
    ],
)
@pytest.mark.usefixtures("s3")
def test_addresses_are_completed_one_level_at_a_time(typed: str, expected: list[str]) -> None:
    assert addresses_like(typed, access=Access()) == expected


def test_a_store_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    isolate(monkeypatch)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        access = Access(endpoint_url=f"http://127.0.0.1:{deaf.getsockname()[1]}", anonymous=True)
        config = ContextConfig(complete_s=0.05)
        assert addresses_like("s3://bucket/x", access=access, config=config) == []


def test_an_address_is_completed_in_the_line(shell: InteractiveShell, s3: str) -> None:
    assert "%rlm_context logs s3://bucket/logs/app/" in completed(
        shell, "%rlm_context logs s3://bucket/logs/a"
    )
    named = f"%rlm_context logs --endpoint-url {s3} --anonymous s3://bucket/lo"
    assert named.replace("/lo", "/logs/") in completed(shell, named)


def test_documents_of_a_bound_context_are_completed_and_can_be_asked_about(shell: InteractiveShell) -> None:
    shell.user_ns["pairs"] = [("a/one.txt", "Ada\n"), ("a/two.txt", "Bob\n"), ("with space", "x\n")]
    shell.run_line_magic("rlm_context", "crew $pairs -q")
    lines = completed(shell, "%rlm -c crew:a/")
    assert {"%rlm -c crew:a/one.txt", "%rlm -c crew:a/two.txt"} <= set(lines)
    assert not [line for line in lines if "with space" in line]
    assert "%rlm -c crew" in completed(shell, "%rlm -c cr")
    shell.user_ns["reader"] = ScriptedModel(["```repl\nFINAL(context[:])\n```"])
    assert shell.run_line_magic("rlm", "-m $reader -c crew:a/two.txt q").text == "Bob\n"
    with pytest.raises(UsageError, match=r"no document 'nope'.*a/one\.txt"):
        shell.run_line_magic("rlm", "-c crew:nope q")


def test_models_of_the_users_own_are_offered(shell: InteractiveShell) -> None:
    shell.user_ns["mine"] = ScriptedModel([])
    shell.user_ns["number"] = 3
    lines = completed(shell, "%rlm -m $")
    assert "%rlm -m $mine" in lines
    assert "%rlm -m $number" not in lines


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("%rlm --dry", "%rlm --dry-run"),
        ("%rlm_status --c", "%rlm_status --config"),
        ("%rlm --progress ", "%rlm --progress plain"),
        ("%rlm_step --progress n", "%rlm_step --progress none"),
        ("%rlm_context logs x.log --unit ", "%rlm_context logs x.log --unit chars"),
        ("%rlm_context logs x.log --errors s", "%rlm_context logs x.log --errors strict"),
    ],
)
def test_new_options_are_completed(shell: InteractiveShell, line: str, expected: str) -> None:
    assert expected in completed(shell, line)
