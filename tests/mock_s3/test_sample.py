"""The sample log: the same for the same numbers, and an incident in it that can be found."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import mock_s3
from mock_s3.incident import CAUSES

LINE = re.compile(
    r"2026-03-14T\d\d:\d\d:\d\d\.\d{3}Z (DEBUG|INFO |WARN |ERROR) [a-z-]+-\d \[[a-z]+(-[0-9a-f]{12})?\] .+"
)


def write(directory: Path, **options: int) -> tuple[mock_s3.Sample, str]:
    sample = mock_s3.write_sample(directory, **{"lines": 20_000, **options})
    parts = sorted((directory / sample.bucket / sample.prefix).iterdir())
    assert len(parts) == sample.objects
    data = b"".join(path.read_bytes() for path in parts)
    assert len(data) == sample.bytes
    return sample, data.decode()


def test_the_same_numbers_give_the_same_bytes(tmp_path: Path) -> None:
    _, first = write(tmp_path / "1", seed=5)
    _, again = write(tmp_path / "2", seed=5, lines_per_object=777)
    _, other = write(tmp_path / "3", seed=6)
    assert first == again
    assert first != other


def test_the_bytes_are_the_same_under_every_python_and_for_ever(tmp_path: Path) -> None:
    import hashlib

    _, text = write(tmp_path, lines=2000, seed=1)
    # A new value here means that everybody's benchmarks read another text.
    assert (
        hashlib.sha256(text.encode()).hexdigest()
        == "0b82df5efec13db5bcb025803c49a707f32f17f77ac4c642f2db6b74b62c3765"
    )


@pytest.mark.parametrize("lines", [1000, 1001, 4999, 20_000])
@pytest.mark.parametrize("seed", range(6))
def test_the_incident_can_be_found(tmp_path: Path, lines: int, seed: int) -> None:
    sample, text = write(tmp_path, lines=lines, seed=seed)
    rows = text.split("\n")
    assert rows.pop() == ""
    assert len(rows) == sample.lines == lines
    incident = sample.incident
    assert rows[incident.change_line] == incident.change_text
    assert rows[incident.failure_line] == incident.failure_text
    assert incident.change_line < incident.failure_line < incident.repair_line < lines
    assert f" {incident.service}-" in incident.change_text
    assert f" ERROR {incident.service}-" in incident.failure_text
    # The failure is the first of its kind, and none is left once it is repaired and drained.
    kind = incident.failure_text.split("] ")[1].split(":")[0]
    having = [number for number, row in enumerate(rows) if f"] {kind}:" in row]
    assert having[0] == incident.failure_line
    assert having[-1] < incident.repair_line + lines // 50 + 10
    assert sum(" status=503 " in row for row in rows[: incident.failure_line]) == 0
    assert sum(" status=503 " in row for row in rows[incident.failure_line : incident.repair_line + 20]) > 0


def test_lines_look_like_a_log_sorted_by_time(tmp_path: Path) -> None:
    _, text = write(tmp_path)
    stamps, traces, errors, requests = [], 0, 0, set()
    for row in text.splitlines():
        if row.startswith("    at "):
            traces += 1
            continue
        assert LINE.fullmatch(row), row
        stamps.append(row[:24])
        errors += " ERROR " in row
        requests.add(row.split("[")[1].split("]")[0])
    assert stamps == sorted(stamps)
    assert traces > 100
    assert errors > 100
    assert len(requests) > 3000
    assert max(map(ord, text)) > 255


def test_every_cause_comes_up(tmp_path: Path) -> None:
    incidents = [write(tmp_path / str(seed), lines=1000, seed=seed)[0].incident for seed in range(20)]
    assert {incident.service for incident in incidents} == {cause.service for cause in CAUSES}


def test_objects_hold_the_lines_asked_for(tmp_path: Path) -> None:
    sample, _ = write(tmp_path, lines=2500, lines_per_object=1000)
    parts = sorted((tmp_path / sample.bucket / sample.prefix).iterdir())
    assert [path.read_bytes().count(b"\n") for path in parts] == [1000, 1000, 500]


def test_an_older_sample_is_not_mixed_with_a_new_one(tmp_path: Path) -> None:
    write(tmp_path, lines=2000)
    with pytest.raises(FileExistsError, match="not empty"):
        mock_s3.write_sample(tmp_path, lines=1000)
