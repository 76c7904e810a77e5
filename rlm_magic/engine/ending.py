"""What a run leaves: its answer, as far as the engine knows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..records import Answer

if TYPE_CHECKING:
    from .run import Run
    from .turn import Outcome


def answer_of(run: Run, status: str, *, text: str, value: object, earlier_s: float) -> Answer:
    """Return the answer of a run that ends now. `earlier_s` is what it took before it was resumed."""
    return Answer(
        model=run.model.name,
        question=run.question,
        text=text,
        status=status,
        steps=tuple(run.steps),
        value=value,
        variables=run.repl.variables(),
        usage=run.ledger.usage,
        seconds=earlier_s + run.ledger.seconds,
        run_id=run.run_id,
        trajectory=run.trajectory.path,
        resting=run.repl if run.depth == 0 and status != "answered" else None,
    )


def last_words(outcome: Outcome) -> tuple[object, str]:
    """Return the value and the text of an answer given on the last turn, whatever form it has."""
    if outcome.ended:
        return outcome.value, outcome.text
    if outcome.rejected:
        return outcome.given, outcome.text
    prose = outcome.prose.strip()
    return prose, prose
