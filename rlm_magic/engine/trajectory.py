"""Write a run down as it goes: JSON Lines, one line per step, flushed before the next step begins.

The lines are those of the rlms visualizer: a line of type "metadata" first, then one of type "iteration" per
step. A last metadata line repeats the first with the run's status; readers take the last one they find. No
other line type may be invented, because readers take every other line for a step.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from platformdirs import user_data_path

from ..errors import RunNotFound, TrajectoryError
from ..records import Answer, Message, Step
from ..text import clip
from .call_record import usage_record
from .redact import redactor
from .step_record import step_record

DATA_DIR_VARIABLE = "RLM_DATA_DIR"
_TEXT_CHARS = 200_000
_CLIP_NOTE_CHARS = 100
PENDING_SUFFIX = ".pending"
_TAIL_BYTES = 65_536


def runs_dir() -> Path:
    """Return the directory of trajectories: $RLM_DATA_DIR, else the user's data directory."""
    root = os.environ.get(DATA_DIR_VARIABLE)
    return (Path(root).expanduser() if root else user_data_path("rlm_magic", appauthor=False)) / "runs"


def new_run_id() -> str:
    """Return a name for a run that sorts by time and never repeats."""
    return f"{datetime.now(UTC):%Y-%m-%d_%H-%M-%S}_{uuid4().hex[:8]}"


class Trajectory:
    """The file of one run. Private to the user (0600), written line by line, synced never half a line.

    `path` is where it lies. Secrets are redacted, and every text is clipped with its size kept.
    """

    _file = _pending = -1
    _failed = False

    def __init__(self, run_id: str, *, directory: Path | None = None) -> None:
        """Make the file. Raises TrajectoryError where none can be made."""
        directory = directory or runs_dir()
        with _explained(directory):
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            # O_EXCL: two runs never share a file. The mode is set at creation: there is no moment of 0644.
            self._open(directory / f"{run_id}.jsonl", os.O_CREAT | os.O_EXCL)

    @classmethod
    def go_on(cls, path: Path) -> Trajectory:
        """Open the file of a run that goes on. Half a line at its end, as a crash leaves it, is cut off.

        Raises RunNotFound when the file is gone.
        """
        trajectory = cls.__new__(cls)
        try:
            trajectory._open(path, 0)
        except FileNotFoundError as error:
            raise RunNotFound(f"{path} is gone, so its run cannot go on") from error
        _cut_half_line(path)
        return trajectory

    def _open(self, path: Path, flags: int) -> None:
        self.path = path
        self._pending_lock = threading.Lock()
        self._redact = redactor()
        self._metadata: dict[str, Any] = {}
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | flags, 0o600)

    @property
    def children_dir(self) -> Path:
        """Where the trajectories of this run's child runs lie."""
        return self.path.with_suffix(".children")

    def begin(self, **metadata: object) -> None:
        """Write the first line: what was asked, of which models, under which budget.

        Raises TrajectoryError if the disk does not take it: nothing is paid for yet.
        """
        self._metadata = {"type": "metadata", "timestamp": _now(), **metadata}
        with _explained(self.path.parent):
            _append(self._file, self._line(self._metadata))

    def pend(self, step: int, **paid: object) -> None:
        """Keep what the step under way was given: `reply` with its `usage`, or one `call`. See `pending`."""
        with self._pending_lock:
            # Closed: a thread that a cell left behind, whose call comes back after the run.
            if self._file < 0:
                return
            self._write({"step": step, **paid}, self._pending_file)

    def add(self, step: Step, *, prompt: Sequence[Message], variables: Mapping[str, object]) -> None:
        """Write one step. `prompt` holds only the messages that are new since the step before."""
        self._write({"type": "iteration", "timestamp": _now(), **step_record(step, prompt, variables)})
        self._drop_pending()

    def end(self, answer: Answer) -> None:
        """Write the last line and close the file."""
        self._write(
            {
                **self._metadata,
                "status": answer.status,
                "answer": answer.text,
                "seconds": answer.seconds,
                "usage": {model: usage_record(spent) for model, spent in answer.usage.items()},
                "reads": asdict(answer.reads),
                "coverage": None if answer.coverage is None else asdict(answer.coverage),
                "other_coverage": {name: asdict(read) for name, read in answer.other_coverage.items()},
                "citations": [asdict(citation) for citation in answer.citations],
            }
        )
        self.close()

    def close(self) -> None:
        """Close the file; closing twice is harmless."""
        with self._pending_lock:
            for file in (self._file, self._pending):
                if file >= 0:
                    os.close(file)
            self._file = self._pending = -1

    def discard(self) -> None:
        """Close the file and delete it: nothing was asked, so there is nothing to tell."""
        self.close()
        self.path.unlink(missing_ok=True)

    def _drop_pending(self) -> None:
        with self._pending_lock:
            if self._pending >= 0:
                os.close(self._pending)
                self._pending = -1
        self.path.with_suffix(PENDING_SUFFIX).unlink(missing_ok=True)

    def _pending_file(self) -> int:
        if self._pending < 0:
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND
            self._pending = os.open(self.path.with_suffix(PENDING_SUFFIX), flags, 0o600)
        return self._pending

    def _write(self, record: Mapping[str, Any], opened: Callable[[], int] | None = None) -> None:
        """Write one line. A disk that fails is told of once, in a warning: what is paid for goes on."""
        if self._failed:
            return
        try:
            _append(self._file if opened is None else opened(), self._line(record))
        except OSError as error:
            self._failed = True
            warnings.warn(f"run {self.path.stem} is not recorded any more: {error}", stacklevel=2)

    def _line(self, record: Mapping[str, Any]) -> bytes:
        line = json.dumps(_clean(record, self._redact), ensure_ascii=False, allow_nan=False)
        return (line + "\n").encode("utf-8", "replace")

    def __del__(self) -> None:
        # Not set when the file could not be opened.
        with contextlib.suppress(OSError, AttributeError):
            self.close()


def as_recorded(text: str) -> str:
    """Return a text as a trajectory has it: redacted and clipped."""
    written = _clean(text, redactor())
    assert isinstance(written, str)
    return written.encode("utf-8", "replace").decode("utf-8")


@contextlib.contextmanager
def _explained(directory: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise TrajectoryError(
            f"the run cannot be recorded in {directory}: {error}; make room there, or set "
            f"{DATA_DIR_VARIABLE} to a directory that can be written"
        ) from error


def _append(file: int, data: bytes) -> None:
    size = os.fstat(file).st_size
    try:
        while data:
            data = data[os.write(file, data) :]
    except OSError:
        # Half a line would spoil what is read back.
        with contextlib.suppress(OSError):
            os.ftruncate(file, size)
        raise


def _cut_half_line(path: Path) -> None:
    with path.open("r+b") as file:
        end = file.seek(0, os.SEEK_END)
        position = end
        while position:
            start = max(0, position - _TAIL_BYTES)
            file.seek(start)
            newline = file.read(position - start).rfind(b"\n")
            if newline >= 0:
                position = start + newline + 1
                break
            position = start
        file.seek(position)
        if _is_json(file.read()):
            # Only its newline is missing: readers have taken it for a whole line.
            file.write(b"\n")
        elif position < end:
            file.truncate(position)


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def _clean(value: Any, redact: Callable[[str], str]) -> Any:
    """Make a record safe to write: secrets out, long text clipped, NaN and infinities as strings."""
    if isinstance(value, str):
        text = redact(value)
        # What was clipped before, in a child run's record, is a little longer than the limit and stays.
        return text if len(text) <= _TEXT_CHARS + _CLIP_NOTE_CHARS else clip(text, limit_chars=_TEXT_CHARS)
    if isinstance(value, float) and not -1e308 <= value <= 1e308:
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): _clean(item, redact) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_clean(item, redact) for item in value]
    # An option of a model that is no JSON may be anything.
    return value if isinstance(value, (int, float, type(None))) else f"<{type(value).__name__}>"


def _now() -> str:
    return datetime.now(UTC).isoformat()
