"""A run that waits for its user: the reply that was not carried out, and the ways on. Pure."""

from __future__ import annotations

from ..records import Cell, CellResult, Step, Usage
from .plain import step_plain

WAYS_ON = (
    ("%rlm_step", "carries it out, up to the next reply"),
    ("%rlm_step --edit", "puts its code into the next cell, to be changed first"),
    ("%rlm_step --say TEXT", "tells the model something instead"),
    ("%rlm_step --vars", "shows the run's variables"),
    ("%rlm_step --go", "runs on without pauses"),
    ("%rlm_step --stop", "ends with the best answer so far"),
)


def waiting_step(number: int, reply: str, cells: tuple[str, ...], *, seconds: float) -> Step:
    """Return a reply that was not carried out as the step it would begin."""
    return Step(number, reply, tuple(Cell(code, CellResult()) for code in cells), Usage(), seconds)


def paused_head(step: Step, *, max_steps: int) -> str:
    """Return what a waiting reply is called."""
    what = "its code has not run" if step.cells else "it holds no code"
    return f"Paused at the reply of step {step.number} of {max_steps}: {what}"


def paused_plain(step: Step, *, max_steps: int) -> str:
    """Return a waiting reply with its code and the ways on."""
    _, _, body = step_plain(step).partition("\n")
    ways = [f"{line:<22}{what}" for line, what in WAYS_ON]
    return "\n".join([paused_head(step, max_steps=max_steps), body, "", *ways])
