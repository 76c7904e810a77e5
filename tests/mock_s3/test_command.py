"""`python -m mock_s3` as a person types it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from .raw import ask

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mock_s3", *arguments],
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
        check=False,
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve_prints_its_url_and_stops_on_a_signal(tmp_path: Path, number: signal.Signals) -> None:
    (tmp_path / "b").mkdir()
    command = [
        sys.executable,
        "-m",
        "mock_s3",
        "serve",
        str(tmp_path),
        "--latency-ms",
        "2",
        "--faults",
        "cut@9",
    ]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert ask(url, "HEAD", "/b").status == 200
        assert json.loads(ask(url, "GET", "/_mock/network").body)["latency_ms"] == 2
        process.send_signal(number)
        _, errors = process.communicate()
    assert (process.returncode, errors) == (0, "")


def test_until_eof_stops_when_standard_input_ends(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mock_s3", "serve", str(tmp_path), "--until-eof"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("http://127.0.0.1:")
        process.communicate()  # closes its standard input
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["serve", "{dir}/none"], "not a directory"),
        (["serve", "{dir}", "--latency-ms", "-5"], "latency_ms=-5.0"),
        (["serve", "{dir}", "--latency-ms", "far"], "invalid float value"),
        (["serve", "{dir}", "--bandwidth-mbps", "0"], "bandwidth_mbps=0.0"),
        (["serve", "{dir}", "--faults", "explode:0.1"], "explode"),
        (["serve", "{dir}", "--port", "99999"], "99999"),
        (["serve"], "DIR"),
        (["sample", "{dir}"], "--lines"),
        (["sample", "{dir}", "--lines", "10"], "at least 1000"),
        (["sample", "{dir}", "--lines", "1000", "--bucket", "../x"], "'../x'"),
        (["sample", "{dir}", "--lines", "1000", "--prefix", "../"], "'../"),
        (["sample", "{dir}", "--lines", "1000", "--prefix", "no-slash"], "no-slash"),
        (["sample", "{dir}", "--lines", "1000", "--lines-per-object", "0"], "lines_per_object=0"),
        (["explode"], "explode"),
        ([], "command"),
    ],
)
def test_mistakes_are_named_in_one_line_without_a_traceback(
    tmp_path: Path, arguments: list[str], message: str
) -> None:
    done = run(*(argument.format(dir=tmp_path) for argument in arguments))
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_help_says_what_is_not_verified() -> None:
    assert "Signatures are not verified" in run("serve", "--help").stdout
    assert "--lines" in run("sample", "--help").stdout


def test_sample_writes_a_bucket_and_keeps_its_secret_unless_asked(tmp_path: Path) -> None:
    quiet = run("sample", str(tmp_path), "--lines", "2500", "--seed", "3")
    assert quiet.returncode == 0
    assert "2,500 lines" in quiet.stdout
    assert "root cause" not in quiet.stdout
    assert sorted(path.name for path in (tmp_path / "logs" / "service").iterdir()) == [
        "part-00000.log",
        "part-00001.log",
        "part-00002.log",
    ]
    told = run("sample", str(tmp_path), "--lines", "2500", "--seed", "3", "--bucket", "other", "--reveal")
    assert "root cause" in told.stdout
    again = run("sample", str(tmp_path), "--lines", "2500")
    assert again.returncode == 2
    assert "not empty" in again.stderr
