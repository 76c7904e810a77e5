"""What a run is given besides its context: tools, further contexts, the form of the answer."""

from __future__ import annotations

import gc
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

import rlm_magic
from rlm_magic import Budget
from rlm_magic.errors import BudgetError, ReservedName, SchemaError, SourceError
from rlm_magic.events import RunStarted
from rlm_magic.models import ScriptedModel
from rlm_magic.session import choose_models
from rlm_magic.views import answer_plain

from ..models.provider_server import Plan, openai_events, provider_server
from .models import TEXT, Listening, code


def lookup(name: str) -> str:
    """Return the phone number of a person."""
    return f"number of {name}"


class Crew(BaseModel):
    captain: str
    size: int = 1


@dataclass
class Pair:
    first: str
    second: int


# Tools


def test_tools_are_told_and_work() -> None:
    model = Listening(code("FINAL(lookup('Ada') + str(limits['x']))"))
    answer = rlm_magic.ask("q", [TEXT], model=model, tools={"lookup": lookup, "limits": {"x": 3}})
    assert answer.text == "number of Ada3"
    assert "`lookup(name: str) -> str`: Return the phone number of a person." in model.instructions
    assert "`limits` (dict, 1 item)" in model.instructions


def test_a_list_of_functions_will_do() -> None:
    answer = rlm_magic.ask("q", [TEXT], model=Listening(code("FINAL(lookup('Bob'))")), tools=[lookup])
    assert answer.text == "number of Bob"


def test_tools_are_the_very_objects_and_come_back_when_rebound() -> None:
    held: list[int] = []
    model = Listening(code("held.append(1)", "held = None"), code("FINAL(held)"))
    answer = rlm_magic.ask("q", [TEXT], model=model, tools={"held": held})
    assert answer.value is held
    assert held == [1]


def test_given_variables_are_not_told() -> None:
    model = Listening(code("FINAL(quiet)"))
    assert rlm_magic.ask("q", [TEXT], model=model, given={"quiet": 5}).value == 5
    assert "quiet" not in model.instructions


def test_given_variables_are_there_in_child_runs_too_as_they_were_given() -> None:
    held: list[int] = []
    model = Listening(code("quiet = None\nmine = 1\nFINAL(rlm_query_batched(['a', 'b']))"))
    child = Listening(*[code("quiet.append(1)\nFINAL('mine' in globals())")] * 2)
    answer = rlm_magic.ask("q", [TEXT], model=model, sub_model=child, given={"quiet": held})
    assert answer.value == ["False", "False"]
    assert held == [1, 1]
    assert "quiet" not in child.instructions


def test_what_is_given_to_a_run_that_goes_on_reaches_its_child_runs() -> None:
    model = Listening("nothing", "nothing", code("FINAL(rlm_query('a'))"))
    child = Listening(code("FINAL(late)"))
    first = rlm_magic.ask("q", [TEXT], model=model, sub_model=child, budget=rlm_magic.Budget(steps=1))
    second = rlm_magic.resume(
        first,
        [TEXT],
        model=model,
        sub_model=child,
        budget=rlm_magic.Budget(steps=5),
        given={"late": "here"},
    )
    assert second.text == "here"


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"tools": {"context": lookup}}, "'context'"),
        ({"tools": {"FINAL": lookup}}, "'FINAL'"),
        ({"given": {"llm_query": lookup}}, "'llm_query'"),
        ({"contexts": {"history": [TEXT]}}, "'history'"),
        ({"tools": {"a": lookup}, "given": {"a": 1}}, "'a'"),
        ({"tools": {"a": lookup}, "contexts": {"a": [TEXT]}}, "'a'"),
        ({"given": {"a": lookup}, "contexts": {"a": [TEXT]}}, "'a'"),
        ({"given": {"not a name": 1}}, "'not a name'"),
    ],
)
def test_names_that_are_taken_are_refused_before_anything_runs(arguments: dict[str, Any], named: str) -> None:
    events: list[object] = []
    with pytest.raises(ReservedName, match=named):
        rlm_magic.ask("q", [TEXT], model=Listening(), on_event=events.append, **arguments)
    assert events == []


# Several contexts


def test_further_contexts_are_seen_by_name(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("one\ntwo\nthree\n")
    model = Listening(code("FINAL((context[0], ship[1], len(notes)))"))
    ship = rlm_magic.open_context([TEXT])
    answer = rlm_magic.ask("q", ship, model=model, contexts={"notes": tmp_path / "notes.txt", "ship": ship})
    assert answer.value == ("The captain of the ship is Ada.\n", "The cook is Bob.\n", 3)
    assert "- `ship`: the same text as `context`" in model.instructions
    assert "- `notes`: " in model.instructions
    assert "3 lines" in model.instructions
    # Told what it is, and not a line of it.
    assert "three" not in model.instructions


def test_the_last_of_the_contexts_is_the_context_when_none_is_given() -> None:
    answer = rlm_magic.ask(
        "q", model=Listening(code("FINAL(context[:])")), contexts={"a": ["first\n"], "b": ["second\n"]}
    )
    assert answer.text == "second\n"


def test_a_context_cannot_be_lost_to_model_code() -> None:
    model = Listening(code("notes = None", "context = None"), code("FINAL(notes[:] + context[:])"))
    answer = rlm_magic.ask("q", ["a\n"], model=model, contexts={"notes": ["b\n"]})
    assert answer.text == "b\na\n"


# The form of the answer


@pytest.mark.parametrize(
    ("schema", "reply", "expected"),
    [
        (Crew, code("FINAL({'captain': 'Ada', 'size': 2})"), Crew(captain="Ada", size=2)),
        (Crew, 'FINAL({"captain": "Ada"})', Crew(captain="Ada")),
        (Pair, code("FINAL({'first': 'a', 'second': 2})"), Pair("a", 2)),
        (list[int], code("found = (1, 2)\nFINAL_VAR('found')"), [1, 2]),
        (list[int], code("found = [1, 2]") + "FINAL_VAR(found)", [1, 2]),
        (int, "FINAL(42)", 42),
        ({"type": "array", "items": {"type": "string"}}, code("SUBMIT(['x'])"), ["x"]),
        (bool, code("answer['content'] = True; answer['ready'] = True"), True),
    ],
)
def test_the_value_has_the_form_that_was_asked_for(schema: Any, reply: str, expected: object) -> None:
    answer = rlm_magic.ask("q", [TEXT], model=Listening(reply), schema=schema)
    assert answer.status == "answered"
    assert answer.value == expected
    assert type(answer.value) is type(expected)


def test_what_does_not_fit_goes_back_to_the_model() -> None:
    model = Listening(
        code("FINAL({'size': 2})"), 'FINAL({"captain": "Ada", "size": "many"})', 'FINAL({"captain": "Ada"})'
    )
    answer = rlm_magic.ask("q", [TEXT], model=model, schema=Crew)
    assert answer.value == Crew(captain="Ada")
    assert len(answer.steps) == 3
    assert "captain: Field required" in said_in(model, 1)
    assert "size: Input should be a valid integer" in said_in(model, 2)
    assert '"captain"' in model.instructions


def said_in(model: Listening, turn: int) -> str:
    return model.heard[turn][-1].content


def test_the_text_of_a_typed_answer_is_json_also_in_its_record() -> None:
    answer = rlm_magic.ask("q", [TEXT], model=Listening('FINAL({"captain": "Ada"})'), schema=Crew)
    assert answer.text == '{\n  "captain": "Ada",\n  "size": 1\n}'
    assert answer.trajectory is not None
    assert '"captain\\": \\"Ada\\"' in answer.trajectory.read_text()


def test_an_answer_that_never_fits_is_kept_as_text_when_the_turns_run_out() -> None:
    model = Listening("FINAL(Ada)", "FINAL(it is Ada)", "FINAL(still Ada)")
    answer = rlm_magic.ask("q", [TEXT], model=model, schema=Crew, budget=Budget(steps=2))
    assert answer.status == "stopped: steps"
    assert "Ada" in answer.text
    assert not isinstance(answer.value, Crew)


def test_a_faulty_schema_is_refused_before_anything_runs() -> None:
    events: list[object] = []
    with pytest.raises(SchemaError, match="nonsense"):
        rlm_magic.ask("q", [TEXT], model=Listening(), schema={"type": "nonsense"}, on_event=events.append)
    assert not [event for event in events if isinstance(event, RunStarted)]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"options": {"temperature": 0}}, "temperature"),
        ({"sub_model": ScriptedModel([]), "sub_options": {"seed": 1}}, "seed"),
        ({"follow": "the last one"}, "'the last one'"),
        ({"cache": 3}, "cache=3"),
        ({"contexts": ["a.txt"]}, "list"),
        ({"contexts": {"a": 3}}, "int"),
        ({"schema": "int"}, "'int'"),
    ],
)
def test_what_cannot_be_used_is_one_clear_error_before_anything_runs(
    arguments: dict[str, Any], named: str
) -> None:
    events: list[object] = []
    with pytest.raises((SourceError, SchemaError), match=named):
        rlm_magic.ask("q", [TEXT], model=Listening(), on_event=events.append, **arguments)
    assert events == []


# What was read


def test_an_answer_tells_what_was_read_and_whether_it_cites_that() -> None:
    text = "".join(f"line {number}\n" for number in range(100))
    model = Listening(
        code("print(context[10:20])", "context.search('line 5')"),
        "FINAL(Found at [L10-L12], [L60] and [L500].)",
    )
    answer = rlm_magic.ask("q", [text], model=model)
    assert answer.coverage is not None
    assert answer.coverage.lines == 100
    assert (10, 20) in answer.coverage.read
    assert answer.coverage.searched == ((0, 100),)
    assert [(each.label, each.status) for each in answer.citations] == [
        ("L10-L12", "read"),
        ("L60", "not read"),
        ("L500", "no such line"),
    ]


@pytest.mark.parametrize("unit", ["lines", "chars"])
def test_coverage_counts_the_lines_of_the_context_whatever_its_unit(unit: Any) -> None:
    text = "".join(f"line {number}\n" for number in range(100))
    part = rlm_magic.open_context([text]).view(50, 60)
    context = part if unit == "lines" else part.chars
    model = Listening(code("print(context.lines[2:4])"), "FINAL(See [L2-L3] and [L10].)")
    answer = rlm_magic.ask("q", context, model=model)
    assert answer.coverage is not None
    assert (answer.coverage.lines, answer.coverage.read) == (10, ((2, 4),))
    assert [each.status for each in answer.citations] == ["read", "no such line"]


def numbered(name: str) -> str:
    return "".join(f"{name} {number}\n" for number in range(100))


def test_what_is_read_of_texts_under_other_names_is_told_and_may_be_cited() -> None:
    logs = rlm_magic.open_context([numbered("log")])
    child = code("notes[50]\nFINAL(llm_query(notes[60]))")
    model = Listening(
        code("context[1:4]", "notes[10:20]", "notes.search('note 5')", "rlm_query('q');"),
        "FINAL([L2], [notes L11-L12, L30] and [notes: L200]; [logs L2], [context L2], [see L2].)",
    )
    answer = rlm_magic.ask(
        "q",
        logs,
        model=model,
        sub_model=Listening(child, "fine"),
        contexts={"notes": [numbered("note")], "logs": logs},
    )
    assert answer.coverage is not None
    assert answer.coverage.read == ((1, 4),)
    assert list(answer.other_coverage) == ["notes"]
    notes = answer.other_coverage["notes"]
    assert notes.read == ((5, 6), (10, 20), (50, 61))
    assert (notes.lines, notes.searched) == (100, ((0, 100),))
    assert (60, 61) in notes.prompted
    assert [(each.context, each.label, each.status, each.text) for each in answer.citations] == [
        ("", "L2", "read", "log 2"),
        ("notes", "L11-L12", "read", "note 11\nnote 12"),
        ("notes", "L30", "not read", "note 30"),
        ("notes", "L200", "no such line", ""),
        ("logs", "L2", "read", "log 2"),
    ]
    assert "as [notes L12]" in model.instructions
    assert "notes: read " in answer_plain(answer)


def test_what_a_run_has_read_of_other_texts_is_kept_when_it_goes_on() -> None:
    model = Listening(
        code("notes[10:20]"), "nothing yet", code("notes[30]"), "FINAL([notes L11] [notes L30])"
    )
    texts = {"context": numbered("log"), "contexts": {"notes": [numbered("note")]}}
    first = rlm_magic.ask("q", model=model, budget=rlm_magic.Budget(steps=1), **texts)
    second = rlm_magic.resume(first, model=model, budget=rlm_magic.Budget(steps=9), **texts)
    assert second.other_coverage["notes"].read == ((10, 20), (30, 31))
    assert [each.status for each in second.citations] == ["read", "read"]


def test_lines_in_a_sub_prompt_count_as_shown_to_a_sub_model() -> None:
    text = "".join(f"line {number}\n" for number in range(100))
    model = Listening(code("FINAL(llm_query('Judge this:\\n' + context[30:33]))"))
    answer = rlm_magic.ask("q", [text], model=model, sub_model=ScriptedModel(["fine"], name="sub"))
    assert answer.text == "fine"
    assert answer.coverage is not None
    assert answer.coverage.prompted == ((30, 33),)


def test_a_run_that_is_refused_or_given_up_is_not_watched_any_longer() -> None:
    context = rlm_magic.open_context([TEXT])
    with pytest.raises(BudgetError):
        rlm_magic.ask("q", context, model=Listening(), budget=Budget(steps=0))
    run = rlm_magic.start("q", context, models=choose_models(Listening(code("n = 1"))))
    run.step()
    assert watchers(context) == 1
    run.repl.close()
    del run
    gc.collect()
    assert watchers(context) == 0
    rlm_magic.ask("q", context, model=Listening("FINAL(ok)"))
    assert watchers(context) == 0


def watchers(context: rlm_magic.Context) -> int:
    return len(context._text.observers)


# What model code may write about a context as if it were a str


def test_modules_that_models_reach_for_take_a_context() -> None:
    reply = code("import re", "FINAL((re.findall(r'is (\\w+)', context), json.loads(view)['a']))")
    answer = rlm_magic.ask(
        "q", [TEXT], model=Listening(code("import json"), reply), contexts={"view": ['{"a": 3}']}
    )
    assert answer.value == (["Ada", "Bob"], 3)


def test_a_child_run_sees_its_part_and_the_other_contexts() -> None:
    lines = "".join(f"line {number}\n" for number in range(100))
    child = code("FINAL(str(len(context)) + context[0] + notes[0] + double('x'))")
    model = Listening(code("FINAL(rlm_query('count', context=context.view(10, 20)))"))
    answer = rlm_magic.ask(
        "q",
        [lines],
        model=model,
        sub_model=Listening(child),
        contexts={"notes": ["a note\n"]},
        tools={"double": lambda text: 2 * text},
    )
    assert answer.text == "10line 10\na note\nxx"
    assert answer.coverage is not None
    assert answer.coverage.read == ((10, 11),)


@pytest.mark.parametrize("part", ["'a text'", "['a text']", "__import__('pathlib').Path('x')", "3"])
def test_what_a_child_run_can_be_about(part: str) -> None:
    model = Listening(code(f"FINAL(rlm_query('q', context={part}))"), "FINAL(gave up)")
    answer = rlm_magic.ask("q", [TEXT], model=model, sub_model=Listening(code("FINAL(context[:])")))
    if "text" in part:
        assert answer.text == "a text"
    else:
        error = answer.steps[0].cells[0].result.error
        assert error is not None
        assert "context= takes a part of a context" in error


def test_code_cannot_send_the_key_to_a_server_of_its_own_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    with provider_server() as server:
        server.plans = [Plan(events=openai_events(["stolen"]))]
        monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-of-the-user")
        asked = code(f"FINAL(llm_query('hello', model='openai:gpt-5@{server.url}/v1'))")
        model = Listening(asked, "FINAL(refused)")
        answer = rlm_magic.ask("q", [TEXT], model=model, sub_model=ScriptedModel([], name="sub"))
        assert server.requests == []
    assert answer.text == "refused"
    assert "code cannot name a server" in model.last
