"""The live repl keeps the contract: in plain Python, under an IPython shell, and off the main thread."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from rlm_magic.config import ReplConfig
from rlm_magic.records import CellResult
from rlm_magic.repl import LiveRepl, Repl
from tests.contracts.repl_contract import ReplContract, StopsAnything

QUICK = ReplConfig(repeat_s=0.2)


class TestPlainPython(StopsAnything):
    @pytest.fixture
    def make_repl(self):
        return lambda given: LiveRepl(given=given, shell=None, config=QUICK)


class TestUnderIPython(StopsAnything):
    @pytest.fixture
    def make_repl(self, shell: InteractiveShell):
        return lambda given: LiveRepl(given=given, shell=shell, config=QUICK)


class OnAThread:
    """A live repl each of whose cells runs on a thread of its own."""

    def __init__(self, given: Mapping[str, object]) -> None:
        self._repl = LiveRepl(given=given, shell=None, config=QUICK)

    def run(self, code: str, *, name: str, timeout_s: float) -> CellResult:
        outcome: list[Any] = []

        def work() -> None:
            try:
                outcome.append(self._repl.run(code, name=name, timeout_s=timeout_s))
            except Exception as error:
                outcome.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        if isinstance(outcome[0], Exception):
            raise outcome[0]
        return outcome[0]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._repl, name)


class TestOffTheMainThread(ReplContract):
    @pytest.fixture
    def make_repl(self):
        def make(given: Mapping[str, object]) -> Repl:
            return OnAThread(given)

        return make
