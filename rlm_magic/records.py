"""What travels between rooms. Frozen: whoever receives a record may keep it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields
from os import PathLike
from pathlib import Path
from typing import Literal

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation with a model."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Usage:
    """What calls to one model have consumed. `cost_usd` is None where the price is unknown, never 0."""

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = 0.0

    def __add__(self, other: Usage) -> Usage:
        known = self.cost_usd is not None and other.cost_usd is not None
        return Usage(
            calls=self.calls + other.calls,
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cost_usd=(self.cost_usd or 0.0) + (other.cost_usd or 0.0) if known else None,
        )

    @property
    def tokens(self) -> int:
        """Input and output tokens together."""
        return self.input_tokens + self.output_tokens


@dataclass(frozen=True, slots=True)
class Completion:
    """One reply of a model. `stop_reason` is "stop", "length", or the provider's own word.

    `cached` says that it was not asked for now: it came from a cache or a recording, and cost nothing.
    """

    text: str
    usage: Usage
    stop_reason: str = "stop"
    cached: bool = False


@dataclass(frozen=True, slots=True)
class SubCall:
    """One `llm_query` or `rlm_query` made by a cell. `error` is set, and `reply` empty, when it failed.

    `cached` says that the reply came from a cache and was not paid for. `child` is the run behind an
    `rlm_query`; `usage` is then that of the child's whole tree. `started_s` is how long its run had gone on
    when it began, as for Cell and Step, `number` the place in which its step asked for it, from 0, whenever
    the reply came; None where that was not recorded.
    """

    model: str
    prompt: str
    reply: str
    usage: Usage
    seconds: float
    error: str | None = None
    cached: bool = False
    child: Answer | None = None
    started_s: float | None = None
    number: int | None = None


LineRanges = tuple[tuple[int, int], ...]
"""Half-open ranges (start, stop) of lines of a run's `context`: sorted, merged, none empty."""


def merged_ranges(*parts: LineRanges) -> LineRanges:
    """Return the union of several sets of line ranges.

    >>> merged_ranges(((5, 9),), ((0, 2), (2, 6)))
    ((0, 9),)
    """
    merged: list[tuple[int, int]] = []
    for start, stop in sorted(line_range for part in parts for line_range in part):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(stop, merged[-1][1]))
        else:
            merged.append((start, stop))
    return tuple(merged)


@dataclass(frozen=True, slots=True)
class Reading:
    """Which lines of the context a step read, which it searched, and which reached a sub-model's prompt."""

    read: LineRanges = ()
    searched: LineRanges = ()
    prompted: LineRanges = ()

    def __add__(self, other: Reading) -> Reading:
        return Reading(
            merged_ranges(self.read, other.read),
            merged_ranges(self.searched, other.searched),
            merged_ranges(self.prompted, other.prompted),
        )


@dataclass(frozen=True, slots=True)
class Coverage:
    """Which of the context's `lines` a run read, searched, and showed to sub-models.

    `documents` are the names of the context's documents, each with its first line; none where there is but
    one, or more than a map of the text could mark. `unmarked` is then how many there are.
    """

    lines: int
    read: LineRanges = ()
    searched: LineRanges = ()
    prompted: LineRanges = ()
    documents: tuple[tuple[str, int], ...] = ()
    unmarked: int = 0

    @property
    def read_share(self) -> float:
        """The share of the lines that was read, 0 to 1."""
        return _share(self.read, self.lines)

    @property
    def prompted_share(self) -> float:
        """The share of the lines that reached a sub-model's prompt, 0 to 1."""
        return _share(self.prompted, self.lines)


def _share(ranges: LineRanges, lines: int) -> float:
    return min(1.0, sum(stop - start for start, stop in ranges) / lines) if lines else 0.0


@dataclass(frozen=True, slots=True)
class Citation:
    """Lines that an answer cites, `first` to `last` inclusive, as `label` has them in the text.

    The numbers are those of `context.search`: [L1200-L1210] means `context[1200:1211]`. `text` is what stands
    there, secrets redacted and its length capped; "" where there is no such line or it could not be read.
    `document` is the name of the document it stands in, "" where there is but one. `context` is the name of
    the text, "" for the run's `context` itself.
    """

    first: int
    last: int
    status: Literal["read", "not read", "no such line"]
    label: str
    text: str = ""
    document: str = ""
    context: str = ""


@dataclass(frozen=True, slots=True)
class Compaction:
    """What stands for the first `steps` steps of a long conversation from now on."""

    summary: str
    steps: int


@dataclass(frozen=True, slots=True)
class CellResult:
    """What running one cell did, as the repl saw it.

    `value` is the repr of the last expression, or None. `shown` holds the plain text of what was displayed.
    `error` is a traceback trimmed to the model's own frames. `ended` is set when FINAL and its kin ended
    the run; `final` then holds the value. `interrupted` says that the user pressed stop.
    """

    stdout: str = ""
    stderr: str = ""
    value: str | None = None
    shown: tuple[str, ...] = ()
    error: str | None = None
    ended: bool = False
    final: object = None
    interrupted: bool = False
    timed_out: bool = False
    seconds: float = 0.0

    @property
    def output(self) -> str:
        """Everything the cell showed, as one text: printed, displayed, its value, its error."""
        parts = [self.stdout, self.stderr, *self.shown, self.value or "", self.error or ""]
        return "\n".join(part.rstrip("\n") for part in parts if part.strip())


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadStats:
    """What reading a context has cost. Of a text that was given in memory all is 0.

    `memory_hits`, `disk_hits` and `store_reads` count segments, by the tier they came from; a hit in memory
    is counted where a read had to look for missing segments: reads that found all they need in memory are
    too cheap to be counted. `retries` and `hedges` are requests sent again, after a fault and beside one that
    was slow. `stall_s` is how long readers waited.
    """

    requests: int = 0
    bytes: int = 0
    stall_s: float = 0.0
    memory_hits: int = 0
    disk_hits: int = 0
    store_reads: int = 0
    prefetched_bytes: int = 0
    prefetched_used_bytes: int = 0
    prefetched_wasted_bytes: int = 0
    retries: int = 0
    hedges: int = 0

    def __sub__(self, earlier: ReadStats) -> ReadStats:
        """Return what was read between two moments."""
        return ReadStats(**{f.name: getattr(self, f.name) - getattr(earlier, f.name) for f in fields(self)})


@dataclass(frozen=True, slots=True)
class Cell:
    """One fenced block of a reply, with what it did."""

    code: str
    result: CellResult
    sub_calls: tuple[SubCall, ...] = ()
    started_s: float | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One turn of a run. `number` counts from 1; `notes` is what the loop told the model besides output.

    `reading` is what the step read of the context. `compaction` is set when the conversation was shortened
    before the step; `usage` includes what that cost. `edited` says that the user's code ran in the place of
    the reply's; in a step that the user took without asking the model `reply` is "".
    """

    number: int
    reply: str
    cells: tuple[Cell, ...]
    usage: Usage
    seconds: float
    notes: tuple[str, ...] = ()
    final: str | None = None
    reading: Reading = Reading()
    compaction: Compaction | None = None
    started_s: float | None = None
    edited: bool = False

    @property
    def sub_calls(self) -> tuple[SubCall, ...]:
        """The sub-calls of every cell, in order."""
        return tuple(call for cell in self.cells for call in cell.sub_calls)


@dataclass(frozen=True, slots=True, repr=False)
class Answer:
    """What a run returns. `str(answer)` is its text.

    `status` is "answered", "stopped: <limit>" (the limit by its name in Budget), "interrupted" or
    "failed: <error>". `value` is the object that ended the run, before it became text.
    `variables` holds what the run left in its namespace. `usage` is per model name, `reads` what reading the
    context cost, `coverage` which lines were read; `other_coverage` is that of texts bound by other names.
    `citations` are the lines that the text cites.
    `trajectory` is the file that records the run; `page` makes a web page of the answer. `resting` is the
    run's namespace, kept for a run that may be resumed in this process. `model` is the root model's name.
    """

    question: str
    text: str
    status: str
    steps: tuple[Step, ...] = ()
    value: object = None
    variables: Mapping[str, object] = field(default_factory=dict)
    usage: Mapping[str, Usage] = field(default_factory=dict)
    reads: ReadStats = ReadStats()
    seconds: float = 0.0
    run_id: str = ""
    trajectory: Path | None = None
    page: Callable[[Answer], str] | None = field(default=None, compare=False)
    coverage: Coverage | None = None
    citations: tuple[Citation, ...] = ()
    resting: object = field(default=None, compare=False)
    model: str = ""
    other_coverage: Mapping[str, Coverage] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        text = self.text if len(self.text) <= 80 else self.text[:77] + "..."
        steps = "1 step" if len(self.steps) == 1 else f"{len(self.steps)} steps"
        return f"Answer({text!r}, {self.status}, {steps})"

    @property
    def total(self) -> Usage:
        """Usage of all models together."""
        return sum(self.usage.values(), Usage())

    def save(self, path: str | PathLike[str]) -> Path:
        """Write the run to `path`: its trajectory for ".jsonl", a self-contained web page for ".html".

        An existing file is replaced. Returns the path. Raises ValueError for any other ending.
        """
        target = Path(path).expanduser()
        ending = target.suffix.lower()
        if ending == ".jsonl" and self.trajectory is not None:
            # Saved where it is written anyway, it is there already.
            with suppress(shutil.SameFileError):
                shutil.copyfile(self.trajectory, target)
        elif ending == ".html" and self.page is not None:
            target.write_text(self.page(self), encoding="utf-8")
        else:
            raise ValueError(f"cannot save a run as {target.name!r}; use a name that ends in .jsonl or .html")
        return target
