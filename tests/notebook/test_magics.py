"""The magics in a real IPython shell: binding, asking, options, errors, unloading."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell

from rlm_magic import Answer, Context
from rlm_magic.errors import (
    BadText,
    BudgetError,
    ModelError,
    RLMError,
    RunNotFound,
    SourceNotFound,
    UnknownModel,
)
from rlm_magic.models import ScriptedModel

TEXT = "The captain of the ship is Ada.\nThe cook is Bob.\n"


def script(shell: InteractiveShell, *replies: str) -> str:
    """Put a scripted model into the notebook and return the option that uses it."""
    shell.user_ns["scripted"] = ScriptedModel(replies)
    return "-m $scripted"


def ask(shell: InteractiveShell, line: str) -> Answer:
    answer = shell.run_line_magic("rlm", line)
    assert isinstance(answer, Answer)
    return answer


@pytest.fixture
def bound(shell: InteractiveShell) -> InteractiveShell:
    shell.run_cell_magic("rlm_context", "ship", TEXT + "\n")
    return shell


# Binding


def test_a_cell_body_becomes_a_context_to_the_letter(bound: InteractiveShell) -> None:
    context = bound.user_ns["ship"]
    assert isinstance(context, Context)
    assert context[:] == TEXT


def test_a_cell_body_typed_in_a_cell(shell: InteractiveShell) -> None:
    shell.run_cell("%%rlm_context page -q\nfirst line\n  second {line} $HOME ?\n")
    assert shell.user_ns["page"][:] == "first line\n  second {line} $HOME ?"


@pytest.mark.parametrize("value", [TEXT, [TEXT], [("doc", TEXT)], ("a\n", "b\n")])
def test_a_variable_becomes_a_context(shell: InteractiveShell, value: object) -> None:
    shell.user_ns["value"] = value
    context = shell.run_line_magic("rlm_context", "ship $value")
    assert shell.user_ns["ship"] is context
    assert context[:] == (TEXT if value != ("a\n", "b\n") else "a\nb\n")


def test_a_short_text_in_a_variable_is_text_and_not_a_path(shell: InteractiveShell) -> None:
    shell.user_ns["value"] = "no/such/file*"
    assert shell.run_line_magic("rlm_context", "ship $value")[:] == "no/such/file*"


def test_files_become_contexts(shell: InteractiveShell, tmp_path: Path) -> None:
    folder = tmp_path / "my dir"
    folder.mkdir()
    (folder / "a.txt").write_text("one\n")
    (folder / "b.txt").write_text("two\n")
    assert shell.run_line_magic("rlm_context", f'one "{folder / "a.txt"}"')[:] == "one\n"
    assert shell.run_line_magic("rlm_context", f'both "{folder}/*.txt"')[:] == "one\ntwo\n"
    assert shell.run_line_magic("rlm_context", f'all "{folder}"')[:] == "one\ntwo\n"
    shell.user_ns["path"] = folder / "a.txt"
    assert shell.run_line_magic("rlm_context", "var $path")[:] == "one\n"


def test_to_writes_a_manifest_and_binds_that(shell: InteractiveShell, tmp_path: Path) -> None:
    shell.user_ns["text"] = TEXT
    context = shell.run_line_magic("rlm_context", f"ship $text --to {tmp_path / 'store'}")
    assert (tmp_path / "store" / "manifest.json").is_file()
    assert context[:] == TEXT
    assert shell.run_line_magic("rlm_context", f"again {tmp_path / 'store'}")[:] == TEXT


def test_invalid_bytes_are_told_in_one_line(
    shell: InteractiveShell, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.txt").write_bytes(b"caf\xe9\n")
    assert shell.run_line_magic("rlm_context", f"bad {tmp_path / 'bad.txt'}")[:] == "caf\ufffd\n"
    (line,) = capsys.readouterr().err.splitlines()
    assert "bad.txt" in line
    with pytest.raises(BadText, match=r"bad\.txt"):
        shell.run_line_magic("rlm_context", f"bad {tmp_path / 'bad.txt'} --errors strict")


def test_files_can_be_left_out(shell: InteractiveShell, tmp_path: Path) -> None:
    for name in ("a.py", "lib/b.py", "lib/skip/c.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"# {name}\n")
    kept = shell.run_line_magic("rlm_context", f'src {tmp_path} --exclude "lib/skip/*"')
    assert list(kept.documents) == ["a.py", "lib/b.py"]
    shell.user_ns["glob"] = f"{tmp_path}/**/*.py"
    kept = shell.run_line_magic("rlm_context", "src $glob --exclude lib/* --exclude nothing")
    assert list(kept.documents) == ["a.py"]
    with pytest.raises(SourceNotFound, match="leaving out"):
        shell.run_line_magic("rlm_context", f"src {tmp_path} --exclude *")


def test_units(shell: InteractiveShell) -> None:
    shell.user_ns["text"] = TEXT
    assert shell.run_line_magic("rlm_context", "ship $text --unit chars")[4:11] == TEXT[4:11]


def test_listing_and_unbinding(bound: InteractiveShell) -> None:
    assert "ship" in repr(bound.run_line_magic("rlm_context", ""))
    bound.run_line_magic("rlm_context", "-x ship")
    assert "ship" not in bound.user_ns
    assert "no context is bound" in repr(bound.run_line_magic("rlm_context", "-l"))


def test_quiet_returns_nothing(shell: InteractiveShell) -> None:
    shell.user_ns["text"] = TEXT
    assert shell.run_line_magic("rlm_context", "ship $text -q") is None
    assert "ship" in shell.user_ns


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("ship", "%rlm_context ship SOURCE"),
        ("ship $nothing", "'nothing'"),
        ("not-a-name $text", "'not-a-name'"),
        ("class $text", "'class'"),
        ("ship $number", "int"),
        ("-x ship", "'ship'"),
        ("number $text", "already holds a int"),
        ('ship "unbalanced', "unbalanced"),
        ("ship ''", "name the source too"),
        ("-h", "See %rlm_context?"),
    ],
)
def test_bad_bindings_name_the_value(shell: InteractiveShell, line: str, named: str) -> None:
    shell.user_ns.update(text=TEXT, number=3)
    with pytest.raises(UsageError, match=re.escape(named)):
        shell.run_line_magic("rlm_context", line)
    assert shell.user_ns["number"] == 3


def test_a_missing_path_names_itself(shell: InteractiveShell, tmp_path: Path) -> None:
    with pytest.raises(SourceNotFound, match="nowhere"):
        shell.run_line_magic("rlm_context", f"ship {tmp_path / 'nowhere.txt'}")


def test_a_variable_may_be_replaced_by_its_own_context(shell: InteractiveShell) -> None:
    shell.user_ns["text"] = TEXT
    shell.run_line_magic("rlm_context", "text $text")
    assert shell.user_ns["text"][:] == TEXT


# Asking


def test_the_offline_model_answers(bound: InteractiveShell) -> None:
    answer = ask(bound, "Who is the captain of the ship?")
    assert answer.status == "answered"
    assert "Ada" in answer.text
    assert str(answer) == answer.text


def test_a_question_typed_in_a_cell_keeps_its_question_mark(bound: InteractiveShell) -> None:
    bound.run_cell("ans = %rlm Who is the cook?")
    assert bound.user_ns["ans"].question == "Who is the cook?"
    bound.run_cell("%%rlm -o ans\nWho is\nthe cook?\n")
    assert bound.user_ns["ans"].question == "Who is\nthe cook?"


def test_the_model_sees_the_very_object(bound: InteractiveShell) -> None:
    answer = ask(bound, script(bound, "```repl\nFINAL(id(context))\n```") + " q")
    assert answer.value == id(bound.user_ns["ship"])


def test_the_last_bound_context_is_the_default(bound: InteractiveShell) -> None:
    bound.run_cell_magic("rlm_context", "other", "second\n\n")
    read = "```repl\nFINAL(context[0])\n```"
    assert ask(bound, script(bound, read) + " q").text == "second\n"
    assert ask(bound, script(bound, read) + " -c ship q").text == TEXT.splitlines(keepends=True)[0]
    bound.user_ns["loose"] = "a loose str\n"
    assert ask(bound, script(bound, read) + " -c loose q").text == "a loose str\n"


def test_without_a_context_the_error_shows_how_to_bind_one(shell: InteractiveShell) -> None:
    with pytest.raises(UsageError, match="%rlm_context logs"):
        shell.run_line_magic("rlm", "Who?")


def test_rebinding_the_variable_by_hand_takes_the_context_out(bound: InteractiveShell) -> None:
    bound.user_ns["ship"] = 3
    with pytest.raises(UsageError, match="no context is bound"):
        bound.run_line_magic("rlm", "Who?")


def test_the_users_variables_are_as_before(bound: InteractiveShell) -> None:
    bound.user_ns["x"] = "mine"
    before = dict(bound.user_ns)
    code = "x = 'theirs'\ncontext = None\nanswer_here = 1\nship = 2\nprint('hi')\nimport os\n1 / 0"
    ask(bound, script(bound, f"```repl\n{code}\n```", "FINAL(ok)") + " q")
    after = {name: value for name, value in bound.user_ns.items() if name != "scripted"}
    before.pop("scripted", None)
    assert after == before


def test_model_code_sees_only_what_the_user_passes(bound: InteractiveShell) -> None:
    bound.user_ns.update(df=[1, 2, 3], secret="hidden")
    code = "```repl\nFINAL((len(df), 'secret' in globals()))\n```"
    assert ask(bound, script(bound, code) + " --with df q").value == (3, False)
    with pytest.raises(UsageError, match="'nope'"):
        bound.run_line_magic("rlm", "--with nope q")


def test_keep_and_out_hand_results_over(bound: InteractiveShell) -> None:
    code = "```repl\nhits = [1, 2]\nother = 3\n```\nFINAL(ok)"
    answer = ask(bound, script(bound, code) + " --keep hits -o result q")
    assert bound.user_ns["hits"] == [1, 2]
    assert bound.user_ns["result"] is answer
    assert "other" not in bound.user_ns
    assert answer.variables["other"] == 3


def test_keeping_what_was_not_made_says_what_was_and_loses_nothing(bound: InteractiveShell) -> None:
    code = "```repl\nhits = [1, 2]\n```\nFINAL(ok)"
    with pytest.raises(UsageError, match="hits"):
        bound.run_line_magic("rlm", script(bound, code) + " --keep hist -o result q")
    assert bound.user_ns["result"].text == "ok"


def test_variables_in_braces(bound: InteractiveShell) -> None:
    bound.user_ns["who"] = "cook"
    assert ask(bound, script(bound, "FINAL(ok)") + " Who is the {who}, {nobody}?").question == (
        "Who is the cook, {nobody}?"
    )


def test_budget_options(bound: InteractiveShell) -> None:
    answer = ask(bound, script(bound, "hm", "still hm") + " -n 1 q")
    assert answer.status == "stopped: steps"
    with pytest.raises(BudgetError, match="steps=0"):
        bound.run_line_magic("rlm", "-n 0 q")
    with pytest.raises(UsageError, match="many"):
        bound.run_line_magic("rlm", "-n many q")


@pytest.mark.parametrize(
    ("line", "error", "named"),
    [
        ("", UsageError, "ask something"),
        ("-m nobody:x q", UnknownModel, "nobody:x"),
        ("-m openai:gpt-5 q", ModelError, "OPENAI_API_KEY"),
        ("-m anthropic:claude-haiku-5-5 q", ModelError, "ANTHROPIC_API_KEY"),
        ("-m $nothing q", UsageError, "there is no variable 'nothing'"),
        ("-m $text q", UsageError, "the variable holds str"),
        ("-m 'offline q", UsageError, "the quote of 'offline q is not closed"),
        ("-n many q", UsageError, "See %rlm?"),
        ("-o class q", UsageError, "'class' is not a variable name"),
        ("-o ship q", UsageError, "'ship' is a bound context"),
        ("--keep x,ship q", UsageError, "'ship' is a bound context"),
        ("-c nowhere q", UsageError, "'nowhere'"),
        ("-o not-a-name q", UsageError, "'not-a-name'"),
        ("--progress loud q", UsageError, "loud"),
    ],
)
def test_bad_questions_are_refused_before_anything_runs(
    bound: InteractiveShell, line: str, error: type[Exception], named: str
) -> None:
    bound.user_ns["text"] = TEXT
    with pytest.raises(error, match=re.escape(named)):
        bound.run_line_magic("rlm", line)
    assert list(bound.magics_manager.registry["RLMMagics"].contexts) == ["ship"]


def test_a_failing_model_keeps_the_partial_answer(bound: InteractiveShell) -> None:
    with pytest.raises(RLMError):
        bound.run_line_magic("rlm", script(bound, "```repl\nn = 1\n```") + " -o partial q")
    assert bound.user_ns["partial"].status.startswith("failed")
    assert bound.user_ns["partial"].variables["n"] == 1


def test_runs_cannot_nest(bound: InteractiveShell) -> None:
    answer = ask(bound, script(bound, "```repl\n%rlm what?\n```", "FINAL(ok)") + " q")
    assert answer.text == "ok"
    assert answer.steps[0].cells[0].result.error is not None


def test_help(bound: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
    assert bound.run_line_magic("rlm", "--help") is None
    assert "--max-steps" in capsys.readouterr().out


# Looking back


def test_status(bound: InteractiveShell) -> None:
    ask(bound, script(bound, "FINAL(ok)") + " q")
    shown = repr(bound.run_line_magic("rlm_status", ""))
    for part in ("ship", "offline", "OPENAI_API_KEY is not set", "answered"):
        assert part in shown
    with pytest.raises(UsageError, match="verbose"):
        bound.run_line_magic("rlm_status", "verbose")


def test_log(bound: InteractiveShell, tmp_path: Path) -> None:
    assert "no runs" in repr(bound.run_line_magic("rlm_log", ""))
    answer = ask(bound, script(bound, "```repl\nprint('printed')\n```", "FINAL(done)") + " My question?")
    assert "My question?" in repr(bound.run_line_magic("rlm_log", ""))
    for run in ("last", answer.run_id, answer.run_id[:-3]):
        shown = repr(bound.run_line_magic("rlm_log", run))
        assert "printed" in shown
        assert "done" in shown
    assert "printed" not in repr(bound.run_line_magic("rlm_log", "last -s 2"))
    bound.run_line_magic("rlm_log", f"last -o {tmp_path}/run.html")
    assert "My question?" in (tmp_path / "run.html").read_text()
    with pytest.raises(UsageError, match="no step 9"):
        bound.run_line_magic("rlm_log", "last -s 9")
    with pytest.raises(UsageError, match=r"run\.pdf"):
        bound.run_line_magic("rlm_log", f"last -o {tmp_path}/run.pdf")
    with pytest.raises(RunNotFound, match="xyz"):
        bound.run_line_magic("rlm_log", "xyz")


def test_an_answer_shows_itself(bound: InteractiveShell) -> None:
    assert bound.display_formatter is not None
    safe = ask(bound, script(bound, "FINAL(**bold**)") + " q")
    data, _ = bound.display_formatter.format(safe)
    assert data["text/plain"].startswith("**bold**\n\n[answered")
    assert "text/markdown" in data
    assert "<strong>bold</strong>" in data["text/html"]
    unsafe = ask(bound, script(bound, "FINAL(<script>x</script>)") + " q")
    data, _ = bound.display_formatter.format(unsafe)
    assert "&lt;script&gt;" in data["text/html"]
    assert "text/markdown" not in data
    data, _ = bound.display_formatter.format([safe])
    assert data["text/plain"] == f"[{safe!r}]"


# Loading and completing


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("%rlm --max-", "--max-steps"),
        ("%rlm -c sh", "ship"),
        ("%rlm -m off", "offline"),
        ("%rlm_context --un", "--unit"),
        ("%rlm_log la", "last"),
    ],
)
def test_completion(bound: InteractiveShell, line: str, expected: str) -> None:
    assert line.rsplit(" ", 1)[0] + " " + expected in completed(bound, line)


def test_completion_leaves_other_lines_alone(bound: InteractiveShell) -> None:
    assert "ship" in completed(bound, "shi")


def completed(shell: InteractiveShell, line: str) -> list[str]:
    """Return what the line becomes with each completion, as a front end applies them."""
    with provisionalcompleter():
        found = list(shell.Completer.completions(line, len(line)))
    return [line[: each.start] + each.text + line[each.end :] for each in found]


def test_unloading_removes_every_trace(shell: InteractiveShell) -> None:
    shell.run_line_magic("unload_ext", "rlm_magic")
    clean = _traces(shell)
    shell.run_line_magic("load_ext", "rlm_magic")
    assert _traces(shell) != clean
    shell.run_cell_magic("rlm_context", "ship", TEXT)
    shell.run_cell_magic("rlm_context", "mine", TEXT)
    shell.user_ns["mine"] = "rebound"
    shell.run_line_magic("unload_ext", "rlm_magic")
    assert _traces(shell) == clean
    assert "ship" not in shell.user_ns
    assert shell.user_ns["mine"] == "rebound"


def test_reloading_keeps_one_of_everything(shell: InteractiveShell) -> None:
    before = _traces(shell)
    shell.run_line_magic("reload_ext", "rlm_magic")
    assert _traces(shell) == before


def _traces(shell: InteractiveShell) -> tuple[object, ...]:
    assert shell.display_formatter is not None
    return (
        sorted(shell.magics_manager.magics["line"]),
        sorted(shell.magics_manager.magics["cell"]),
        len(shell.input_transformers_cleanup),
        len(shell.Completer.custom_matchers),
        [type(configurable).__name__ for configurable in shell.configurables],
        [len(f.type_printers) for f in shell.display_formatter.formatters.values()],
    )
