"""The sub-calls of a run's cells: to sub-models, and to child runs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import TYPE_CHECKING, TypeVar

from ..config import EngineConfig
from ..errors import BudgetError, ModelError, RLMError
from ..models import Model, price_known
from ..records import SubCall, Usage
from ..repl import Repl
from .calls import Batch, Prompt, too_large
from .children import Children, Query
from .desk import Desk, describe
from .ledger import Ledger
from .pending import Paid, Pending
from .rehearsal import Rehearsal

if TYPE_CHECKING:
    from .run import Run

_Asked = TypeVar("_Asked", Prompt, Query)

_WRONG_THREAD = (
    "rlm_query works on the cell's own thread only: call rlm_query_batched there, which runs its children "
    "side by side; llm_query works on every thread"
)


@dataclass(slots=True)
class SubQueries:
    """Makes the sub-calls of one run and keeps those of the current cell in `made`.

    `open_run` makes the child run of a query, or is None at the last level, where `text_of` gives what a
    query's context says. `window` gives how many tokens a model takes, by name, or None.
    """

    sub_model: Model
    repl: Repl
    ledger: Ledger
    desk: Desk
    config: EngineConfig
    resolve: Callable[[str], Model]
    window: Callable[[str], int | None]
    open_run: Callable[[Query], Run] | None
    text_of: Callable[[object], str]
    on_progress: Callable[[int, int], None]
    on_made: Callable[[SubCall], None]
    made: list[SubCall] = field(default_factory=list)
    unused: Paid = field(default_factory=Paid)
    """Made by cells of an earlier part of the run that are not run again: their step has counted them."""
    _pending: Paid = field(default_factory=Paid)
    _numbers: Iterator[int] = field(default_factory=count)
    _thread_id: int = 0
    _rehearsal: Rehearsal | None = None

    def begin_step(self, pending: Pending | None) -> None:
        """Count from 0 again. `pending` is what an earlier part of the run had paid for in this step."""
        self._pending = Paid() if pending is None else pending.paid()
        self._numbers = count()

    def begin_cell(self, rehearsal: Rehearsal | None) -> None:
        """Forget what the cell before did; this thread runs the next."""
        self.made = []
        self._thread_id = threading.get_ident()
        self._rehearsal = rehearsal

    def ask(self, texts: Sequence[str], model: str | None) -> list[SubCall]:
        """Ask a sub-model every prompt, side by side."""
        if self._rehearsal is not None:
            return self._rehearsal.replies(texts)
        numbers, prompts = self._numbered(list(map(Prompt, texts)), lambda prompt: prompt.text)
        return self._ask(prompts, numbers, self._model(model))

    def recurse(self, queries: Sequence[Query]) -> list[SubCall]:
        """Have a child run answer every query, side by side; at the last level, a sub-model."""
        if self.open_run is None:
            flat = [self._flat_prompt(query) for query in queries]
            if self._rehearsal is not None:
                return self._rehearsal.replies([prompt.text for prompt in flat])
            numbers, flat = self._numbered(flat, lambda prompt: prompt.text)
            return self._ask(flat, numbers, self._model(queries[0].model if queries else None))
        if self._rehearsal is not None:
            return self._rehearsal.replies([query.prompt for query in queries])
        if threading.get_ident() != self._thread_id:
            raise ModelError(_WRONG_THREAD)
        open_run = self.open_run
        numbers, queries = self._numbered(queries, lambda query: query.prompt)
        return self._collect(
            numbers,
            lambda keep: Children(
                queries, open_run, self.desk, self.ledger, self.config.child_concurrency, keep
            ).run(),
        )

    def _ask(self, prompts: Sequence[Prompt], numbers: Sequence[int], model: Model) -> list[SubCall]:
        own_thread = threading.get_ident() == self._thread_id
        desk = self.desk if own_thread else self.desk.elsewhere()
        fitting = [self._fitted(prompt, model) for prompt in prompts]
        return self._collect(
            numbers,
            lambda keep: Batch(model, fitting, desk, self.ledger, self.config.concurrency, keep).run(
                limit_s=self.config.batch_seconds
            ),
        )

    def _collect(
        self, numbers: Sequence[int], run: Callable[[Callable[[int, SubCall], None]], None]
    ) -> list[SubCall]:
        calls: dict[int, SubCall] = {}
        # The order of the record is the order in which replies came; an interrupt keeps those that did.
        recorded = self.made

        def keep(slot: int, call: SubCall) -> None:
            if call.started_s is None:
                call = replace(call, started_s=max(0.0, self.ledger.seconds_in_all - call.seconds))
            calls[slot] = call = replace(call, number=numbers[slot])
            recorded.append(call)
            self.on_made(call)
            self.on_progress(len(calls), len(numbers))

        self.on_progress(0, len(numbers))
        with self.repl.clock_stopped():
            run(keep)
        return [calls[slot] for slot in range(len(numbers))]

    def _numbered(
        self, asked: Sequence[_Asked], text_of: Callable[[_Asked], str]
    ) -> tuple[list[int], list[_Asked]]:
        """Return the places of what is asked, and that with what was paid for it before."""
        numbers = [next(self._numbers) for _ in asked]
        paid = (self._paid(text_of(each), number) for each, number in zip(asked, numbers, strict=True))
        return numbers, [replace(each, paid=call) for each, call in zip(asked, paid, strict=True)]

    def _paid(self, prompt: str, number: int) -> SubCall | None:
        if (call := self._pending.take(prompt, number)) is not None:
            return call
        call = self.unused.take(prompt)
        return None if call is None else replace(call, usage=Usage(), cached=True, started_s=None)

    def _model(self, name: str | None) -> Model:
        if name is None:
            return self.sub_model
        model = self.resolve(name)
        check_price(model, self.ledger)
        return model

    def _fitted(self, prompt: Prompt, model: Model) -> Prompt:
        reason = too_large(prompt.text, model=model.name, window_tokens=self.window(model.name))
        if prompt.error is not None or reason is None:
            return prompt
        return Prompt(prompt.text, f"PromptTooLarge: {reason}")

    def _flat_prompt(self, query: Query) -> Prompt:
        """Return the prompt of a query that no child run may answer: it carries the text itself."""
        if query.context is None:
            return Prompt(query.prompt)
        try:
            text = f"{query.prompt}\n\n{self.text_of(query.context)}"
        except RLMError as error:
            advice = "no child run may be started at this depth, and the context is too large for one prompt"
            return Prompt(query.prompt, f"PromptTooLarge: {advice}: {describe(error)}")
        return Prompt(text)


def check_price(model: Model, ledger: Ledger) -> None:
    """Raise BudgetError for a model of unknown price under a budget in dollars, which could not be kept."""
    limit_usd = ledger.root_budget.cost_usd
    if limit_usd is not None and not price_known(model.name):
        raise BudgetError(
            f"budget cost_usd={limit_usd:g}: the price of {model.name!r} is not known, so its cost cannot be "
            "bounded; use a budget of tokens instead"
        )
