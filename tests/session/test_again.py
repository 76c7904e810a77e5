"""Runs that go on from others: follow-ups, resumed runs, recordings played back, cached sub-calls."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import rlm_magic
from rlm_magic import Budget
from rlm_magic.errors import ModelError, NotRecorded, RLMError, RunNotFound
from rlm_magic.models import ScriptedModel
from rlm_magic.models.recording import read_recording
from rlm_magic.session import how_asked, recorded

from ..models.provider_server import Plan, openai_events, provider_server
from .models import TEXT, Listening, code, said

# Follow-ups


def test_a_follow_up_has_the_variables_and_is_told_what_was_found() -> None:
    first = rlm_magic.ask(
        "Who is captain?",
        [TEXT],
        model=Listening(code("hits = [1, 2]", "def twice(x):", "    return 2 * x"), "FINAL(Ada is.)"),
    )
    model = Listening(code("FINAL(twice(sum(hits)))"))
    second = rlm_magic.ask("And twice that?", [TEXT], model=model, follow=first)
    assert second.value == 6
    told = said(model.heard[0])
    for part in ("Who is captain?", "Ada is.", "hits", "And twice that?"):
        assert part in told
    assert second.run_id != first.run_id


# Resuming


def test_a_run_that_met_a_limit_goes_on_with_a_larger_budget() -> None:
    first = rlm_magic.ask(
        "q",
        [TEXT],
        model=Listening(code("found = llm_query('one')"), "I need more turns."),
        sub_model=ScriptedModel(["paid once"], name="sub"),
        budget=Budget(steps=1),
    )
    assert first.status == "stopped: steps"
    model = Listening(code("FINAL(found)"))
    second = rlm_magic.resume(
        first, [TEXT], model=model, sub_model=ScriptedModel([], name="sub"), budget=Budget(steps=5)
    )
    assert second.text == "paid once"
    assert second.status == "answered"
    assert second.run_id == first.run_id
    assert second.usage["sub"].calls == 1
    assert second.question == "q"


def test_a_run_goes_on_from_its_record_in_another_process() -> None:
    script = (
        "import rlm_magic\n"
        "from rlm_magic.models import ScriptedModel\n"
        "model = ScriptedModel(['```repl\\nfound = llm_query(\"one\")\\n```', 'more'])\n"
        "sub = ScriptedModel(['paid once'], name='sub')\n"
        "budget = rlm_magic.Budget(steps=1)\n"
        f"answer = rlm_magic.ask('q', [{TEXT!r}], model=model, sub_model=sub, budget=budget)\n"
        "print(answer.run_id)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    run_id = done.stdout.strip()
    answer = rlm_magic.resume(
        run_id[:-2],
        [TEXT],
        model=Listening(code("FINAL(found)")),
        sub_model=ScriptedModel([], name="sub"),
        budget=Budget(steps=5),
    )
    assert answer.text == "paid once"
    assert answer.run_id == run_id


def test_models_options_and_budget_of_a_resumed_run_are_those_of_its_record(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-nobodys-key-at-all")
    with provider_server() as server:
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
        server.plans = [Plan(status=400), Plan(events=openai_events(["FINAL(Ada)"]))]
        with pytest.raises(ModelError) as failed:
            rlm_magic.ask(
                "q",
                [TEXT],
                model="openai:gpt-5",
                sub_model="openai:gpt-5-mini",
                options={"reasoning_effort": "low"},
                sub_options={"seed": 3},
                budget=Budget(steps=7, sub_calls=5),
            )
        assert failed.value.answer is not None
        run_id = failed.value.answer.run_id
        asked, budget = how_asked(recorded(run_id))
        server.plans.insert(0, Plan(status=400))
        with pytest.raises(ModelError):
            rlm_magic.resume(run_id, [TEXT])
        sent = server.requests[-1].body
        answer = rlm_magic.resume(run_id, [TEXT], options={"seed": 4})
        anew = server.requests[-1].body
    assert (asked.model, asked.sub_model) == ("openai:gpt-5", "openai:gpt-5-mini")
    assert (asked.options, asked.sub_options) == ({"reasoning_effort": "low"}, {"seed": 3})
    assert budget == Budget(steps=7, sub_calls=5)
    assert answer.text == "Ada"
    assert sent["model"] == "gpt-5"
    assert sent["reasoning_effort"] == "low"
    assert (anew["seed"], "reasoning_effort" in anew) == (4, False)


def test_an_answered_run_has_nothing_left_to_resume() -> None:
    answer = rlm_magic.ask("q", [TEXT], model=Listening("FINAL(ok)"))
    with pytest.raises(RLMError, match="has its answer"):
        rlm_magic.resume(answer, [TEXT], model=Listening())
    # Whatever else would be wrong with it: the model of this one cannot be opened by its name.
    with pytest.raises(RLMError, match="has its answer"):
        rlm_magic.resume(answer, [TEXT])


def test_a_run_that_goes_on_can_be_recorded_and_cached(tmp_path: Path) -> None:
    store: dict[str, bytes] = {}

    class Kept:
        def get(self, key: str) -> bytes | None:
            return store.get(key)

        def put(self, key: str, data: bytes) -> None:
            store[key] = data

    model = Listening("nothing", "nothing", code("FINAL(llm_query('a'))"))
    first = rlm_magic.ask("q", [TEXT], model=model, budget=Budget(steps=1))
    second = rlm_magic.resume(
        first,
        [TEXT],
        model=model,
        sub_model=ScriptedModel(["said"], name="sub"),
        budget=Budget(steps=5),
        record=tmp_path / "rest.jsonl",
        cache=Kept(),
    )
    assert second.text == "said"
    assert len(store) == 1
    recorded_texts = [exchange.text for exchange in read_recording(tmp_path / "rest.jsonl")]
    assert recorded_texts[-1] == "said"
    assert len(recorded_texts) == 2


def test_there_is_nothing_to_resume() -> None:
    with pytest.raises(RunNotFound, match="nonsense"):
        rlm_magic.resume("nonsense", [TEXT])


# Recording and replaying


def record(path: Path) -> rlm_magic.Answer:
    return rlm_magic.ask(
        "How many?",
        [TEXT],
        model=Listening(
            code("replies = llm_query_batched(['a', 'b'])", "one = llm_query('c')"),
            code("FINAL(replies + [one])"),
            name="root",
        ),
        sub_model=ScriptedModel(lambda messages: f"about {messages[-1].content}", name="sub"),
        record=path,
    )


def test_a_recorded_run_plays_back_the_same_without_its_models(tmp_path: Path) -> None:
    first = record(tmp_path / "run.jsonl")
    again = rlm_magic.ask("How many?", [TEXT], model=f"replay:{tmp_path / 'run.jsonl'}")
    assert again.value == first.value == ["about a", "about b", "about c"]
    assert [step.reply for step in again.steps] == [step.reply for step in first.steps]
    assert again.total.cost_usd == 0
    assert again.total.tokens == first.total.tokens


def test_what_was_not_recorded_is_an_error_that_shows_the_difference(tmp_path: Path) -> None:
    record(tmp_path / "run.jsonl")
    with pytest.raises(NotRecorded, match="How few"):
        rlm_magic.ask("How few?", [TEXT], model=f"replay:{tmp_path / 'run.jsonl'}")


def test_models_that_code_names_are_recorded_and_replayed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reply = code("FINAL(llm_query('who is captain?\\nThe captain is Ada.', model='offline'))")
    first = rlm_magic.ask("q", [TEXT], model=Listening(reply), record=tmp_path / "r.jsonl")
    assert '"model": "offline"' in (tmp_path / "r.jsonl").read_text()
    again = rlm_magic.ask("q", [TEXT], model=f"replay:{tmp_path / 'r.jsonl'}")
    assert again.text == first.text


def test_a_recording_that_cannot_be_written_is_refused_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="nowhere"):
        rlm_magic.ask("q", [TEXT], model=Listening(), record=tmp_path / "nowhere" / "run.jsonl")


# Cached sub-calls


class Shelf(dict[str, bytes]):
    """A cache in memory."""

    def put(self, key: str, data: bytes) -> None:
        self[key] = data


def test_identical_sub_calls_are_answered_from_the_cache_and_marked() -> None:
    shelf = Shelf()
    asked: list[str] = []

    def reply(messages: object) -> str:
        asked.append(messages[-1].content)  # type: ignore[index]
        return f"reply {len(asked)}"

    answers = [
        rlm_magic.ask(
            "q",
            [TEXT],
            model=Listening(code("FINAL(llm_query('same') + llm_query(str(round(1.5))))")),
            sub_model=ScriptedModel(reply, name="sub"),
            cache=shelf,
        )
        for _ in range(2)
    ]
    assert asked == ["same", "2"]
    assert answers[0].text == answers[1].text == "reply 1reply 2"
    assert [call.cached for call in answers[0].steps[0].sub_calls] == [False, False]
    assert [call.cached for call in answers[1].steps[0].sub_calls] == [True, True]


def test_true_means_the_cache_on_disk_which_outlives_the_process() -> None:
    model = "ScriptedModel([\"```repl\\nFINAL(llm_query('same'))\\n```\"])"
    first = (
        "import rlm_magic\nfrom rlm_magic.models import ScriptedModel\n"
        "sub = ScriptedModel(['paid'], name='sub')\n"
        f"rlm_magic.ask('q', ['text'], model={model}, sub_model=sub, cache=True)"
    )
    subprocess.run([sys.executable, "-c", first], check=True)
    reply = code("FINAL(llm_query('same'))")
    sub = ScriptedModel([], name="sub")
    answer = rlm_magic.ask("q", [TEXT], model=Listening(reply), sub_model=sub, cache=True)
    assert answer.text == "paid"
    assert answer.steps[0].sub_calls[0].cached


def test_the_environment_turns_the_cache_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RLM_CACHE", "off")
    for reply in ("first", "second"):
        model = Listening(code("FINAL(llm_query('same'))"))
        sub = ScriptedModel([reply], name="sub")
        assert rlm_magic.ask("q", [TEXT], model=model, sub_model=sub, cache=True).text == reply
