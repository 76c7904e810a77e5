"""How far a copy is, as Jupyter shows it: one line that is updated in place."""

from __future__ import annotations

from pathlib import Path

import mock_s3

from ..context.s3 import make_bucket
from .conftest import Kernel

TEXT = "".join(f"line {number} {'x' * 90}\n" for number in range(50_000))


def test_a_long_copy_is_one_line_that_is_updated(kernel: Kernel, tmp_path: Path) -> None:
    make_bucket(tmp_path, "bucket", {"logs/a.txt": TEXT.encode()})
    total_mb = f"{len(TEXT) / 1e6:.1f}"
    with mock_s3.serve(tmp_path) as url:
        # A copy that takes long enough to be shown would hold up the test for as long.
        kernel.run("from rlm_magic.notebook import copying; copying._FIRST_AFTER_S = 0.0")
        options = f"--endpoint-url {url} --region eu-west-1 --anonymous"
        ran = kernel.run(f"%rlm_context kept s3://bucket/logs/ --to s3://bucket/kept/ {options}")
        assert (ran.status, ran.stderr) == ("ok", "")
        assert kernel.run("len(kept), kept[49_999][:11]").result == "(50000, 'line 49999 ')"
    bars = [shown for shown in ran.displays if "MB" in shown["data"]["text/plain"]]
    # What is bound is indexed first, which has a bar of its own.
    indexing, writing = (shown["transient"]["display_id"] for shown in bars)
    assert {shown["transient"]["display_id"] for shown in ran.updates} == {indexing, writing}
    shown = [each for each in [*bars, *ran.updates] if each["transient"]["display_id"] == writing]
    lines = [each["data"]["text/plain"] for each in shown]
    assert all("s3://bucket/kept/" in line and f"of {total_mb} MB" in line for line in lines)
    assert "text/html" in ran.updates[-1]["data"]
    done_percent = [int(line.split(" %")[0].split()[-1]) for line in lines]
    assert done_percent == sorted(done_percent)
    assert done_percent[-1] == 100


def test_a_short_copy_shows_nothing(kernel: Kernel, tmp_path: Path) -> None:
    kernel.run("from rlm_magic.notebook import copying; copying._FIRST_AFTER_S = 0.5")
    (tmp_path / "short.txt").write_text("one\ntwo\n")
    ran = kernel.run(f"%rlm_context short {tmp_path / 'short.txt'} --to {tmp_path / 'written'}")
    assert (ran.status, ran.stderr, ran.updates) == ("ok", "", [])
    assert not [shown for shown in ran.displays if "MB" in shown["data"]["text/plain"]]
