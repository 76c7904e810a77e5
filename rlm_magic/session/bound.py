"""The texts of a run: `context`, others by name, and what child runs are given; read ahead and watched."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..context import Context, from_text, open_context
from ..engine import ChildContext
from ..engine.tools import check_names
from ..errors import SourceError
from ..events import CellStarted, Event, StepFinished, TextStreamed, ThinkingStarted

_HOW_TO_ASK = (
    "no context to ask about; pass one: a Context, a path or glob, or a list of texts, as in "
    "ask('Who failed first?', 'logs/*.txt')"
)


@dataclass(frozen=True, slots=True)
class Bound:
    """What a run sees: `context`, and every other text under its own name."""

    context: Context
    others: Mapping[str, Context]

    @property
    def names(self) -> dict[str, Context]:
        """The names to put into the run's namespace."""
        return {"context": self.context, **self.others}

    @property
    def prompt(self) -> str:
        """What the model is told of the texts besides `context`; nothing if there are none."""
        if not self.others:
            return ""
        rows = (f"- `{name}`: {self._told(each)}" for name, each in self.others.items())
        return "\n".join([f"More texts are bound, each to be read as `context` is{self._citing}:", *rows])

    @property
    def _citing(self) -> str:
        name = next((name for name, each in self.others.items() if each is not self.context), "")
        return f"; cite their lines with the name in front, as [{name} L12]" if name else ""

    def child(self, value: object) -> ChildContext:
        """Return what a child run sees for `context=value`: a context, a text, or a list of texts.

        A str is text, whatever it looks like: it comes from model code. Raises TypeError for anything else.
        """
        context = _from_model_code(value)
        return ChildContext({**self.names, "context": context}, context.description())

    def _told(self, each: Context) -> str:
        return "the same text as `context`" if each is self.context else repr(each)


def bind(source: object, others: Mapping[str, object] | None) -> Bound:
    """Open what was named. Without a source the last of the others is the context.

    Raises SourceError if nothing is named, ReservedName for a name that the loop owns.
    """
    if not isinstance(others or {}, Mapping):
        raise SourceError(
            f"contexts are given by name, as in {{'notes': 'notes.txt'}}; not {type(others).__name__}"
        )
    check_names(others or (), what="context")
    opened = {name: _opened(each) for name, each in (others or {}).items()}
    if source is None and not opened:
        raise SourceError(_HOW_TO_ASK)
    return Bound(_opened(source) if source is not None else next(reversed(opened.values())), opened)


def foreseeing(context: Context, report: Callable[[Event], None] | None) -> Callable[[Event], None] | None:
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


def _opened(source: object) -> Context:
    return source if isinstance(source, Context) else open_context(source)


def _from_model_code(value: object) -> Context:
    if isinstance(value, Context):
        return value
    if isinstance(value, str):
        return from_text(str(value), name="context")
    if isinstance(value, (list, tuple)):
        return open_context(list(value))
    raise TypeError(
        f"context= takes a part of a context (context.view(a, b), context.documents[name]), a str or a list "
        f"of str; not {type(value).__name__}"
    )
