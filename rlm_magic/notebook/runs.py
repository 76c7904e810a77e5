"""What %rlm_log returns: the recorded runs, one of them, or two side by side."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from textwrap import shorten
from typing import TYPE_CHECKING

from IPython.core.error import UsageError

from ..records import Answer
from ..text import counted
from .in_terminal import for_terminal

if TYPE_CHECKING:
    from typing import Self

_RECENT_RUNS = 20
_QUESTION_CHARS = 60
_CELL_CHARS = 28
_COLUMNS = ("run", "when", "status", "steps", "cost", "model", "question")


def show_runs(
    names: Sequence[str], *, step: int | None, out: str | None
) -> RunList | RunView | RunPair | None:
    """Return what shows the runs of these names, or write one to the file `out` and return None.

    Without a name that is the list of runs, or the last run where a step or a file is asked for. Raises
    UsageError for what does not go together, or for a file that cannot be written, and RunNotFound.
    """
    if len(names) > 2 or (len(names) == 2 and (step is not None or out is not None)):
        raise UsageError(
            f"%rlm_log shows one run, or two side by side without -s and -o, not {' '.join(names)}"
        )
    if step is not None and out is not None:
        raise UsageError(f"-o writes the whole run; leave -s {step} out")
    if not names and step is None and out is None:
        return RunList.recent()
    answers = [_recorded(name) for name in names or ["last"]]
    if len(answers) == 2:
        return RunPair(*answers)
    if out is None:
        return RunView(answers[0], step=step)
    try:
        answers[0].save(os.path.expanduser(out))
    except ValueError as error:
        raise UsageError(str(error)) from error
    except OSError as error:
        raise UsageError(f"cannot write {out}: {error.strerror or error}") from error
    return None


@dataclass(frozen=True, slots=True)
class RunList:
    """The newest recorded runs, one row each, and how many there are in all."""

    rows: tuple[tuple[str, ...], ...]
    total: int

    @classmethod
    def recent(cls) -> Self:
        """Read the newest runs from the user's data directory."""
        from ..engine import list_runs

        runs = list_runs()
        return cls(tuple(_row(run) for run in runs[:_RECENT_RUNS]), len(runs))

    def __repr__(self) -> str:
        if not self.rows:
            return "no runs recorded yet"
        more = self.total - len(self.rows)
        lines = [*_aligned([_COLUMNS, *self.rows]), *([f"... and {more:,} older"] if more else [])]
        return for_terminal("\n".join(lines))

    def _repr_html_(self) -> str | None:
        from ..views import runs_html

        # With nothing to tabulate, the words of the plain form say it.
        return runs_html(_COLUMNS, self.rows, omitted=self.total - len(self.rows)) if self.rows else None


class RunView:
    """One recorded run, or one step of it."""

    def __init__(self, answer: Answer, *, step: int | None) -> None:
        self._answer = answer
        self._steps = answer.steps if step is None else tuple(s for s in answer.steps if s.number == step)
        if step is not None and not self._steps:
            raise UsageError(
                f"run {answer.run_id} has {counted(len(answer.steps), 'step')}; there is no step {step}"
            )
        self._whole = step is None

    def __repr__(self) -> str:
        from ..views import run_plain, step_plain

        return run_plain(self._answer) if self._whole else "\n\n".join(map(step_plain, self._steps))

    def _repr_html_(self) -> str:
        from ..views import run_html, trace_html

        return run_html(self._answer) if self._whole else trace_html(self._steps)


class RunPair:
    """Two recorded runs side by side."""

    def __init__(self, first: Answer, second: Answer) -> None:
        self._first, self._second = first, second

    def __repr__(self) -> str:
        from ..views import answer_plain, compared

        rows = compared(self._first, self._second)
        table = _aligned([tuple(_cut(value) for value in row) for row in rows])
        return "\n\n".join(
            [for_terminal("\n".join(table)), answer_plain(self._first), answer_plain(self._second)]
        )

    def _repr_html_(self) -> str:
        from ..views import compare_html

        return compare_html(self._first, self._second)


def _recorded(name: str) -> Answer:
    from ..engine import find_run, read_trajectory
    from ..session import with_page

    return with_page(read_trajectory(find_run(name)))


def _row(run: str) -> tuple[str, ...]:
    from ..engine import find_run, read_trajectory
    from ..errors import RLMError
    from ..views import cost_text, printable

    try:
        path = find_run(run)
        when = f"{datetime.fromtimestamp(path.stat().st_mtime):%d %b %H:%M}"
        answer = read_trajectory(path)
    except (RLMError, OSError) as error:
        return run, "", f"unreadable: {error}", "", "", "", ""
    question = shorten(printable(answer.question), _QUESTION_CHARS, placeholder=" ...")
    status, steps = _cut(printable(answer.status)), str(len(answer.steps))
    return run, when, status, steps, cost_text(answer.total), _cut(printable(answer.model)), question


def _cut(text: str) -> str:
    return shorten(text, _CELL_CHARS, placeholder=" ...") if len(text) > _CELL_CHARS else text


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(value.ljust(width) for value, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
