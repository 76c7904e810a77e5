"""IPython under a real pty: what a person sees on a narrow screen and a wide one, with colour and without."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pexpect
import pyte
import pytest

ROOT = Path(__file__).parents[2]
WAIT_S = 150  # only a failure waits so long
ROWS = 60
WIDTHS = (40, 132)

# A model that waits for a file, so that the test decides when it replies; and one that writes escapes.
MODELS = """
import pathlib, time
from rlm_magic.models import ScriptedModel

def wait_for(name):
    while not pathlib.Path(name).exists():
        time.sleep(0.02)

def held(messages):
    if any("done" in message.content for message in messages[2:]):
        return "FINAL(Ada is the captain [L0].)"
    wait_for("go")
    return "I look.\\n```repl\\nprint('done')\\nwait_for_file()\\n```"

def wait_for_file():
    wait_for("on")

patient = ScriptedModel(held, name="patient")
escapes = "\\x1b[2J\\x1b[H\\x1b]0;taken\\x07\\x1b[8m\\u202eyes\\x9b31m\\r"
rude_code = f"{escapes}\\n```repl\\nprint({escapes!r})\\n1/0\\n```"
rude = ScriptedModel([rude_code, f"FINAL(polite {escapes} after all)"], name="rude")
"""


class Terminal:
    """IPython in a terminal of a given width; `screen` is what the terminal shows."""

    def __init__(self, folder: Path, *, columns: int, colour: bool) -> None:
        self.folder = folder
        (folder / "models.py").write_text(MODELS)
        self._screen = pyte.Screen(columns, ROWS)
        self._stream = pyte.ByteStream(self._screen)
        self.raw = b""
        plain = () if colour else ("--simple-prompt", "--colors=nocolor")
        self._child = pexpect.spawn(
            sys.executable,
            ["-m", "IPython", "--no-banner", "--no-confirm-exit", "--HistoryManager.enabled=False", *plain],
            cwd=str(folder),
            env=self._environment("xterm-256color" if colour else "dumb"),
            dimensions=(ROWS, columns),
            # Who runs the tests in the background has them ignore Ctrl-C, and their children with them.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            timeout=WAIT_S,
        )
        self.prompt()

    def _environment(self, term: str) -> dict[str, str]:
        # Those of the terminal that the tests run in go before what this terminal says of itself.
        not_ours = ("RLM_", "COLUMNS", "LINES")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(not_ours)}
        return {
            **kept,
            "TERM": term,
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(self.folder)]),
            "PYTHONIOENCODING": "utf-8",
            "PROMPT_TOOLKIT_NO_CPR": "1",  # nobody here answers where the cursor is
            "IPYTHONDIR": str(self.folder / "ipython"),
            "RLM_DATA_DIR": str(self.folder / "data"),
            "RLM_CACHE_DIR": str(self.folder / "cache"),
        }

    @property
    def rows(self) -> list[str]:
        """What the screen shows, trailing blanks left out."""
        return [row.rstrip() for row in self._screen.display]

    @property
    def title(self) -> str:
        """What the window is called."""
        return str(self._screen.title)

    def until(self, is_shown: Callable[[list[str]], object]) -> list[str]:
        """Wait until the screen shows something, and return its rows."""
        deadline = time.monotonic() + WAIT_S
        while not is_shown(self.rows):
            assert time.monotonic() < deadline, "\n".join(self.rows)
            try:
                data = self._child.read_nonblocking(65_536, timeout=0.2)
            except pexpect.TIMEOUT:
                continue
            self.raw += data
            self._stream.feed(data)
        return self.rows

    def prompt(self) -> list[str]:
        """Wait for an empty prompt below everything else."""
        return self.until(lambda rows: any(rows) and re.fullmatch(r"In \[\d+\]:", _last(rows)))

    def type(self, line: str) -> None:
        """Type a line and press return."""
        self._child.send(line + "\r")

    def run(self, line: str) -> list[str]:
        """Type a line, wait until it is done, and return what the screen shows then."""
        before = _last(self.rows)
        self.type(line)
        self.until(lambda rows: _last(rows) != before)
        self.until(lambda rows: re.fullmatch(r"In \[\d+\]:", _last(rows)) and _last(rows) != before)
        return self.rows

    def control_c(self) -> None:
        """Press Ctrl-C."""
        self._child.sendintr()

    def close(self) -> None:
        """Hang up."""
        self._child.close(force=True)


def _last(rows: list[str]) -> str:
    return next((row for row in reversed(rows) if row), "")


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    opened: list[Terminal] = []

    def open_terminal(*, columns: int, colour: bool = True) -> Terminal:
        terminal = Terminal(tmp_path, columns=columns, colour=colour)
        opened.append(terminal)
        terminal.run("%load_ext rlm_magic")
        terminal.run("from models import *")
        terminal.run("ship = ['The captain is Ada.\\n', 'The cook is Bob.\\n']")
        return terminal

    yield open_terminal
    for each in opened:
        each.close()


def status_rows(rows: list[str]) -> list[str]:
    return [row for row in rows if row.startswith("rlm · turn")]


@pytest.mark.parametrize("columns", WIDTHS)
@pytest.mark.parametrize("colour", [True, False])
def test_one_status_line_moves_and_gives_way(terminal: Any, columns: int, colour: bool) -> None:
    shell = terminal(columns=columns, colour=colour)
    shell.type("ans = %rlm -c ship -m $patient --tool wait_for_file Who?")
    first = status_rows(shell.until(status_rows))
    shell.until(lambda rows: status_rows(rows) not in ([], first))
    assert len(status_rows(shell.rows)) == 1
    (shell.folder / "go").touch()
    shell.until(lambda rows: any("running cell" in row for row in status_rows(rows)))
    assert len(status_rows(shell.rows)) == 1
    (shell.folder / "on").touch()
    rows = shell.until(lambda rows: re.fullmatch(r"In \[5\]:", _last(rows)))
    assert status_rows(rows) == []
    assert any(row.startswith("rlm: step 1 · 1 cell") for row in rows)
    assert any("answered" in row for row in rows)


def test_without_colour_nothing_but_text_is_written(terminal: Any) -> None:
    shell = terminal(columns=80, colour=False)
    rows = shell.run("%rlm -c ship Who is the captain?")
    assert any("Ada" in row for row in rows)
    assert b"\x1b" not in shell.raw


@pytest.mark.parametrize("columns", WIDTHS)
def test_what_a_model_writes_cannot_act_on_the_terminal(terminal: Any, columns: int) -> None:
    shell = terminal(columns=columns)
    title = shell.title
    shell.run("print('still here')")
    rows = shell.run("%rlm -c ship -m $rude Why?")
    shown = "".join(rows)
    assert "still here" in rows
    assert "polite" in shown
    assert "\\x1b[2J" in shown
    assert shell.title == title
    assert "\u202e" not in shown
    assert "\x9b31m".encode() not in shell.raw
    log = "".join(shell.run("%rlm_log last"))
    assert "ZeroDivisionError" in log
    assert shell.title == title


@pytest.mark.parametrize("columns", WIDTHS)
def test_control_c_stops_the_run_and_leaves_a_prompt(terminal: Any, columns: int) -> None:
    shell = terminal(columns=columns)
    shell.type("ans = %rlm -c ship -o kept -m $patient --tool wait_for_file Who?")
    shell.until(status_rows)
    shell.control_c()
    rows = shell.until(lambda rows: re.fullmatch(r"In \[5\]:", _last(rows)))
    assert status_rows(rows) == []
    assert not any("Traceback" in row for row in rows)
    assert any("interrupted" in row for row in shell.run("kept.status"))


@pytest.mark.parametrize("columns", WIDTHS)
def test_status_log_and_contexts_read_well(terminal: Any, columns: int) -> None:
    shell = terminal(columns=columns)
    shell.run("%rlm_context crew $ship")
    shell.run("%rlm -q Who is the cook?")
    for line in ("crew", "%rlm_status", "%rlm_log", "%rlm_log last"):
        rows = shell.run(line)
        assert not any("<" in row and ">" in row and "div" in row for row in rows), rows
        assert not any("Traceback" in row for row in rows)
        if line in ("%rlm_status", "%rlm_log"):
            told = rows[max(number for number, row in enumerate(rows) if line in row) :]
            # A word that the edge of the screen cuts would fill its row to the last column.
            assert max(map(len, told)) < columns
    assert any("Bob" in row for row in rows)
