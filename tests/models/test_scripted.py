"""The scripted model: its script in order, over threads, to its end."""

from __future__ import annotations

import threading

import pytest

from rlm_magic.errors import ModelError, ScriptExhausted
from rlm_magic.models import ScriptedModel
from rlm_magic.records import Message

ASKED = [Message("user", "eight ch")]


def test_replies_come_in_order() -> None:
    model = ScriptedModel(["one", "two"])
    assert [model.complete(ASKED).text for _ in range(2)] == ["one", "two"]


def test_one_call_too_many_says_how_many_there_are() -> None:
    model = ScriptedModel(["one"], name="teacher")
    model.complete(ASKED)
    with pytest.raises(ScriptExhausted, match=r"'teacher' was asked 2 times and its script has 1"):
        model.complete(ASKED)


def test_function_sees_the_conversation() -> None:
    model = ScriptedModel(lambda messages: messages[-1].content.upper())
    assert model.complete(ASKED).text == "EIGHT CH"


def test_exception_of_the_function_passes() -> None:
    def script(_: object) -> str:
        raise ZeroDivisionError("on purpose")

    with pytest.raises(ZeroDivisionError, match="on purpose"):
        ScriptedModel(script).complete(ASKED)


def test_one_str_is_not_a_list_of_letters() -> None:
    with pytest.raises(TypeError, match=r"\['FINAL\(4\)'\]"):
        ScriptedModel("FINAL(4)")


def test_reply_that_is_no_str_is_named() -> None:
    with pytest.raises(ModelError, match="gave int 4"):
        ScriptedModel([4]).complete(ASKED)  # type: ignore[list-item]


def test_tokens_are_estimated_and_free() -> None:
    usage = ScriptedModel(["four"]).complete(ASKED).usage
    assert (usage.calls, usage.input_tokens, usage.output_tokens, usage.cost_usd) == (1, 2, 1, 0.0)


def test_threads_share_one_script() -> None:
    model = ScriptedModel([str(number) for number in range(200)])
    got: list[str] = []
    threads = [
        threading.Thread(target=lambda: got.extend(model.complete(ASKED).text for _ in range(20)))
        for _ in range(10)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got, key=int) == [str(number) for number in range(200)]


def test_later_changes_to_the_list_do_not_reach_the_model() -> None:
    replies = ["one"]
    model = ScriptedModel(replies)
    replies[0] = "changed"
    assert model.complete(ASKED).text == "one"
