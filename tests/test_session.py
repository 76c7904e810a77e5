"""The Python API, as a script uses it: open, ingest, ask."""

from __future__ import annotations

import pickle
import threading
import warnings
from collections.abc import Sequence
from pathlib import Path

import pytest

import rlm_magic
from rlm_magic import Budget, Message
from rlm_magic.errors import BudgetError, MissingKey, SourceError, UnknownModel
from rlm_magic.events import RunFinished, RunStarted
from rlm_magic.models import ScriptedModel

TEXT = "The captain of the ship is Ada.\nThe cook is Bob.\n"


@pytest.mark.filterwarnings("ignore:No OPENAI_API_KEY")
def test_ask_with_nothing_but_a_question_and_a_text() -> None:
    answer = rlm_magic.ask("Who is the captain of the ship?", [TEXT])
    assert "Ada" in answer.text
    assert answer.status == "answered"
    assert set(answer.usage) == {"offline"}


def test_the_offline_model_is_announced_once_in_a_process() -> None:
    import subprocess
    import sys

    code = (
        "import rlm_magic\n"
        "rlm_magic.ask('Who is it?', ['It is Ada.'])\n"
        "rlm_magic.ask('Who is it?', ['It is Ada.'])\n"
        "rlm_magic.ask('Who is it?', ['It is Ada.'], model='offline')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.count("not a language model") == 1


def test_naming_the_offline_model_is_no_surprise() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rlm_magic.ask("Who is the cook?", [TEXT], model="offline")


@pytest.mark.parametrize("source", ["context", "list", "path", "glob"])
def test_every_source_can_be_asked_about(tmp_path: Path, source: str) -> None:
    (tmp_path / "ship.txt").write_text(TEXT)
    sources = {
        "context": rlm_magic.open_context([TEXT]),
        "list": [TEXT],
        "path": tmp_path / "ship.txt",
        "glob": f"{tmp_path}/*.txt",
    }
    model = ScriptedModel(["```repl\nFINAL(context[:])\n```"])
    assert rlm_magic.ask("q", sources[source], model=model).text == TEXT


def test_ingest_append_and_ask(tmp_path: Path) -> None:
    rlm_magic.ingest([("a", "one\n")], tmp_path / "store")
    context = rlm_magic.append(tmp_path / "store", [("b", "two\n")])
    assert context[:] == "one\ntwo\n"
    assert rlm_magic.open_context(tmp_path / "store")[:] == "one\ntwo\n"
    assert pickle.loads(pickle.dumps(context))[:] == "one\ntwo\n"
    model = ScriptedModel(["```repl\nFINAL(context.documents['b'][:])\n```"])
    assert rlm_magic.ask("q", context, model=model).text == "two\n"


def test_the_prompt_holds_not_one_line_of_the_text() -> None:
    heard: list[Message] = []

    def reply(messages: Sequence[Message]) -> str:
        heard.extend(messages)
        return "FINAL(ok)"

    marker = "MARKER-IN-THE-TEXT"
    context = rlm_magic.open_context([("first document", f"{marker}\n" * 1_000)])
    rlm_magic.ask("What is it?", context, model=ScriptedModel(reply))
    said = "\n".join(message.content for message in heard)
    assert marker not in said
    for part in ("1,000 lines", "context.search", "context.chars", "context.documents", "What is it?"):
        assert part in said


def test_a_context_of_characters_is_described_as_such() -> None:
    heard: list[Message] = []

    def reply(messages: Sequence[Message]) -> str:
        heard.extend(messages)
        return "```repl\nFINAL(context[4:11])\n```"

    context = rlm_magic.open_context([TEXT], unit="chars")
    assert rlm_magic.ask("q", context, model=ScriptedModel(reply)).text == TEXT[4:11]
    assert "by characters" in heard[0].content


def test_given_variables_and_events() -> None:
    events: list[object] = []
    model = ScriptedModel(["```repl\nFINAL(limit + 1)\n```"])
    answer = rlm_magic.ask("q", [TEXT], model=model, given={"limit": 41}, on_event=events.append)
    assert answer.value == 42
    assert isinstance(events[0], RunStarted)
    assert isinstance(events[-1], RunFinished)


def test_a_run_can_be_stepped_by_hand() -> None:
    from rlm_magic.session import choose_models, finish

    model = ScriptedModel(["```repl\nn = 1\n```", "FINAL_VAR(n)"])
    run = rlm_magic.start("q", [TEXT], models=choose_models(model))
    step = run.step()
    assert step is not None
    assert step.number == 1
    assert finish(run).value == 1


def test_functions_that_a_run_left_behind_still_work() -> None:
    code = "base = 10\ndef add(x):\n    return x + base\n"
    answer = rlm_magic.ask("q", [TEXT], model=ScriptedModel([f"```repl\n{code}```\nFINAL(ok)"]))
    assert answer.variables["add"](5) == 15


def test_asking_from_another_thread() -> None:
    answers = []
    model = ScriptedModel(["```repl\nFINAL(len(context))\n```"])
    thread = threading.Thread(target=lambda: answers.append(rlm_magic.ask("q", [TEXT], model=model)))
    thread.start()
    thread.join()
    assert answers[0].value == 2


@pytest.mark.parametrize("ending", [".jsonl", ".html"])
def test_an_answer_saves_itself(tmp_path: Path, ending: str) -> None:
    answer = rlm_magic.ask("What is <it>?", [TEXT], model=ScriptedModel(["FINAL(<b>)"]))
    saved = answer.save(tmp_path / f"run{ending}").read_text()
    assert answer.run_id in saved
    assert ("&lt;it&gt;" in saved) == (ending == ".html")


@pytest.mark.parametrize(
    ("arguments", "error", "named"),
    [
        ({"question": " "}, SourceError, "empty"),
        ({"context": None}, SourceError, "no context"),
        ({"context": 3}, SourceError, "int"),
        ({"model": "gpt-5"}, UnknownModel, "openai:gpt-5"),
        ({"model": "openai:gpt-5"}, MissingKey, "OPENAI_API_KEY"),
        ({"sub_model": "anthropic:claude-haiku-5-5"}, MissingKey, "ANTHROPIC_API_KEY"),
        ({"repl": "sandbox"}, SourceError, "sandbox"),
        ({"budget": Budget(steps=-1)}, BudgetError, "steps=-1"),
        ({"budget": 5}, BudgetError, "budget=5 is no Budget"),
        ({"question": None}, SourceError, "question is a str, not NoneType"),
        ({"model": 5}, UnknownModel, "5 is no model"),
        ({"sub_model": object()}, UnknownModel, "is no model"),
    ],
)
def test_bad_input_is_one_clear_error_before_anything_runs(
    arguments: dict[str, object], error: type[Exception], named: str
) -> None:
    settings = {"question": "Who?", "context": [TEXT], "model": "offline", **arguments}
    with pytest.raises(error, match=named):
        rlm_magic.ask(**settings)
