"""The loop: ask the root model, run the cells of its reply, until there is an answer or a limit is met."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TypeVar

from ..config import Budget, EngineConfig
from ..errors import BudgetExceeded, RLMError, RunInterrupted
from ..events import Event, RunFinished, RunStarted, StepFinished, TextStreamed, ThinkingStarted
from ..models import Model, context_window, open_model_for_code
from ..records import Answer, Compaction, Completion, Message, Reading, Step, Usage
from ..repl import Repl
from . import prompts
from .call_record import usage_record
from .calls import Asking, Request, answered
from .desk import Desk
from .ending import answer_of, last_words
from .history import Before, history_entry, prompts_of
from .hooks import Accept, OpenChild, ReadObserver, open_text
from .metadata import run_metadata
from .opening import bind, open_desk, open_ledger, open_talk, open_trajectory
from .proposal import Proposal
from .resume import Resumption
from .setting import Setting
from .steering import Steering
from .subqueries import check_price
from .tree import cell_functions
from .turn import Outcome, Turn

T = TypeVar("T")

# Limits after which the model is still asked once for its best answer: one more root call is affordable.
_ANSWERABLE_LIMITS = ("steps", "sub_calls")


class Run(Steering):
    """One question's loop. Step it, iterate over it, or `finish` it; stop between steps whenever you like.

    Or steer it: `think` asks for the next reply and pauses, `act` carries out that `proposal`, with other
    code if you like, `say` puts in a word instead, `conclude` asks for an answer now. Its `variables` are
    there to look at meanwhile. A run of `think` and `act` is step by step the same as one of `step`.

    `names` are the loop's own names in the repl (`context` among them), `description` tells the model what
    they are. `tools` are further names; what the model is told of them is part of `extra_prompt`, which ends
    the instructions, and of `child_prompt`, which ends those of child runs. `accept` checks the final value,
    `reader` notes what is read, `open_child` binds what model code passes as `context=` to a child run, and
    `window` gives how many tokens a model takes.

    `follow` is an answer that this run goes on from; `resume` one whose own run goes on: its steps count, and
    so does what they have cost. `parent` is the run that a child run belongs to.

    `answer` is None until the run is over. An interrupt (KeyboardInterrupt) or a failing model ends it with
    everything kept in `answer`, and is raised to the caller.
    """

    def __init__(
        self,
        question: str,
        *,
        model: Model,
        sub_model: Model,
        repl: Repl,
        names: Mapping[str, object],
        description: str,
        budget: Budget | None = None,
        config: EngineConfig | None = None,
        resolve: Callable[[str], Model] = open_model_for_code,
        window: Callable[[str], int | None] = context_window,
        on_event: Callable[[Event], None] | None = None,
        finish_answer: Callable[[Answer], Answer] = lambda answer: answer,
        tools: Mapping[str, object] | None = None,
        extra_prompt: str = "",
        child_prompt: str = "",
        accept: Accept | None = None,
        reader: ReadObserver | None = None,
        open_child: OpenChild = open_text,
        follow: Answer | None = None,
        resume: Answer | None = None,
        parent: Run | None = None,
    ) -> None:
        self.question = question
        self.model = model
        self.sub_model = sub_model
        self.repl = repl
        self.config = config or EngineConfig()
        self.answer: Answer | None = None
        self.proposal: Proposal | None = None
        self._remarks: list[str] = []
        self.depth: int = 0 if parent is None else parent.depth + 1
        self.setting = Setting(names, description, tools or {}, child_prompt, resolve, window, open_child)
        self._reader = reader
        self.report = on_event or _ignore
        self._finish_answer = finish_answer
        self._last_turn: str | None = None
        self._announced = False
        self._resumption = None if resume is None else Resumption(resume, budget or Budget())
        self.steps: list[Step] = list(resume.steps) if resume is not None else []
        self._history = [history_entry(step) for step in self.steps]
        pending = None if self._resumption is None else self._resumption.pending
        self.ledger = open_ledger(
            budget or Budget(), resume=resume, pending=pending, root_model=model.name, parent=parent
        )
        check_price(model, self.ledger)
        check_price(sub_model, self.ledger)
        self.desk: Desk = open_desk(self.ledger, self.config) if parent is None else parent.desk
        self._functions = cell_functions(self)
        label = "rlm" if parent is None else "rlm child"
        self._turn = Turn(repl, self._functions, self.ledger, self.report, label=label, accept=accept)
        owned = {**self.setting.tools, **names, "history": list(self._history), **self._functions.names()}
        earlier = bind(repl, owned, follow)
        self._talk = open_talk(self, extra_prompt, turn=self._turn_line(len(self.steps) + 1), earlier=earlier)
        self.run_id, self.trajectory = open_trajectory(resume=resume, parent=parent)
        self.trajectory.begin(**run_metadata(self))

    @property
    def messages(self) -> tuple[Message, ...]:
        """The conversation with the root model up to now."""
        return self._talk.messages()

    @property
    def variables(self) -> dict[str, object]:
        """What the cells have made so far."""
        return self.repl.variables()

    @property
    def may_recurse(self) -> bool:
        """Whether cells of this run may start child runs."""
        return self.depth < self.ledger.root_budget.max_depth

    def __iter__(self) -> Iterator[Step]:
        while self.answer is None:
            step = self.step()
            if step is not None:
                yield step

    def finish(self) -> Answer:
        """Step until there is an answer and return it."""
        for _ in self:
            pass
        assert self.answer is not None
        return self.answer

    def step(self) -> Step | None:
        """Ask the root model once, or take the reply that waits; run its cells and return the step.

        Returns None when a limit ended the run before the model could be asked. Raises RunInterrupted when
        the user stopped it and ModelError when the root model failed; `answer` then holds what was found.
        """
        self._go_on()
        return self._waited_for(self._one_step())

    def asking(self) -> Asking[None]:
        """Yield every request of the run up to its end; for a child run, whose replies come to its parent."""
        while self.answer is None:
            yield from self._one_step()

    def stop(self) -> Answer:
        """End the run here, keeping what it found. A reply that waits is not carried out."""
        if self.answer is None:
            self._end(f"stopped: {prompts.BY_THE_USER}")
        assert self.answer is not None
        return self.answer

    def release(self) -> None:
        """Release the repl; that of a run which may be resumed in this process keeps its variables."""
        if self.answer is not None and self.answer.resting is self.repl:
            self.repl.rest()
        else:
            self.repl.close()

    def fail(self, error: RLMError | None) -> None:
        """End the run for an error, or for an interrupt that came between two steps."""
        self._end("interrupted" if error is None else f"failed: {type(error).__name__}: {error}")
        if error is not None:
            error.answer = self.answer

    def _go_on(self) -> None:
        if self.answer is not None:
            raise RLMError("this run is over; its answer is in run.answer. Start another with ask(...)")
        if self.ledger.go_on() and self._reader is not None:
            # What the user has read meanwhile is not the run's doing.
            self._reader.forget()

    def _waited_for(self, part: Asking[T]) -> T:
        return answered(part, desk=self.desk, ledger=self.ledger)

    def _one_step(self) -> Asking[Step | None]:
        if self.proposal is None:
            yield from self._think()
        return None if self.proposal is None else self._carry_out(self.proposal, None)

    def _think(self) -> Asking[None]:
        """Ask the root model; its reply is `proposal` then, unless a limit ended the run."""
        started = time.monotonic()
        try:
            notes = self._opened()
            self.report(ThinkingStarted(len(self.steps) + 1))
            compaction, summing_up, completion = yield from self._reply()
        except BudgetExceeded as refused:
            self._end(f"stopped: {refused.limit}")
            return
        except KeyboardInterrupt as interrupt:
            raise self._interrupted() from interrupt
        except RLMError as error:
            self.fail(error)
            raise
        self._talk.heard(completion.usage)
        before = Before(notes, compaction, summing_up)
        self.proposal = Proposal(len(self.steps) + 1, completion, before, time.monotonic() - started)

    def _opened(self) -> tuple[str, ...]:
        """Begin a turn: restore what is to be restored, pass on what the user said. Returns both in words."""
        notes, remarks = self._restored(), tuple(self._remarks)
        self._remarks.clear()
        for remark in remarks:
            self._talk.add(remark)
        if not self._announced:
            self._announced = True
            names = (self.model.name, self.sub_model.name)
            self.report(RunStarted(self.run_id, self.question, *names, self.ledger.budget.steps))
        return (*notes, *remarks)

    def _reply(self) -> Asking[tuple[Compaction | None, Usage, Completion]]:
        """Ask the root model; the step that was broken off in the middle has its reply already."""
        pending = None if self._resumption is None else self._resumption.take_pending()
        self._functions.sub_queries.begin_step(pending)
        if pending is not None:
            compaction, summing_up, completion = None, Usage(), pending.completion
        else:
            compaction, summing_up = yield from self._talk.shortened()
            completion = yield self._request()
        self.trajectory.pend(
            len(self.steps) + 1,
            reply=completion.text,
            usage=usage_record(completion.usage + summing_up),
            stop_reason=completion.stop_reason,
        )
        return compaction, summing_up, completion

    def _request(self) -> Request:
        number = len(self.steps) + 1
        if self.depth:
            # Nobody watches a child run think.
            return Request(self.model, self.messages)
        return Request(self.model, self.messages, lambda text: self.report(TextStreamed(number, text)))

    def _carry_out(self, proposal: Proposal, cells: tuple[str, ...] | None) -> Step:
        """Carry a reply out, or run `cells` in the place of its own, and decide what follows."""
        self.proposal = None
        try:
            step, outcome = self._act(proposal, cells)
            if outcome.interrupted:
                raise self._interrupted()
            self._continue(step, outcome)
        except KeyboardInterrupt as interrupt:
            # One that came while the step was being written down.
            raise interrupt if self.answer is not None else self._interrupted() from interrupt
        return step

    def _act(self, proposal: Proposal, cells: tuple[str, ...] | None) -> tuple[Step, Outcome]:
        started = time.monotonic()
        outcome = self._turn.carry_out(proposal.step, proposal.completion, cells=cells)
        if cells is not None:
            asked, code_chars = bool(proposal.reply), self.config.output_chars
            outcome.notes.append(prompts.users_code(cells, asked=asked, code_chars=code_chars))
        ran = tuple(outcome.cells)
        step = replace(
            self._step_of(proposal, time.monotonic() - started),
            cells=ran,
            notes=(*proposal.before.notes, *outcome.notes),
            final=outcome.text if outcome.ended else None,
            reading=self._reader.take(list(prompts_of(ran))) if self._reader else Reading(),
            edited=cells is not None,
        )
        self._record(step)
        return step, outcome

    def _leave(self, proposal: Proposal, *remarks: str) -> tuple[Step, Outcome]:
        """Record a reply that is not carried out."""
        self.proposal = None
        outcome = Outcome("", notes=[prompts.NOT_CARRIED_OUT, *remarks])
        step = self._step_of(proposal, 0.0)
        step = replace(step, notes=(*step.notes, *outcome.notes))
        self._record(step)
        return step, outcome

    def _step_of(self, proposal: Proposal, acting_s: float) -> Step:
        """Return the step of a reply before anything of it was carried out."""
        before, seconds = proposal.before, proposal.seconds + acting_s
        return Step(
            proposal.step,
            proposal.reply,
            (),
            proposal.completion.usage + before.summing_up,
            seconds,
            notes=before.notes,
            compaction=before.compaction,
            started_s=max(0.0, self.ledger.seconds_in_all - seconds),
        )

    def _continue(self, step: Step, outcome: Outcome) -> None:
        """Decide what follows a recorded step: the end, a last turn, or the next turn."""
        if self._last_turn is not None:
            value, text = last_words(outcome)
            self._end(f"stopped: {self._last_turn}", text=text, value=value)
        elif outcome.ended:
            self._end("answered", text=outcome.text, value=outcome.value)
        elif (limit := self.ledger.spent) is not None:
            self._end(f"stopped: {limit}", text=outcome.text if outcome.rejected else "")
        else:
            self._next_turn(step, outcome)

    def _next_turn(self, step: Step, outcome: Outcome) -> None:
        if self.ledger.refused in _ANSWERABLE_LIMITS and self.depth == 0:
            self._last_turn = self.ledger.refused
        elif step.number >= self.ledger.budget.steps:
            self._last_turn = "steps"
        # The step's other notes were told before its reply.
        self._talk.show(step, outcome.notes, self._turn_line(step.number + 1))

    def _turn_line(self, number: int) -> str:
        if self._last_turn is not None:
            return prompts.last_turn_line(self._last_turn)
        return prompts.turn_line(number, self.ledger)

    def _interrupted(self) -> RunInterrupted:
        self._end("interrupted")
        assert self.answer is not None
        return RunInterrupted(self.answer)

    def _end(self, status: str, *, text: str = "", value: object = None) -> None:
        if self.proposal is not None:
            self._leave(self.proposal)
        earlier_s = 0.0 if self._resumption is None else self._resumption.answer.seconds
        answer = answer_of(self, status, text=text, value=value, earlier_s=earlier_s)
        self.answer = self._finish_answer(answer)
        self.trajectory.end(self.answer)
        self.report(RunFinished(self.answer))

    def _record(self, step: Step) -> None:
        self.steps.append(step)
        self._history.append(history_entry(step))
        # A new list for each step: model code may keep or change the one it was given.
        self.repl.own({"history": list(self._history)})
        self.trajectory.add(step, prompt=self._talk.unrecorded, variables=self.repl.variables())
        self.report(StepFinished(step))

    def _restored(self) -> tuple[str, ...]:
        """Before the first step of a run that goes on: bring its variables back, and say how that went."""
        resumption = self._resumption
        if resumption is None or resumption.done:
            return ()
        limit_s = self._turn.cell_limit_s
        notes = resumption.restore(self.repl, self._functions, limit_s=limit_s)
        if self.steps:
            last = self.steps[-1]
            self._talk.show(last, (*last.notes, *notes), self._turn_line(last.number + 1))
        else:
            for note in notes:
                self._talk.add(note)
        return notes


def _ignore(_event: Event) -> None:
    """Stand in for a display where there is none."""
