"""A run in JupyterLab as its user sees it: it moves, unfolds, cites, stops and goes on."""

from __future__ import annotations

import re
from typing import Any

import pytest

from .conftest import THEMES, Lab, LabPage, notebook_of
from .seen import faint, follow_citation, open_with_keyboard

SHIP = "%%rlm_context ship -q\nThe captain of the ship is Ada.\nThe cook is Bob."
LOAD = "%load_ext rlm_magic"

# The test decides when the model replies and when its cell ends, by files.
HELD = """import pathlib, time
from rlm_magic.models import ScriptedModel

def wait_for(name):
    while not pathlib.Path(name).exists():
        time.sleep(0.02)

def reply(messages):
    steps = sum(message.role == "assistant" for message in messages)
    if steps == 0:
        wait_for({model!r})
        return "I look first.\\n```repl\\nfirst = context[0]\\nwait_for({cell!r})\\nprint(first)\\n```"
    return "FINAL(Ada is the captain [L0].)"

held = ScriptedModel(reply, name="held")"""


def held(name: str) -> str:
    return HELD.format(model=f"{name}-model", cell=f"{name}-cell")


def status_of(opened: LabPage) -> str:
    return opened.page.locator(".jp-OutputArea-output", has_text="rlm · ").first.inner_text()


def wait_for_status(opened: LabPage, text: str) -> str:
    opened.page.locator(".jp-OutputArea-output", has_text=re.compile(text)).first.wait_for()
    return status_of(opened)


def test_the_status_moves_while_a_model_thinks_and_a_cell_runs(lab: Lab, watch: Any) -> None:
    ask = "%rlm -m $held --tool wait_for Who is the captain?"
    opened = lab.open(watch, notebook_of(LOAD, SHIP, held("moves"), ask), "moves", theme="light")
    opened.start("run-all-cells")
    first = wait_for_status(opened, r"turn 1 of 20 · thinking")
    opened.page.wait_for_function(
        "first => [...document.querySelectorAll('.jp-OutputArea-output')].map(shown => shown.innerText)"
        ".map(text => text.trim()).some(text => text.includes('turn 1 of 20 · thinking') && text !== first)",
        arg=first.strip(),
    )
    (lab.work / "moves-model").touch()
    wait_for_status(opened, r"turn 1 of 20 · running cell 1")
    opened.watched.screenshot("lab-running")
    (lab.work / "moves-cell").touch()
    opened.wait()
    assert "answered" in status_of(opened)
    assert opened.page.locator(".jp-OutputArea-output", has_text="rlm · ").count() == 1


@pytest.mark.parametrize("theme", THEMES)
def test_an_answer_unfolds_cites_and_can_be_read(lab: Lab, watch: Any, theme: str) -> None:
    book = notebook_of(LOAD, SHIP, "%rlm Who is the captain of the ship?", "ship", "ship.search('captain')")
    opened = lab.open(watch, book, f"answer-{theme}", theme=theme)
    opened.run()
    page = opened.page
    answer = page.locator(".jp-OutputArea-executeResult").first
    assert "The captain of the ship is Ada." in follow_citation(page, answer)
    trace = page.locator(".jp-OutputArea-output details", has_text="Step 1").first
    code = trace.locator("pre").first
    assert not code.is_visible()
    open_with_keyboard(trace)
    assert code.is_visible()
    for fold in answer.locator("details").all():
        fold.evaluate("fold => { fold.open = true; }")
    assert answer.locator('svg[role="group"]').is_visible()
    opened.watched.screenshot(f"lab-answer-{theme}")
    assert faint(page, ".jp-OutputArea-output") == []
    assert page.locator(".jp-OutputArea-output", has_text="Javascript Error").count() == 0
    assert opened.watched.left == []


def test_a_stopped_run_goes_on(lab: Lab, watch: Any) -> None:
    ask = "ans = %rlm -m $held --tool wait_for -o kept Who is the captain?"
    cells = (LOAD, SHIP, held("stopped"), ask, "%rlm_step --go")
    opened = lab.open(watch, notebook_of(*cells), "stopped", theme="light")
    (lab.work / "stopped-model").touch()
    opened.start("run-all-cells")
    wait_for_status(opened, "running cell 1")
    opened.stop()
    wait_for_status(opened, "interrupted")
    opened.watched.screenshot("lab-stopped")
    (lab.work / "stopped-cell").touch()
    opened.select(5)
    opened.start("run-cell")
    answer = opened.output_of(5, "Ada is the captain", kind="executeResult")
    assert "2 steps" in answer.inner_text()


def test_a_paused_run_lets_its_user_change_the_code(lab: Lab, watch: Any) -> None:
    cells = (LOAD, SHIP, held("paused"), "%rlm --step -m $held --tool wait_for Who?", "%rlm_step --edit")
    (lab.work / "paused-model").touch()
    opened = lab.open(watch, notebook_of(*cells), "paused", theme="light")
    opened.run()
    code = opened.cell_text(6)
    assert code.startswith("%%rlm_step\n")
    assert "first = context[0]" in code
    opened.watched.screenshot("lab-paused")
    opened.set_cell_text(6, "%%rlm_step --go\nfirst = 'changed by hand'\nprint(first)")
    opened.select(6)
    opened.start("run-cell")
    opened.output_of(6, "Ada is the captain", kind="executeResult")
    assert "changed by hand" in opened.output_of(6, "Step 1").inner_html()
