"""The loop: ask the root model, run the cells of its reply, until there is an answer or a limit is met."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping

from ..config import Budget, EngineConfig
from ..errors import BudgetError, BudgetExceeded, RLMError, RunInterrupted
from ..models import Model, open_model, price_known
from ..records import (
    Answer,
    Completion,
    Event,
    Message,
    RunFinished,
    RunStarted,
    Step,
    StepFinished,
    SubCallsProgressed,
    TextStreamed,
    ThinkingStarted,
)
from ..repl import Repl
from . import prompts
from .calls import ask
from .functions import CellFunctions, answer_text
from .ledger import Ledger
from .trajectory import Trajectory, new_run_id
from .turn import Outcome, Turn

# Limits after which the model is still asked once for its best answer: one more root call is affordable.
_ANSWERABLE_LIMITS = ("steps", "sub_calls")


class Run:
    """One question's loop. Step it, iterate over it, or `finish` it; stop between steps whenever you like.

    `names` are the loop's own names in the repl (`context` among them), `description` tells the model what
    they are. `answer` is None until the run is over. An interrupt (KeyboardInterrupt) or a failing model ends
    it with everything kept in `answer`, and is raised to the caller.
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
        resolve: Callable[[str], Model] = open_model,
        on_event: Callable[[Event], None] | None = None,
        finish_answer: Callable[[Answer], Answer] = lambda answer: answer,
    ) -> None:
        self.question = question
        self.model = model
        self.sub_model = sub_model
        self.repl = repl
        self.config = config or EngineConfig()
        self.answer: Answer | None = None
        self.steps: list[Step] = []
        self.run_id = new_run_id()
        self._report = on_event or _ignore
        self._finish_answer = finish_answer
        self._last_turn: str | None = None
        self.ledger = Ledger(budget or Budget())
        self._check_prices()
        functions = CellFunctions(
            sub_model=sub_model,
            repl=repl,
            ledger=self.ledger,
            concurrency=self.config.concurrency,
            resolve=resolve,
            on_progress=lambda done, total: self._report(
                SubCallsProgressed(len(self.steps) + 1, done, total)
            ),
        )
        self._turn = Turn(repl, functions, self.ledger, self._report)
        repl.own({**names, **functions.names()})
        self._messages = [
            prompts.system_message(description, output_chars=self.config.output_chars),
            prompts.question_message(question, turn=prompts.turn_line(1, self.ledger)),
        ]
        self._unrecorded = list(self._messages)
        self.trajectory = Trajectory(self.run_id)
        self._begin_record()

    @property
    def messages(self) -> tuple[Message, ...]:
        """The conversation with the root model up to now."""
        return tuple(self._messages)

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
        started = time.monotonic()
        try:
            completion = self._think()
        except BudgetExceeded as refused:
            self._end(f"stopped: {refused.limit}")
            return None
        except KeyboardInterrupt as interrupt:
            raise self._interrupted() from interrupt
        except RLMError as error:
            self._end(f"failed: {type(error).__name__}: {error}")
            error.answer = self.answer
            raise
        return self._act(completion, started)

    def stop(self) -> Answer:
        """End the run here, between two steps, keeping what it found."""
        if self.answer is None:
            self._end("stopped: by the user")
        assert self.answer is not None
        return self.answer

    def _think(self) -> Completion:
        number = len(self.steps) + 1
        if number == 1:
            self._report(
                RunStarted(
                    self.run_id, self.question, self.model.name, self.sub_model.name, self.ledger.budget.steps
                )
            )
        self._report(ThinkingStarted(number))
        return ask(
            self.model,
            self.messages,
            ledger=self.ledger,
            on_text=lambda text: self._report(TextStreamed(number, text)),
        )

    def _act(self, completion: Completion, started: float) -> Step:
        number = len(self.steps) + 1
        outcome = self._turn.carry_out(number, completion)
        step = Step(
            number,
            completion.text,
            tuple(outcome.cells),
            completion.usage,
            time.monotonic() - started,
            notes=tuple(outcome.notes),
            final=answer_text(outcome.value) if outcome.ended else None,
        )
        self._record(step)
        if outcome.interrupted:
            raise self._interrupted()
        self._continue(step, outcome)
        return step

    def _continue(self, step: Step, outcome: Outcome) -> None:
        """Decide what follows a recorded step: the end, a last turn, or the next turn."""
        if self._last_turn is not None:
            value = outcome.value if outcome.ended else outcome.prose.strip()
            self._end(f"stopped: {self._last_turn}", text=answer_text(value), value=value)
        elif outcome.ended:
            self._end("answered", text=answer_text(outcome.value), value=outcome.value)
        elif (limit := self.ledger.spent) is not None:
            self._end(f"stopped: {limit}")
        else:
            self._next_turn(step)

    def _next_turn(self, step: Step) -> None:
        if self.ledger.refused in _ANSWERABLE_LIMITS:
            self._last_turn = self.ledger.refused
        elif step.number >= self.ledger.budget.steps:
            self._last_turn = "steps"
        turn = (
            prompts.turn_line(step.number + 1, self.ledger)
            if self._last_turn is None
            else prompts.last_turn_line(self._last_turn)
        )
        shown = prompts.output_message(step.cells, step.notes, turn, output_chars=self.config.output_chars)
        self._unrecorded = [shown]
        self._messages += [Message("assistant", step.reply), shown]

    def _interrupted(self) -> RunInterrupted:
        self._end("interrupted")
        assert self.answer is not None
        return RunInterrupted(self.answer)

    def _end(self, status: str, *, text: str = "", value: object = None) -> None:
        answer = Answer(
            question=self.question,
            text=text,
            status=status,
            steps=tuple(self.steps),
            value=value,
            variables=self.repl.variables(),
            usage=self.ledger.usage,
            seconds=self.ledger.seconds,
            run_id=self.run_id,
            trajectory=self.trajectory.path,
        )
        self.answer = self._finish_answer(answer)
        self.trajectory.end(self.answer)
        self._report(RunFinished(self.answer))

    def _record(self, step: Step) -> None:
        self.steps.append(step)
        self.trajectory.add(step, prompt=self._unrecorded, variables=self.repl.variables())
        self._report(StepFinished(step))

    def _begin_record(self) -> None:
        self.trajectory.begin(
            run_id=self.run_id,
            question=self.question,
            root_model=self.model.name,
            sub_model=self.sub_model.name,
            max_depth=1,
            max_iterations=self.ledger.budget.steps,
            backend=self.model.name.partition(":")[0],
            backend_kwargs=None,
            environment_type=type(self.repl).__name__,
            environment_kwargs=None,
            other_backends=None,
        )

    def _check_prices(self) -> None:
        if self.ledger.budget.cost_usd is None:
            return
        for model in (self.model, self.sub_model):
            if not price_known(model.name):
                raise BudgetError(
                    f"budget cost_usd={self.ledger.budget.cost_usd:g}: the price of {model.name!r} is not "
                    "known, so its cost cannot be bounded; use a budget of tokens instead"
                )


def _ignore(_event: Event) -> None:
    """Stand in for a display where there is none."""
