"""Runs over a plain str, with scripted models and the live repl: no IPython, no network."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest

from rlm_magic import Budget
from rlm_magic.config import EngineConfig
from rlm_magic.engine import Run
from rlm_magic.models import Model, ScriptedModel
from rlm_magic.records import Event, Message
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


def cell(code: str) -> str:
    """Return a reply that runs `code`."""
    return f"Let me see.\n````repl\n{code}\n````\n"
