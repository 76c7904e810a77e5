"""The functions that model code may call: sub-models, a look at the variables, and the ways to end a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from ..errors import BudgetError, BudgetExceeded, ModelError, PromptTooLarge, RLMError, RunEnded
from ..records import SubCall
from ..repl import Repl
from .allowance import BudgetLeft, budget_left
from .children import Query
from .ledger import Ledger
from .rehearsal import Rehearsal
from .subqueries import SubQueries
from .values import answer_text, value_summary


@dataclass(slots=True)
class CellFunctions:
    """The functions of one run, and what the cell now running did with them.

    `sub_calls` and `ended` describe the current cell; `begin_cell` clears them. `ended` remembers an answer
    even when model code swallowed the exception that carried it.
    """

    repl: Repl
    ledger: Ledger
    sub_queries: SubQueries
    steps_taken: Callable[[], int]
    ended: RunEnded | None = None

    def names(self) -> dict[str, object]:
        """Return the functions under the names that models have been taught."""
        return {
            "llm_query": self.llm_query,
            "llm_query_batched": self.llm_query_batched,
            "rlm_query": self.rlm_query,
            "rlm_query_batched": self.rlm_query_batched,
            "BUDGET": self.budget,
            "SHOW_VARS": self.show_vars,
            "FINAL": self.final,
            "FINAL_VAR": self.final_var,
            "SUBMIT": self.submit,
        }

    def begin_cell(self, rehearsal: Rehearsal | None = None) -> None:
        """Forget what the cell before did. In a `rehearsal`, sub-calls are answered from the record."""
        self.sub_queries.begin_cell(rehearsal)
        self.ended = None

    @property
    def sub_calls(self) -> list[SubCall]:
        """The sub-calls of the current cell, in the order in which their replies came."""
        return self.sub_queries.made

    def llm_query(self, prompt: object, model: str | None = None) -> str:
        """Ask a sub-model one prompt and return its reply.

        Raises ModelError when the call fails, PromptTooLarge when the prompt exceeds the sub-model's window,
        and BudgetExceeded when the budget does not cover it.
        """
        return self._reply(self.sub_queries.ask([_prompt_text(prompt)], model)[0])

    def llm_query_batched(self, prompts: Iterable[object], model: str | None = None) -> list[str]:
        """Ask a sub-model several prompts at once and return the replies in the order of the prompts.

        A prompt that fails gives "[llm_query failed: reason]" in its place; the others are not lost.
        """
        calls = self.sub_queries.ask(_prompt_texts("llm_query", prompts), model)
        return self._replies("llm_query", calls)

    def rlm_query(self, prompt: object, model: str | None = None, context: object = None) -> str:
        """Have a child run answer a question, about a context of its own when one is given.

        It steps through its context as this run does. Raises what `llm_query` raises.
        """
        return self._reply(self.sub_queries.recurse([Query(_prompt_text(prompt), model, context)])[0])

    def rlm_query_batched(
        self, prompts: Iterable[object], model: str | None = None, contexts: Iterable[object] | None = None
    ) -> list[str]:
        """Have several child runs answer at once, each about its own of `contexts` when given.

        A child that fails gives "[rlm_query failed: reason]" in its place; the others are not lost.
        """
        texts = _prompt_texts("rlm_query", prompts)
        if isinstance(contexts, (str, bytes)):
            raise TypeError("contexts takes a list, one context for each prompt")
        given = [None] * len(texts) if contexts is None else list(contexts)
        if len(given) != len(texts):
            raise ValueError(f"{len(texts)} prompts and {len(given)} contexts: give one context for each")
        calls = self.sub_queries.recurse([Query(t, model, c) for t, c in zip(texts, given, strict=True)])
        return self._replies("rlm_query", calls)

    def budget(self) -> BudgetLeft:
        """Return what may still be spent: a dict that prints as one line per limit; None means no limit."""
        return budget_left(self.ledger, steps_taken=self.steps_taken())

    def show_vars(self) -> _Shown:
        """Return a list of the variables made so far: name, type, size or a short value."""
        variables = self.repl.variables()
        if not variables:
            return _Shown("no variables yet")
        return _Shown("\n".join(f"{name}: {value_summary(value)}" for name, value in variables.items()))

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

    def _reply(self, call: SubCall) -> str:
        if call.error is not None:
            raise _error_of(call, self.ledger)
        return call.reply

    def _replies(self, function: str, calls: list[SubCall]) -> list[str]:
        in_time = self.ledger.seconds_left != 0
        if not in_time and all(call.error is not None for call in calls) and calls:
            # Nothing came of the batch; a loop over many would otherwise go on and on with failures.
            raise _error_of(calls[-1], self.ledger)
        return [call.reply if call.error is None else f"[{function} failed: {call.error}]" for call in calls]


class _Shown(str):
    """Text that looks the same printed and as the last expression of a cell."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def missing_variable(name: str, variables: Mapping[str, object]) -> str:
    """Tell the model that a variable does not exist, and which do."""
    known = ", ".join(variables) or "none yet"
    return f"FINAL_VAR: there is no variable {name!r}. Variables that exist: {known}"


def _prompt_text(prompt: object) -> str:
    if isinstance(prompt, (bytes, bytearray)):
        raise TypeError("a prompt is a str, not bytes; decode it first")
    return prompt if isinstance(prompt, str) else str(prompt)


def _prompt_texts(function: str, prompts: Iterable[object]) -> list[str]:
    if isinstance(prompts, (str, bytes, Mapping)):
        raise TypeError(f"{function}_batched takes a list of prompts; for one prompt use {function}(prompt)")
    return [_prompt_text(prompt) for prompt in prompts]


def _error_of(call: SubCall, ledger: Ledger) -> Exception:
    kind, _, message = (call.error or "").partition(": ")
    if kind == BudgetExceeded.__name__:
        return BudgetExceeded(message, limit=ledger.refused or "")
    own: dict[str, type[RLMError]] = {error.__name__: error for error in (PromptTooLarge, BudgetError)}
    return own[kind](message) if kind in own else ModelError(call.error or "")
