"""The status line, the trace and the terminal's moving line, driven by events and by a clock of our own."""

from __future__ import annotations

import io
import os
import pty
import select
import termios
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from IPython.core.error import UsageError

from rlm_magic.events import (
    CellFinished,
    CellStarted,
    ChildRunProgressed,
    Event,
    RunFinished,
    RunPaused,
    RunStarted,
    StepFinished,
    SubCallsProgressed,
    TextStreamed,
    ThinkingStarted,
)
from rlm_magic.notebook.copying import bar_line
from rlm_magic.notebook.in_jupyter import HtmlProgress
from rlm_magic.notebook.in_terminal import PlainProgress, columns_of, fitted
from rlm_magic.notebook.live import Figures, Live
from rlm_magic.notebook.progress import SilentProgress, progress_for
from rlm_magic.notebook.ticker import Ticker
from rlm_magic.records import Answer, Cell, CellResult, ReadStats, Step, Usage

WAIT_S = 30
STARTED = RunStarted("id", "Who?", "root", "sub", 20)


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Screen:
    """Keeps what a front end would: one display per id, and how often each was sent."""

    def __init__(self) -> None:
        self.displays: dict[str, dict[str, str]] = {}
        self.sent: list[tuple[str, dict[str, str]]] = []

    def publish(
        self, *, data: dict[str, str], metadata: Any, transient: dict[str, str], update: bool
    ) -> None:
        place = transient["display_id"]
        assert update == (place in self.displays)
        self.displays[place] = data
        self.sent.append((place, data))

    @property
    def texts(self) -> list[str]:
        return [data["text/plain"] for data in self.displays.values()]


def step(number: int, *, output: str = "", error: str | None = None) -> Step:
    cell = Cell("x = 1", CellResult(stdout=output, error=error))
    return Step(number, "I look.\n```repl\nx = 1\n```", (cell,), Usage(1, 10, 5, 0.01), 1.5)


def line_after(*events: Event, figures: Figures | None = None) -> str:
    live = Live(clock=Clock())
    for event in events:
        live.take(event)
    return live.line(figures or Figures())


# What the line says


def test_the_line_says_which_turn_it_is_and_what_is_happening() -> None:
    thinking = (STARTED, ThinkingStarted(2))
    assert line_after(*thinking) == "rlm · turn 2 of 20 · thinking · 0.0 s"
    assert "running cell 2" in line_after(*thinking, CellStarted(2, 1, "x"))
    batch = line_after(*thinking, CellStarted(2, 0, "x"), SubCallsProgressed(2, 3, 10))
    assert "███░░░░░░░ 3 of 10 sub-calls" in batch
    single = line_after(*thinking, CellStarted(2, 0, "x"), SubCallsProgressed(2, 0, 1))
    assert single == "rlm · turn 2 of 20 · waiting for a sub-call · 0.0 s"
    child = ChildRunProgressed(2, "Which service\nfailed?", 3, 10)
    alone = line_after(*thinking, CellStarted(2, 0, "x"), SubCallsProgressed(2, 0, 1), child)
    assert "child run at turn 3 of 10: Which service failed?" in alone
    among = line_after(*thinking, CellStarted(2, 0, "x"), SubCallsProgressed(2, 1, 4), child)
    assert "1 of 4 sub-calls, a child run at turn 3 of 10" in among
    after = line_after(*thinking, CellStarted(2, 0, "x"), SubCallsProgressed(2, 10, 10))
    assert "running cell 1" in after
    ran = CellFinished(2, 0, Cell("x", CellResult()))
    assert "cell 1 has run" in line_after(*thinking, CellStarted(2, 0, "x"), ran)
    assert "%rlm_step" in line_after(*thinking, RunPaused(2, "reply"))


def test_streamed_text_is_shown_by_its_tail_in_one_line() -> None:
    pieces = [TextStreamed(1, f"word{number}\n") for number in range(100)]
    said = line_after(STARTED, ThinkingStarted(1), *pieces)
    assert "690 characters" in said
    assert "word98 word99" in said
    assert "word50" not in said
    assert "\n" not in said


def test_costs_stand_against_the_budget_and_unknown_ones_say_so() -> None:
    spent = Usage(3, 4_000, 200, 0.0123)
    assert "4,200 tokens · $0.0123" in line_after(STARTED, figures=Figures(usage=spent))
    limited = Figures(usage=spent, cost_limit_usd=0.5)
    assert "$0.0123 of $0.50" in line_after(STARTED, figures=limited)
    unknown = Figures(usage=Usage(1, 1, 1, None), cost_limit_usd=None)
    assert "cost unknown" in line_after(STARTED, figures=unknown)
    assert "tokens" not in line_after(STARTED)


def test_reading_is_told_while_it_goes_on_with_bytes_waits_and_hits() -> None:
    live = Live(clock=Clock())
    for event in (STARTED, ThinkingStarted(1), CellStarted(1, 0, "x")):
        live.take(event)
    reads = ReadStats(requests=2, bytes=3_000_000, stall_s=1.25, memory_hits=5, disk_hits=1, store_reads=4)
    first = live.line(Figures(reads=reads, place="S3"))
    assert "running cell 1, reading from S3" in first
    assert "read 3.0 MB, waited 1.2 s · cache 6 of 10 segments" in first
    assert "reading from" not in live.line(Figures(reads=reads, place="S3"))


def test_the_seconds_are_those_of_the_run_where_they_are_known() -> None:
    assert "thinking · 12.3 s" in line_after(STARTED, ThinkingStarted(1), figures=Figures(seconds=12.34))


def test_the_end_is_the_summary() -> None:
    answer = Answer("Who?", "Ada", "answered", steps=(step(1),), seconds=2.0)
    assert line_after(STARTED, RunFinished(answer)).startswith("rlm · answered · 1 step")


# Jupyter


@pytest.fixture
def shown() -> Iterator[tuple[HtmlProgress, Screen, Clock]]:
    screen, clock = Screen(), Clock()
    progress = HtmlProgress(screen, clock=clock)
    yield progress, screen, clock
    progress.close()


def test_the_status_changes_at_most_twice_a_second(shown: tuple[HtmlProgress, Screen, Clock]) -> None:
    progress, screen, clock = shown
    progress(STARTED)
    for number in range(1_000):
        clock.now += 0.01
        progress(TextStreamed(1, f"{number} "))
    assert len(screen.displays) == 1
    assert len(screen.sent) <= 1 + 10 / 0.5 + 1


def test_the_trace_grows_only_when_a_step_ends(shown: tuple[HtmlProgress, Screen, Clock]) -> None:
    progress, screen, clock = shown
    progress(STARTED)
    progress(StepFinished(step(1, output="found it")))
    (trace,) = [place for place, data in screen.displays.items() if "<details" in data["text/html"]]
    for _ in range(20):
        clock.now += 1.0
        progress(TextStreamed(2, "more "))
    assert sum(place == trace for place, _ in screen.sent) == 1
    clock.now += 1.0
    progress(StepFinished(step(2, error="ZeroDivisionError")))
    assert screen.displays[trace]["text/plain"].splitlines() == [
        "step 1 · 1 cell · 1.5 s",
        "step 2 · 1 cell · error · 1.5 s",
    ]


def test_a_hundred_fast_steps_stay_small_and_all_are_there_at_the_end(
    shown: tuple[HtmlProgress, Screen, Clock],
) -> None:
    progress, screen, clock = shown
    progress(STARTED)
    steps = tuple(step(number, output="<&>" * 5_000) for number in range(1, 101))
    for each in steps:
        clock.now += 0.01
        progress(StepFinished(each))
    progress(RunFinished(Answer("Who?", "Ada", "answered", steps=steps)))
    assert len(screen.displays) == 2
    assert sum(len(text) for data in screen.displays.values() for text in data.values()) < 80_000
    # Jupyter's servers drop what exceeds 1 MB/s.
    assert sum(len(data["text/html"]) for _, data in screen.sent) < 500_000
    assert "step 100 ·" in screen.texts[-1]
    assert "rlm · answered · 100 steps" in screen.texts[0]


def test_hostile_text_in_the_status_is_text(shown: tuple[HtmlProgress, Screen, Clock]) -> None:
    progress, screen, _ = shown
    progress(RunStarted("id", "q", "<script>alert(1)</script>\x1b[2J\u202e", "sub", 3))
    (data,) = screen.displays.values()
    assert "<script" not in data["text/html"]
    assert "\x1b" not in data["text/plain"] + data["text/html"]
    assert "\u202e" not in data["text/plain"] + data["text/html"]


def test_closing_shows_what_was_held_back_and_showing_goes_on_after_it(
    shown: tuple[HtmlProgress, Screen, Clock],
) -> None:
    progress, screen, _ = shown
    progress(STARTED)
    progress(StepFinished(step(1)))
    progress(StepFinished(step(2)))
    progress(RunPaused(3, "reply"))
    assert "step 2 ·" in screen.texts[-1]
    assert "paused" in screen.texts[0]
    progress(ThinkingStarted(3))
    progress(StepFinished(step(3)))
    progress.close()
    assert "step 3 ·" in screen.texts[-1]


def test_a_display_that_was_never_used_shows_nothing_when_closed() -> None:
    screen = Screen()
    HtmlProgress(screen).close()
    assert screen.sent == []


def test_a_ticker_ticks_while_the_caller_is_busy_and_no_more_once_stopped() -> None:
    ticks = threading.Semaphore(0)
    ticker = Ticker(ticks.release, interval_s=0.001)
    ticker.start()
    ticker.start()
    assert all(ticks.acquire(timeout=WAIT_S) for _ in range(3))
    ticker.stop()
    while ticks.acquire(blocking=False):
        pass
    assert not ticks.acquire(timeout=0.05)
    ticker.start()
    assert ticks.acquire(timeout=WAIT_S)
    ticker.stop()


# A terminal


@pytest.fixture
def terminal() -> Iterator[tuple[io.TextIOWrapper, int]]:
    """A stream that is a terminal of 40 columns, and the end at which its screen is."""
    screen, keyboard = pty.openpty()
    termios.tcsetwinsize(keyboard, (24, 40))
    with os.fdopen(keyboard, "w", encoding="utf-8") as stream:
        yield stream, screen
    os.close(screen)


def shown_on(screen: int) -> str:
    """Return all that was written: a terminal hands it over in parts."""
    written = b""
    while select.select([screen], [], [], 0.5)[0]:
        written += os.read(screen, 100_000)
    return written.decode()


def test_a_terminal_has_one_line_that_moves_and_is_never_wider_than_the_screen(
    terminal: tuple[io.TextIOWrapper, int],
) -> None:
    stream, screen = terminal
    clock = Clock()
    progress = PlainProgress(stream, clock=clock)
    progress(STARTED)
    for piece in ("日本語" * 30, "\x1b[2J\r", "short"):
        clock.now += 1.0
        progress(TextStreamed(1, piece))
    progress(StepFinished(step(1)))
    progress.close()
    written = shown_on(screen)
    assert "\x1b" not in written
    *_, last = written.split("\n")
    assert last.split("\r")[-1].strip() == ""
    for moved in written.replace("\r\n", "\n").split("\n"):
        assert all(columns_of(part) < 40 for part in moved.split("\r")[1:])
    assert "rlm: step 1 · 1 cell · 1.5 s" in written


def test_what_is_no_terminal_gets_lines_only() -> None:
    stream = io.StringIO()
    progress = PlainProgress(stream)
    for event in (STARTED, ThinkingStarted(1), TextStreamed(1, "hm"), StepFinished(step(1))):
        progress(event)
    progress(RunFinished(Answer("Who?", "Ada", "answered", steps=(step(1),))))
    progress.close()
    lines = stream.getvalue().splitlines()
    assert "\r" not in stream.getvalue()
    assert [line.split()[1] for line in lines] == ["root", "step", "answered"]


@pytest.mark.parametrize(
    "text", ["", "abc", "a" * 100, "日本語のテキスト" * 9, "e\u0301" * 50, "a\u200bb" * 30]
)
def test_a_fitted_text_fits(text: str) -> None:
    for columns in range(2, 60):
        assert columns_of(fitted(text, columns=columns)) <= columns


def test_a_bar_is_never_over_full() -> None:
    assert "100 %" in bar_line("x", 20, 10, seconds=1.0)
    assert "0 %" in bar_line("x", 0, 10, seconds=0.0)
    assert "100 %" in bar_line("x", 0, 0, seconds=1.0)
    assert "%" not in bar_line("x", 5, None, seconds=1.0)


def test_the_kind_of_display_is_the_environments_unless_it_is_named(
    shell: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(progress_for(shell, "auto"), SilentProgress)
    assert isinstance(progress_for(shell, "plain"), PlainProgress)
    monkeypatch.delenv("RLM_PROGRESS")
    assert isinstance(progress_for(shell, "auto"), PlainProgress)
    monkeypatch.setenv("RLM_PROGRESS", "loud")
    with pytest.raises(UsageError, match="loud"):
        progress_for(shell, "auto")
