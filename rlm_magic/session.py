"""The Python API: open or ingest a context, ask a question about it. Joins the data and engine columns."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from .config import Budget
from .context import Context, append, ingest, open_context
from .engine import Run
from .errors import SourceError
from .models import Model, default_models, open_model, sub_model_for
from .records import Answer, CellStarted, Event, StepFinished, TextStreamed, ThinkingStarted
from .repl import LiveRepl
from .views import page_html

__all__ = ["append", "ask", "choose_models", "ingest", "open_context", "start"]

OFFLINE_NOTICE = (
    "No OPENAI_API_KEY or ANTHROPIC_API_KEY is set: answering with the offline model, which is rules and not "
    "a language model. It looks things up and quotes; it does not understand."
)


@dataclass(frozen=True, slots=True)
class Models:
    """The models of a run. `by_default` says that no key was found and nobody asked for the offline model."""

    root: Model
    sub: Model
    by_default: bool = False

    @property
    def notice(self) -> str:
        """What to tell the user once, or nothing."""
        return OFFLINE_NOTICE if self.by_default and self.root.name == "offline" else ""


def ask(
    question: str,
    context: object = None,
    *,
    model: str | Model | None = None,
    sub_model: str | Model | None = None,
    budget: Budget | None = None,
    repl: Literal["live"] = "live",
    given: Mapping[str, object] | None = None,
    on_event: Callable[[Event], None] | None = None,
) -> Answer:
    """Answer a question about a context.

    `context` is a Context or anything `open_context` takes. `model` steers the loop and `sub_model` answers
    `llm_query`; each is a name such as "openai:gpt-5" or a Model, by default the first provider with a key,
    else "offline". `given` are variables that model code may use besides `context`. `on_event` is called on
    this thread with every Event as it happens.

    Raises RunInterrupted when the user stops the run, and ModelError when the root model fails; the `answer`
    of either exception holds every step, variable and cost up to then.
    """
    models = choose_models(model, sub_model)
    run = start(question, context, models=models, budget=budget, repl=repl, given=given, on_event=on_event)
    _say_once(models.notice)
    return finish(run)


def start(
    question: str,
    context: object = None,
    *,
    models: Models | None = None,
    budget: Budget | None = None,
    repl: Literal["live"] = "live",
    given: Mapping[str, object] | None = None,
    on_event: Callable[[Event], None] | None = None,
) -> Run:
    """Prepare a run without asking anything yet; step it, iterate over it or `finish` it. See `ask`."""
    if not question.strip():
        raise SourceError("the question is empty; ask something about the context")
    if repl != "live":
        raise SourceError(f"there is no repl {repl!r}; use 'live'")
    chosen = models or choose_models()
    bound = _as_context(context)
    return Run(
        question,
        model=chosen.root,
        sub_model=chosen.sub,
        repl=LiveRepl(given=given or {}),
        names={"context": bound},
        description=bound.description(),
        budget=budget,
        on_event=_foreseeing(bound, on_event),
        finish_answer=_with_reads(bound),
    )


def _foreseeing(context: Context, report: Callable[[Event], None] | None) -> Callable[[Event], None] | None:
    """Let the context read ahead while a model thinks and writes, beside whoever watches the run."""
    foresight = context.foresight()
    if foresight is None:
        return report

    def follow(event: Event) -> None:
        match event:
            case ThinkingStarted():
                foresight.thinking()
            case TextStreamed(_, piece):
                foresight.streamed(piece)
            case CellStarted() | StepFinished():
                foresight.acting()
        if report is not None:
            report(event)

    return follow


def _with_reads(context: Context) -> Callable[[Answer], Answer]:
    """Return what completes the answer of a run that begins now: its page, and what it read."""
    before = context.stats

    def complete(answer: Answer) -> Answer:
        return with_page(replace(answer, reads=context.stats - before))

    return complete


def with_page(answer: Answer) -> Answer:
    """Return the answer able to save itself as a web page."""
    return replace(answer, page=page_html)


def finish(run: Run) -> Answer:
    """Run to the end, whatever it is, and release the repl."""
    try:
        return run.finish()
    finally:
        run.repl.close()


def choose_models(model: str | Model | None = None, sub_model: str | Model | None = None) -> Models:
    """Return the models to use, opened; a missing key, package or model is an error here, before any call."""
    root_name, sub_name = default_models()
    root = _opened(model if model is not None else root_name)
    if sub_model is None:
        sub_model = sub_name if model is None else sub_model_for(root.name)
    return Models(root, root if sub_model == root.name else _opened(sub_model), by_default=model is None)


_said: set[str] = set()


def _say_once(notice: str) -> None:
    # Not left to the warnings filter, which would say it once for every place that asks.
    if notice and notice not in _said:
        _said.add(notice)
        warnings.warn(notice, stacklevel=3)


def _opened(model: str | Model) -> Model:
    return open_model(model) if isinstance(model, str) else model


def _as_context(source: object) -> Context:
    if source is None:
        raise SourceError(
            "no context to ask about; pass one: a Context, a path or glob, or a list of texts, as in "
            "ask('Who failed first?', 'logs/*.txt')"
        )
    return source if isinstance(source, Context) else open_context(source)
