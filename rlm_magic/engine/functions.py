"""The functions that model code may call: sub-models, a look at the variables, and the ways to end a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from ..errors import BudgetExceeded, ModelError, RunEnded
from ..models import Model
from ..records import SubCall
from ..repl import Repl
from ..text import clip
from .calls import ask_batch
from .ledger import Ledger

FAILED_PREFIX = "[llm_query failed: "
_SHOWN_CHARS = 80


@dataclass(slots=True)
class CellFunctions:
    """The functions of one run, and what the cell now running did with them.

    `sub_calls` and `ended` describe the current cell; `begin_cell` clears them. `ended` remembers an answer
    even when model code swallowed the exception that carried it.
    """

    sub_model: Model
    repl: Repl
    ledger: Ledger
    concurrency: int
    resolve: Callable[[str], Model]
    on_progress: Callable[[int, int], None]
    sub_calls: list[SubCall] = field(default_factory=list)
    ended: RunEnded | None = None

    def names(self) -> dict[str, object]:
        """Return the functions under the names that models have been taught."""
        return {
            "llm_query": self.llm_query,
            "llm_query_batched": self.llm_query_batched,
            "SHOW_VARS": self.show_vars,
            "FINAL": self.final,
            "FINAL_VAR": self.final_var,
            "SUBMIT": self.submit,
        }

    def begin_cell(self) -> None:
        """Forget what the cell before did."""
        self.sub_calls = []
        self.ended = None

    def llm_query(self, prompt: object, model: str | None = None) -> str:
        """Ask a sub-model one prompt and return its reply.

        Raises ModelError when the call fails and BudgetExceeded when the budget does not cover it.
        """
        call = self._ask([_prompt_text(prompt)], model)[0]
        if call.error is not None:
            raise _error_of(call, self.ledger)
        return call.reply

    def llm_query_batched(self, prompts: Iterable[object], model: str | None = None) -> list[str]:
        """Ask a sub-model several prompts at once and return the replies in the order of the prompts.

        A prompt that fails gives "[llm_query failed: reason]" in its place; the others are not lost.
        """
        if isinstance(prompts, (str, bytes, Mapping)):
            raise TypeError("llm_query_batched takes a list of prompts; for one prompt use llm_query(prompt)")
        calls = self._ask([_prompt_text(prompt) for prompt in prompts], model)
        return [call.reply if call.error is None else f"{FAILED_PREFIX}{call.error}]" for call in calls]

    def show_vars(self) -> _Shown:
        """Return a list of the variables made so far: name, type, size or a short value."""
        variables = self.repl.variables()
        if not variables:
            return _Shown("no variables yet")
        return _Shown("\n".join(f"{name}: {_summary(value)}" for name, value in variables.items()))

    def final(self, value: object) -> None:
        """End the run; the value is the answer."""
        self._end(value)

    def final_var(self, name: object) -> None:
        """End the run; the answer is the variable of that name, or the value itself when one is given."""
        variables = self.repl.variables()
        if isinstance(name, str) and name in variables:
            self._end(variables[name])
        if isinstance(name, str) and name.isidentifier():
            raise NameError(missing_variable(name, variables))
        self._end(name)

    def submit(self, *values: object, **named: object) -> None:
        """End the run with one value, or with several by name (a dict)."""
        if len(values) + len(named) == 0 or (values and (named or len(values) > 1)):
            raise TypeError("SUBMIT takes one value, or several as name=value")
        self._end(values[0] if values else next(iter(named.values())) if len(named) == 1 else named)

    def _end(self, value: object) -> None:
        answer_text(value)  # what cannot become text must fail here, where the model sees it
        self.ended = RunEnded(value)
        raise self.ended

    def _ask(self, prompts: list[str], model: str | None) -> list[SubCall]:
        chosen = self.sub_model if model is None else self.resolve(model)
        calls: dict[int, SubCall] = {}
        # The order of the record is the order in which replies came; an interrupt keeps those that did.
        recorded = self.sub_calls

        def keep(slot: int, call: SubCall) -> None:
            calls[slot] = call
            recorded.append(call)
            self.on_progress(len(calls), len(prompts))

        self.on_progress(0, len(prompts))
        with self.repl.clock_stopped():
            ask_batch(chosen, prompts, ledger=self.ledger, concurrency=self.concurrency, on_call=keep)
        return [calls[slot] for slot in range(len(prompts))]


class _Shown(str):
    """Text that looks the same printed and as the last expression of a cell."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def answer_text(value: object) -> str:
    """Return the answer as text: a str as it is, anything else through str()."""
    return value if type(value) is str else str(value)


def missing_variable(name: str, variables: Mapping[str, object]) -> str:
    """Tell the model that a variable does not exist, and which do."""
    known = ", ".join(variables) or "none yet"
    return f"FINAL_VAR: there is no variable {name!r}. Variables that exist: {known}"


def _prompt_text(prompt: object) -> str:
    if isinstance(prompt, (bytes, bytearray)):
        raise TypeError("a prompt is a str, not bytes; decode it first")
    return prompt if isinstance(prompt, str) else str(prompt)


def _error_of(call: SubCall, ledger: Ledger) -> Exception:
    kind, _, message = (call.error or "").partition(": ")
    if kind == BudgetExceeded.__name__:
        return BudgetExceeded(message, limit=ledger.refused or "")
    return ModelError(call.error or "")


def _summary(value: object) -> str:
    kind = type(value).__name__
    if isinstance(value, (str, bytes, list, tuple, dict, set, frozenset)):
        kind += f" of {len(value):,}"
    if isinstance(value, (str, int, float, bool, type(None))):
        kind += f" = {clip(repr(value), limit_chars=_SHOWN_CHARS)}"
    return kind
