"""The record of a run: written as it goes, private, free of secrets, and read back as it was."""

from __future__ import annotations

import errno
import json
import os
import re
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from rlm_magic.engine import find_run, list_runs, read_trajectory
from rlm_magic.engine.trajectory import Trajectory
from rlm_magic.errors import RunInterrupted, RunNotFound, TrajectoryError
from rlm_magic.models import ScriptedModel
from rlm_magic.redact import redactor

from .conftest import RunFactory, cell

REPLIES = [cell("n = 1\nprint('one')"), cell("x = llm_query('why?')\nx"), "FINAL(ok)"]


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_each_step_is_on_disk_before_the_next_begins(make_run: RunFactory) -> None:
    run = make_run(REPLIES)
    path = run.trajectory.path
    for count in (1, 2, 3):
        run.step()
        assert [line["type"] for line in lines(path)].count("iteration") == count


def test_the_file_is_private_and_so_is_its_directory(make_run: RunFactory) -> None:
    path = make_run(REPLIES).trajectory.path
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_run_reads_back_as_it_was(make_run: RunFactory) -> None:
    answer = make_run(REPLIES).finish()
    assert answer.trajectory is not None
    back = read_trajectory(answer.trajectory)
    assert (back.question, back.text, back.status) == (answer.question, answer.text, answer.status)
    assert back.usage == answer.usage
    assert back.run_id == answer.run_id
    assert [step.reply for step in back.steps] == [step.reply for step in answer.steps]
    assert [[cell.code for cell in step.cells] for step in back.steps] == [
        [cell.code for cell in step.cells] for step in answer.steps
    ]
    assert [call.reply for step in back.steps for call in step.sub_calls] == ["sub-model heard 'why?'"]
    assert "one" in back.steps[0].cells[0].result.output


def test_lines_have_the_fields_that_viewers_need(make_run: RunFactory) -> None:
    answer = make_run(REPLIES).finish()
    assert answer.trajectory is not None
    records = lines(answer.trajectory)
    assert records[0]["type"] == records[-1]["type"] == "metadata"
    for record in records[1:-1]:
        assert record["type"] == "iteration"
        assert all(set(message) == {"role", "content"} for message in record["prompt"])
        assert "final_answer" in record
        for block in record["code_blocks"]:
            assert {"stdout", "stderr", "locals", "execution_time", "rlm_calls"} <= set(block["result"])
            for call in block["result"]["rlm_calls"]:
                assert isinstance(call["prompt_tokens"], int)
                assert isinstance(call["execution_time"], float)


def test_growth_is_linear_in_the_steps(make_run: RunFactory) -> None:
    def size(steps: int) -> int:
        answer = make_run([cell("print('x' * 500)")] * steps + ["FINAL(ok)"]).finish()
        assert answer.trajectory is not None
        return answer.trajectory.stat().st_size

    assert size(16) < 2 * size(8)


def test_secrets_are_redacted_by_value_and_by_shape(
    make_run: RunFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "my-very-own-key-123")
    monkeypatch.setenv("DB_PASSWORD", "hunter2hunter2")
    code = "import os\nprint(os.environ['OPENAI_API_KEY'], os.environ['DB_PASSWORD'], 'sk-ant-' + 'a' * 40)"
    answer = make_run([cell(code), "FINAL(the key is my-very-own-key-123)"]).finish()
    assert answer.trajectory is not None
    written = answer.trajectory.read_text()
    for secret in ("my-very-own-key-123", "hunter2hunter2", "sk-ant-aaaa"):
        assert secret not in written
    assert "[redacted]" in written


SHAPES = {
    "AWS": "AKIA" + "A" * 16,
    "GitHub": "ghp_" + "a" * 36,
    "GitHub, fine-grained": "github_pat_" + "a" * 40,
    "GitLab": "glpat-" + "a" * 20,
    "Google": "AIza" + "a" * 35,
    "Hugging Face": "hf_" + "a" * 34,
    "Slack": "xoxb-" + "1" * 12 + "-abc",
    "JSON Web Token": f"eyJ{'a' * 10}.eyJ{'b' * 10}.{'c' * 20}",
    "bearer": "authorization: bearer " + "a" * 20,
    "password in an address": "postgres://ada:enchantress@db/ships",
    "private key": f"-----BEGIN RSA PRIVATE KEY-----\n{'a' * 64}\n{'b' * 9}=\n-----END RSA PRIVATE KEY-----",
}


@pytest.mark.parametrize("secret", SHAPES.values(), ids=SHAPES)
def test_what_has_the_shape_of_a_secret_is_not_written_down(secret: str) -> None:
    written = redactor({})(f"found: {secret} in line 3")
    assert written.startswith("found: ")
    assert written.endswith(" in line 3")
    assert secret not in written
    assert not re.search(r"a{8}|enchantress|1{8}|A{8}", written)


@pytest.mark.parametrize(
    "text", ["https://host:8000/a@b", "at 12:30 @ the bar", "s3://logs/2026:11@x", "sk-ip-it"]
)
def test_what_is_no_secret_is_written_as_it_is(text: str) -> None:
    assert redactor({})(text) == text


def test_what_json_cannot_say_is_written_all_the_same(make_run: RunFactory) -> None:
    code = "nan, big, lone = float('nan'), float('inf'), '\\ud800'\nlone"
    answer = make_run([cell(code), "FINAL(ok)"]).finish()
    assert answer.trajectory is not None
    for line in answer.trajectory.read_text().splitlines():
        json.loads(line, parse_constant=pytest.fail)


def test_options_of_a_model_that_are_no_json_are_written_all_the_same(make_run: RunFactory) -> None:
    model = ScriptedModel(["FINAL(ok)"], name="own")
    model.options = {"stop": {"a"}, "pattern": re.compile("b"), "top_p": 1}  # type: ignore[attr-defined]
    answer = make_run(model).finish()
    assert answer.trajectory is not None
    options = lines(answer.trajectory)[0]["backend_kwargs"]
    assert options == {"model_name": "own", "stop": "<set>", "pattern": "<Pattern>", "top_p": 1}


def test_long_texts_are_clipped_with_their_size(make_run: RunFactory) -> None:
    answer = make_run([cell("print('x' * 900_000)"), "FINAL(ok)"]).finish()
    assert answer.trajectory is not None
    assert answer.trajectory.stat().st_size < 500_000
    assert "characters omitted" in answer.trajectory.read_text()


def test_an_interrupted_run_is_recorded_as_such(make_run: RunFactory) -> None:
    run = make_run([cell("n = 1\nimport os, signal\nos.kill(os.getpid(), signal.SIGINT)\nn = 2")])
    with pytest.raises(RunInterrupted):
        run.finish()
    back = read_trajectory(run.trajectory.path)
    assert back.status == "interrupted"
    assert len(back.steps) == 1


CRASH = """
import os
from rlm_magic.engine import Run
from rlm_magic.models import ScriptedModel
from rlm_magic.redact import redactor
from rlm_magic.repl.live import LiveRepl
cell = "```repl\\n{}\\n```"
model = ScriptedModel([cell.format("n = 1"), cell.format("import os; os._exit(9)")])
Run("q", model=model, sub_model=model, repl=LiveRepl(), names={"context": "t"}, description="d").finish()
"""


def test_a_killed_process_loses_nothing_that_was_complete(data_dir: Path) -> None:
    died = subprocess.run([sys.executable, "-c", CRASH], check=False)
    assert died.returncode == 9
    (path,) = data_dir.glob("*.jsonl")
    back = read_trajectory(path)
    assert back.status == "unfinished"
    assert [step.number for step in back.steps] == [1]


def test_half_a_last_line_is_left_out(make_run: RunFactory) -> None:
    answer = make_run(REPLIES).finish()
    path = answer.trajectory
    assert path is not None
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) - 20])
    assert read_trajectory(path).status == "unfinished"
    assert len(read_trajectory(path).steps) == 3


def test_a_record_that_was_cut_reads_back_and_goes_on(make_run: RunFactory) -> None:
    answer = make_run([cell("print('日本語')"), cell("llm_query('なぜ?')"), "FINAL(ok)"]).finish()
    path = answer.trajectory
    assert path is not None
    whole = path.read_bytes()
    first = whole.index(b"\n") + 1
    # In and around every character of several bytes and every end of a line.
    telling = [at for at in range(first, len(whole)) if re.search(rb"[\n\x80-\xff]", whole[at - 2 : at + 2])]
    for size in telling:
        path.write_bytes(whole[:size])
        steps = read_trajectory(path).steps
        Trajectory.go_on(path).close()
        # What was read as a step is still there, and what follows begins a line.
        assert path.read_bytes().endswith(b"\n")
        assert read_trajectory(path).steps == steps


@pytest.fixture
def small_disk(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Let the files of runs take so many bytes more."""
    write, room = os.write, [1 << 30]

    def write_if_room(file: int, data: bytes) -> int:
        if not os.readlink(f"/proc/self/fd/{file}").endswith((".jsonl", ".pending")):
            return write(file, data)
        if not room[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = write(file, data[: room[0]])
        room[0] -= written
        return written

    monkeypatch.setattr(os, "write", write_if_room)
    return lambda size_bytes: room.__setitem__(0, size_bytes)


@pytest.mark.skipif(sys.platform != "linux", reason="finds the files of runs in /proc")
@pytest.mark.parametrize("left_bytes", [0, 1, 700, 3_000, 8_000])
def test_a_disk_that_fills_up_costs_the_record_and_not_the_run(
    make_run: RunFactory, small_disk: Callable[[int], None], left_bytes: int
) -> None:
    replies = [*REPLIES[:2], cell("rlm_query_batched(['child']);"), "FINAL_VAR(x)"]
    run = make_run(replies, sub=["why not", "FINAL(child)"])
    small_disk(left_bytes)
    with pytest.warns(UserWarning, match="is not recorded any more: .*No space left"):
        answer = run.finish()
    assert (answer.text, answer.status, len(answer.steps)) == ("why not", "answered", 4)
    assert answer.trajectory is not None
    # No half line: what is there reads back.
    assert answer.trajectory.read_bytes().endswith(b"\n")
    assert len(read_trajectory(answer.trajectory).steps) < 4


def test_where_no_record_can_be_kept_nothing_is_asked(
    make_run: RunFactory, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("RLM_DATA_DIR", str(tmp_path / "file"))
    with pytest.raises(TrajectoryError, match=r"cannot be recorded in .*set RLM_DATA_DIR to a directory"):
        make_run(["FINAL(ok)"])


@pytest.mark.parametrize("content", ["", "not json\n", "[1]\n", '{"type": "iteration"}\n'])
def test_what_is_no_trajectory_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(content)
    with pytest.raises(TrajectoryError, match=r"x\.jsonl"):
        read_trajectory(path)


def test_runs_are_found_by_id_prefix_and_last(make_run: RunFactory, data_dir: Path) -> None:
    first = make_run(REPLIES).finish()
    second = make_run(REPLIES).finish()
    assert set(list_runs()) == {first.run_id, second.run_id}
    assert find_run(first.run_id).stem == first.run_id
    assert find_run("last").stem == list_runs()[0]
    assert find_run(str(data_dir / f"{first.run_id}.jsonl")).stem == first.run_id
    with pytest.raises(RunNotFound, match="ambiguous"):
        find_run("20")
    with pytest.raises(RunNotFound, match="newest is"):
        find_run("nothing")


def test_saving(make_run: RunFactory, tmp_path: Path) -> None:
    answer = make_run(REPLIES).finish()
    assert read_trajectory(answer.save(tmp_path / "run.jsonl")).text == "ok"
    with pytest.raises(ValueError, match=r"run\.txt"):
        answer.save(tmp_path / "run.txt")


def test_saving_takes_paths_as_people_write_them(
    make_run: RunFactory, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    answer = make_run(REPLIES).finish()
    assert answer.save("~/run.JSONL") == tmp_path / "run.JSONL"
    assert answer.trajectory is not None
    assert answer.save(answer.trajectory) == answer.trajectory
    assert read_trajectory(answer.trajectory).text == "ok"


def test_of_runs_that_began_in_the_same_second_the_one_written_last_is_the_newest(tmp_path: Path) -> None:
    for number, run in enumerate(["ffffffff", "00000000", "77777777"]):
        path = tmp_path / f"2026-11-21_01-02-03_{run}.jsonl"
        path.write_text("{}\n")
        os.utime(path, ns=(number, number))
    (tmp_path / "2026-11-21_01-02-02_99999999.jsonl").write_text("{}\n")
    assert [run[-8:] for run in list_runs(directory=tmp_path)] == [
        "77777777",
        "00000000",
        "ffffffff",
        "99999999",
    ]
    assert find_run("last", directory=tmp_path).stem.endswith("77777777")
