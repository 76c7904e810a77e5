"""What a run begins with: ledger, desk, file, names, first words. New, its parent's, or an earlier part's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ..config import Budget, EngineConfig
from ..errors import RLMError
from ..records import Answer, Usage
from ..repl import Repl
from . import prompts
from .archive import spent_in
from .conversation import Conversation
from .desk import Desk
from .ledger import Ledger
from .pace import Pace
from .pending import Pending
from .resume import recalled, sub_calls_of
from .talk import Talk
from .trajectory import Trajectory, new_run_id

if TYPE_CHECKING:
    from .run import Run


def open_ledger(
    budget: Budget, *, resume: Answer | None, pending: Pending | None, root_model: str, parent: Run | None
) -> Ledger:
    """Return the ledger of a run. What a resumed run has spent counts, but for its time."""
    if parent is not None:
        return parent.ledger.child()
    if resume is None:
        return Ledger(budget)
    steps, spent = list(resume.steps), dict(resume.usage)
    if pending is not None:
        broken_off = pending.step()
        steps.append(broken_off)
    # A run that could still end itself has counted the reply that it did not get to carry out.
    if pending is not None and resume.status == "unfinished":
        for model, usage in spent_in([broken_off], root_model).items():
            spent[model] = spent.get(model, Usage()) + usage
    return Ledger(budget, spent=spent, spent_sub_calls=sub_calls_of(steps), earlier_s=resume.seconds)


def open_desk(ledger: Ledger, config: EngineConfig) -> Desk:
    """Return the desk of a tree of runs."""
    pace = Pace(first_s=config.backoff_first_s, most_s=config.backoff_most_s)
    return Desk(ledger, pace, rate_limit_s=config.rate_limit_seconds)


def open_trajectory(*, resume: Answer | None, parent: Run | None) -> tuple[str, Trajectory]:
    """Return the id and the file of a run: a new file, or that of the run that goes on."""
    if resume is not None:
        if resume.trajectory is None:
            raise RLMError("an answer without a trajectory cannot be resumed; name its run or its file")
        return resume.run_id, Trajectory.go_on(resume.trajectory)
    run_id = new_run_id()
    return run_id, Trajectory(run_id, directory=None if parent is None else parent.trajectory.children_dir)


def bind(repl: Repl, owned: Mapping[str, object], follow: Answer | None) -> str:
    """Put the loop's names into a namespace, and the variables of the run that this one follows, if any.

    Returns what is to be said of that run.
    """
    repl.own(owned)
    if follow is None:
        return ""
    left = {name: value for name, value in follow.variables.items() if name not in owned}
    if isinstance(left.get("answer"), dict):
        # The one that may have ended the earlier run: it would end this one too.
        del left["answer"]
    repl.inherit(left)
    for names in _namespaces_of(left.values()):
        names.update(owned)
    return prompts.follow_text(follow, left)


def _namespaces_of(values: Iterable[object]) -> Iterator[dict[str, Any]]:
    """Yield the global names of functions, also in classes, that an earlier run has made.

    They live on in the namespace of that run, where `llm_query` would still be charged to it.
    """
    for value in values:
        for function in (value, *(vars(value).values() if isinstance(value, type) else ())):
            names = getattr(function, "__globals__", None)
            if isinstance(names, dict) and {"llm_query", "SHOW_VARS"} <= names.keys():
                yield names


def open_talk(run: Run, extra_prompt: str, *, turn: str, earlier: str) -> Talk:
    """Return the conversation of a run: instructions and question, and the steps taken before it went on."""
    config = run.config
    system = prompts.system_message(
        run.setting.description,
        output_chars=config.output_chars,
        extra=extra_prompt,
        may_recurse=run.may_recurse,
    )
    question = prompts.question_message(run.question, turn=turn, earlier=earlier)
    talk = recalled(Conversation(system, question), run.steps, output_chars=config.output_chars)
    window = run.setting.window(run.model.name) or config.default_window_tokens
    return Talk(talk, run.model, window, config, unrecorded=talk.messages()[:2])
