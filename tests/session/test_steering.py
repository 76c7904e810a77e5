"""Runs put together by `start` and steered by hand: a real context, a form for the answer, recorded runs."""

from __future__ import annotations

import rlm_magic
import rlm_magic.session
from rlm_magic.engine import read_trajectory

from .models import Listening, code

LINES = [f"line {number}\n" for number in range(50)]


def test_what_the_user_reads_while_a_reply_waits_is_not_the_runs() -> None:
    context = rlm_magic.open_context(["".join(LINES)])
    run = rlm_magic.start("q", context, models=models(code("a = context[3]"), "FINAL(ok [L3])"))
    run.think()
    assert context[30:40] == "".join(LINES[30:40])
    run.act()
    run.think()
    assert context[49] == "line 49\n"
    run.act()
    run.release()
    assert run.answer is not None
    assert run.answer.coverage is not None
    assert run.answer.coverage.read == ((3, 4),)
    assert [citation.status for citation in run.answer.citations] == ["read"]


def test_what_the_users_code_reads_is() -> None:
    run = rlm_magic.start("q", ["".join(LINES)], models=models(code("a = context[3]"), "FINAL(ok)"))
    run.think()
    step = run.act("a = context[7:9]")
    answer = run.conclude()
    run.release()
    assert step.reading.read == ((7, 9),)
    assert answer.coverage is not None
    assert answer.coverage.read == ((7, 9),)


def test_an_answer_by_the_users_code_must_have_the_form_too() -> None:
    run = rlm_magic.start("How many?", ["text"], models=models("I wonder.", "FINAL(4)"), schema=int)
    run.think()
    step = run.act("FINAL('many')")
    assert "not accepted" in step.notes[0]
    answer = run.finish()
    run.release()
    assert (answer.value, answer.status) == (4, "answered")


def test_a_stopped_run_is_finished_by_resume_from_its_record() -> None:
    run = rlm_magic.start("q", ["text"], models=models(code("x = 1"), code("x = 2")))
    run.think()
    run.act("x = 5")
    run.think()
    first = run.stop()
    run.release()
    assert first.trajectory is not None
    model = Listening("FINAL_VAR(x)")
    answer = rlm_magic.resume(read_trajectory(first.trajectory), ["text"], model=model, sub_model=model)
    assert (answer.value, len(answer.steps)) == (5, 3)
    heard = "\n".join(message.content for message in model.heard[0])
    assert "The user changed your code" in heard
    assert "did not let this reply be carried out" in heard


def models(*replies: str) -> rlm_magic.session.Models:
    """Return scripted models."""
    model = Listening(*replies)
    return rlm_magic.session.Models(model, model)
