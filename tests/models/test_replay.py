"""Recordings: what is written, what is answered from it, and what is said of a request that is not in it."""

from __future__ import annotations

import json
import random
import resource
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlm_magic.errors import ModelError, NotRecorded, RateLimited, StreamCut, UnknownModel
from rlm_magic.models import Model, OnText, ReplayModel, ScriptedModel, context_window, open_model, recording
from rlm_magic.models.openai import OpenAIModel
from rlm_magic.records import Completion, Message, Usage

from .conftest import KEY
from .provider_server import Plan, ProviderServer, openai_events

HELLO = [Message("user", "Hello?")]


def asked(*contents: str) -> list[Message]:
    """Return a conversation of a user and an assistant in turns."""
    roles = ("user", "assistant")
    return [Message(roles[i % 2], content) for i, content in enumerate(contents)]  # type: ignore[arg-type]


class Failing:
    """A model that fails with each of some errors in turn, and then replies."""

    name = "failing"

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)

    def complete(self, messages: object, on_text: OnText | None = None) -> Completion:
        if self.errors:
            raise self.errors.pop(0)
        return Completion("at last", Usage(1, 10, 5, 0.5), stop_reason="length")


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    return tmp_path / "lesson.jsonl"


def test_replay_gives_what_was_recorded_and_costs_nothing(openai_env: ProviderServer, tape: Path) -> None:
    cut = openai_events(["Hel", "lo.\nBye."], finish="length", usage=(1_000_000, 7))
    openai_env.plans = [Plan(events=cut)]
    first = recording(open_model("openai:gpt-5"), tape).complete(HELLO)
    assert first.usage.cost_usd
    pieces: list[str] = []
    again = open_model(f"replay:{tape}").complete(HELLO, pieces.append)
    assert again == Completion("Hello.\nBye.", Usage(1, 1_000_000, 7, 0.0), stop_reason="length", cached=True)
    assert pieces == ["Hello.\n", "Bye."]
    assert len(openai_env.requests) == 1


def test_request_made_often_gets_its_replies_in_order_then_the_last(tape: Path) -> None:
    model = recording(ScriptedModel(["one", "two"]), tape)
    for _ in range(2):
        model.complete(HELLO)
    replay = ReplayModel(tape)
    assert [replay.complete(HELLO).text for _ in range(4)] == ["one", "two", "two", "two"]
    assert ReplayModel(tape).complete(HELLO).text == "one"


def test_replies_to_the_same_request_come_in_the_order_of_asking_and_not_of_coming(tape: Path) -> None:
    first_is_asked, second_is_back = threading.Event(), threading.Event()
    turns = iter(["first", "second"])

    def reply(messages: object) -> str:
        turn = next(turns)
        if turn == "first":
            first_is_asked.set()
            assert second_is_back.wait(30)
        return turn

    model = recording(ScriptedModel(reply), tape)
    thread = threading.Thread(target=model.complete, args=(HELLO,))
    thread.start()
    assert first_is_asked.wait(30)
    model.complete(HELLO)
    second_is_back.set()
    thread.join()
    # A recording that is continued counts on.
    recording(ScriptedModel(["third"]), tape).complete(HELLO)
    again = ReplayModel(tape)
    assert [again.complete(HELLO).text for _ in range(3)] == ["first", "second", "third"]


@given(st.lists(st.text(max_size=8), max_size=12), st.randoms())
def test_order_does_not_matter(
    tmp_path_factory: pytest.TempPathFactory, prompts: list[str], rng: random.Random
) -> None:
    path = tmp_path_factory.mktemp("tape") / "x.jsonl"
    model = recording(ScriptedModel(lambda messages: "re: " + messages[0].content), path)
    for prompt in prompts:
        model.complete(asked(prompt))
    rng.shuffle(prompts)
    replay = ReplayModel(path)
    for prompt in prompts:
        # What no file can hold is recorded as a request can carry it.
        assert replay.complete(asked(prompt)).text == "re: " + prompt.encode("utf-8", "replace").decode()


def test_parallel_calls_are_recorded_whole_and_matched_by_content(tape: Path) -> None:
    def in_threads(model: Model) -> dict[int, str]:
        found: dict[int, str] = {}

        def ask(number: int) -> None:
            found[number] = model.complete(asked(f"question {number % 20}")).text

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(40)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return found

    recorded = in_threads(recording(ScriptedModel(lambda m: f"answer to {m[0].content}" * 50), tape))
    assert in_threads(ReplayModel(tape)) == recorded


def test_models_share_a_recording_and_each_can_be_had_by_name(tape: Path) -> None:
    for name in ("root", "sub"):
        recording(ScriptedModel([f"I am {name}"], name=name), tape).complete(HELLO)
    replay = ReplayModel(tape)
    assert [replay.named(name).complete(HELLO).text for name in ("sub", "root")] == ["I am sub", "I am root"]
    assert replay.named("sub").name == "sub"
    with pytest.raises(NotRecorded, match="nothing is recorded"):
        replay.named("nobody").complete(HELLO)


def test_options_are_recorded_and_narrow_the_replay(openai_env: ProviderServer, tape: Path) -> None:
    openai_env.plans = [Plan(events=openai_events([text])) for text in ("cold", "hot")]
    for temperature in (0, 1):
        recording(OpenAIModel("m", options={"temperature": temperature}), tape).complete(HELLO)
    assert open_model(f"replay:{tape}", options={"temperature": 1}).complete(HELLO).text == "hot"
    assert open_model(f"replay:{tape}").complete(HELLO).text == "cold"
    with pytest.raises(UnknownModel, match=r"no request with the options \{'temperature': 2\}"):
        open_model(f"replay:{tape}", options={"temperature": 2})


def test_wrapped_model_keeps_its_name_and_options(openai_env: ProviderServer, tape: Path) -> None:
    model = recording(OpenAIModel("m", options={"seed": 3}), tape)
    assert (model.name, dict(model.options)) == ("openai:m", {"seed": 3})


def test_time_and_money_left_do_not_count(tape: Path) -> None:
    said = (
        "Turn 2 of 20. 587 s left. 199 sub-calls left. $0.9871 left.\nseconds: 12 left\n<f at 0x7f12ab34cd56>"
    )
    recording(ScriptedModel(["yes"]), tape).complete(asked(said))
    now = (
        "Turn 2 of 20. 12.5 s left. 199 sub-calls left. $1.0000 left.\nseconds: 3 left\n<f at 0x7fffab34cd56>"
    )
    assert ReplayModel(tape).complete(asked(now)).text == "yes"
    with pytest.raises(NotRecorded):
        ReplayModel(tape).complete(asked(now.replace("199", "198")))


def test_what_does_not_count_is_not_told_as_the_difference(tape: Path) -> None:
    recording(ScriptedModel(["yes"]), tape).complete(asked("599 s left.", "I look.", "41. 580 s left."))
    with pytest.raises(NotRecorded) as caught:
        ReplayModel(tape).complete(asked("598 s left.", "I look.", "42. 570 s left."))
    assert "message 3" in str(caught.value)
    assert "'41. # s left.'" in str(caught.value)


def test_failure_is_replayed_as_it_was(tape: Path) -> None:
    model = recording(Failing(UnknownModel("no such model"), StreamCut("broke", streamed_chars=3)), tape)
    for prompt, kind in (("a", UnknownModel), ("b", StreamCut)):
        with pytest.raises(kind):
            model.complete(asked(prompt))
        with pytest.raises(kind, match=r"no such model|broke"):
            ReplayModel(tape).complete(asked(prompt))


def test_reply_goes_before_a_failure_of_the_same_request(tape: Path) -> None:
    model = recording(Failing(ModelError("connection lost")), tape)
    with pytest.raises(ModelError):
        model.complete(HELLO)
    assert model.complete(HELLO).text == "at last"
    assert ReplayModel(tape).complete(HELLO).stop_reason == "length"


def test_rate_limit_is_not_recorded(tape: Path) -> None:
    model = recording(Failing(RateLimited("slow down", retry_after_s=1.0)), tape)
    with pytest.raises(RateLimited):
        model.complete(HELLO)
    with pytest.raises(NotRecorded):
        ReplayModel(tape).complete(HELLO)


@pytest.mark.parametrize("kind", [KeyboardInterrupt, RuntimeError, ModelError])
def test_reply_that_its_caller_stopped_is_not_recorded(tape: Path, kind: type[BaseException]) -> None:
    def stop(_: str) -> None:
        raise kind("enough")

    with pytest.raises(kind):
        recording(ScriptedModel(["one"]), tape).complete(HELLO, stop)
    with pytest.raises(NotRecorded, match="nothing is recorded"):
        ReplayModel(tape).complete(HELLO)


def test_request_not_recorded_shows_where_the_nearest_differs(tape: Path) -> None:
    model = recording(ScriptedModel(lambda _: "ok"), tape)
    long = "x" * 500
    for conversation in (asked("Who?", "I look.", f"{long} 41 lines {long}"), asked("Else?", "I look.", "n")):
        model.complete(conversation)
    with pytest.raises(NotRecorded) as caught:
        ReplayModel(tape).complete(asked("Who?", "I look.", f"{long} 42 lines {long}"))
    said = str(caught.value)
    assert str(tape) in said
    assert "message 3 (user)" in said
    assert "xxx 41 lines xxx" in said
    assert "xxx 42 lines xxx" in said
    assert len(said) < 1_000


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        (asked("Who?"), "agrees and has 3 messages"),
        (asked("Who?", "I look.", "Found.", "More."), "agrees and has 3 messages"),
        ([Message("system", "Who?")], "message 1: recorded from user, asked from system"),
        ([], "agrees and has 3 messages"),
    ],
)
def test_request_of_another_length_or_role_is_told_so(
    tape: Path, messages: list[Message], words: str
) -> None:
    recording(ScriptedModel(["ok"]), tape).complete(asked("Who?", "I look.", "Found."))
    with pytest.raises(NotRecorded, match=words):
        ReplayModel(tape).complete(messages)


def test_secrets_are_not_in_the_file_and_do_not_hinder_replay(
    tape: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_API_KEY", "hunter2-hunter2")
    shaped = "sk-ant-abcdefghijklmnopqrstuvwx"
    conversation = asked(f"keys: {KEY} hunter2-hunter2", f"so {shaped}", "go on")
    recording(ScriptedModel([f"the key is {shaped}"]), tape).complete(conversation)
    written = tape.read_text(encoding="utf-8")
    assert not [secret for secret in (KEY, "hunter2-hunter2", shaped) if secret in written]
    assert ReplayModel(tape).complete(conversation).text == "the key is [redacted]"
    assert tape.stat().st_mode & 0o077 == 0


def test_message_is_written_once_so_that_growth_is_linear(tape: Path) -> None:
    model = recording(ScriptedModel(lambda _: "ok"), tape)
    contents: list[str] = []
    for number in range(30):
        contents += [f"output {number} " + "x" * 2_000, "ok"]
        model.complete(asked(*contents[:-1]))
    assert tape.stat().st_size < 1.6 * sum(map(len, contents))


def test_redacted_message_is_written_once_even_when_the_recording_is_continued(tape: Path) -> None:
    for number in range(2):
        recording(ScriptedModel([f"{number}"]), tape).complete(asked(f"the key: {KEY}"))
    assert tape.read_text().count("the key: [redacted]") == 1
    assert [ReplayModel(tape).complete(asked(f"the key: {KEY}")).text] == ["0"]


def test_every_line_is_strict_json_and_says_what_it_is(tape: Path) -> None:
    recording(ScriptedModel(["déjà\u2028vu"]), tape).complete(asked("à\nb"))
    lines = [json.loads(line) for line in tape.read_bytes().decode().split("\n")[:-1]]
    assert lines[0] == {"type": "recording", "version": 1}
    assert {**lines[1], "id": ""} == {"type": "message", "id": "", "role": "user", "content": "à\nb"}
    usage = {"calls": 1, "input_tokens": 1, "output_tokens": 2, "cost_usd": 0.0}
    reply = {"text": "déjà\u2028vu", "stop_reason": "stop", "usage": usage}
    request = {"model": "scripted", "options": {}, "messages": [lines[1]["id"]], "asked": 0}
    assert lines[2] == {"type": "exchange", **request, **reply}
    assert "déjà" in tape.read_text(encoding="utf-8")


def test_recording_is_continued_even_after_a_line_was_cut(tape: Path) -> None:
    recording(ScriptedModel(["one"]), tape).complete(asked("a"))
    whole = tape.read_bytes()
    tape.write_bytes(whole + b'{"type": "exchange", "mod')
    assert ReplayModel(tape).complete(asked("a")).text == "one"
    recording(ScriptedModel(["two"]), tape).complete(asked("a", "one", "b"))
    assert ReplayModel(tape).complete(asked("a")).text == "one"
    assert ReplayModel(tape).complete(asked("a", "one", "b")).text == "two"
    assert tape.read_text().count('"content": "a"') == 1


def test_recording_deleted_under_its_models_is_begun_anew(tape: Path) -> None:
    old = recording(ScriptedModel(["one", "late"]), tape)
    old.complete(asked("a"))
    tape.unlink()
    recording(ScriptedModel(["two"]), tape).complete(asked("b"))
    old.complete(asked("c"))
    assert ReplayModel(tape).complete(asked("b")).text == "two"
    with pytest.raises(NotRecorded):
        ReplayModel(tape).complete(asked("a"))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no json\n",
        b'{"type": "metadata"}\n',
        b'{"type": "recording", "version": 2}\n',
        b'{"type": "recording", "version": 1}\n{"type": "exchange"}\n',
        b'{"type": "recording", "version": 1}\n{"type": "exchange", "model": "m", "messages": ["gone"]}\n',
        b'{"type": "recording", "version": 1}\n[]\n',
        b"\xff\xff\n",
    ],
)
def test_file_that_is_no_recording_is_refused_and_left_alone(tape: Path, content: bytes) -> None:
    tape.write_bytes(content)
    with pytest.raises(ModelError, match="is no recording"):
        open_model(f"replay:{tape}")
    if content:
        with pytest.raises(ModelError, match="is no recording"):
            recording(ScriptedModel(["x"]), tape)
        assert tape.read_bytes() == content


def test_recording_that_is_not_there_is_said_before_anything_runs(tape: Path) -> None:
    with pytest.raises(UnknownModel, match=r"no recording .*lesson\.jsonl"):
        open_model(f"replay:{tape}")
    with pytest.raises(ModelError, match="cannot record"):
        recording(ScriptedModel(["x"]), tape / "below" / "x.jsonl")


def test_disk_that_fails_costs_no_reply_and_spoils_no_recording(tape: Path) -> None:
    model = recording(ScriptedModel(lambda messages: messages[-1].content), tape)
    model.complete(asked("kept"))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (tape.stat().st_size + 40, hard))
    try:
        with pytest.warns(UserWarning, match="is not recorded any more"):
            assert model.complete(asked("lost")).text == "lost"
        assert model.complete(asked("lost too")).text == "lost too"
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert ReplayModel(tape).complete(asked("kept")).text == "kept"
    with pytest.raises(NotRecorded):
        ReplayModel(tape).complete(asked("lost"))


def test_window_of_a_replay_is_that_of_the_model_recorded_first(
    openai_env: ProviderServer, tape: Path
) -> None:
    openai_env.plans = [Plan(events=openai_events(["ok"]))]
    recording(open_model("openai:gpt-5"), tape).complete(HELLO)
    assert context_window(f"replay:{tape}") == context_window("openai:gpt-5") == 400_000
