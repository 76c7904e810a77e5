"""What a run reports while it goes: in the order it happens, on the thread that called the run."""

from __future__ import annotations

from dataclasses import dataclass

from .records import Answer, Cell, Step


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A run begins."""

    run_id: str
    question: str
    model: str
    sub_model: str
    max_steps: int


@dataclass(frozen=True, slots=True)
class ThinkingStarted:
    """The root model was asked for its next reply."""

    step: int


@dataclass(frozen=True, slots=True)
class TextStreamed:
    """A piece of the root model's reply arrived."""

    step: int
    text: str


@dataclass(frozen=True, slots=True)
class RunPaused:
    """The root model's reply for `step` is there; the run waits until somebody lets it go on."""

    step: int
    reply: str


@dataclass(frozen=True, slots=True)
class CellStarted:
    """A cell of the reply begins to run. `index` counts from 0 within the step."""

    step: int
    index: int
    code: str


@dataclass(frozen=True, slots=True)
class SubCallsProgressed:
    """A cell waits for sub-calls: `done` of `total` of the current batch are back."""

    step: int
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class ChildRunProgressed:
    """A child run that a cell waits for was asked for its reply of `turn`, of at most `max_steps`.

    `step` is that of the run whose events these are; `question` is the child's own.
    """

    step: int
    question: str
    turn: int
    max_steps: int


@dataclass(frozen=True, slots=True)
class CellFinished:
    """A cell of the reply has run."""

    step: int
    index: int
    cell: Cell


@dataclass(frozen=True, slots=True)
class StepFinished:
    """A step is complete and recorded."""

    step: Step


@dataclass(frozen=True, slots=True)
class RunFinished:
    """The run is over, whatever its status."""

    answer: Answer


Event = (
    RunStarted
    | ThinkingStarted
    | TextStreamed
    | RunPaused
    | CellStarted
    | SubCallsProgressed
    | ChildRunProgressed
    | CellFinished
    | StepFinished
    | RunFinished
)
