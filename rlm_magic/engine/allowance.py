"""What a run may still spend, said to the model. Pure."""

from __future__ import annotations

from .ledger import Ledger


class BudgetLeft(dict[str, "int | float | None"]):
    """What is left of each limit, by its name in Budget; None where there is no limit.

    Printed, it is one line per limit.
    """

    def __str__(self) -> str:
        return "\n".join(f"{name}: {_said(name, number)}" for name, number in self.items())

    __repr__ = __str__


def budget_left(ledger: Ledger, *, steps_taken: int = 0) -> BudgetLeft:
    """Return what a run may still spend; limits shared with its parent and siblings are the whole tree's."""
    left = ledger.left()
    return BudgetLeft(
        steps=max(0, ledger.budget.steps - steps_taken),
        sub_calls=left.sub_calls,
        seconds=left.seconds,
        tokens=left.tokens,
        cost_usd=left.cost_usd,
    )


def _said(name: str, number: float | None) -> str:
    if number is None:
        return "no limit"
    form = {"seconds": ".0f", "cost_usd": ".4f"}.get(name, ",")
    return f"{number:{form}} left"
