"""Long conversations: older steps give way to a summary; question, instructions and the record do not."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from rlm_magic import Budget, Message
from rlm_magic.config import EngineConfig
from rlm_magic.engine import read_trajectory
from rlm_magic.engine.conversation import Conversation, Exchange

from .conftest import RunFactory, cell

WINDOW_TOKENS = 6_000
QUESTION = "What is the second word, and why was it chosen?"
PRINTS = cell("print('line ' * 1500)")  # about 1,900 tokens


class LongScript:
    """A root model that prints a lot for `steps` steps, and sums up when it is asked to."""

    def __init__(self, steps: int) -> None:
        self.steps = steps
        self.turns = 0
        self.summaries = 0
        self.heard: list[list[str]] = []

    def __call__(self, messages: Sequence[Message]) -> str:
        self.heard.append([message.content for message in messages])
        if messages[-1].content.startswith("This conversation nears"):
            self.summaries += 1
            return f"summary {self.summaries}: nothing found yet"
        self.turns += 1
        return PRINTS if self.turns <= self.steps else "FINAL(beta)"


def long_run(make_run: RunFactory, steps: int = 8) -> tuple[LongScript, object]:
    script = LongScript(steps)
    run = make_run(script, question=QUESTION, window=lambda name: WINDOW_TOKENS)
    return script, run.finish()


def test_no_request_exceeds_the_window_and_each_has_question_and_instructions(make_run: RunFactory) -> None:
    script, answer = long_run(make_run)
    assert answer.text == "beta"
    assert script.summaries >= 2
    for contents in script.heard:
        assert sum(map(len, contents)) // 4 < WINDOW_TOKENS
        assert contents[0].startswith("You answer a question")
        assert QUESTION in contents[1]


def test_the_summary_replaces_the_oldest_steps_and_the_last_ones_stay(make_run: RunFactory) -> None:
    script, _ = long_run(make_run)
    after = next(contents for contents in script.heard if "summary 1" in contents[1])
    assert "Steps 1 to " in after[1]
    assert "`history` holds them in full" in after[1]
    assert after[-2] == PRINTS
    assert "line line" in after[-1]


def test_the_record_is_whole_and_history_has_every_step(make_run: RunFactory) -> None:
    script = LongScript(6)

    def root(messages: Sequence[Message]) -> str:
        reply = script(messages)
        return (
            cell("print([entry['step'] for entry in history])\nFINAL(history)") if "FINAL" in reply else reply
        )

    answer = make_run(root, question=QUESTION, window=lambda name: WINDOW_TOKENS).finish()
    assert [entry["step"] for entry in answer.value] == [1, 2, 3, 4, 5, 6]
    assert all("line line" in entry["output"] and "print" in entry["code"] for entry in answer.value)
    assert answer.trajectory is not None
    back = read_trajectory(answer.trajectory)
    assert [step.compaction for step in back.steps] == [step.compaction for step in answer.steps]
    assert any(step.compaction for step in back.steps)
    assert [step.reply for step in back.steps] == [step.reply for step in answer.steps]


def test_what_summing_up_costs_is_in_the_ledger_and_in_the_steps(make_run: RunFactory) -> None:
    script, answer = long_run(make_run)
    assert answer.usage["root"].calls == len(script.heard) == sum(step.usage.calls for step in answer.steps)


def test_a_resumed_run_does_not_pay_for_its_summary_again(make_run: RunFactory) -> None:
    unbroken, _ = long_run(make_run, steps=6)
    script = LongScript(6)
    run = make_run(script, question=QUESTION, window=lambda name: WINDOW_TOKENS)
    for _ in range(4):
        run.step()
    assert script.summaries
    first = run.stop()
    later = make_run(script, question=QUESTION, window=lambda name: WINDOW_TOKENS, resume=first)
    assert "Your summary of them:\nsummary" in later.messages[1].content
    assert later.finish().text == "beta"
    assert script.summaries == unbroken.summaries


def test_an_unknown_window_is_assumed_from_the_config(make_run: RunFactory) -> None:
    script = LongScript(5)
    config = EngineConfig(default_window_tokens=WINDOW_TOKENS)
    make_run(script, question=QUESTION, window=lambda name: None, config=config).finish()
    assert script.summaries


def test_a_budget_that_does_not_cover_the_summary_stops_the_run(make_run: RunFactory) -> None:
    script = LongScript(5)
    run = make_run(script, question=QUESTION, window=lambda name: WINDOW_TOKENS, budget=Budget(tokens=9_000))
    assert run.finish().status == "stopped: tokens"


def test_an_empty_summary_points_to_the_history(make_run: RunFactory) -> None:
    script = LongScript(5)

    def root(messages: Sequence[Message]) -> str:
        reply = script(messages)
        return "" if reply.startswith("summary") else reply

    run = make_run(root, question=QUESTION, window=lambda name: WINDOW_TOKENS)
    assert run.finish().text == "beta"
    assert "look into `history`" in run.messages[1].content


@given(
    st.lists(st.integers(0, 4_000), max_size=8),
    st.integers(100, 3_000),
    st.integers(0, 3),
)
def test_the_plan_keeps_the_last_steps_that_leave_half_of_the_room(
    sizes: list[int], limit_tokens: int, kept: int
) -> None:
    talk = Conversation(Message("system", "s"), Message("user", "q"))
    for number, size in enumerate(sizes, 1):
        talk.add(Exchange(number, "r", Message("user", "x" * size)))
    count = talk.to_compact(limit_tokens=limit_tokens, kept_steps=kept)
    stay = sizes[count:]
    assert 0 <= count <= len(sizes)
    assert (count > 0) == (bool(sizes) and talk.tokens() >= limit_tokens)
    if count:
        assert len(stay) <= kept
        assert sum(stay) // 4 <= limit_tokens // 2
        compaction = talk.compact("brief", count, window_tokens=limit_tokens)
        assert compaction.steps == count
        assert len(talk.messages()) == 2 + 2 * len(stay)
        assert "brief" in talk.messages()[1].content
