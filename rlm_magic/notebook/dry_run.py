"""What %rlm --dry-run returns: what a run would send, to which models, and what that costs at least."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from dataclasses import fields
from typing import TYPE_CHECKING

from IPython.core.error import UsageError

from ..text import counted, size_text
from .options import LIMITS
from .progress import SilentProgress
from .status import Facts

if TYPE_CHECKING:
    from ..context import Context
    from ..engine import Run
    from .asking import Asker
    from .defaults import Defaults


def preview(asker: Asker, question: str, args: Namespace, *, defaults: Defaults) -> Facts:
    """Return what the run that the options describe would send; nothing is asked and nothing recorded."""
    from ..session.asking import drop

    if args.resume is not None:
        raise UsageError("--dry-run shows what a new run would send; leave --resume out")
    args.record = None
    begun = asker.begin(question, args, SilentProgress(), defaults)
    try:
        return dry_run(begun.run, begun.setting.context)
    finally:
        drop(begun.run)


def dry_run(run: Run, context: Context | None) -> Facts:
    """Return what the run would send first. Tokens are estimated; a provider counts its own."""
    from ..views.tabular import section

    assert context is not None  # no run is started without one
    prompts = [
        section(f"prompt: {message.role}", [(line,) for line in message.content.split("\n")], folded=True)
        for message in run.messages
    ]
    return Facts(
        [
            section("nothing was asked; a run would be", [("question", run.question), *_models(run)]),
            section("context, which is never sent whole", [_size(context)]),
            section("each step costs at least", list(_cost(run))),
            section("the run may use at most", list(_limits(run))),
            *prompts,
        ]
    )


def _models(run: Run) -> list[tuple[str, str]]:
    return [("root model", run.model.name), ("sub-model", run.sub_model.name)]


def _size(context: Context) -> tuple[str, ...]:
    info = context.info
    size = "size unknown" if info.bytes is None else size_text(info.bytes)
    return info.source, counted(info.lines, "line"), size, counted(info.documents, "document")


def _cost(run: Run) -> Iterator[tuple[str, str]]:
    from ..engine.desk import estimate_tokens
    from ..models.prices import cost_usd

    for message in run.messages:
        yield message.role, counted(len(message.content), "character")
    tokens = estimate_tokens(run.messages)
    price = cost_usd(run.model.name, input_tokens=tokens, output_tokens=0)
    yield "together", f"about {counted(tokens, 'token')}"
    yield "price", f"the price of {run.model.name} is not known" if price is None else f"${price:.4f}"


def _limits(run: Run) -> Iterator[tuple[str, str]]:
    options = {limit: option for option, limit in LIMITS.items()}
    for item in fields(run.ledger.budget):
        value = getattr(run.ledger.budget, item.name)
        option = options.get(item.name)
        if option is not None:
            yield f"--{option.replace('_', '-')}", _limit_text(item.name, value)


def _limit_text(limit: str, value: float | None) -> str:
    """Return the value of a limit of Budget with its unit.

    >>> _limit_text("cell_seconds", 60.0), _limit_text("cost_usd", 0.5), _limit_text("tokens", None)
    ('60 s', '$0.50', 'no limit')
    """
    if value is None:
        return "no limit"
    if limit == "cost_usd":
        return f"${value:,.2f}" if round(value, 2) == value else f"${value:,}"
    return f"{value:,g} s" if limit.endswith("seconds") else f"{value:,}"
