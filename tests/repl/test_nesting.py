"""Cells inside cells: what a child run's cell does stays apart from the cell that waits for it."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rlm_magic.errors import ReplBusy
from rlm_magic.records import CellResult
from rlm_magic.repl.live import LiveRepl


class Nest:
    """An outer repl whose cells may call `inside(code)`, which runs a cell of a child's inside of them."""

    def __init__(self) -> None:
        self.outer = LiveRepl(shell=None)
        self.children: dict[str, LiveRepl] = {}
        self.results: list[CellResult] = []
        self.outer.own({"inside": self.inside, "waiting": self.waiting})

    def inside(self, code: str, child: str = "child", timeout_s: float = 20) -> CellResult:
        with self.outer.clock_stopped():
            return self.run_in(self.outer, code, child, timeout_s)

    def run_in(self, outer: LiveRepl, code: str, child: str, timeout_s: float = 20) -> CellResult:
        if child not in self.children:
            self.children[child] = outer.spawn()
            self.children[child].own({"inside": lambda code: self.deeper(child, code)})
        result = self.children[child].run(code, name=child, timeout_s=timeout_s)
        self.results.append(result)
        if result.interrupted:
            raise KeyboardInterrupt
        return result

    def deeper(self, child: str, code: str) -> CellResult:
        with self.children[child].clock_stopped():
            return self.run_in(self.outer, code, child + "+")

    def waiting(self, act: Callable[[], object]) -> object:
        with self.outer.clock_stopped():
            return act()

    def run(self, code: str, timeout_s: float = 20) -> CellResult:
        return self.outer.run(code, name="outer", timeout_s=timeout_s)


@pytest.fixture
def nest() -> Iterator[Nest]:
    made = Nest()
    yield made
    for repl in [*made.children.values(), made.outer]:
        repl.close()


def test_output_goes_to_the_cell_that_prints(nest: Nest) -> None:
    code = "import sys\nprint('a')\ninside('print(1)')\nprint('b', file=sys.stderr)\n"
    result = nest.run(code + "inside('print(2)')\nprint('c')")
    assert (result.stdout, result.stderr) == ("a\nc\n", "b\n")
    assert [inner.stdout for inner in nest.results] == ["1\n", "2\n"]


def test_output_of_child_processes_goes_to_their_own_cell(nest: Nest) -> None:
    inner = "import os\nos.system('echo inner')"
    result = nest.run(f"import os\nos.system('echo outer')\ninside({inner!r})\nos.system('echo end')")
    assert result.stdout == "outer\nend\n"
    assert nest.results[0].stdout == "inner\n"


def test_three_cells_deep(nest: Nest) -> None:
    inner = "print('two')\ninside('print(\\'three\\')')\nprint('two again')"
    result = nest.run(f"print('one')\ninside({inner!r})\nprint('one again')")
    assert result.stdout == "one\none again\n"
    assert [inner.stdout for inner in nest.results] == ["three\n", "two\ntwo again\n"]


def test_a_child_begins_where_its_parent_is_and_stays_where_it_goes(nest: Nest, tmp_path: Path) -> None:
    for name in ("parent", "own", "elsewhere"):
        (tmp_path / name).mkdir()
    here = os.getcwd()
    code = f"""
import os
os.chdir({str(tmp_path / "parent")!r})
first = inside('import os; print(os.getcwd())')
inside("os.chdir({str(tmp_path / "own")!r})")
after = os.getcwd()
os.chdir({str(tmp_path / "elsewhere")!r})
second = inside('print(os.getcwd())')
other = inside('import os; print(os.getcwd())', 'another child')
"""
    result = nest.run(code)
    assert result.error is None
    assert os.getcwd() == here
    variables = nest.outer.variables()
    assert variables["after"] == str(tmp_path / "parent")
    outputs = [inner.stdout.strip() for inner in nest.results if inner.stdout]
    assert outputs == [str(tmp_path / name) for name in ("parent", "own", "elsewhere")]


def test_a_child_alone_in_its_changes_does_not_see_a_siblings(nest: Nest) -> None:
    # The sibling's cell runs inside the first child's, whose directory and environment are not its own.
    deep = "import os\nprint('RLM_NEST' in os.environ)"
    inner = f"import os\nos.environ['RLM_NEST'] = '1'\nos.chdir('/')\ninside({deep!r})"
    here = os.getcwd()
    sibling = nest.outer
    nest.run("inside('x = 1')\ninside('y = 1', 'child+')")
    assert nest.run(f"inside({inner!r})").error is None
    assert nest.results[-2].stdout == "False\n"
    assert os.getcwd() == here
    assert "RLM_NEST" not in os.environ
    assert sibling.variables() == {}


def test_variables_modules_and_main_are_apart(nest: Nest) -> None:
    inner = "class C: pass\nimport pickle\nx = 2\nback = type(pickle.loads(pickle.dumps(C()))) is C"
    result = nest.run(f"x = 1\ninside({inner!r})\nimport __main__\nmine = __main__.x")
    assert result.error is None
    assert nest.outer.variables()["mine"] == 1
    child = nest.children["child"].variables()
    assert (child["x"], child["back"]) == (2, True)
    assert sys.modules["__main__"] is not None
    assert not hasattr(sys.modules["__main__"], "mine")


def test_an_inner_cell_has_its_own_time_and_the_outer_clock_stands_still(nest: Nest) -> None:
    result = nest.run("r = inside('while True: pass', timeout_s=1.3)\ndone = 1", timeout_s=1.0)
    assert result.error is None
    assert not result.timed_out
    assert nest.results[0].timed_out
    assert nest.outer.variables()["done"] == 1


def test_the_outer_clock_goes_on_afterwards(nest: Nest) -> None:
    result = nest.run("inside('x = 1')\nwhile True: pass", timeout_s=0.4)
    assert result.timed_out
    assert not nest.results[0].timed_out


def test_an_interrupt_of_the_inner_cell_ends_both(nest: Nest) -> None:
    inner = "import signal\nsignal.raise_signal(signal.SIGINT)\nafter = 1"
    result = nest.run(f"inside({inner!r})\nafter = 1")
    assert result.interrupted
    assert nest.results[0].interrupted
    assert "after" not in nest.outer.variables()
    assert "after" not in nest.children["child"].variables()


def test_an_outer_cell_that_swallows_the_interrupt_is_interrupted_all_the_same(nest: Nest) -> None:
    inner = "import signal\nsignal.raise_signal(signal.SIGINT)"
    result = nest.run(f"try:\n    inside({inner!r})\nexcept BaseException:\n    pass\nwhile True: pass")
    assert result.interrupted


def test_an_interrupted_outer_cell_starts_nothing_inside_any_more(nest: Nest) -> None:
    inner = "import signal\nsignal.raise_signal(signal.SIGINT)"
    code = f"try:\n    inside({inner!r})\nexcept BaseException:\n    inside('late = 1')"
    nest.run(code)
    assert "late" not in nest.children["child"].variables()


def test_signal_handlers_are_the_hosts_again(nest: Nest) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getitimer(signal.ITIMER_VIRTUAL)
    nest.run("inside('x = 1')\ninside('inside(\"y = 1\")')")
    assert (signal.getsignal(signal.SIGINT), signal.getitimer(signal.ITIMER_VIRTUAL)) == before


def test_a_cell_that_does_not_wait_lets_no_other_in(nest: Nest) -> None:
    other = LiveRepl(shell=None)
    nest.outer.own({"other": other})
    result = nest.run("other.run('x = 1', name='other', timeout_s=5)")
    assert "ReplBusy" in (result.error or "")
    other.close()


def test_another_thread_is_not_let_into_a_waiting_cell(nest: Nest) -> None:
    other, seen = LiveRepl(shell=None), []

    def intrude() -> None:
        try:
            other.run("x = 1", name="other", timeout_s=5)
        except ReplBusy as busy:
            seen.append(busy)

    def act() -> None:
        thread = threading.Thread(target=intrude)
        thread.start()
        thread.join()

    nest.outer.own({"act": act})
    assert nest.run("waiting(act)").error is None
    assert len(seen) == 1
    other.close()


def test_off_the_main_thread_cells_nest_too(nest: Nest) -> None:
    results: list[CellResult] = []
    code = "r = inside('while True: pass', timeout_s=0.4)\nprint('after')"
    thread = threading.Thread(target=lambda: results.append(nest.run(code)))
    thread.start()
    thread.join(30)
    assert results[0].stdout == "after\n"
    assert nest.results[0].timed_out


def test_a_resting_repl_keeps_its_names_and_runs_again() -> None:
    others = set(threading.enumerate())
    repl = LiveRepl(shell=None)
    repl.run("x = [1]\nimport subprocess; subprocess.run(['echo', 'out'])", name="a", timeout_s=20)
    repl.rest()
    assert not [t for t in set(threading.enumerate()) - others if t.name.startswith("rlm cell")]
    result = repl.run("x.append(2)\nprint(x)\nsubprocess.run(['echo', 'again']);", name="b", timeout_s=20)
    assert result.stdout == "[1, 2]\nagain\n"
    repl.close()


def test_sigint_from_outside_while_the_inner_cell_sleeps(nest: Nest) -> None:
    started = threading.Event()
    nest.outer.own({"started": started})

    def press_stop() -> None:
        started.wait(20)
        time.sleep(0.1)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    threading.Thread(target=press_stop, daemon=True).start()
    result = nest.run("inside('import time')\nstarted.set()\ninside('time.sleep(20)\\nlate = 1')")
    assert result.interrupted
    assert nest.results[-1].interrupted
    assert nest.results[-1].seconds < 15
