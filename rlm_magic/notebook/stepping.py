"""The worker of %rlm_step: a run that pauses before it acts, and the ways on from there."""

from __future__ import annotations

import re
from argparse import Namespace
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from IPython.core.error import UsageError

from .asking import Asker
from .begun import Begun
from .question import interpolate

if TYPE_CHECKING:
    from ..engine import Run
    from ..records import Answer, Step
    from .progress import Progress

NOTHING_WAITS = (
    "nothing is paused. Pause a run before it acts: %rlm --step QUESTION; or stop one with the stop button: "
    "%rlm_step then goes on with it"
)
# Stands between the cells of a reply that has several, when they are edited as one.
_NEXT_CELL = "# %% next cell"
_BETWEEN_CELLS = re.compile(rf"^{_NEXT_CELL}[ \t]*\n", re.MULTILINE)
_EDITING = "%%rlm_step\n"


class Paused:
    """A run that waits: `reply` and `cells` are what its model wants to do, `variables` what it has made."""

    def __init__(self, run: Run) -> None:
        proposal = run.proposal
        assert proposal is not None
        self.run_id = run.run_id
        self.question = run.question
        self.step = proposal.step
        self.reply = proposal.reply
        self.cells = proposal.cells
        self._run = run
        self._seconds = proposal.seconds

    @property
    def variables(self) -> Variables:
        """The run's variables as they are now; once it is over, those that it left."""
        answer = self._run.answer
        return Variables(self._run.variables if answer is None else answer.variables)

    def __repr__(self) -> str:
        from ..views import paused_plain

        return paused_plain(self._as_step, max_steps=self._run.ledger.budget.steps)

    def _repr_html_(self) -> str:
        from ..views import paused_html

        return paused_html(self._as_step, max_steps=self._run.ledger.budget.steps)

    @cached_property
    def _as_step(self) -> Step:
        from ..views import waiting_step

        return waiting_step(self.step, self.reply, self.cells, seconds=self._seconds)


class Variables(dict[str, object]):
    """The variables of a run; shown, a line for each."""

    def __repr__(self) -> str:
        from ..engine.values import value_summary
        from ..views.plain import printable

        lines = [f"{name}: {printable(value_summary(value))}" for name, value in self.items()]
        return "\n".join(lines) or "no variables yet"


@dataclass(slots=True)
class Stepper:
    """Holds the run that waits, if one does, and lets it go on."""

    asker: Asker
    _waiting: Begun | None = None

    def begin(self, begun: Begun) -> Paused | Answer:
        """Let a run that has just begun think, and pause."""
        return self._go_on(begun, lambda run: run.think())

    def go_on(
        self, args: Namespace, text: str, cell: str | None, goes_on: GoesOn
    ) -> Paused | Answer | Variables | None:
        """Do what the options of %rlm_step say. `goes_on` makes the display and resumes a stopped run."""
        _check(args, text, cell)
        if args.vars:
            return self._variables()
        if args.edit:
            self._edit()
            return None
        told = self._told(text if cell is None else cell) if args.say else ""
        if args.say and not told:
            raise UsageError("say something: %rlm_step --say Look at the second file first")
        begun = self._again(goes_on)
        if args.stop:
            return self._go_on(begun, lambda run: run.conclude())
        if args.say:
            return self._go_on(begun, lambda run: _say(run, told))
        code = None if cell is None else _BETWEEN_CELLS.split(cell)
        return self._go_on(begun, lambda run: _act(run, code, to_the_end=args.go))

    def _told(self, text: str) -> str:
        return interpolate(text.strip(), self.asker.shell.user_ns)

    def put_aside(self) -> str:
        """End the run that waits, if one does, and return what to tell the user; nothing if none did."""
        begun = self._waiting
        if begun is None:
            return ""
        self._let(begun, lambda run: run.stop())
        run_id = begun.run.run_id
        return f"run {run_id} was paused and is ended now; %rlm --resume {run_id} goes on with it"

    def _again(self, goes_on: GoesOn) -> Begun:
        """Return the run that waits, shown in this cell; else the one that was stopped, resumed."""
        if self._waiting is not None:
            self._waiting.show_on(goes_on.progress())
            return self._waiting
        self._check_stopped()
        return goes_on.resume()

    def _check_stopped(self) -> Answer:
        last = self.asker.last
        if last is None or last.status == "answered":
            raise UsageError(NOTHING_WAITS)
        if last.status.startswith("stopped"):
            raise UsageError(
                f"nothing is paused, and the last run ended as {last.status!r}. Go on with it: "
                f"%rlm --resume {last.run_id} --step --max-steps {len(last.steps) + 10}"
            )
        return last

    def _go_on(self, begun: Begun, part: Callable[[Run], object]) -> Paused | Answer:
        self._let(begun, part)
        if begun.run.answer is not None:
            return self.asker.kept(begun)
        paused = Paused(begun.run)
        self.asker.name(begun, paused)
        return paused

    def _let(self, begun: Begun, part: Callable[[Run], object]) -> None:
        """Let a part of a run happen. Whatever comes of it, errors included: it waits then, or it is over."""
        run = begun.run
        # Nothing waits meanwhile: a tool of the user that steps on in the middle is told so.
        self._waiting = None
        try:
            part(run)
        finally:
            self._waiting = begun if run.answer is None else None
            begun.rest()
            if run.answer is not None:
                run.release()
                self.asker.remember(begun)

    def _variables(self) -> Variables:
        if self._waiting is not None:
            return Variables(self._waiting.run.variables)
        if self.asker.last is None:
            raise UsageError(NOTHING_WAITS)
        return Variables(self.asker.last.variables)

    def _edit(self) -> None:
        run = self._waiting.run if self._waiting is not None else None
        proposal = run.proposal if run is not None else None
        cells = _stopped_cells(self._check_stopped()) if proposal is None else proposal.cells
        if not cells:
            raise UsageError(
                "there is no code to change. %rlm_step goes on, %rlm_step --say TEXT tells the model "
                "something, and a cell that begins with %%rlm_step runs code of yours in the run"
            )
        code = f"{_NEXT_CELL}\n".join(cell.rstrip() + "\n" for cell in cells)
        self.asker.shell.set_next_input(_EDITING + code.rstrip())


@dataclass(frozen=True, slots=True)
class GoesOn:
    """How a run goes on in this cell: on which display, and how the last one is resumed."""

    progress: Callable[[], Progress]
    resume: Callable[[], Begun]


def _act(run: Run, code: list[str] | None, *, to_the_end: bool) -> None:
    if run.proposal is not None or code is not None:
        run.act(code)
    if run.answer is None:
        if to_the_end:
            run.finish()
        else:
            run.think()


def _say(run: Run, text: str) -> None:
    run.say(text)
    if run.answer is None:
        run.think()


def _stopped_cells(answer: Answer) -> tuple[str, ...]:
    """Return the code of the cell that was stopped, and of those behind it."""
    from ..engine.reply import parse_reply

    if not answer.steps or not any(cell.result.interrupted for cell in answer.steps[-1].cells):
        return ()
    step = answer.steps[-1]
    ran = len(step.cells) - 1
    return (step.cells[-1].code, *(() if step.edited else parse_reply(step.reply).cells[ran + 1 :]))


def _check(args: Namespace, text: str, cell: str | None) -> None:
    given: Mapping[str, bool] = {
        f"--{name}": getattr(args, name) for name in ("edit", "say", "stop", "go", "vars")
    }
    chosen = [name for name, is_given in given.items() if is_given]
    if len(chosen) > 1:
        raise UsageError(f"{' and '.join(chosen)} do not go together; give one of them")
    if text and not args.say:
        raise UsageError(f"to tell the model {text!r}, write %rlm_step --say {text}")
    if text and cell is not None:
        raise UsageError(f"%%rlm_step --say takes its text from the cell; move {text!r} below the first line")
    if cell is not None and chosen not in ([], ["--say"], ["--go"]):
        raise UsageError(
            f"%%rlm_step takes code to run, and {chosen[0]} runs none; write %rlm_step {chosen[0]}"
        )
