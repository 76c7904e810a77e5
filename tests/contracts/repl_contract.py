"""What every repl must do. A repl's test module subclasses `ReplContract` and supplies `make_repl`.

Only text and simple values pass through the Protocol here, so that a repl in another process can pass too.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping

import pytest

from rlm_magic.errors import ReplError, RunEnded
from rlm_magic.records import CellResult
from rlm_magic.repl import Repl

MakeRepl = Callable[[Mapping[str, object]], Repl]


def final(value: object) -> None:
    raise RunEnded(value)


class ReplContract:
    """Subclass it and define the fixture `make_repl`; the names given to it are bound for the model."""

    @pytest.fixture
    def repl(self, make_repl: MakeRepl) -> Iterator[Repl]:
        repl = make_repl({})
        repl.own({"FINAL": final})
        yield repl
        repl.close()

    @pytest.fixture
    def run(self, repl: Repl) -> Callable[..., CellResult]:
        def run(code: str, *, name: str = "cell", timeout_s: float = 30.0) -> CellResult:
            return repl.run(code, name=name, timeout_s=timeout_s)

        return run

    # Values and output

    @pytest.mark.parametrize(
        ("code", "value"),
        [
            ("1 + 1", "2"),
            ("'a' 'b'", "'ab'"),
            ("x = 3\nx", "3"),
            ("x = 3", None),
            ("None", None),
            ("1 + 1;", None),
            ("1 + 1  ;  # quiet", None),
            ("'no; not quiet'", "'no; not quiet'"),
            ("5  # not quiet;", "5"),
            ("(\n  7\n)\n\n", "7"),
            ("", None),
            ("# only a comment", None),
            ("if True:\n    5", None),
            ("'é😀' + chr(0x2028)", "'é😀\\u2028'"),
        ],
    )
    def test_value_is_the_repr_of_the_last_expression(self, run, code, value):
        result = run(code)
        assert (result.value, result.error) == (value, None)

    def test_stdout_and_stderr_are_kept_apart(self, run):
        result = run("import sys\nprint('out', 1)\nprint('err', file=sys.stderr)\nprint('é😀', end='')")
        assert (result.stdout, result.stderr) == ("out 1\né😀", "err\n")

    def test_output_belongs_to_its_cell(self, run):
        assert run("print('first')").stdout == "first\n"
        assert run("print('second')").stdout == "second\n"
        assert run("pass").stdout == ""

    def test_very_long_output_keeps_head_and_tail_and_says_what_is_missing(self, run):
        result = run("print('HEAD' + 'x' * 20_000_000 + 'TAIL')")
        assert result.stdout.startswith("HEADxxx")
        assert result.stdout.endswith("xxxTAIL\n")
        assert len(result.stdout) < 2_000_000
        assert "characters omitted" in result.stdout

    def test_very_long_value_is_cut_alike(self, run):
        result = run("'x' * 20_000_000")
        assert result.value is not None
        assert len(result.value) < 2_000_000
        assert "characters omitted" in result.value

    def test_endless_printing_stops_at_the_limit(self, run):
        result = run("while True: print('y' * 100)", timeout_s=0.5)
        assert result.timed_out
        assert result.stdout.startswith("yyy")
        assert len(result.stdout) < 2_000_000

    def test_lone_surrogates_do_not_reach_the_result(self, run):
        result = run("print(chr(0xD800))\nraise ValueError(chr(0xDFFF))")
        for text in (result.stdout, result.error):
            text.encode("utf-8")
        assert result.stdout == "\\ud800\n"

    # State

    def test_names_persist_from_cell_to_cell(self, run):
        run("x = 40\ndef f(): return x + y")
        run("y = 2")
        assert run("f()").value == "42"

    def test_functions_see_later_rebindings(self, run):
        run("rate = 1\ndef f(): return rate")
        run("rate = 2")
        assert run("f()").value == "2"

    def test_global_statement_binds_in_the_namespace(self, run):
        run("def f():\n    global z\n    z = 9\nf()")
        assert run("z").value == "9"

    def test_comprehensions_and_nested_functions_see_names_of_the_cell(self, run):
        assert run("k = 3\n[[k * i for i in range(2)] for _ in range(2)]").value == "[[0, 3], [0, 3]]"

    def test_state_before_an_error_is_kept(self, run):
        assert run("kept = 1\n1 / 0\nlost = 2").error is not None
        assert run("kept").value == "1"
        assert "NameError" in run("lost").error

    def test_classes_dataclasses_and_pickle_work(self, run):
        run(
            "from dataclasses import dataclass, field\nimport pickle, typing\n"
            "@dataclass\nclass Point:\n    x: 'int'\n    tags: 'typing.ClassVar[list]' = []\n"
        )
        assert run("pickle.loads(pickle.dumps(Point(3)))").value == "Point(x=3)"
        assert run("typing.get_type_hints(Point)['x']").value == "<class 'int'>"

    def test_main_guard_runs(self, run):
        assert run("if __name__ == '__main__':\n    print('ran')").stdout == "ran\n"

    def test_future_import_holds_for_later_cells(self, run):
        run("from __future__ import annotations")
        assert run("def f(x: Undefined): pass\nf.__annotations__['x']").value == "'Undefined'"

    def test_source_of_earlier_cells_can_be_inspected(self, run):
        run("def f():\n    return 'of the cell'")
        assert "of the cell" in run("import inspect\ninspect.getsource(f)").value

    # Errors

    def test_traceback_shows_the_cells_own_lines_and_nothing_of_the_repl(self, run):
        run("def divide(a, b):\n    return a / b", name="cell 1")
        error = run("x = 1\ndivide(x, 0)", name="cell 2").error
        assert "ZeroDivisionError: division by zero" in error
        assert "return a / b" in error
        assert "divide(x, 0)" in error
        assert "cell 1" in error
        assert "line 2" in error
        for alien in ("rlm_magic", "site-packages", "\x1b["):
            assert alien not in error

    def test_frames_of_libraries_are_left_out(self, run):
        error = run("import json\njson.loads('{')").error
        assert "JSONDecodeError" in error
        assert "json.loads('{')" in error
        assert "decoder.py" not in error

    def test_two_cells_of_one_name_show_their_own_lines(self, run):
        run("def first(): raise ValueError('1')", name="same")
        run("def second(): raise ValueError('2')", name="same")
        assert "def first()" in run("first()", name="same").error

    @pytest.mark.parametrize(
        "code",
        [
            "def f(:\n  pass",
            "x = = 1",
            "  x = 1\n y = 2",
            "print('a",
            "for",
            "if True:\nx = 1",
            "(" * 300,
            "a\0b",
        ],
    )
    def test_code_that_is_not_python_is_told_as_an_error(self, run, code):
        error = run(code).error
        assert "Error" in error
        assert "rlm_magic" not in error

    def test_syntax_error_points_at_the_place(self, run):
        error = run("x = 1\ny = (2 +* 3)", name="cell 7").error
        assert "cell 7" in error
        assert "line 2" in error
        assert "y = (2 +* 3)" in error
        assert "^" in error
        assert "SyntaxError" in error

    def test_nothing_of_a_cell_with_a_syntax_error_runs(self, run):
        run("x = 1")
        run("x = 2\nfor")
        assert run("x").value == "1"

    def test_chains_of_exceptions_are_kept(self, run):
        error = run("try:\n    {}['k']\nexcept KeyError as e:\n    raise ValueError('outer') from e").error
        assert error.index("KeyError: 'k'") < error.index("direct cause") < error.index("ValueError: outer")

    def test_exception_groups_are_shown_with_their_members(self, run):
        error = run("raise ExceptionGroup('several', [ValueError('a'), TypeError('b')])").error
        assert all(part in error for part in ("several", "ValueError: a", "TypeError: b"))

    def test_endless_recursion_is_an_error_of_the_cell(self, run):
        error = run("def f(): return f()\nf()").error
        assert "RecursionError" in error
        assert len(error) < 20_000
        assert run("1").value == "1"

    def test_mutual_recursion_gives_a_short_traceback(self, run):
        error = run("def a(n): return b(n)\ndef b(n): return a(n)\na(1)").error
        assert "RecursionError" in error
        assert len(error) < 20_000

    def test_a_huge_message_is_cut(self, run):
        error = run("raise ValueError('m' * 5_000_000)").error
        assert error.startswith("Traceback")
        assert len(error) < 20_000

    def test_an_exception_that_cannot_be_printed_is_still_told(self, run):
        run("class Bad(Exception):\n    def __str__(self): raise RuntimeError\n    __repr__ = __str__")
        assert "Bad" in run("raise Bad").error
        assert run("1").value == "1"

    def test_a_repr_that_raises_is_an_error_of_the_cell(self, run):
        result = run("class Bad:\n    def __repr__(self): raise RuntimeError('from repr')\nBad()")
        assert "from repr" in result.error
        assert result.value is None

    def test_a_repr_that_never_ends_is_stopped(self, run):
        result = run("class Slow:\n    def __repr__(self):\n        while True: pass\nSlow()", timeout_s=0.3)
        assert result.timed_out

    def test_an_exceptions_str_that_never_ends_is_stopped(self, run):
        code = "class Slow(Exception):\n    def __str__(self):\n        while True: pass\nraise Slow"
        assert run(code, timeout_s=0.3).error is not None
        assert run("1").value == "1"

    # Leaving and asking

    @pytest.mark.parametrize(
        "code",
        [
            "exit()",
            "quit()",
            "exit(3)",
            "import sys\nsys.exit(1)",
            "raise SystemExit",
            "import builtins\nbuiltins.exit()",
        ],
    )
    def test_exit_ends_the_cell_only(self, run, code):
        assert "SystemExit" in run(code).error
        assert run("1 + 1").value == "2"

    @pytest.mark.parametrize(
        "code",
        [
            "input('name? ')",
            "import getpass\ngetpass.getpass()",
            "import sys\nsys.stdin.readline()",
            "import sys\nsys.stdin.read()",
            "breakpoint()",
            "import pdb\npdb.set_trace()",
        ],
    )
    def test_asking_the_user_is_an_error_of_the_cell(self, run, code):
        result = run(code, timeout_s=10)
        assert result.error is not None
        assert not result.timed_out
        assert run("1 + 1").value == "2"

    @pytest.mark.parametrize(
        "code", ["raise KeyboardInterrupt", "raise GeneratorExit", "raise BaseException('b')"]
    )
    def test_any_exception_of_the_code_is_told(self, run, code):
        result = run(code)
        assert result.error is not None
        assert not result.interrupted

    # The end of a run

    def test_final_ends_the_cell_with_its_value(self, run):
        result = run("print('before')\nFINAL({'a': [1, 'é']})\nprint('after')")
        assert (result.ended, result.final, result.error) == (True, {"a": [1, "é"]}, None)
        assert result.stdout == "before\n"

    def test_final_of_none_ends_too(self, run):
        result = run("FINAL(None)")
        assert (result.ended, result.final) == (True, None)

    def test_a_cell_without_final_has_not_ended(self, run):
        assert not run("1").ended

    @pytest.mark.parametrize("handler", ["except Exception", "except BaseException", "except"])
    def test_final_counts_even_when_swallowed(self, run, handler):
        result = run(f"try:\n    FINAL('answer')\n{handler}:\n    pass")
        assert (result.ended, result.final) == (True, "answer")

    def test_the_first_of_several_answers_counts(self, run):
        result = run("for n in 1, 2:\n    try:\n        FINAL(n)\n    except:\n        pass")
        assert result.final == 1

    def test_final_from_a_function_of_an_earlier_cell(self, run):
        run("def finish(): FINAL('deep')")
        assert run("finish()").final == "deep"

    def test_state_is_kept_when_a_run_ends(self, repl, run):
        run("found = 7\nFINAL(found)")
        assert repl.variables() == {"found": 7}

    # Time

    @pytest.mark.parametrize(
        "code",
        [
            "while True: pass",
            "while True:\n    try:\n        x = 1\n    except Exception:\n        pass",
            "import asyncio\nawait asyncio.sleep(60)",
            "import asyncio\nasyncio.run(asyncio.sleep(60))",
            "async def spin():\n    while True: pass\nawait spin()",
        ],
    )
    def test_python_code_stops_at_its_limit(self, run, code):
        result = run(code, timeout_s=0.3)
        assert result.timed_out
        assert "0.3 s" in result.error
        assert result.seconds < 30
        assert run("1 + 1").value == "2"

    def test_a_cell_that_caught_its_stop_once_is_reported(self, run):
        run("def spin():\n    while True: pass")
        result = run("try:\n    spin()\nexcept BaseException:\n    done = True", timeout_s=0.3)
        assert result.timed_out
        assert "0.3 s" in result.error
        assert run("done").value == "True"

    def test_state_and_output_up_to_the_limit_are_kept(self, run):
        result = run("n = 5\nprint('so far')\nwhile True: pass", timeout_s=0.3)
        assert result.stdout == "so far\n"
        assert run("n").value == "5"

    def test_what_is_inherited_counts_as_made(self, repl):
        repl.give({"x": 1, "y": 2})
        repl.inherit({"x": 3})
        assert repl.variables() == {"x": 3}
        assert repl.run("x + y", name="cell", timeout_s=30).value == "5"
        repl.own({"tool": len})
        with pytest.raises(ReplError, match="tool: the loop owns this name"):
            repl.inherit({"tool": 1})

    def test_each_cell_has_its_own_time(self, run):
        for _ in range(3):
            assert not run("import time; time.sleep(0.6)", timeout_s=1.6).timed_out

    def test_the_clock_stands_still_while_stopped(self, repl):
        def ask() -> str:
            with repl.clock_stopped(), repl.clock_stopped():
                time.sleep(1.3)
            return "reply"

        repl.own({"ask": ask})
        result = repl.run("ask()", name="cell", timeout_s=1.0)
        assert (result.value, result.timed_out) == ("'reply'", False)

    def test_the_clock_goes_on_afterwards(self, repl):
        def ask() -> None:
            with repl.clock_stopped():
                time.sleep(0.1)

        repl.own({"ask": ask})
        assert repl.run("ask()\nwhile True: pass", name="cell", timeout_s=0.3).timed_out

    def test_the_clock_may_be_stopped_when_no_cell_runs(self, repl):
        with repl.clock_stopped():
            pass

    @pytest.mark.parametrize("timeout_s", [0, -1, float("nan")])
    def test_a_limit_that_is_none_is_refused(self, repl, timeout_s):
        with pytest.raises(ReplError, match="timeout_s"):
            repl.run("1", name="cell", timeout_s=timeout_s)

    # Names

    @pytest.mark.parametrize(
        "code",
        [
            "FINAL = tool = None",
            "del FINAL, tool",
            "globals().clear()",
            "def tool(): return 'mine'\nclass FINAL: pass",
            "import os as tool\nfrom math import pi as FINAL",
            "tool = 1\n1 / 0",
            "tool = 1\nFINAL(1)",
            "tool = 1\nwhile True: pass",
        ],
    )
    def test_names_of_the_loop_are_restored_after_every_cell(self, repl, run, code):
        repl.own({"tool": lambda: "owned"})
        run(code, timeout_s=0.5)
        assert run("tool()").value == "'owned'"
        assert run("FINAL(2)").final == 2

    def test_python_itself_survives_a_cleared_namespace(self, run):
        run("globals().clear()")
        assert run("len([1]), __name__").value == "(1, '__main__')"

    def test_given_names_belong_to_the_model(self, repl, run):
        repl.give({"table": [1, 2], "other": "o"})
        assert run("table[0] + len(other)").value == "2"
        run("table = 'mine'\ndel other")
        assert run("table").value == "'mine'"
        assert "NameError" in run("other").error

    def test_names_given_at_the_start_are_there(self, make_repl):
        repl = make_repl({"start": "here"})
        assert repl.run("start", name="cell", timeout_s=30).value == "'here'"
        repl.close()

    def test_giving_a_name_of_the_loop_is_refused(self, repl):
        with pytest.raises(ReplError, match="FINAL"):
            repl.give({"FINAL": 1})

    def test_variables_are_what_the_model_made(self, repl, run):
        repl.give({"untouched": "u", "changed": "c", "deleted": "d"})
        run("import os, json as j\n_private = 1\nmade = [1]\nchanged = 'new'\ndel deleted")
        assert repl.variables() == {"made": [1], "changed": "new"}

    def test_there_are_no_variables_at_first(self, repl):
        assert repl.variables() == {}

    def test_a_deleted_variable_is_gone(self, repl, run):
        run("a = 1\nb = 2")
        run("del a")
        assert repl.variables() == {"b": 2}

    # Asynchronous code

    def test_top_level_await(self, run):
        run("import asyncio\nasync def double(x):\n    await asyncio.sleep(0)\n    return 2 * x")
        assert run("await double(21)").value == "42"
        assert run("a, b = await asyncio.gather(double(1), double(2))\na + b").value == "6"

    def test_async_for_and_with(self, run):
        run(
            "import contextlib\n"
            "async def numbers():\n    for n in range(3): yield n\n"
            "@contextlib.asynccontextmanager\nasync def scope():\n    yield 'in'\n"
        )
        assert run("got = []\nasync for n in numbers(): got.append(n)\ngot").value == "[0, 1, 2]"
        assert run("async with scope() as s: pass\ns").value == "'in'"

    def test_a_task_goes_on_in_the_next_cell(self, run):
        run("import asyncio\nasync def soon(): return 5")
        run("async def start(): return asyncio.create_task(soon())\ntask = await start()")
        assert run("await task").value == "5"

    def test_asyncio_run(self, run):
        assert run("import asyncio\nasync def main(): return 7\nasyncio.run(main())").value == "7"

    def test_errors_in_asynchronous_code_show_its_lines(self, run):
        run("async def broken():\n    raise ValueError('async')", name="cell 1")
        error = run("await broken()", name="cell 2").error
        assert "raise ValueError('async')" in error
        assert "await broken()" in error

    @pytest.mark.parametrize("code", ["raise SystemExit(3)", "raise KeyboardInterrupt", "FINAL('async')"])
    def test_leaving_asynchronous_code_is_safe(self, run, code):
        result = run(f"async def leave():\n    {code}\nawait leave()")
        assert result.error is not None or result.final == "async"
        assert run("async def ok(): return 1\nawait ok()").value == "1"

    # Many cells, and the end

    def test_many_cells(self, run):
        run("total = 0")
        for n in range(50):
            assert run(f"total += {n}", name=f"cell {n}").error is None
        assert run("total").value == str(sum(range(50)))

    def test_results_say_how_long_the_cell_took(self, run):
        assert 0.1 <= run("import time; time.sleep(0.1)").seconds < 30

    def test_a_closed_repl_refuses_to_run(self, make_repl):
        repl = make_repl({})
        repl.close()
        repl.close()
        with pytest.raises(ReplError, match="closed"):
            repl.run("1", name="cell", timeout_s=30)
        with pytest.raises(ReplError, match="closed"):
            repl.variables()


class StopsAnything(ReplContract):
    """What a repl must do besides where it can interrupt code that sleeps, or that catches its stop."""

    @pytest.mark.parametrize(
        "code",
        [
            "import time\ntime.sleep(60)",
            "import threading\nthreading.Event().wait(60)",
            "import re\nre.match('(a+)+$', 'a' * 60 + 'b')",
            "import subprocess\nsubprocess.run(['sleep', '60'])",
        ],
    )
    def test_waiting_and_c_code_stop_at_the_limit(self, run, code):
        result = run(code, timeout_s=0.3)
        assert result.timed_out
        assert result.seconds < 30
        assert run("1 + 1").value == "2"

    @pytest.mark.parametrize(
        "code",
        [
            "while True:\n    try:\n        x = 1\n    except:\n        pass",
            "import time\nwhile True:\n    try:\n        time.sleep(0.05)\n    except:\n        pass",
            "import time\nwhile True:\n    try:\n        time.sleep(0.05)\n"
            "    except BaseException as e:\n        e = str(e)",
            "def work():\n    try:\n        while True: pass\n    except: return\nwhile True: work()",
            "import signal\nsignal.alarm(0)\nsignal.setitimer(signal.ITIMER_REAL, 0)\nwhile True: pass",
        ],
    )
    def test_code_that_catches_everything_stops_too(self, run, code):
        result = run(code, timeout_s=0.3)
        assert result.timed_out
        assert run("1 + 1").value == "2"
