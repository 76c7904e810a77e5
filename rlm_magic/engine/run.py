"""The loop: ask the root model, run the cells of its reply, until there is an answer or a limit is met."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping

from ..config import Budget, EngineConfig
from ..errors import BudgetExceeded, RLMError, RunInterrupted
from ..models import Model, context_window, open_model_for_code
from ..records import (
    Answer,
    Compaction,
    Completion,
    Event,
    Message,
    Reading,
    RunFinished,
    RunStarted,
    Step,
    StepFinished,
    TextStreamed,
    ThinkingStarted,
    Usage,
)
from ..repl import Repl
from . import prompts
from .call_record import usage_record
from .calls import Asking, Request, answered
from .desk import Desk
from .ending import answer_of, last_words
from .functions import answer_text
from .history import Before, history_entry, prompts_of
from .hooks import Accept, OpenChild, ReadObserver, open_text
from .metadata import run_metadata
from .opening import bind, open_desk, open_ledger, open_talk, open_trajectory
from .resume import Resumption
from .setting import Setting
from .subqueries import check_price
from .tree import cell_functions
from .turn import Outcome, Turn

# Limits after which the model is still asked once for its best answer: one more root call is affordable.
_ANSWERABLE_LIMITS = ("steps", "sub_calls")


class Run:
    """One question's loop. Step it, iterate over it, or `finish` it; stop between steps whenever you like.

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
        """Ask the root model once, run the cells of its reply and return the step.

        Returns None when a limit ended the run before the model could be asked. Raises RunInterrupted when
        the user stopped it and ModelError when the root model failed; `answer` then holds what was found.
        """
        if self.answer is not None:
            raise RLMError("this run is over; its answer is in run.answer. Start another with ask(...)")
        return answered(self._one_step(), desk=self.desk, ledger=self.ledger)

    def asking(self) -> Asking[None]:
        """Yield every request of the run up to its end; for a child run, whose replies come to its parent."""
        while self.answer is None:
            yield from self._one_step()

    def stop(self) -> Answer:
        """End the run here, between two steps, keeping what it found."""
        if self.answer is None:
            self._end("stopped: by the user")
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

    def _one_step(self) -> Asking[Step | None]:
        started = time.monotonic()
        try:
            notes = self._restored()
            self._announce()
            compaction, summing_up, completion = yield from self._reply()
        except BudgetExceeded as refused:
            self._end(f"stopped: {refused.limit}")
            return None
        except KeyboardInterrupt as interrupt:
            raise self._interrupted() from interrupt
        except RLMError as error:
            self.fail(error)
            raise
        self._talk.heard(completion.usage)
        try:
            return self._act(completion, started, Before(notes, compaction, summing_up))
        except KeyboardInterrupt as interrupt:
            # One that came while the step was being written down.
            raise interrupt if self.answer is not None else self._interrupted() from interrupt

    def _announce(self) -> None:
        if not self._announced:
            self._announced = True
            names = (self.model.name, self.sub_model.name)
            self.report(RunStarted(self.run_id, self.question, *names, self.ledger.budget.steps))
        self.report(ThinkingStarted(len(self.steps) + 1))

    def _reply(self) -> Asking[tuple[Compaction | None, Usage, Completion]]:
        """Ask the root model; the step that was broken off in the middle has its reply already."""
        pending = None if self._resumption is None else self._resumption.take_pending()
        self._functions.sub_queries.pending = pending
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

    def _act(self, completion: Completion, started: float, before: Before) -> Step:
        number = len(self.steps) + 1
        outcome = self._turn.carry_out(number, completion)
        cells = tuple(outcome.cells)
        step = Step(
            number,
            completion.text,
            cells,
            completion.usage + before.summing_up,
            time.monotonic() - started,
            notes=(*before.notes, *outcome.notes),
            final=answer_text(outcome.given) if outcome.ended else None,
            reading=self._reader.take(list(prompts_of(cells))) if self._reader else Reading(),
            compaction=before.compaction,
        )
        self._record(step)
        if outcome.interrupted:
            raise self._interrupted()
        self._continue(step, outcome)
        return step

    def _continue(self, step: Step, outcome: Outcome) -> None:
        """Decide what follows a recorded step: the end, a last turn, or the next turn."""
        if self._last_turn is not None:
            value, given = last_words(outcome)
            self._end(f"stopped: {self._last_turn}", text=answer_text(given), value=value)
        elif outcome.ended:
            self._end("answered", text=answer_text(outcome.given), value=outcome.value)
        elif (limit := self.ledger.spent) is not None:
            self._end(f"stopped: {limit}", text=answer_text(outcome.given) if outcome.rejected else "")
        else:
            self._next_turn(step)

    def _next_turn(self, step: Step) -> None:
        if self.ledger.refused in _ANSWERABLE_LIMITS and self.depth == 0:
            self._last_turn = self.ledger.refused
        elif step.number >= self.ledger.budget.steps:
            self._last_turn = "steps"
        self._talk.show(step, step.notes, self._turn_line(step.number + 1))

    def _turn_line(self, number: int) -> str:
        if self._last_turn is not None:
            return prompts.last_turn_line(self._last_turn)
        return prompts.turn_line(number, self.ledger)

    def _interrupted(self) -> RunInterrupted:
        self._end("interrupted")
        assert self.answer is not None
        return RunInterrupted(self.answer)

    def _end(self, status: str, *, text: str = "", value: object = None) -> None:
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
        return notes


def _ignore(_event: Event) -> None:
    """Stand in for a display where there is none."""
