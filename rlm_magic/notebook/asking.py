"""The worker of %rlm: from its options to a run, and from the run to the notebook's variables."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

from IPython.core.error import UsageError

from .begun import Begun, Relay
from .binding import Contexts, document_of, open_value
from .live import meter
from .options import budget_of, names_in, options_in

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ..config import Budget
    from ..context import Context
    from ..models import Model
    from ..records import Answer, Usage
    from ..session import Asked
    from .defaults import Defaults


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What a run was asked with, besides its question: what a later one goes on with."""

    asked: Asked
    context: Context | None = None
    budget: Budget | None = None
    given: Mapping[str, object] = field(default_factory=dict)
    tools: Mapping[str, object] = field(default_factory=dict)
    schema: Any = None


@dataclass(slots=True)
class Asker:
    """Asks for the notebook, and remembers the last run that is over: its answer, and how it was asked."""

    shell: InteractiveShell
    contexts: Contexts
    last: Answer | None = None
    over: Begun | None = None
    _said: set[str] = field(default_factory=set)
    spent: dict[str, Usage] = field(default_factory=dict)

    def ask(self, begun: Begun) -> Answer:
        """Let a run go on to its end, and keep what its options say to keep."""
        from ..session import finish

        try:
            finish(begun.run)
        finally:
            begun.rest()
            self.remember(begun)
        return self.kept(begun)

    def begin(self, question: str, args: Namespace, progress: Any, defaults: Defaults) -> Begun:
        """Return the run that the options describe, nothing asked yet.

        Where the options say nothing, it is as `defaults` say, or as in the run that is gone on with.
        """
        from ..session import choose_models, start

        resumed = self._resumed(args)
        setting = self._settle(args, self._before(args, resumed, defaults))
        models = choose_models(
            *self._named(setting.asked),
            options=setting.asked.options,
            sub_options=setting.asked.sub_options,
            record=args.record,
            cache=args.cache or defaults.configured("cache").value,
        )
        self._announce(models.notice, progress)
        relay = Relay(progress)
        run = start(
            question if resumed is None else resumed.question,
            setting.context,
            models=models,
            budget=setting.budget,
            given=setting.given,
            tools=setting.tools,
            schema=setting.schema,
            contexts=self._others({*setting.given, *setting.tools}),
            follow=self.last if args.follow else None,
            resume=resumed,
            on_event=relay,
        )
        relay.watch(meter(run, setting.context))
        return Begun(run, setting, relay, out=args.out, keep=args.keep)

    def kept(self, begun: Begun) -> Answer:
        """Return the answer of a run that is over, its variables copied that were to be kept."""
        answer = begun.run.answer
        assert answer is not None
        self._keep_variables(answer, begun.keep)
        return answer

    def name(self, begun: Begun, result: object) -> None:
        """Put what came of a run into the variable that its options name, if they do."""
        if begun.out is not None:
            self.shell.user_ns[begun.out] = result

    def _resumed(self, args: Namespace) -> Answer | None:
        from ..session import recorded

        if args.resume is None:
            return None
        if args.follow:
            raise UsageError("--follow asks something new and --resume goes on with the old: use one of them")
        # Of the run that this kernel saw last, the answer still holds what no record can.
        if self.last is not None and (args.resume == "last" or self.last.run_id.startswith(args.resume)):
            return self.last
        return recorded(args.resume)

    def _before(self, args: Namespace, resumed: Answer | None, defaults: Defaults) -> Setting:
        """Return what the options are laid over: the setting of an earlier run, or what is configured."""
        from ..session import Asked, how_asked

        if args.follow and self.last is None:
            raise UsageError("--follow: there is no run yet in this notebook to go on from; ask without it")
        if self.over is not None and (args.follow or (resumed is not None and resumed is self.last)):
            setting = self.over.setting
            return setting if resumed is not None else replace(setting, budget=defaults.budget(), schema=None)
        if resumed is not None:
            asked, budget = how_asked(resumed)
            # The record names the sub-model even where it was only the root model's companion.
            return Setting(asked=asked if args.model is None else Asked(), budget=budget)
        model, sub_model = defaults.named("model"), defaults.named("sub_model")
        return Setting(
            asked=Asked(model=model or None, sub_model=sub_model or None), budget=defaults.budget()
        )

    def _settle(self, args: Namespace, before: Setting) -> Setting:
        """Lay the options over the setting from before."""
        return Setting(
            asked=_asked(args, before.asked),
            context=self._context(args.context, before),
            budget=budget_of(args, base=before.budget),
            given={**before.given, **self._values(args.given, "--with")},
            tools={**before.tools, **self._values(",".join(args.tool), "--tool")},
            schema=before.schema if args.schema is None else self._schema(args.schema),
        )

    def _context(self, name: str | None, before: Setting) -> Context:
        if name is None:
            return before.context or self.contexts.last()
        if name in self.contexts:
            return self.contexts[name]
        bound_name, colon, document = name.partition(":")
        if colon and bound_name in self.contexts:
            return document_of(self.contexts[bound_name], document)
        if name in self.shell.user_ns:
            return open_value(self.shell.user_ns[name], what=f"variable {name!r}")
        bound = ", ".join(self.contexts) or "none"
        raise UsageError(f"no context or variable {name!r}; bound contexts: {bound}. See %rlm_context?")

    def _others(self, taken: Iterable[str]) -> dict[str, Context]:
        """Return the bound contexts that model code can see under their own names.

        With only one there is nothing to tell apart: the run is then to the letter that of `ask`.
        """
        from ..engine.tools import RESERVED

        if len(self.contexts) < 2:
            return {}
        hidden = RESERVED.union(taken)
        return {name: context for name, context in self.contexts.items() if name not in hidden}

    def _named(self, asked: Asked) -> tuple[str | Model | None, str | Model | None]:
        return self._model(asked.model), self._model(asked.sub_model)

    def _model(self, name: str | Model | None) -> str | Model | None:
        """Return a model or its name as it is, and for `$variable` the Model that it holds."""
        if not isinstance(name, str) or not name.startswith("$"):
            return name
        if name[1:] not in self.shell.user_ns:
            raise UsageError(f"{name} is not a model: there is no variable {name[1:]!r} in the notebook")
        held = self.shell.user_ns[name[1:]]
        if not hasattr(held, "complete"):
            raise UsageError(f"{name} is not a model: the variable holds {type(held).__name__}")
        return cast("Model", held)

    def _values(self, names: str | None, option: str) -> dict[str, object]:
        missing = [name for name in names_in(names) if name not in self.shell.user_ns]
        if missing:
            raise UsageError(f"{option}: there is no variable {missing[0]!r} in the notebook")
        return {name: self.shell.user_ns[name] for name in names_in(names)}

    def _schema(self, text: str) -> Any:
        try:
            return self.shell.ev(text)
        except Exception as error:
            raise UsageError(
                f"--schema {text}: {error}. Name a type or a JSON schema of the notebook, or write "
                "a type such as list[int]"
            ) from error

    def _announce(self, notice: str, progress: Any) -> None:
        if notice and notice not in self._said:
            self._said.add(notice)
            progress.say(notice)

    def remember(self, begun: Begun) -> None:
        """Note what a run that is over came to, by an error too."""
        run = begun.run
        if run.answer is not None:
            self.last, self.over = run.answer, begun
            self.spent[run.run_id] = run.answer.total
            self.name(begun, run.answer)

    def _keep_variables(self, answer: Answer, names: str | None) -> None:
        for name in names_in(names):
            if name not in answer.variables:
                made = ", ".join(answer.variables) or "none"
                raise UsageError(
                    f"--keep: the run made no variable {name!r}; it made: {made}. The answer itself is kept: "
                    f"%rlm_log {answer.run_id}"
                )
            self.shell.user_ns[name] = answer.variables[name]


def _asked(args: Namespace, before: Asked) -> Asked:
    """Return which models the options name; options of a model that is named anew are not kept."""
    from ..session import Asked

    kept = before.options if args.model is None else None
    sub_kept = before.sub_options if args.sub_model is None else None
    return Asked(
        model=args.model or before.model,
        sub_model=args.sub_model or before.sub_model,
        options=options_in(args.option, "--option") or kept,
        sub_options=options_in(args.sub_option, "--sub-option") or sub_kept,
    )
