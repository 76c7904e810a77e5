"""Runs over a plain str, with scripted models and the live repl: no IPython, no network."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest

from rlm_magic import Budget
from rlm_magic.config import EngineConfig
from rlm_magic.engine import Run
from rlm_magic.events import Event, SubCallsProgressed
from rlm_magic.models import Model, ScriptedModel
from rlm_magic.records import Message
from rlm_magic.repl import Repl
from rlm_magic.repl.live import LiveRepl

TEXT = "alpha\nbeta\ngamma\n"
Replies = Sequence[str] | Callable[[Sequence[Message]], str]


class RunFactory:
    """Makes runs and closes their repls when the test is over."""

    def __init__(self) -> None:
        self.repls: list[Repl] = []
        self.events: list[Event] = []

    def __call__(
        self,
        replies: Replies | Model,
        *,
        sub: Replies | Model = lambda messages: f"sub-model heard {messages[-1].content!r}",
        question: str = "What is the second word?",
        budget: Budget | None = None,
        config: EngineConfig | None = None,
        given: Mapping[str, object] | None = None,
        context: object = TEXT,
        on_event: Callable[[Event], None] | None = None,
        resolve: Callable[[str], Model] | None = None,
        repl: Repl | None = None,
        **more: Any,
    ) -> Run:
        self.repls.append(repl or LiveRepl(given=given or {}))
        model = _model(replies, "root")
        sub_model = _model(sub, "sub")
        return Run(
            question,
            model=model,
            sub_model=sub_model,
            repl=self.repls[-1],
            names={"context": context},
            description="`context` is a str of 17 characters.",
            budget=budget,
            config=config,
            on_event=on_event or self.events.append,
            **({"resolve": resolve} if resolve else {}),
            **more,
        )


def _model(replies: Replies | Model, name: str) -> Model:
    return replies if hasattr(replies, "complete") else ScriptedModel(replies, name=name)


@pytest.fixture
def make_run() -> Iterator[RunFactory]:
    factory = RunFactory()
    yield factory
    for repl in factory.repls:
        repl.close()


class Deadline:
    """Lets the time of a run be over at a moment of the test's choice, not of the machine's.

    It is an `on_event`: once `done` sub-calls of a batch are back, `wait_and_pass` lets the time pass.
    """

    def __init__(self, *, done: int = 1) -> None:
        self.run: Run | None = None
        self._done = done
        self._back = threading.Event()

    def __call__(self, event: Event) -> None:
        if isinstance(event, SubCallsProgressed) and event.done == self._done:
            self._back.set()

    def wait_and_pass(self) -> None:
        """Wait for the sub-calls, in the thread of one that is not back, and let the run's time be over."""
        assert self.run is not None
        assert self._back.wait(30)
        self.run.ledger._started -= 10_000


@pytest.fixture(autouse=True)
def _no_call_outlives_its_test() -> Iterator[None]:
    yield
    for thread in threading.enumerate():
        if thread.name.startswith("rlm ") and not thread.name.startswith("rlm cell"):
            thread.join(30)
            assert not thread.is_alive(), f"{thread.name} still runs"


def cell(code: str) -> str:
    """Return a reply that runs `code`."""
    return f"Let me see.\n````repl\n{code}\n````\n"
