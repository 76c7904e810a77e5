"""How a run joins the tree: the functions of its cells, and the child runs that those open."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from ..errors import PromptTooLarge
from ..events import ChildRunProgressed, Event, SubCallsProgressed, ThinkingStarted
from .call_record import call_record
from .calls import too_large
from .children import Query
from .functions import CellFunctions
from .subqueries import SubQueries

if TYPE_CHECKING:
    from .run import Run

_ASK_ABOUT_IT = "put the question into the prompt and give the text as context="


def cell_functions(run: Run) -> CellFunctions:
    """Return the functions that the cells of a run may call."""

    def progressed(done: int, total: int) -> None:
        run.report(SubCallsProgressed(len(run.steps) + 1, done, total))

    sub_queries = SubQueries(
        sub_model=run.sub_model,
        repl=run.repl,
        ledger=run.ledger,
        desk=run.desk,
        config=run.config,
        resolve=run.setting.resolve,
        window=run.setting.window,
        open_run=(lambda query: open_child(run, query)) if run.may_recurse else None,
        text_of=run.setting.text_of,
        on_progress=progressed,
        on_made=lambda call: run.trajectory.pend(len(run.steps) + 1, call=call_record(call)),
    )
    return CellFunctions(run.repl, run.ledger, sub_queries, steps_taken=lambda: len(run.steps) + 1)


def open_child(run: Run, query: Query) -> Run:
    """Return a child run of `run`, not begun yet. Raises PromptTooLarge if its question fits no window."""
    seen = run.setting.of_child(query.context)
    model = run.sub_model if query.model is None else seen.resolve(query.model)
    reason = too_large(
        query.prompt, model=model.name, window_tokens=seen.window(model.name), advice=_ASK_ABOUT_IT
    )
    if reason is not None:
        raise PromptTooLarge(reason)
    return type(run)(
        query.prompt,
        model=model,
        sub_model=run.sub_model,
        repl=run.repl.spawn(),
        names=seen.names,
        description=seen.description,
        config=run.config,
        resolve=seen.resolve,
        window=seen.window,
        tools=seen.tools,
        extra_prompt=seen.child_prompt,
        child_prompt=seen.child_prompt,
        open_child=seen.open_child,
        on_event=_told_by(query.prompt, to=run),
        parent=run,
    )


def _told_by(question: str, *, to: Run) -> Callable[[Event], None]:
    """Return what tells a run which turn its child run is at, or a child of that."""

    def report(event: Event) -> None:
        step = len(to.steps) + 1
        if isinstance(event, ThinkingStarted):
            most = to.ledger.root_budget.child_steps
            to.report(ChildRunProgressed(step, question, event.step, most))
        elif isinstance(event, ChildRunProgressed):
            to.report(replace(event, step=step))

    return report
