"""Steer a run: pause it before it acts, change what it runs, put in a word, ask for an answer now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..errors import RLMError, RunInterrupted
from ..events import RunPaused
from ..records import Answer, Step
from . import prompts
from .proposal import Proposal, cells_of, users_own

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..events import Event
    from .calls import Asking
    from .ledger import Ledger
    from .resume import Resumption
    from .turn import Outcome


class Steering:
    """The part of a run that a person holds. While a reply waits, the run's clock stands still."""

    answer: Answer | None
    proposal: Proposal | None
    ledger: Ledger
    steps: list[Step]
    report: Callable[[Event], None]
    _remarks: list[str]
    _last_turn: str | None
    _resumption: Resumption | None

    def think(self) -> Proposal | None:
        """Ask the root model for its reply and return that, or the one that waits; nothing of it is run yet.

        Returns None when a limit ended the run before the model could be asked. Raises what `step` raises.
        """
        self._go_on()
        if self.proposal is None:
            self._waited_for(self._think())
        if self.proposal is not None:
            self._pause(self.proposal)
        return self.proposal

    def act(self, code: str | Sequence[str] | None = None) -> Step:
        """Carry out the reply that waits and return the step; `code`, one cell or several, replaces its own.

        What the reply says outside of code, such as FINAL(...), counts in any case. With `code` and no reply
        waiting, the user takes a step in the model's place. The model is told what ran, and the record says
        so. Raises RLMError when there is nothing to carry out, and what `step` raises.
        """
        self._go_on()
        cells = None if code is None else cells_of(code)
        proposal = self._waiting()
        if proposal is not None:
            changed = cells is not None and proposal.changed(cells)
            return self._carry_out(proposal, cells if changed else None)
        if not cells:
            raise RLMError("no reply waits to be carried out; run.think() asks for the next one")
        self._refuse_on_last_turn("run code of your own")
        return self._carry_out(self._users_own(), cells)

    def say(self, text: str) -> None:
        """Tell the root model something before its next turn. A reply that waits is not carried out.

        Raises RLMError for an empty text, and when no turn would be left for the model to heed it.
        """
        self._go_on()
        if not isinstance(text, str) or not text.strip():
            raise RLMError(f"there is nothing to say in {text!r}; give a text for the model")
        self._refuse_on_last_turn("tell the model anything")
        proposal, remark = self._waiting(), prompts.user_remark(text)
        if proposal is None:
            self._remarks.append(remark)
        else:
            self._pass_over(proposal, remark)

    def conclude(self) -> Answer:
        """End the run with the best answer the model can give now, on one last turn if the budget has it.

        A reply that waits is not carried out. Raises what `step` raises.
        """
        self._go_on()
        if self._last_turn is not None or self.ledger.spent is not None:
            return self.stop()
        if (proposal := self._waiting()) is not None:
            self._pass_over(proposal)
        if self.answer is None:
            self._remarks.append(prompts.last_turn_line(prompts.BY_THE_USER))
            self._waited_for(self._think())
        if self.proposal is not None:
            self._last_turn = prompts.BY_THE_USER
            self._carry_out(self.proposal, None)
        assert self.answer is not None
        return self.answer

    def _pause(self, proposal: Proposal) -> None:
        self.ledger.hold()
        try:
            self.report(RunPaused(proposal.step, proposal.reply))
        except KeyboardInterrupt as interrupt:
            raise self._interrupted() from interrupt

    def _waiting(self) -> Proposal | None:
        """Return the reply that waits; also one that an earlier part of the run had paid for."""
        if self.proposal is None and self._resumption is not None and self._resumption.pending is not None:
            self._waited_for(self._think())
        return self.proposal

    def _pass_over(self, proposal: Proposal, *remarks: str) -> None:
        """Record a reply that is not carried out, and decide what follows."""
        try:
            self._continue(*self._leave(proposal, *remarks))
        except KeyboardInterrupt as interrupt:
            raise interrupt if self.answer is not None else self._interrupted() from interrupt

    def _refuse_on_last_turn(self, what: str) -> None:
        if self._last_turn is not None:
            raise RLMError(
                f"too late to {what}: the budget of {self._last_turn} is spent and the model has one reply "
                "left. Let it answer, then go on with a larger budget (resume)"
            )

    def _users_own(self) -> Proposal:
        try:
            return users_own(len(self.steps) + 1, self._opened())
        except KeyboardInterrupt as interrupt:
            raise self._interrupted() from interrupt

    if TYPE_CHECKING:  # what the loop provides

        def stop(self) -> Answer: ...
        def _go_on(self) -> None: ...
        def _waited_for(self, part: Asking[None]) -> None: ...
        def _think(self) -> Asking[None]: ...
        def _opened(self) -> tuple[str, ...]: ...
        def _carry_out(self, proposal: Proposal, cells: tuple[str, ...] | None) -> Step: ...
        def _leave(self, proposal: Proposal, *remarks: str) -> tuple[Step, Outcome]: ...
        def _continue(self, step: Step, outcome: Outcome) -> None: ...
        def _interrupted(self) -> RunInterrupted: ...
