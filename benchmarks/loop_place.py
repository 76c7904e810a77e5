"""Where the loop's benchmark happens: the model server, the two interpreters, the measured processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from urllib.request import urlopen

_HERE = Path(__file__).parent
_VERSION = "import importlib.metadata; print(importlib.metadata.version('rlms'))"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How much is measured, and how often. The defaults are those of the published figures."""

    megabytes: tuple[int, ...] = (1, 50, 200)
    runs: int = 12
    """The first is for what is imported and connected only once; its times are not counted."""
    sub_ms: int = 200
    batches: int = 4
    think_ms: int = 1_000
    tokens: int = 5


QUICK = Sizes(megabytes=(1, 2), runs=2, sub_ms=20, batches=2, think_ms=600, tokens=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of a measured process, and when the server had its requests; all by the machine's clock."""

    answer: str
    began_at: float
    ended_at: float
    arrivals: list[float]

    @property
    def seconds(self) -> float:
        """From the call to its return."""
        return self.ended_at - self.began_at

    @property
    def around_s(self) -> tuple[float, float]:
        """What comes before the first request arrives, and from when the last one does."""
        return self.arrivals[0] - self.began_at, self.ended_at - self.arrivals[-1]

    @property
    def between_s(self) -> list[float]:
        """From each request of the root model to the next."""
        return [after - before for before, after in zip(self.arrivals, self.arrivals[1:], strict=False)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a process told: its runs but the first, and its peak memory after the first."""

    runs: list[Run]
    peak_bytes: int
    text_bytes: int


class Place:
    """A model server in a process of its own, and the interpreter that has rlms, if any."""

    def __init__(self, port: int, sizes: Sizes, rlms_python: str | None) -> None:
        self.url = f"http://127.0.0.1:{port}/v1"
        self.sizes = sizes
        self.rlms_python = rlms_python
        self._log = f"http://127.0.0.1:{port}/log/"
        self._numbers = count()

    def log(self, model: str) -> list[dict[str, float]]:
        """Return when each request of a model arrived, and when its first text was sent."""
        with urlopen(self._log + model) as answered:
            told: list[dict[str, float]] = json.load(answered)
        return told

    def new_model(self, kind: str) -> str:
        """Return a name that no other run uses."""
        return f"{kind}-{next(self._numbers)}"

    def measure(
        self, system: str, *, kind: str = "script", sub_model: str = "sub-0", megabytes: int = 1, runs: int
    ) -> Measured | None:
        """Have a fresh process ask; None for rlms where there is none. Raises RuntimeError if it fails."""
        python = self.rlms_python if system.startswith("rlms") else sys.executable
        if python is None:
            return None
        arguments = map(str, (system, self.url, self.new_model(kind), sub_model, megabytes, runs))
        told = json.loads(_output([python, str(_HERE / "loop_child.py"), *arguments]))
        asked = [self._run(run) for run in told["runs"]]
        if kind == "script" and any(run.answer != told["expected"] for run in asked):
            raise RuntimeError(f"{system} answered {asked[0].answer!r}; right is {told['expected']!r}")
        return Measured(runs=asked[1:], peak_bytes=told["peak_bytes"], text_bytes=told["text_bytes"])

    def _run(self, told: dict[str, object]) -> Run:
        arrivals = [entry["arrived_at"] for entry in self.log(str(told.pop("model")))]
        return Run(arrivals=arrivals, **told)  # type: ignore[arg-type]


def _output(command: list[str]) -> str:
    """Return the last line that a process prints."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"a measured process failed:\n{done.stderr}")
    return done.stdout.splitlines()[-1]


def rlms_version(python: str) -> str | None:
    """Return which rlms an interpreter has, or None."""
    try:
        done = subprocess.run([python, "-c", _VERSION], capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout.strip() or None


def make_rlms(folder: Path) -> str | None:
    """Make a virtual environment with rlms from the package index; return its interpreter, or None."""
    venv.create(folder, with_pip=True)
    python = str(folder / ("Scripts" if os.name == "nt" else "bin") / "python")
    command = [python, "-m", "pip", "install", "--quiet", "rlms"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"rlms cannot be had, so nothing stands beside it:\n{done.stderr}", file=sys.stderr)
    return python if rlms_version(python) else None


@contextmanager
def place(sizes: Sizes, *, rlms_python: str | None, root: Path) -> Iterator[Place]:
    """Yield a place; runs of this process and its children are recorded below `root` from now on."""
    # A proxy for the outside would stand between the systems and a server on loopback.
    for name in [name for name in os.environ if _is_of_no_use(name.lower())]:
        del os.environ[name]
    os.environ |= {"RLM_DATA_DIR": str(root / "data"), "RLM_CACHE_DIR": str(root / "cache")}
    command = [sys.executable, str(_HERE / "loop_server.py")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        try:
            yield Place(int(server.stdout.readline()), sizes, rlms_python)
        finally:
            # It serves until its standard input ends, so it goes too when this process is killed.
            server.stdin.close()


def _is_of_no_use(name: str) -> bool:
    return name.startswith(("openai_", "rlm_")) or name.endswith("_proxy")


@contextmanager
def folder() -> Iterator[Path]:
    """Yield a directory that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="bench_loop-") as directory:
        yield Path(directory)
