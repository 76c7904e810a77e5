"""The `get_ipython()` of a cell: shell commands and a few magics, bound to the run's namespace.

IPython's own magics act on the user's variables, so those that run code are done here over, and every other
one is refused, `%rlm` among them: a run inside a run would wait for itself.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from .source import Program


class CellShell:
    """Carries out `!command`, `%time`, `%timeit`, `%pip`, `%%time`, `%%timeit`, `%%bash` and `%%sh`."""

    def __init__(
        self,
        names: dict[str, Any],
        *,
        compile_code: Callable[[str], Program],
        execute: Callable[[Program], Any],
    ) -> None:
        self.user_ns = names
        self._compile = compile_code
        self._execute = execute
        self._line_magics: Mapping[str, Callable[[str], Any]] = {
            "time": self._time,
            "timeit": self._timeit,
            "pip": self._pip,
        }
        self._cell_magics: Mapping[str, Callable[[str, str], Any]] = {
            "time": lambda line, cell: self._time(f"{line}\n{cell}" if line else cell),
            "timeit": lambda line, cell: self._timeit(cell, setup=line),
            "bash": lambda _line, cell: self._script("bash", cell),
            "sh": lambda _line, cell: self._script("sh", cell),
        }

    def system(self, command: str) -> None:
        """Run a shell command; `{name}` and `$name` in it stand for variables."""
        self.user_ns["_exit_code"] = subprocess.call(self._filled_in(command), shell=True)

    def getoutput(self, command: str, split: bool = True, **_options: Any) -> Any:
        """Return what a shell command prints, as a list of its lines."""
        from IPython.utils.text import LSString, SList

        done = subprocess.run(
            self._filled_in(command),
            shell=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
        self.user_ns["_exit_code"] = done.returncode
        return SList(done.stdout.splitlines()) if split else LSString(done.stdout)

    def run_line_magic(self, magic_name: str, line: str, _stack_depth: int = 1) -> Any:
        """Run one of the line magics offered. Raises NameError for any other."""
        return self._find(self._line_magics, "%", magic_name)(line)

    def run_cell_magic(self, magic_name: str, line: str, cell: str) -> Any:
        """Run one of the cell magics offered. Raises NameError for any other."""
        return self._find(self._cell_magics, "%%", magic_name)(line, cell)

    @staticmethod
    def _find(offered: Mapping[str, Any], sign: str, name: str) -> Any:
        if name not in offered:
            there = ", ".join(sign + known for known in offered)
            raise NameError(
                f"{sign}{name} cannot be used in a cell of a run; there are {there}, or plain Python"
            )
        return offered[name]

    def _filled_in(self, command: str) -> str:
        from IPython.utils.text import DollarFormatter

        try:
            return str(DollarFormatter().vformat(command, args=[], kwargs=self.user_ns))
        # As in IPython: braces that are not about variables belong to the command.
        except Exception:  # noqa: BLE001
            return command

    def _time(self, code: str) -> Any:
        program = self._compile(code)
        wall, cpu = time.perf_counter(), time.process_time()
        try:
            return self._execute(program)
        finally:
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            print(f"CPU time: {cpu:.3g} s, wall time: {wall:.3g} s")

    def _timeit(self, code: str, *, setup: str = "") -> None:
        import timeit

        loops, seconds = timeit.Timer(code, setup=setup or "pass", globals=self.user_ns).autorange()
        print(f"{seconds / loops:.3g} s per loop ({loops} loops)")

    def _pip(self, line: str) -> None:
        self.system(f"{sys.executable} -m pip {line}")

    def _script(self, program: str, cell: str) -> None:
        subprocess.run([program], input=cell, encoding="utf-8", check=True)
