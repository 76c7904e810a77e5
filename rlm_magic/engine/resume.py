"""Go on with a run that was interrupted, met a limit, failed or was cut off."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from ..config import Budget
from ..errors import BudgetError, RLMError
from ..records import Answer, Step
from ..repl import Repl
from ..text import counted
from . import prompts
from .conversation import Conversation, Exchange
from .pending import Pending, read_pending
from .rehearsal import rehearse

if TYPE_CHECKING:
    from .functions import CellFunctions


def resting_repl(answer: Answer) -> Repl | None:
    """Return the repl in which a run of this process left its variables, or None when there is none any more.

    Give it to the Run that goes on; its variables are then as they were, and no cell is run again.
    """
    return cast("Repl | None", answer.resting)


@dataclass(slots=True)
class Resumption:
    """The run that goes on, as its `answer` has it. `done` once its variables were restored.

    In the process in which it ran, its namespace rests in `answer.resting`; elsewhere the recorded cells run
    again, with the recorded replies of their sub-calls. What they do outside of the namespace, such as
    writing files, they then do again.
    """

    answer: Answer
    budget: Budget
    done: bool = False
    pending: Pending | None = None
    """What the step that was broken off had been paid for."""

    def __post_init__(self) -> None:
        check_resumable(self.answer)
        taken = len(self.answer.steps)
        if self.answer.trajectory is not None:
            self.pending = read_pending(self.answer.trajectory, after=taken)
        if taken >= self.budget.steps:
            raise BudgetError(
                f"run {self.answer.run_id} has taken {counted(taken, 'step')} and the budget is "
                f"steps={self.budget.steps}: give it more than {taken}"
            )

    def take_pending(self) -> Pending | None:
        """Return, once, the step that was broken off in the middle."""
        pending, self.pending = self.pending, None
        return pending

    def restore(
        self, repl: Repl, functions: CellFunctions, *, limit_s: Callable[[], float]
    ) -> tuple[str, ...]:
        """Bring the variables back and return what to tell the model, and the user, about it."""
        self.done = True
        gaps: list[str] = []
        if repl is not self.answer.resting:
            gaps = list(rehearse(self.answer.steps, repl=repl, functions=functions, limit_s=limit_s))
        elif self.answer.steps:
            # A batch that was interrupted has given its cell none of the replies that had come.
            for cell in self.answer.steps[-1].cells:
                functions.sub_queries.unused.sub_calls += cell.sub_calls if cell.result.interrupted else ()
        return (prompts.resumed_note(self.answer.status, gaps),)


def check_resumable(answer: Answer) -> None:
    """Raise RLMError for a run that has its answer."""
    if answer.status == "answered":
        raise RLMError(f"run {answer.run_id} has its answer; nothing is left to resume. Ask on with follow=")


def recalled(conversation: Conversation, steps: Sequence[Step], *, output_chars: int) -> Conversation:
    """Add the steps taken earlier to a conversation, but for the last, which is shown when it goes on."""
    for step in steps:
        if step.compaction is not None:
            conversation.restore(step.compaction)
        if step is not steps[-1]:
            shown = prompts.output_message(step.cells, step.notes, "", output_chars=output_chars)
            conversation.add(Exchange(step.number, step.reply, shown))
    return conversation


def sub_calls_of(steps: Sequence[Step]) -> int:
    """Return how many calls the sub-calls of these steps made, those of child runs included."""
    return sum(call.usage.calls for step in steps for call in step.sub_calls)
