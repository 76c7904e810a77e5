"""The displays of a run in a real kernel: what moves while the main thread is busy, and what is left."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import mock_s3

from ..context.s3 import make_bucket
from .conftest import Kernel

MOST_NOTEBOOK_BYTES = 300_000


@pytest.fixture(autouse=True)
def bound(kernel: Kernel) -> None:
    ran = kernel.run("%%rlm_context ship -q\nThe captain of the ship is Ada.\nThe cook is Bob.")
    assert ran.status == "ok", ran.error


def plain(content: dict[str, Any]) -> str:
    return str(content.get("data", {}).get("text/plain", ""))


def script(kernel: Kernel, code: str) -> None:
    """Let the model run one cell and end."""
    replies = [f"```repl\n{code}\n```", "FINAL(ok)"]
    kernel.run(f"scripted = ScriptedModel({replies!r})")


def test_the_seconds_move_while_a_cell_keeps_the_main_thread_busy(kernel: Kernel, tmp_path: Path) -> None:
    seen: set[str] = set()

    def watch(message: dict[str, Any]) -> None:
        if "running cell 1" in (text := plain(message["content"])):
            seen.add(text)
        if len(seen) >= 2:
            (tmp_path / "go").touch()

    # The cell ends once the front end has seen the status move: no time is measured.
    go = str(tmp_path / "go")
    code = f"import pathlib, time\nwhile not pathlib.Path({go!r}).exists():\n    time.sleep(0.01)"
    script(kernel, code)
    ran = kernel.run("ans = %rlm -m $scripted q", on_message=watch)
    assert ran.status == "ok", ran.error
    assert len(seen) >= 2
    assert len(ran.displays) == 2
    after = kernel.run("1")
    assert (after.displays, after.updates) == ([], [])


def test_a_cell_that_prints_and_displays_still_owns_its_output_beside_the_ticker(kernel: Kernel) -> None:
    code = "import time\nfor n in range(60):\n    print('printed', n)\n    time.sleep(0.01)"
    script(kernel, code)
    ran = kernel.run("ans = %rlm -m $scripted q")
    assert (ran.status, ran.stdout, ran.stderr) == ("ok", "", "")
    shown = kernel.run("ans.steps[0].cells[0].result.stdout.count('printed')")
    assert shown.result == "60"


def test_a_notebook_with_a_run_of_a_hundred_steps_stays_small(kernel: Kernel) -> None:
    kernel.run(
        "def busy(messages):\n"
        "    if 'Turn 101 of' in messages[-1].content:\n"
        "        return 'FINAL(Ada [L0])'\n"
        "    return 'I look once more. ' * 50 + '\\n```repl\\nfor n in range(400):\\n"
        '    print(context[0], n, "<&>")\\nr = llm_query_batched([context[:]] * 3)\\n```\'\n'
        "scripted = ScriptedModel(busy)\n"
        "echo = ScriptedModel(lambda messages: 'a reply <&> ' * 100)"
    )
    kept: dict[str, Any] = {}

    def keep(message: dict[str, Any]) -> None:
        content = message["content"]
        if message["msg_type"] in ("display_data", "update_display_data"):
            kept[content["transient"]["display_id"]] = content["data"]
        elif message["msg_type"] in ("execute_result", "stream"):
            kept[message["msg_type"]] = content

    ran = kernel.run(
        "%rlm -m $scripted -s $echo -n 110 --max-sub-calls 1000 Who is the captain?", on_message=keep
    )
    assert ran.status == "ok", ran.error
    assert "Ada" in str(ran.result)
    texts = [text for data in kept.values() for text in [str(data.get("text/plain"))]]
    assert any("step 100 ·" in text for text in texts)
    assert len(json.dumps(kept)) < MOST_NOTEBOOK_BYTES


def test_indexing_plain_objects_is_one_line_that_is_updated(kernel: Kernel, tmp_path: Path) -> None:
    text = "".join(f"line {number} {'x' * 90}\n" for number in range(5_000)).encode()
    make_bucket(tmp_path, "bucket", {f"logs/{number}.txt": text for number in range(8)})
    with mock_s3.serve(tmp_path) as url:
        kernel.run("from rlm_magic.notebook import copying; copying._FIRST_AFTER_S = 0.0")
        options = f"--endpoint-url {url} --region eu-west-1 --anonymous"
        ran = kernel.run(f"%rlm_context logs s3://bucket/logs/ {options} -q")
        kernel.run("copying._FIRST_AFTER_S = 0.5")
    assert (ran.status, ran.stderr) == ("ok", "")
    (bar,) = ran.displays
    assert plain(bar).startswith("indexing s3://bucket/logs/")
    assert f"{8 * len(text) / 1e6:.1f} of {8 * len(text) / 1e6:.1f} MB" in plain(ran.updates[-1])
