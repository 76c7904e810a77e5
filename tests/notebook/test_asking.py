"""What %rlm can do besides asking once: tools, forms, several contexts, follow-ups, resuming, replaying."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell

from rlm_magic import Answer
from rlm_magic.errors import ModelError, NotRecorded, ReservedName, RLMError, RunNotFound, UnknownModel
from rlm_magic.models import ScriptedModel

from ..session.models import Listening, code

TEXT = "The captain of the ship is Ada.\nThe cook is Bob.\n"


@dataclass
class Crew:
    captain: str
    size: int


def listen(shell: InteractiveShell, *replies: str) -> Listening:
    """Put a scripted model into the notebook as $model, and return it."""
    model = Listening(*replies)
    shell.user_ns["model"] = model
    return model


def ask(shell: InteractiveShell, line: str) -> Answer:
    answer = shell.run_line_magic("rlm", line)
    assert isinstance(answer, Answer)
    return answer


@pytest.fixture
def bound(shell: InteractiveShell) -> InteractiveShell:
    shell.run_cell_magic("rlm_context", "ship", TEXT + "\n")
    return shell


# Tools and forms


def test_tools_are_told_and_work(bound: InteractiveShell) -> None:
    bound.run_cell(
        'def lookup(name):\n    """Look a name up."""\n    return name.upper()\nlimits = [1, 2]\nz = 3'
    )
    model = listen(bound, code("FINAL(lookup('ada') + str(limits) + str(z))"))
    answer = ask(bound, "-m $model --tool lookup,limits --tool z q")
    assert answer.text == "ADA[1, 2]3"
    assert "`lookup(name)`: Look a name up." in model.instructions
    assert "`limits` (list, 2 items)" in model.instructions


def test_a_form_may_be_a_variable_or_a_type(bound: InteractiveShell) -> None:
    bound.user_ns["Crew"] = Crew
    listen(bound, 'FINAL({"captain": "Ada", "size": 2})')
    assert ask(bound, "-m $model --schema Crew q").value == Crew("Ada", 2)
    listen(bound, code("FINAL([{'captain': 'Ada', 'size': 2}])"))
    assert ask(bound, "-m $model --schema list[Crew] q").value == [Crew("Ada", 2)]
    bound.user_ns["form"] = {"type": "integer"}
    listen(bound, "FINAL(many)", "FINAL(4)")
    assert ask(bound, "-m $model --schema form How many?").value == 4


# Several contexts


def test_every_bound_context_is_seen_by_its_name(bound: InteractiveShell) -> None:
    bound.run_cell_magic("rlm_context", "notes", "one\ntwo\n\n")
    model = listen(bound, code("FINAL((context[0], ship[1], notes[1]))"))
    assert ask(bound, "-m $model q").value == ("one\n", "The cook is Bob.\n", "two\n")
    assert "- `ship`: " in model.instructions
    assert "- `notes`: the same text as `context`" in model.instructions


def test_a_context_under_a_name_of_the_loop_can_be_asked_about(bound: InteractiveShell) -> None:
    for name in ("context", "history", "answer"):
        bound.run_cell_magic("rlm_context", name, f"the {name}\n\n")
        listen(bound, code("FINAL(context[0])"))
        assert ask(bound, "-m $model q").text == f"the {name}\n"


def test_a_variable_that_is_passed_counts_before_a_context_of_that_name(bound: InteractiveShell) -> None:
    listen(bound, code("FINAL(ship is context)"))
    assert ask(bound, "-m $model --with ship q").value is True


# Follow-ups


def test_a_follow_up_goes_on_with_variables_model_tools_and_context(bound: InteractiveShell) -> None:
    bound.user_ns["twice"] = lambda x: 2 * x
    model = listen(
        bound,
        code("hits = [1, 2]") + "FINAL(two hits)",
        code("FINAL(twice(len(hits)) + len(context))"),
    )
    ask(bound, "-m $model --tool twice First question?")
    bound.run_cell_magic("rlm_context", "other", "bound later\n\n")
    answer = ask(bound, "--follow And twice that?")
    assert answer.value == 6
    told = model.heard[1][-1].content
    for part in ("First question?", "two hits", "hits", "And twice that?"):
        assert part in told


def test_what_a_follow_up_names_itself_comes_first(bound: InteractiveShell) -> None:
    bound.user_ns["first"] = listen(bound, "FINAL(a)")
    ask(bound, "-m $first -n 3 --schema str q")
    bound.run_cell_magic("rlm_context", "other", "other text\n\n")
    listen(bound, "no", code("FINAL(context[0])"))
    answer = ask(bound, "--follow -m $model -c other q")
    assert answer.text == "other text\n"
    assert len(answer.steps) == 2


def test_an_interrupted_or_failed_run_can_be_followed(bound: InteractiveShell) -> None:
    listen(bound, code("n = 41"))
    with pytest.raises(RLMError):
        ask(bound, "-m $model q")
    listen(bound, code("FINAL(n + 1)"))
    assert ask(bound, "--follow -m $model q").value == 42


# Resuming


def test_a_run_is_resumed_in_its_own_namespace(bound: InteractiveShell) -> None:
    model = listen(bound, code("seen = [id(context)]"), "thinking", code("FINAL(seen[0] == id(context))"))
    first = ask(bound, "-m $model -n 1 The question?")
    assert first.status == "stopped: steps"
    answer = ask(bound, "--resume last -n 5 -o kept")
    assert answer.value is True
    assert answer.question == "The question?"
    assert answer.run_id == first.run_id
    assert bound.user_ns["kept"] is answer
    assert len(model.heard) == 3


def test_a_run_of_another_kernel_is_resumed_from_its_record(bound: InteractiveShell) -> None:
    listen(bound, code("seen = llm_query('once')"), "thinking")
    bound.user_ns["sub"] = ScriptedModel(["paid"], name="sub")
    first = ask(bound, "-m $model -s $sub -n 1 q")
    bound.run_line_magic("reload_ext", "rlm_magic")
    bound.run_cell_magic("rlm_context", "ship", TEXT + "\n")
    listen(bound, code("FINAL(seen)"))
    answer = ask(bound, f"--resume {first.run_id[:-1]} -m $model -s $sub -n 9")
    assert answer.text == "paid"
    with pytest.raises(RLMError, match="has its answer"):
        bound.run_line_magic("rlm", "--resume last -m $model")


def test_a_resumed_run_whose_model_has_no_name_asks_for_one(bound: InteractiveShell) -> None:
    listen(bound, "thinking", "still")
    ask(bound, "-m $model -n 1 q")
    bound.run_line_magic("reload_ext", "rlm_magic")
    bound.run_cell_magic("rlm_context", "ship", TEXT + "\n")
    with pytest.raises(UnknownModel, match="listening"):
        bound.run_line_magic("rlm", "--resume last")


# Recording, replaying, caching


def test_a_run_is_recorded_and_replayed(bound: InteractiveShell, tmp_path: Path) -> None:
    path = tmp_path / "a lesson.jsonl"
    listen(bound, code("found = llm_query_batched(['a', 'b'])"), code("FINAL(found)"))
    bound.user_ns["sub"] = ScriptedModel(lambda messages: messages[-1].content.upper(), name="sub")
    first = ask(bound, f'-m $model -s $sub --record "{path}" The question?')
    again = ask(bound, f'-m "replay:{path}" The question?')
    assert again.value == first.value == ["A", "B"]
    bound.user_ns["tape"] = path
    assert ask(bound, "-m replay:{tape} The question?").text == first.text
    with pytest.raises(NotRecorded, match="Another"):
        bound.run_line_magic("rlm", f'-m "replay:{path}" Another question?')
    with pytest.raises(UnknownModel, match="nowhere"):
        bound.run_line_magic("rlm", "-m replay:nowhere.jsonl q")


# Options


@pytest.mark.parametrize(
    ("line", "error", "named"),
    [
        ("--tool nothing q", UsageError, "--tool: there is no variable 'nothing'"),
        ("--tool context q", ReservedName, "'context'"),
        ("--tool ship --with ship q", ReservedName, "'ship'"),
        ("--schema Nothing q", UsageError, "--schema Nothing: name 'Nothing' is not defined"),
        ("--schema 1/0 q", UsageError, "--schema 1/0: division by zero"),
        ("--follow q", UsageError, "there is no run yet"),
        ("--follow --resume last", UsageError, "use one of them"),
        ("--resume nothing", RunNotFound, "nothing"),
        ("--resume last q", UsageError, "that run's own question; leave yours out"),
        ("--option temperature q", UsageError, "--option temperature: write KEY=VALUE"),
        ("--sub-option =3 q", UsageError, "--sub-option =3: write KEY=VALUE"),
        ("--option temperature=0 -m offline q", ModelError, "temperature"),
        ("--max-depth deep q", UsageError, "deep"),
        ("--record /no/such/folder/x.jsonl q", ModelError, "/no/such/folder"),
        ("--schema q", UsageError, "ask something"),
        ("--resume", UsageError, "--resume needs a value"),
    ],
)
def test_bad_options_are_refused_before_anything_runs(
    bound: InteractiveShell, line: str, error: type[Exception], named: str
) -> None:
    bound.user_ns["context"] = "mine"
    with pytest.raises(error, match=re.escape(named)):
        bound.run_line_magic("rlm", line)
    assert "no runs" in repr(bound.run_line_magic("rlm_log", ""))


@pytest.mark.parametrize("depth", [0, 1])
def test_max_depth(bound: InteractiveShell, depth: int) -> None:
    model = listen(bound, code("FINAL(rlm_query('deeper'))"), "FINAL(from below)")
    answer = ask(bound, f"-m $model -s $model --max-depth {depth} q")
    (call,) = answer.steps[0].sub_calls
    assert (call.child is not None) == (depth == 1)
    assert len(model.heard) == 2


def test_sampling_options_reach_the_record(bound: InteractiveShell, monkeypatch: pytest.MonkeyPatch) -> None:
    from ..models.provider_server import Plan, openai_events, provider_server

    monkeypatch.setenv("OPENAI_API_KEY", "sk-nobodys-key-at-all")
    with provider_server() as server:
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
        server.plans = [Plan(events=openai_events(["FINAL(ok)"]))]
        answer = ask(bound, "-m openai:gpt-5 --option temperature=0.5 --option reasoning_effort=low q")
        sent = server.requests[0].body
    assert (sent["temperature"], sent["reasoning_effort"]) == (0.5, "low")
    assert answer.trajectory is not None
    assert '"temperature": 0.5' in answer.trajectory.read_text()


def test_a_child_run_is_shown_in_the_log(bound: InteractiveShell) -> None:
    listen(
        bound, code("FINAL(rlm_query('look deeper'))"), code("print('from the child')"), "FINAL(found below)"
    )
    ask(bound, "-m $model -s $model q")
    for line in ("last", "last --step 1"):
        view = bound.run_line_magic("rlm_log", line)
        for shown in (repr(view), view._repr_html_()):
            assert "rlm_query(look deeper)" in shown
            assert "from the child" in shown


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("%rlm --sche", "--schema"),
        ("%rlm --tool loo", "lookup"),
        ("%rlm --tool ship,loo", "ship,lookup"),
        ("%rlm --schema Cr", "Crew"),
        ("%rlm --resume la", "last"),
        ("%rlm --option temp", "temperature="),
        ("%rlm -m cla", "claude"),
    ],
)
def test_completion(bound: InteractiveShell, line: str, expected: str) -> None:
    bound.user_ns.update(lookup=len, Crew=Crew)
    with provisionalcompleter():
        found = list(bound.Completer.completions(line, len(line)))
    completed = [line[: each.start] + each.text + line[each.end :] for each in found]
    assert line.rsplit(" ", 1)[0] + " " + expected in completed
