"""Every field of the record, pinned: the lines are those that the rlms visualizer opens as they are."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from rlm_magic import Budget, Message
from rlm_magic.engine import read_trajectory
from rlm_magic.models import ScriptedModel
from rlm_magic.records import Citation, Completion, Coverage, Reading, Usage

from .conftest import RunFactory, cell

Shape = Any
NUMBER = (int, float)


class Nullable:
    def __init__(self, shape: Shape) -> None:
        self.shape = shape


def check(value: Any, shape: Shape, where: str = "line") -> None:
    """Hold a value against a shape: a type, a dict with exactly these fields, a list of one shape."""
    if isinstance(shape, Nullable):
        if value is not None:
            check(value, shape.shape, where)
    elif isinstance(shape, dict):
        assert isinstance(value, dict), where
        assert set(value) == set(shape), f"{where}: {set(value) ^ set(shape)}"
        for name, inner in shape.items():
            check(value[name], inner, f"{where}.{name}")
    elif isinstance(shape, list):
        assert isinstance(value, list), where
        for index, item in enumerate(value):
            check(item, shape[0], f"{where}[{index}]")
    elif callable(shape) and not isinstance(shape, type):
        assert shape(value), f"{where}: {value!r}"
    else:
        assert isinstance(value, shape), f"{where}: {value!r}"
        assert not (shape in (int, NUMBER) and isinstance(value, bool)), where


def mapping_of(shape: Shape) -> Callable[[Any], bool]:
    def holds(value: Any) -> bool:
        for name, item in value.items():
            assert isinstance(name, str)
            check(item, shape, name)
        return isinstance(value, dict)

    return holds


USAGE = {"calls": int, "input_tokens": int, "output_tokens": int, "cost_usd": Nullable(NUMBER)}
RANGES = {"read": [[int]], "searched": [[int]], "prompted": [[int]]}
COVERAGE = {"lines": int, "documents": [[(str, int)]], "unmarked": int, **RANGES}
OPTIONS = mapping_of(object)
METADATA = {
    "type": str,
    "timestamp": str,
    "root_model": str,
    "max_depth": int,
    "max_iterations": int,
    "backend": str,
    "backend_kwargs": OPTIONS,
    "environment_type": str,
    "environment_kwargs": Nullable(OPTIONS),
    "other_backends": [str],
    "other_backend_kwargs": [OPTIONS],
    "run_id": str,
    "question": str,
    "sub_model": str,
    "depth": int,
    "budget": OPTIONS,
}
LAST = {
    **METADATA,
    "status": str,
    "answer": str,
    "seconds": NUMBER,
    "usage": mapping_of(USAGE),
    "reads": mapping_of(NUMBER),
    "coverage": Nullable(COVERAGE),
    "other_coverage": mapping_of(COVERAGE),
    "citations": [
        {
            "first": int,
            "last": int,
            "status": str,
            "label": str,
            "text": str,
            "document": str,
            "context": str,
        }
    ],
}


def call_shape(*, child: bool) -> Shape:
    one_model = {
        "total_calls": int,
        "total_input_tokens": int,
        "total_output_tokens": int,
        "total_cost": NUMBER,
    }
    shape = {
        "root_model": str,
        "prompt": str,
        "response": str,
        "prompt_tokens": int,
        "completion_tokens": int,
        "usage_summary": {"model_usage_summaries": mapping_of(one_model), "total_cost": NUMBER},
        "calls": int,
        "cost_usd": NUMBER,
        "execution_time": NUMBER,
        "started_s": NUMBER,
        "error": Nullable(str),
        "cached": bool,
        "number": int,
    }
    if child:
        shape["metadata"] = {"run_metadata": LAST, "iterations": [iteration_shape(child=False)]}
    return shape


def iteration_shape(*, child: bool) -> Shape:
    result = {
        "stdout": str,
        "stderr": str,
        "locals": mapping_of(str),
        "execution_time": NUMBER,
        "rlm_calls": [call_shape(child=child)],
        "final_answer": Nullable(str),
        "interrupted": bool,
        "timed_out": bool,
    }
    return {
        "type": str,
        "iteration": int,
        "timestamp": lambda text: re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", text),
        "prompt": [{"role": str, "content": str}],
        "response": str,
        "code_blocks": [{"code": str, "started_s": NUMBER, "result": result}],
        "final_answer": Nullable(str),
        "iteration_time": NUMBER,
        "started_s": NUMBER,
        "usage": USAGE,
        "notes": [str],
        "edited": bool,
        "reading": RANGES,
        "compaction": Nullable({"summary": str, "steps": int}),
    }


def strict_lines(answer: Any) -> list[dict[str, Any]]:
    """Read a trajectory as JavaScript would: NaN and Infinity are not JSON."""

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    text = answer.trajectory.read_text(encoding="utf-8")
    return [json.loads(line, parse_constant=refuse) for line in text.splitlines()]


def test_a_run_with_sub_calls_and_an_error(make_run: RunFactory) -> None:
    replies = [cell("x = 1\nprint(llm_query('why?'))"), cell("1 / 0"), "no code here", cell("FINAL('ok')")]
    first, *steps, last = strict_lines(make_run(replies).finish())
    check(first, METADATA)
    check(last, LAST)
    for number, step in enumerate(steps, 1):
        check(step, iteration_shape(child=False))
        assert (step["type"], step["iteration"]) == ("iteration", number)
    assert [step["final_answer"] for step in steps] == [None, None, None, "ok"]
    assert steps[3]["code_blocks"][0]["result"]["final_answer"] == "ok"
    assert steps[0]["code_blocks"][0]["result"]["stderr"] == ""
    assert "ZeroDivisionError" in steps[1]["code_blocks"][0]["result"]["stderr"]
    assert steps[2]["code_blocks"] == []
    assert last["status"] == "answered"


def test_a_run_with_children_nests_their_whole_record(make_run: RunFactory) -> None:
    def sub(messages: Sequence[Message]) -> str:
        if messages[0].role != "system":
            return "plain"
        return "FINAL(ok)" if len(messages) > 2 else cell("llm_query('inner')")

    answer = make_run([cell("FINAL(rlm_query_batched(['a', 'b']))")], sub=sub).finish()
    (step,) = strict_lines(answer)[1:-1]
    check(step, iteration_shape(child=True))
    for call in step["code_blocks"][0]["result"]["rlm_calls"]:
        assert call["metadata"]["run_metadata"]["depth"] == 1
        assert call["metadata"]["run_metadata"]["status"] == "answered"
        assert [line["iteration"] for line in call["metadata"]["iterations"]] == [1, 2]


def test_a_nested_record_is_the_childs_own_to_the_letter(make_run: RunFactory) -> None:
    def sub(messages: Sequence[Message]) -> str:
        return "FINAL(ok)" if len(messages) > 2 else cell("print('a' * 500_000)")

    run = make_run([cell("FINAL(rlm_query('a'))")], sub=sub)
    step = strict_lines(run.finish())[1]
    (path,) = run.trajectory.children_dir.glob("*.jsonl")
    own = [json.loads(line) for line in path.read_text().splitlines()]
    nested = step["code_blocks"][0]["result"]["rlm_calls"][0]["metadata"]
    assert nested == {"run_metadata": own[-1], "iterations": own[1:-1]}


def test_no_line_is_of_another_type(make_run: RunFactory) -> None:
    run = make_run([cell("x = 1"), "FINAL(1)"])
    run.step()
    answer = make_run(["FINAL(2)"], resume=run.stop()).finish()
    assert {line["type"] for line in strict_lines(answer)} == {"metadata", "iteration"}


def test_nan_and_infinity_do_not_break_a_line(make_run: RunFactory) -> None:
    class Odd(ScriptedModel):
        @property
        def options(self) -> dict[str, float]:
            return {"temperature": float("nan"), "top_p": float("inf")}

        def complete(self, messages: Sequence[Message], on_text: object = None) -> Completion:
            return Completion(super().complete(messages).text, Usage(1, 1, 1, float("nan")))

    code = "x = float('nan')\ny = {'x': float('inf')}\nprint(x, y)\nFINAL(x)"
    answer = make_run(Odd([cell(code)], name="scripted")).finish()
    first, step, _ = strict_lines(answer)
    assert step["code_blocks"][0]["result"]["locals"]["x"] == "nan"
    assert first["backend_kwargs"]["temperature"] == "nan"


def test_the_context_is_not_written_down(make_run: RunFactory) -> None:
    text = "needle in a haystack\n" * 1000
    answer = make_run([cell("x = 1")] * 3 + ["FINAL(1)"], context=text).finish()
    assert answer.trajectory is not None
    assert "needle" not in answer.trajectory.read_text()


def test_each_message_is_written_once(make_run: RunFactory) -> None:
    answer = make_run([cell("print('seen once')"), cell("x = 1"), "FINAL(1)"]).finish()
    contents = [message["content"] for line in strict_lines(answer)[1:-1] for message in line["prompt"]]
    assert sum("seen once" in content for content in contents) == 1
    assert len(contents) == len(set(contents))


QUESTIONS = {
    "short": "Why?",
    "with quotes": 'Who said "never"?',
    "long": "Tell me all about it, please. " * 40,
    "long, in lines": 'First "this".\nThen that.\n' * 40,
}


@pytest.mark.parametrize("budget", [Budget(), Budget(seconds=None, sub_calls=None)], ids=["", "no limits"])
@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
def test_the_visualizer_finds_the_question(make_run: RunFactory, question: str, budget: Budget) -> None:
    """It takes the first user message matching `original query: "…"`, else the first of 51 to 499."""
    answer = make_run(["FINAL(1)"], question=question, budget=budget).finish()
    users = [m["content"] for m in strict_lines(answer)[1]["prompt"] if m["role"] == "user"]
    named = [found[1] for text in users if (found := re.search(r'original query: "([^"]*)"', text))]
    shown = named[0] if named else next(text for text in users if 50 < len(text) < 500)
    assert " ".join(question.split()).replace('"', "'")[:80] in shown.replace('"', "'")


def test_model_options_are_recorded_without_their_secrets(make_run: RunFactory) -> None:
    """The fault of rlms: `default_headers: Authorization` is logged."""
    model = ScriptedModel(["FINAL(1)"], name="root")
    model.options = {  # type: ignore[attr-defined]
        "temperature": 0.5,
        "api_key": "abc",
        "default_headers": {"Authorization": "Basic xyz", "X-Team": "ops"},
    }
    first = strict_lines(make_run(model).finish())[0]
    assert first["backend_kwargs"] == {
        "model_name": "root",
        "temperature": 0.5,
        "api_key": "[redacted]",
        "default_headers": {"Authorization": "[redacted]", "X-Team": "ops"},
    }


class Observer:
    """Reads a line more at every step."""

    def __init__(self) -> None:
        self.prompts: list[list[str]] = []

    def take(self, prompts: Sequence[str]) -> Reading:
        self.prompts.append(list(prompts))
        number = len(self.prompts)
        return Reading(((0, number),), (), ((0, 1),) if prompts else ())


def test_reading_is_taken_at_each_step_with_every_prompt_of_it(make_run: RunFactory) -> None:
    def sub(messages: Sequence[Message]) -> str:
        if messages[0].role != "system":
            return "plain"
        return "FINAL(ok)" if len(messages) > 2 else cell("print('shown')\nllm_query('inner');")

    observer = Observer()
    run = make_run([cell("rlm_query('child')\nllm_query('own')"), "FINAL(1)"], sub=sub, reader=observer)
    answer = run.finish()
    assert observer.prompts == [["child", "shown", "inner", "own"], []]
    assert [step.reading.read for step in answer.steps] == [((0, 1),), ((0, 2),)]
    assert answer.trajectory is not None
    assert [step.reading for step in read_trajectory(answer.trajectory).steps] == [
        step.reading for step in answer.steps
    ]


def test_coverage_and_citations_read_back(make_run: RunFactory) -> None:
    from dataclasses import replace

    coverage = Coverage(10, ((0, 3),), ((0, 10),), ((1, 2),))
    citations = (
        Citation(1, 2, "read", "[L1-L2]"),
        Citation(20, 20, "no such line", "[L20]", context="notes"),
    )
    others = {"notes": Coverage(5, ((0, 2),))}
    run = make_run(
        ["FINAL([L1-L2] and [L20])"],
        finish_answer=lambda answer: replace(
            answer, coverage=coverage, citations=citations, other_coverage=others
        ),
    )
    answer = run.finish()
    assert answer.trajectory is not None
    back = read_trajectory(answer.trajectory)
    assert (back.coverage, back.citations, back.other_coverage) == (coverage, citations, others)
    assert coverage.read_share == 0.3
    check(strict_lines(answer)[-1], LAST)


def test_long_texts_are_capped_with_their_size_kept(make_run: RunFactory) -> None:
    answer = make_run([cell("print('a' * 500_000)\nllm_query('b' * 500_000);"), "FINAL(1)"]).finish()
    step = strict_lines(answer)[1]
    (call,) = step["code_blocks"][0]["result"]["rlm_calls"]
    assert "of 500,000 characters omitted" in call["prompt"]
    assert len(json.dumps(step)) < 1_000_000
