"""Runs of random replies, errors, limits and interrupts, driven step by step against a model that counts."""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from rlm_magic import Answer, Budget, Message
from rlm_magic.config import EngineConfig
from rlm_magic.engine import Run, read_trajectory, resting_repl
from rlm_magic.errors import BudgetError, ModelError, RLMError, RunInterrupted
from rlm_magic.models.local import deliver
from rlm_magic.models.protocol import OnText
from rlm_magic.records import Completion
from rlm_magic.repl.live import LiveRepl

from .conftest import TEXT, cell
from .test_recursion import question_of

INTERRUPT = "import signal\nsignal.raise_signal(signal.SIGINT)"
CODES = st.sampled_from(
    [
        "x = 1",
        "print('out', len(context))",
        "1 / 0",
        "context = llm_query = FINAL = history = None",
        "for name in list(globals()):\n    if not name.startswith('_'): del globals()[name]",
        "import os, sys\nos.chdir('/')\nos.environ['RLM_MACHINE'] = '1'\nsys.path.append('nowhere')",
        "y = llm_query('one')",
        "try:\n    y = llm_query('fail')\nexcept Exception as error:\n    y = error",
        "z = llm_query_batched(['a', 'fail', 'c', 'd'])",
        "from concurrent.futures import ThreadPoolExecutor\n"
        "with ThreadPoolExecutor(3) as pool:\n"
        "    w = list(pool.map(lambda n: llm_query_batched([n]), range(3)))",
        "try:\n    llm_query('one')\nexcept BaseException:\n    pass",
        "left = BUDGET()",
        "raise SystemExit",
        "sys = __import__('sys'); sys.stdout = None",
    ]
)
ENDS = st.sampled_from(
    ["FINAL(done)", cell("FINAL('done')"), "FINAL_VAR(x)", "just prose", "```repl\nx = 1", ""]
)
LEAVES = st.one_of(CODES.map(cell), st.just(cell(INTERRUPT)), ENDS)


def with_children(plans: Sequence[Sequence[str]]) -> str:
    """Return code that has child runs carry out plans: each is asked its own replies, as JSON."""
    return cell(f"kids = rlm_query_batched({[json.dumps(plan) for plan in plans]!r})")


PLANS = st.recursive(
    LEAVES,
    lambda replies: st.lists(st.lists(replies, max_size=3), min_size=1, max_size=3).map(with_children),
    max_leaves=6,
)


class CountingModel:
    """Keeps its own count of what it was asked. Follows the plan in the question of a child run."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.reply = ""
        self.calls = 0
        self.tokens = 0
        self.largest = 0
        self._lock = threading.Lock()

    def complete(self, messages: Sequence[Message], on_text: OnText | None = None) -> Completion:
        reply = self._reply(messages)
        if reply == "fail":
            raise ModelError("asked to fail")
        completion = deliver(messages, reply, on_text)
        with self._lock:
            self.calls += 1
            self.tokens += completion.usage.tokens
            self.largest = max(self.largest, completion.usage.tokens)
        return completion

    def _reply(self, messages: Sequence[Message]) -> str:
        if self.name == "root":
            return self.reply
        if messages[0].role != "system":
            return "fail" if messages[-1].content == "fail" else "fine"
        plan = json.loads(question_of(messages))
        turn = sum(message.role == "assistant" for message in messages)
        return plan[turn] if turn < len(plan) else "FINAL(child done)"


class Notebook:
    """What a user finds in the process, to be found unchanged."""

    def __init__(self) -> None:
        self.main = sys.modules["__main__"]
        self.state = self.look()

    def look(self) -> tuple[object, ...]:
        return (
            os.getcwd(),
            dict(os.environ),
            list(sys.path),
            id(sys.stdout),
            id(sys.stderr),
            signal.getsignal(signal.SIGINT),
            signal.getitimer(signal.ITIMER_VIRTUAL),
            id(sys.modules["__main__"]),
            sorted(vars(self.main)),
        )


def settle() -> None:
    """Wait until no call is under way any more: what an interrupt left behind still ends by itself."""
    for thread in threading.enumerate():
        if thread.name in ("rlm root", "rlm sub"):
            thread.join(20)


class Loop(RuleBasedStateMachine):
    """One run, and those that go on from it."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = tempfile.TemporaryDirectory()
        self.environment = pytest.MonkeyPatch()
        self.environment.setenv("RLM_DATA_DIR", self.directory.name)
        self.notebook = Notebook()
        self.root, self.sub = CountingModel("root"), CountingModel("sub")
        self.run: Run | None = None
        self.repls: list[LiveRepl] = []
        self.lost = Counter[str]()
        self.steps: list[int] = []

    @initialize(
        budget=st.builds(
            Budget,
            steps=st.integers(1, 6),
            sub_calls=st.none() | st.integers(0, 12),
            tokens=st.none() | st.integers(500, 30_000),
            max_depth=st.integers(0, 2),
            child_steps=st.integers(1, 3),
            seconds=st.none() | st.just(600.0),
        ),
        config=st.builds(
            EngineConfig,
            concurrency=st.integers(1, 4),
            child_concurrency=st.integers(1, 3),
            default_window_tokens=st.sampled_from([1_500, 128_000]),
        ),
    )
    def begin(self, budget: Budget, config: EngineConfig) -> None:
        self.budget, self.config = budget, config
        self.run = self._new_run(LiveRepl(shell=None))

    def _new_run(self, repl: LiveRepl, *, resume: Answer | None = None, follow: Answer | None = None) -> Run:
        if repl not in self.repls:
            self.repls.append(repl)
        return Run(
            "What?",
            model=self.root,
            sub_model=self.sub,
            repl=repl,
            names={"context": TEXT},
            description="`context` is a str.",
            budget=self.budget,
            config=self.config,
            window=lambda name: None,
            resume=resume,
            follow=follow,
        )

    @property
    def going(self) -> Run | None:
        return self.run if self.run is not None and self.run.answer is None else None

    @precondition(lambda self: self.going)
    @rule(reply=PLANS)
    def step(self, reply: str) -> None:
        assert self.run is not None
        self.root.reply = reply
        before = len(self.run.steps)
        try:
            step = self.run.step()
        except RunInterrupted:
            assert self.run.answer is not None
            assert self.run.answer.status == "interrupted"
        else:
            assert step is None or step is self.run.steps[-1]
        assert len(self.run.steps) - before in (0, 1)
        assert self.run.answer is None or self.run.answer.steps == tuple(self.run.steps)

    @precondition(lambda self: self.going)
    @rule(reply=PLANS)
    def it_pauses(self, reply: str) -> None:
        assert self.run is not None
        self.root.reply = reply
        waiting, calls = self.run.proposal, self.root.calls
        proposal = self.run.think()
        assert (proposal is None) == (self.run.answer is not None)
        assert waiting is None or (proposal is waiting and self.root.calls == calls)

    @precondition(lambda self: self.going)
    @rule(code=st.none() | CODES | st.just(INTERRUPT))
    def the_user_acts(self, code: str | None) -> None:
        assert self.run is not None
        waiting, before, calls = self.run.proposal, len(self.run.steps), self.root.calls
        try:
            step = self.run.act(code)
        except RunInterrupted:
            assert len(self.run.steps) == before + 1
        except RLMError:
            assert waiting is None
            assert len(self.run.steps) == before
        else:
            assert step is self.run.steps[before]
            assert step.reply == (waiting.reply if waiting else step.reply)
        assert self.run.proposal is None or waiting is None
        assert self.root.calls == calls

    @precondition(lambda self: self.going)
    @rule()
    def the_user_says_something(self) -> None:
        assert self.run is not None
        waiting, before = self.run.proposal, len(self.run.steps)
        try:
            self.run.say("Mind the gap.")
        except RLMError:
            assert self.run.proposal is waiting
            assert len(self.run.steps) == before
        else:
            assert self.run.proposal is None
            assert waiting is None or self.run.steps[before].reply == waiting.reply

    @precondition(lambda self: self.going)
    @rule(reply=PLANS)
    def the_user_wants_an_answer_now(self, reply: str) -> None:
        assert self.run is not None
        self.root.reply = reply
        with suppress(RunInterrupted):
            assert self.run.conclude() is self.run.answer
        assert self.run.answer is not None
        assert self.run.answer.status.startswith(("stopped: ", "interrupted"))

    @precondition(lambda self: self.going and self.going.proposal is None)
    @rule()
    def the_root_model_fails(self) -> None:
        assert self.run is not None
        self.root.reply = "fail"
        with suppress(ModelError):
            # A limit may end the run before the model can be asked.
            assert self.run.step() is None
        assert self.run.answer is not None
        assert self.run.answer.status.startswith(("failed: ModelError", "stopped: "))

    @precondition(lambda self: self.going)
    @rule()
    def the_user_stops(self) -> None:
        assert self.run is not None
        assert self.run.stop().status == "stopped: by the user"

    @precondition(lambda self: self.run and self.run.answer and self.run.answer.status != "answered")
    @rule(here=st.booleans(), more=st.integers(0, 5))
    def it_goes_on(self, here: bool, more: int) -> None:
        assert self.run is not None
        assert self.run.answer is not None
        settle()
        answer = self.run.answer
        if not here:
            assert answer.trajectory is not None
            answer = read_trajectory(answer.trajectory)
        self.budget = Budget(
            steps=self.budget.steps + more,
            sub_calls=self.budget.sub_calls and self.budget.sub_calls + more,
            tokens=self.budget.tokens and self.budget.tokens + 1_000 * more,
            max_depth=self.budget.max_depth,
            child_steps=self.budget.child_steps,
        )
        repl = resting_repl(answer)
        assert (repl is not None) == here
        chosen = repl if isinstance(repl, LiveRepl) else LiveRepl(shell=None)
        try:
            self.run = self._new_run(chosen, resume=answer)
        except BudgetError:
            assert len(answer.steps) >= self.budget.steps
            return
        # What came back after the run had ended is in nobody's record.
        self.lost = Counter(
            {
                model.name: model.calls - answer.usage[model.name].calls
                if model.name in answer.usage
                else model.calls
                for model in (self.root, self.sub)
            }
        )

    @precondition(lambda self: self.run and self.run.answer and self.run.answer.status == "answered")
    @rule()
    def the_user_asks_on(self) -> None:
        assert self.run is not None
        settle()
        self.root, self.sub, self.lost = CountingModel("root"), CountingModel("sub"), Counter()
        self.run = self._new_run(LiveRepl(shell=None), follow=self.run.answer)

    @invariant()
    def the_ledger_is_what_the_models_counted(self) -> None:
        if self.run is None:
            return
        settle()
        usage = self.run.ledger.usage
        for model in (self.root, self.sub):
            counted = usage[model.name].calls if model.name in usage else 0
            assert counted == model.calls - self.lost[model.name]
            if not self.lost[model.name] and counted:
                assert usage[model.name].tokens == model.tokens

    @invariant()
    def no_limit_was_passed(self) -> None:
        if self.run is None:
            return
        # One more step, to answer with what was found.
        assert len(self.run.steps) <= self.budget.steps + 1
        if self.budget.sub_calls is not None:
            sub_calls = sum(call.usage.calls for step in self.run.steps for call in step.sub_calls)
            assert sub_calls <= self.budget.sub_calls
            assert self.sub.calls - self.lost["sub"] <= self.budget.sub_calls
        if self.budget.tokens is not None:
            spent = sum(usage.tokens for usage in self.run.ledger.usage.values())
            in_flight = 3 * self.config.concurrency * self.config.child_concurrency
            assert spent <= self.budget.tokens + in_flight * max(self.root.largest, self.sub.largest)

    @invariant()
    def every_step_is_recorded_once(self) -> None:
        if self.run is None:
            return
        lines = [json.loads(line) for line in Path(self.run.trajectory.path).read_text().splitlines()]
        recorded = [line["iteration"] for line in lines if line["type"] == "iteration"]
        assert recorded == [step.number for step in self.run.steps] == list(range(1, len(recorded) + 1))
        replies = [line["response"] for line in lines if line["type"] == "iteration"]
        assert replies == [step.reply for step in self.run.steps]

    @invariant()
    def the_notebook_is_unchanged(self) -> None:
        assert self.notebook.look() == self.notebook.state

    @invariant()
    def every_child_hangs_under_its_call(self) -> None:
        if self.run is None:
            return
        for step in self.run.steps:
            for call in step.sub_calls:
                assert call.child is None or call.usage == call.child.total
                assert call.error is not None or call.reply or call.child

    def teardown(self) -> None:
        settle()
        for repl in self.repls:
            repl.close()
        self.environment.undo()
        self.directory.cleanup()


Loop.TestCase.settings = settings(
    settings.get_profile("suite"),
    max_examples=40,
    stateful_step_count=20,
    deadline=None,
)
TestLoop = Loop.TestCase
