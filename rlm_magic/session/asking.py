"""Ask: put a run together from what the user named, let it run, complete its answer."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Mapping
from os import PathLike
from typing import Any, Literal

from ..config import Budget
from ..context.lookalikes import stand_ins
from ..engine import Run
from ..engine.resume import check_resumable
from ..engine.schema import read_schema
from ..engine.tools import check_names, named_tools, tool_values, tools_prompt
from ..errors import BudgetError, SourceError
from ..events import Event
from ..models import Model
from ..models.cached import Cache
from ..records import Answer
from ..repl import LiveRepl
from .bound import bind, foreseeing
from .choosing import Models, choose_models, say_once
from .completing import Form, completing
from .recorded import how_asked, recorded
from .watching import Watch

Tools = Mapping[str, object] | Iterable[Callable[..., object]]


def ask(
    question: str,
    context: object = None,
    *,
    model: str | Model | None = None,
    sub_model: str | Model | None = None,
    options: Mapping[str, object] | None = None,
    sub_options: Mapping[str, object] | None = None,
    budget: Budget | None = None,
    repl: Literal["live"] = "live",
    given: Mapping[str, object] | None = None,
    tools: Tools | None = None,
    schema: Any = None,
    contexts: Mapping[str, object] | None = None,
    follow: Answer | None = None,
    record: str | PathLike[str] | None = None,
    cache: bool | Cache = False,
    on_event: Callable[[Event], None] | None = None,
) -> Answer:
    """Answer a question about a context.

    `context` is a Context or anything `open_context` takes; `contexts` are further ones, which model code
    sees by name. `model` steers the loop and `sub_model` answers `llm_query`; each is a name such as
    "openai:gpt-5" or a Model, by default the first provider with a key, else "offline". `options` and
    `sub_options` are their sampling options, such as {"temperature": 0}.

    `tools` are functions, or values by name, that model code may use and is told about; `given` are variables
    that it may use and is not told about; child runs have both. `schema` is the form of the answer: a type
    (a pydantic model, a dataclass, `list[int]`) or a JSON schema as a dict; `answer.value` then has it.
    `follow` is an answer to go on from: its variables are there, and its question and outcome are told.

    `record` is a file that every request and reply is written to, for `model="replay:FILE"`. `cache=True`
    answers sub-calls that were made before from disk. `on_event` is called on this thread with every Event.

    Raises RunInterrupted when the user stops the run, and ModelError when the root model fails; the `answer`
    of either exception holds every step, variable and cost up to then.
    """
    models = choose_models(
        model, sub_model, options=options, sub_options=sub_options, record=record, cache=cache
    )
    run = start(
        question,
        context,
        models=models,
        budget=budget,
        repl=repl,
        given=given,
        tools=tools,
        schema=schema,
        contexts=contexts,
        follow=follow,
        on_event=on_event,
    )
    say_once(models.notice)
    return finish(run)


def resume(
    run: Answer | str | PathLike[str],
    context: object = None,
    *,
    model: str | Model | None = None,
    sub_model: str | Model | None = None,
    options: Mapping[str, object] | None = None,
    sub_options: Mapping[str, object] | None = None,
    budget: Budget | None = None,
    given: Mapping[str, object] | None = None,
    tools: Tools | None = None,
    schema: Any = None,
    contexts: Mapping[str, object] | None = None,
    record: str | PathLike[str] | None = None,
    cache: bool | Cache = False,
    on_event: Callable[[Event], None] | None = None,
) -> Answer:
    """Go on with a run that was interrupted, failed, met a limit or was cut off, after its last whole step.

    `run` is its answer, its id (or the beginning of one, or "last"), or its .jsonl file. Models, their
    options and budget are those it was asked with unless others are named; what it has spent counts, so give
    a larger budget to a run that met a limit. Nothing is paid for twice. With an answer of this process its
    variables are still there; else they are made anew by running the recorded cells with the recorded
    replies of sub-models, and what could not be made anew is told. The rest is as in `ask`, and not part of a
    record: give it again.

    Raises RunNotFound, and RLMError for a run that has its answer.
    """
    answer = recorded(run)
    check_resumable(answer)
    asked, limits = how_asked(answer)
    models = choose_models(
        model or asked.model,
        sub_model or (asked.sub_model if model is None else None),
        options=options or (asked.options if model is None else None),
        sub_options=sub_options or (asked.sub_options if model is None and sub_model is None else None),
        record=record,
        cache=cache,
    )
    return finish(
        start(
            answer.question,
            context,
            models=models,
            budget=budget or limits,
            given=given,
            tools=tools,
            schema=schema,
            contexts=contexts,
            resume=answer,
            on_event=on_event,
        )
    )


def start(
    question: str,
    context: object = None,
    *,
    models: Models | None = None,
    budget: Budget | None = None,
    repl: Literal["live"] = "live",
    given: Mapping[str, object] | None = None,
    tools: Tools | None = None,
    schema: Any = None,
    contexts: Mapping[str, object] | None = None,
    follow: Answer | None = None,
    resume: Answer | None = None,
    on_event: Callable[[Event], None] | None = None,
) -> Run:
    """Prepare a run without asking anything yet; step it, iterate over it or `finish` it. See `ask`."""
    _check(question, repl, follow, budget)
    form = Form(None if schema is None else read_schema(schema))
    bound = bind(context, contexts)
    named = named_tools(tools or {})
    check_names(named, what="tool", taken=bound.others)
    check_names(given or (), what="variable", taken={*named, *bound.others})
    chosen = models or choose_models()
    about = [tools_prompt(named), bound.prompt]
    space = _repl(given or {}, resume)
    watch = Watch(bound, resume)
    try:
        run = Run(
            question,
            model=chosen.root,
            sub_model=chosen.sub,
            repl=space,
            names=bound.names,
            description=bound.context.description(),
            tools=tool_values(named),
            extra_prompt="\n\n".join(filter(None, [*about, form.prompt])),
            child_prompt="\n\n".join(filter(None, about)),
            accept=form.accept if form.schema else None,
            reader=watch,
            open_child=bound.child,
            resolve=chosen.resolve,
            budget=budget,
            follow=follow,
            resume=resume,
            on_event=foreseeing(bound.context, on_event),
            finish_answer=completing(bound, form, watch),
        )
    except BaseException:
        watch.close()
        if resume is None or space is not resume.resting:
            space.close()
        raise
    # A run that nobody steps to its end must not be watched for ever.
    weakref.finalize(run, watch.close).atexit = False
    return run


def finish(run: Run) -> Answer:
    """Run to the end, whatever it is, and release the repl, unless the run may go on in it."""
    try:
        return run.finish()
    finally:
        run.release()


def drop(run: Run) -> None:
    """Undo `start`, for a run that was never stepped: it leaves no record."""
    run.release()
    run.trajectory.discard()


def _check(question: object, repl: str, follow: object, budget: object) -> None:
    if not isinstance(question, str):
        raise SourceError(f"the question is a str, not {type(question).__name__}")
    if not question.strip():
        raise SourceError("the question is empty; ask something about the context")
    if budget is not None and not isinstance(budget, Budget):
        raise BudgetError(f"budget={budget!r} is no Budget; write budget=Budget(steps=8), for example")
    if repl != "live":
        raise SourceError(f"there is no repl {repl!r}; use 'live'")
    if follow is not None and not isinstance(follow, Answer):
        raise SourceError(f"follow={follow!r} is no Answer; give what an earlier ask(...) returned")


def _repl(given: Mapping[str, object], resumed: Answer | None) -> LiveRepl:
    """Return the namespace that a resumed run rests in, if it is of this process; else a new one."""
    if resumed is None or not isinstance(resumed.resting, LiveRepl):
        return LiveRepl(given=given, modules=stand_ins())
    resumed.resting.lend(given)
    return resumed.resting
