"""The live repl under an IPython shell: what of the user's must stay as it was, and what the shell adds."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator

import pytest
from IPython.core.interactiveshell import InteractiveShell

from rlm_magic.errors import RunEnded
from rlm_magic.repl import LiveRepl


@pytest.fixture
def repl(shell: InteractiveShell) -> Iterator[LiveRepl]:
    repl = LiveRepl()
    yield repl
    repl.close()


@pytest.fixture
def run(repl):
    return lambda code, timeout_s=30.0: repl.run(code, name="cell", timeout_s=timeout_s)


def test_the_running_shell_is_found(run):
    assert run("get_ipython()").error is None


def test_the_users_names_are_neither_seen_nor_written(shell, run):
    shell.user_ns["secret"] = "user's"
    before = dict(shell.user_ns)
    assert "NameError" in run("secret").error
    run("secret = 'mine'\n_ = 5\nOut = 1\nIn = 2\nnew = 3\n4")
    assert shell.user_ns == before


def test_history_outputs_and_count_are_untouched(shell, run):
    shell.run_cell("40 + 2", store_history=True)
    before = (
        shell.execution_count,
        dict(shell.user_ns["_oh"]),
        list(shell.user_ns["_ih"]),
        shell.user_ns["_"],
        shell.user_ns["__"],
        shell.displayhook._,
    )
    run("1\n2 + 2")
    run("1 / 0")
    run("import sys\nsys.displayhook(7)\ndisplay(8)")
    assert before == (
        shell.execution_count,
        shell.user_ns["_oh"],
        shell.user_ns["_ih"],
        shell.user_ns["_"],
        shell.user_ns["__"],
        shell.displayhook._,
    )


def test_the_users_hooks_are_not_fired(shell, run):
    fired: list[str] = []
    for event in ("pre_run_cell", "post_run_cell", "pre_execute", "post_execute"):
        shell.events.register(event, lambda *_, event=event: fired.append(event))
    run("1")
    run("1 / 0")
    assert fired == []


def test_nothing_reaches_the_users_output(shell, run, capsys):
    run("print('out')\nimport sys; print('err', file=sys.stderr)\ndisplay('shown')\n42")
    run("1 / 0")
    run("def f(:")
    run("import warnings; warnings.warn('careful')")
    run("import logging; logging.error('logged')")
    assert capsys.readouterr() == ("", "")


def test_displays_are_captured_as_plain_text(run):
    result = run("from IPython.display import HTML, display as d\ndisplay([1, 2], 'x')\nd(HTML('<b>b</b>'))")
    assert result.shown == ("[1, 2]", "'x'", "<IPython.core.display.HTML object>")
    assert result.stdout == ""


def test_an_updated_display_replaces_the_first(run):
    assert run("h = display(1, display_id=True)\ndisplay('b')\nh.update(2)").shown == ("2", "'b'")


def test_clear_output_clears_what_the_cell_displayed(run):
    result = run("from IPython.display import clear_output\ndisplay(1)\nclear_output()\ndisplay(2)")
    assert result.shown == ("2",)


def test_displays_are_bounded(run):
    result = run("for n in range(3): display('x' * 600_000)")
    assert len(result.shown) == 2
    assert "2 displays omitted" in result.shown[-1]


def test_a_failing_rich_repr_is_told_to_the_model_only(run, capsys):
    result = run("class Bad:\n    def _repr_html_(self): raise ValueError('html')\ndisplay(Bad())")
    assert "ValueError: html" in result.stderr
    assert capsys.readouterr() == ("", "")


def test_a_saved_publisher_reaches_the_front_end_from_within_a_cell(shell, repl, capsys):
    publisher = shell.display_pub

    def progress() -> None:
        publisher.publish({"text/plain": "working"})

    def saved_stream() -> None:
        stream.write("on the user's stream\n")

    stream = sys.stdout
    repl.own({"saved_stream": saved_stream})
    assert repl.run("saved_stream()", name="cell", timeout_s=30).stdout == ""
    assert capsys.readouterr().out == "on the user's stream\n"

    published: list[object] = []
    publisher.publish = lambda data, **_: published.append(data)
    repl.own({"progress": progress})
    result = repl.run("progress()\ndisplay('mine')", name="cell", timeout_s=30)
    assert (result.shown, published) == (("'mine'",), [{"text/plain": "working"}])


def test_the_shell_is_put_back(shell, run):
    before = (shell.display_pub, vars(shell).get("showtraceback"), sys.stdout, sys.stderr, sys.displayhook)
    run("import sys\nsys.stdout = None\nsys.displayhook = None\nget_ipython().display_pub = None")
    run("import sys\ndel sys.stdout")
    assert before == (
        shell.display_pub,
        vars(shell).get("showtraceback"),
        sys.stdout,
        sys.stderr,
        sys.displayhook,
    )


# Shell commands and magics


def test_shell_command_prints_for_the_model(run, capfd):
    assert run("!echo hello").stdout == "hello\n"
    assert capfd.readouterr() == ("", "")


def test_shell_command_fills_in_variables(run):
    assert run("word = 'filled'\n!echo {word} $word").stdout == "filled filled\n"


def test_shell_command_keeps_foreign_braces(run):
    assert run("!echo '{a: 1}' | awk '{print $1}'").stdout == "{a:\n"


def test_shell_command_result_can_be_assigned(shell, run):
    assert run("lines = !printf 'a\\nb\\n'\nlist(lines)").value == "['a', 'b']"
    assert "_exit_code" not in shell.user_ns
    assert "lines" not in shell.user_ns


def test_time_magic_binds_in_the_run(shell, run, repl):
    result = run("%time x = 6 * 7")
    assert "wall time" in result.stdout
    assert repl.variables() == {"x": 42}
    assert "x" not in shell.user_ns


def test_cell_magics_time_and_bash(run):
    result = run("%%time\ny = 2\ny + 1")
    assert "wall time" in result.stdout
    assert result.value == "3"
    assert run("%%bash\necho from bash\necho oops >&2").stdout == "from bash\n"


def test_timeit_magic(run):
    assert "per loop" in run("z = 3\n%timeit z").stdout


def test_error_in_a_magic_shows_the_own_lines(run):
    assert "1 / 0" in run("%time 1 / 0").error


@pytest.mark.parametrize(
    "code", ["%rlm what?", "%%rlm\nwhat", "%reset -f", "%who", "%run x.py", "x?", "%%capture\n1"]
)
def test_other_magics_are_refused(shell, run, code):
    shell.user_ns["precious"] = 1
    result = run(code)
    assert "cannot be used in a cell" in result.error
    assert shell.user_ns["precious"] == 1


def test_plain_python_is_left_as_it_is(run):
    assert run("s = '''\n!echo no\n%time no\n'''\ns").value == repr("\n!echo no\n%time no\n")


def test_indented_code_runs(run):
    assert run("    x = 1\n    x + 1").value == "2"


# One run per process


def test_a_nested_run_is_refused(repl, run):
    other = LiveRepl(shell=None)
    repl.own({"inner": lambda: other.run("1", name="inner", timeout_s=5)})
    assert "ReplBusy" in run("inner()").error
    assert other.run("1", name="inner", timeout_s=5).value == "1"
    other.close()


def test_a_run_on_another_thread_is_refused(repl, run):
    other = LiveRepl(shell=None)
    errors: list[BaseException] = []

    def elsewhere() -> None:
        try:
            other.run("1", name="elsewhere", timeout_s=5)
        except Exception as error:
            errors.append(error)

    def start() -> None:
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()

    repl.own({"start": start})
    run("start()")
    assert [type(error).__name__ for error in errors] == ["ReplBusy"]
    other.close()


def test_close_within_a_cell_is_refused(repl, run):
    repl.own({"close": repl.close})
    assert "ReplBusy" in run("close()").error
    assert run("1").value == "1"


def test_final_noted_by_an_owned_method(repl, run):
    class Loop:
        def finish(self, value: object) -> None:
            """Say the answer."""
            raise RunEnded(value)

    repl.own({"FINAL": Loop().finish})
    assert run("try:\n    FINAL(3)\nexcept:\n    pass").final == 3
    assert run("FINAL.__doc__").value == "'Say the answer.'"


def test_given_objects_are_the_very_objects(shell):
    table: list[int] = []
    repl = LiveRepl(given={"table": table})
    repl.run("table.append(1)", name="cell", timeout_s=30)
    assert table == [1]
    repl.close()


def test_variables_outlive_the_repl(shell):
    repl = LiveRepl()
    repl.run("base = 40\ndef add(n): return base + n", name="cell", timeout_s=30)
    add = repl.variables()["add"]
    repl.close()
    assert add(2) == 42


def test_a_forked_child_does_not_run_on(run):
    result = run("import os\npid = os.fork()\nif pid == 0: print('child')\nelse: os.waitpid(pid, 0)")
    assert result.error is None
    assert result.stdout == "child\n"
    assert os.getpid() == int(run("import os; os.getpid()").value)
