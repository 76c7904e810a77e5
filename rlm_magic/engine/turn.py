"""Carry out one reply of the root model: run its cells, find its answer, note what it must be told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from ..errors import AnswerRejected
from ..events import CellFinished, CellStarted, Event
from ..records import Cell, CellResult, Completion
from ..repl import Repl
from . import prompts
from .final import Final, FinalText, FinalVariable, MalformedFinal, find_finals
from .functions import CellFunctions, missing_variable
from .hooks import Accept
from .ledger import Ledger
from .reply import Reply, parse_reply
from .values import answer_text, is_set

# A cell that begins in the run's last moment still gets a moment, so that it can end the run.
_SHORTEST_CELL_S = 0.1


@dataclass(slots=True)
class Outcome:
    """What a reply led to. `ended` says that `value` is the answer; `prose` is the reply without code."""

    prose: str
    cells: list[Cell] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    ended: bool = False
    value: object = None
    given: object = None
    """The answer as the model gave it; `value` is that in the form that was asked for."""
    text: str = ""
    """The answer as the model gave it, as text."""
    interrupted: bool = False
    rejected: bool = False
    """An answer was given, `value`, that is not what was asked for."""

    def end(self, value: object, *, form: str) -> None:
        """Take `value`, which was given as `form`, as the answer, unless it cannot become text."""
        try:
            self.text = answer_text(value)
        except Exception as error:  # noqa: BLE001 - str() of the model's own object may do anything
            self.notes.append(f"{form} was not used: its str() failed: {type(error).__name__}: {error}")
        else:
            self.ended, self.value, self.given = True, value, value

    @property
    def failed(self) -> bool:
        """Whether the last cell that ran raised an error."""
        return bool(self.cells) and self.cells[-1].result.error is not None


class Turn:
    """Carries out replies in one repl. An interrupt while cells run is kept in the Outcome, not raised."""

    def __init__(
        self,
        repl: Repl,
        functions: CellFunctions,
        ledger: Ledger,
        report: Callable[[Event], None],
        *,
        label: str = "rlm",
        accept: Accept | None = None,
    ) -> None:
        self._given_answer: dict[str, object] = {"content": "", "ready": False}
        repl.give({"answer": self._given_answer})
        self._repl = repl
        self._functions = functions
        self._ledger = ledger
        self._report = report
        self._label = label
        self._accept = accept

    def carry_out(
        self, number: int, completion: Completion, *, cells: tuple[str, ...] | None = None
    ) -> Outcome:
        """Run the cells of step `number` in order, up to an answer, an error or an interrupt.

        `cells` run in the place of the reply's own; what the reply says outside of code counts all the same.
        """
        reply = parse_reply(completion.text)
        if cells is not None:
            reply = replace(reply, cells=cells, unclosed=False, untagged=0)
        outcome = Outcome(reply.prose)
        try:
            self._run_cells(number, reply, outcome)
        except KeyboardInterrupt:
            # Between two cells, or while one was being set up: nothing of the step is lost.
            outcome.interrupted = True
        if not outcome.ended and not outcome.interrupted:
            finals = find_finals(reply.prose)
            self._read_finals(finals, outcome)
            if not outcome.ended:
                led_on = bool(finals) or cells is not None
                outcome.notes += self._notes(reply, completion, outcome, led_on=led_on)
        if outcome.ended and self._accept is not None:
            self._check(self._accept, outcome)
        return outcome

    def _check(self, accept: Accept, outcome: Outcome) -> None:
        try:
            outcome.value = accept(outcome.value)
        except AnswerRejected as rejected:
            outcome.ended, outcome.rejected = False, True
            outcome.notes.append(f"Your answer was not accepted: {rejected}")
            # A dict that stays ready would end the next step with the same answer.
            self._given_answer["ready"] = False
            if (answer := self._answer_dict()) is not None:
                answer["ready"] = False

    def _run_cells(self, number: int, reply: Reply, outcome: Outcome) -> None:
        for index, code in enumerate(reply.cells):
            self._report(CellStarted(number, index, code))
            self._functions.begin_cell()
            started_s = self._ledger.seconds_in_all
            result = self._repl.run(
                code, name=f"{self._label} {number}.{index + 1}", timeout_s=self.cell_limit_s()
            )
            cell = Cell(code, result, tuple(self._functions.sub_calls), started_s)
            outcome.cells.append(cell)
            self._report(CellFinished(number, index, cell))
            if self._settle(result, outcome):
                return

    def _settle(self, result: CellResult, outcome: Outcome) -> bool:
        """Take the cell's answer if it gave one. Returns whether no further cell of the reply may run."""
        # The functions remember an answer whose exception the model's own `except:` swallowed.
        if self._functions.ended is not None:
            outcome.end(self._functions.ended.value, form="Your answer")
        elif result.interrupted:
            outcome.interrupted = True
        elif result.error is None and (answer := self._ready_answer()) is not None:
            content = answer.get("content")
            if not _is_empty(content):
                outcome.end(content, form='answer["content"]')
        return outcome.ended or outcome.interrupted or result.error is not None

    def _read_finals(self, finals: list[Final], outcome: Outcome) -> None:
        if outcome.failed and finals:
            # Such an answer was written before its author could see that the code failed.
            outcome.notes.append("Your FINAL was not used, because a cell of the same reply failed.")
            return
        for final in finals:
            match final:
                case FinalText(text):
                    outcome.end(text, form="FINAL")
                case FinalVariable(name):
                    self._end_with_variable(name, outcome)
                case MalformedFinal(reason):
                    outcome.notes.append(reason)
            if outcome.ended:
                return

    def _end_with_variable(self, name: str, outcome: Outcome) -> None:
        variables = self._repl.variables()
        if name not in variables:
            outcome.notes.append(missing_variable(name, variables))
            return
        outcome.end(variables[name], form=f"FINAL_VAR({name})")

    def _notes(self, reply: Reply, completion: Completion, outcome: Outcome, *, led_on: bool) -> list[str]:
        notes = []
        if completion.stop_reason == "length":
            notes.append(prompts.CUT_SHORT)
        if reply.unclosed:
            notes.append(prompts.UNCLOSED_BLOCK)
        if reply.unclosed_thought:
            notes.append(prompts.UNCLOSED_THOUGHT)
        if (answer := self._ready_answer()) is not None and _is_empty(answer.get("content")):
            notes.append(prompts.READY_BUT_EMPTY)
        if (skipped := len(reply.cells) - len(outcome.cells)) > 0:
            notes.append(f"{skipped} later code block(s) of your reply were not run, because of the error.")
        if not (outcome.cells or reply.unclosed or led_on):
            notes.append(prompts.nothing_ran(untagged=reply.untagged))
        return notes

    def _ready_answer(self) -> dict[str, object] | None:
        answer = self._answer_dict()
        return answer if answer is not None and is_set(answer.get("ready")) else None

    def _answer_dict(self) -> dict[str, object] | None:
        # The repl lists a given name only once it was rebound. `answer` is a common name for a variable: only
        # a dict is the protocol's, anything else is the model's own.
        answer = self._repl.variables().get("answer", self._given_answer)
        return answer if isinstance(answer, dict) else None

    def cell_limit_s(self) -> float:
        """Return how long a cell that begins now may run."""
        limit_s, left_s = self._ledger.budget.cell_seconds, self._ledger.seconds_left
        return limit_s if left_s is None else max(min(limit_s, left_s), _SHORTEST_CELL_S)


def _is_empty(content: object) -> bool:
    # Not by `in` or ==, which an array answers with an array.
    return content is None or (isinstance(content, str) and not content)
