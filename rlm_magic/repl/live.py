"""The live repl: cells run in this process, on the calling thread, in a namespace of their own.

It is no sandbox. Model code shares the process: objects given to it are the very objects, it can reach the
user's variables through `sys` and `gc` if it sets out to, and `os._exit()` or a crash in C code ends the
kernel. It guards against accidents, not against malice; the isolated repl is for that.
"""

from __future__ import annotations

import inspect
import os
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal

from ..config import ReplConfig
from ..errors import CellTimeout, ReplBusy, ReplError, RunEnded
from ..records import CellResult
from .capped import cap, well_formed
from .capture import Capture, flush_figures
from .clock import CellClock
from .host import RunState, leave_forked_child, running_shell, signals_kept
from .loops import LoopThread
from .magics import CellShell
from .namespace import Namespace
from .nesting import running
from .source import Program, Sources
from .tracebacks import render

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


@dataclass
class _Outcome:
    """What is known so far of the running cell."""

    value: str | None = None
    error: str | None = None
    ended: RunEnded | None = None


class LiveRepl:
    """Runs cells in this process; keeps the contract of `Repl`.

    `given` names are bound for the model, and for that of every child run: the same objects, so changes made
    in place are visible outside.
    `modules` stand in for modules of the same name in the cells' own code, and only there.
    `shell` is the running IPython shell unless told otherwise; None means plain Python, without `!command`
    and rich display. The user's own variables, history and outputs are never written.

    A run has its own working directory, sys.path, environment variables and warning filters: they persist
    from cell to cell, and are put back for the notebook after each. `__name__` is "__main__" in a cell.
    """

    def __init__(
        self,
        *,
        given: Mapping[str, object] | None = None,
        modules: Mapping[str, ModuleType] | None = None,
        shell: InteractiveShell | Literal["auto"] | None = "auto",
        config: ReplConfig | None = None,
    ) -> None:
        self._config = config or ReplConfig()
        self._shell: Any = running_shell() if shell == "auto" else shell
        self._state = RunState()
        self._loops = LoopThread()
        self._capture = Capture(self._shell, limit_chars=self._config.capture_chars, rendered=self._rendered)
        self._sources = Sources(self._shell.transform_cell if self._shell else None)
        self._names = Namespace(on_ended=self._note_ended, modules=modules)
        self._clock: CellClock | None = None
        self._outcome = _Outcome()
        self._closed = False
        self._names.base(self._base_names())
        self._lent: dict[str, object] = {}
        self.lend(given or {})

    def own(self, names: Mapping[str, object]) -> None:
        """Bind names of the loop; they are set again after every cell.

        Functions are bound through a wrapper that notes a RunEnded they raise: the cell counts as ended even
        if its code swallows that.
        """
        self._check_open()
        self._names.own(names)

    def give(self, names: Mapping[str, object]) -> None:
        """Bind names for the model to use as it likes. Raises ReplError for a name that the loop owns."""
        self._check_open()
        self._names.give(names)

    def inherit(self, names: Mapping[str, object]) -> None:
        """Bind what an earlier run has left, as if cells of this one had made it. Raises as `give` does."""
        self._check_open()
        self._names.inherit(names)

    def lend(self, names: Mapping[str, object]) -> None:
        """Bind names as `give` does, in the repls of child runs too that are spawned from now on."""
        self.give(names)
        self._lent.update(names)

    def run(self, code: str, *, name: str, timeout_s: float) -> CellResult:
        """Run one cell. Raises ReplBusy while another cell runs in this process, whoever's it is.

        But for a cell on this thread that waits for its sub-calls: inside of that one, this one may run.

        On the main thread the time limit and the stop button end whatever runs Python code or sleeps; code
        that catches its stop is stopped again and again. Elsewhere a sleep ends first. C code that never
        looks for signals (`sum(range(10**12))`) ends neither way. Threads and child processes that the cell
        starts may go on.
        """
        self._check_open()
        if not timeout_s > 0:
            raise ReplError(f"timeout_s is {timeout_s!r}; a cell needs a limit above 0 seconds")
        clock = CellClock(limit_s=timeout_s, repeat_s=self._config.repeat_s)
        with running(clock) as outer:
            return (
                self._run(code, name, clock) if outer is None else self._run_inside(outer, code, name, clock)
            )

    def spawn(self) -> LiveRepl:
        """Return a repl for a child run. It begins in this run's directory, path and environment of now.

        It has what was lent to this one, as that was lent, and nothing that this run has made.
        """
        modules = self._names.modules
        child = LiveRepl(given=self._lent, modules=modules, shell=self._shell, config=self._config)
        child._state = RunState(begin_here=True)
        return child

    def clock_stopped(self) -> AbstractContextManager[None]:
        """Let the running cell's clock stand still; from any thread, and several times at once."""
        return self._clock.paused() if self._clock is not None else nullcontext()

    def variables(self) -> dict[str, object]:
        """Return what the run has left. Modules are left out, and names that begin with an underscore."""
        self._check_open()
        return self._names.variables()

    def rest(self) -> None:
        """Release everything but the namespace: the next cell finds it as it is, whenever that comes."""
        self._check_open()
        self._loops.close()
        self._capture.end_run()
        self._capture = Capture(self._shell, limit_chars=self._config.capture_chars, rendered=self._rendered)

    def close(self) -> None:
        """Release the namespace, the lines of the cells, the event loop. Does nothing the second time.

        Objects taken out with `variables()` keep working. Threads and child processes of cells are not
        ended; what they print is no longer captured.
        """
        if self._clock is not None:
            raise ReplBusy("close() was called while a cell runs; stop the cell first")
        if self._closed:
            return
        self._closed = True
        self._loops.close()
        self._sources.close()
        self._capture.end_run()
        self._names = Namespace(on_ended=self._note_ended)

    def _check_open(self) -> None:
        if self._closed:
            raise ReplError("this repl is closed; make a new one")

    def _base_names(self) -> dict[str, object]:
        if self._shell is None:
            return {"display": self._capture.display_plainly}
        from IPython.display import display

        shell = CellShell(
            self._names.globals,
            compile_code=lambda code: self._sources.compile(code, name="magic"),
            execute=self._execute,
        )
        return {"display": display, "get_ipython": lambda: shell}

    def _run_inside(self, outer: CellClock, code: str, name: str, clock: CellClock) -> CellResult:
        with outer.held():
            clock.interrupted = outer.interrupted
            result = self._run(code, name, clock)
        if clock.interrupted and not outer.interrupted:
            outer.interrupt()
        return replace(result, interrupted=outer.interrupted)

    def _run(self, code: str, name: str, clock: CellClock) -> CellResult:
        self._outcome = outcome = _Outcome()
        self._clock = clock
        started, process = time.perf_counter(), os.getpid()
        try:
            with (
                clock.listening(),
                signals_kept(),
                self._state.swapped(),
                self._capture.capturing(),
                self._names.as_main(),
            ):
                try:
                    clock.supervise(lambda: self._guarded_cell(code, name, clock, outcome))
                # Thrown while an error was being told, or before the code began.
                except BaseException as error:  # noqa: BLE001
                    outcome.error = outcome.error or f"{type(error).__name__}: {error}"
                leave_forked_child(process)
        finally:
            self._clock = None
            self._names.restore()
        return self._result(outcome, clock, time.perf_counter() - started)

    def _guarded_cell(self, code: str, name: str, clock: CellClock, outcome: _Outcome) -> None:
        try:
            if clock.interrupted:
                raise KeyboardInterrupt
            value = self._execute(self._sources.compile(code, name=name))
            if value is not None:
                outcome.value = cap(repr(value), self._config.capture_chars)
        except RunEnded as ended:
            self._note_ended(ended)
        # Everything: it is the model's code, and what it raised is told to the model.
        except BaseException as error:  # noqa: BLE001
            if isinstance(error, CellTimeout):
                error.args = (clock.message,)
                # The same stop, caught before, says nothing new.
                error.__suppress_context__ = True
            outcome.error = self._rendered(error)
        flush_figures()

    def _result(self, outcome: _Outcome, clock: CellClock, seconds: float) -> CellResult:
        timed_out = clock.expired and clock.raised > 0
        if timed_out and outcome.error is None:
            outcome.error = f"CellTimeout: {clock.message} (the code caught the stop)"
        return CellResult(
            **self._capture.collected(),
            value=None if outcome.value is None else well_formed(outcome.value),
            error=None if outcome.error is None else well_formed(outcome.error),
            ended=outcome.ended is not None,
            final=outcome.ended.value if outcome.ended is not None else None,
            interrupted=clock.interrupted,
            timed_out=timed_out,
            seconds=seconds,
        )

    def _execute(self, program: Program) -> Any:
        self._evaluate(program.statements)
        return self._evaluate(program.expression) if program.expression is not None else None

    def _evaluate(self, code: Any) -> Any:
        result = eval(code, self._names.globals)
        return self._loops.run(result) if code.co_flags & inspect.CO_COROUTINE else result

    def _rendered(self, error: BaseException) -> str:
        return render(error, own_files=self._sources.files, limit_chars=self._config.error_chars)

    def _note_ended(self, ended: RunEnded) -> None:
        # The first answer counts, should code go on and give another.
        self._outcome.ended = self._outcome.ended or ended
