"""A bucket of service log, seeded: the same numbers give the same bytes, on every machine.

Lines are sorted by time. A stack trace follows its error on lines that begin with blanks.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from .address import check_key, check_new_bucket, is_file_name
from .chance import Chance
from .config import SAMPLE_BUCKET, SAMPLE_LINES_PER_OBJECT, SAMPLE_PREFIX
from .errors import S3Error
from .incident import CAUSES, Cause, Course, Incident, plan_course
from .stories import Story, Storyteller

_START = datetime(2026, 3, 14, 6, 0, tzinfo=UTC)
_LINES_PER_SECOND = 500
_LEAST_SECONDS = 250
"""A short sample is of a quiet system: its incident needs some seconds, too."""
_STORIES = 4096
_FAILING_STORIES = 256
_FAILING_SHARE = 0.35
_LEAST_LINES = 1000
_MS = [b"%03dZ" % ms for ms in range(1000)]
_SECONDS_AHEAD = 4
"""No story takes longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What was written, and what is hidden in it."""

    bucket: str
    prefix: str
    lines: int
    bytes: int
    objects: int
    incident: Incident


def write_sample(
    directory: str | os.PathLike[str],
    *,
    lines: int,
    seed: int = 0,
    bucket: str = SAMPLE_BUCKET,
    prefix: str = SAMPLE_PREFIX,
    lines_per_object: int = SAMPLE_LINES_PER_OBJECT,
) -> Sample:
    """Write DIRECTORY/BUCKET/PREFIXpart-00000.log and so on, `lines_per_object` lines each.

    Raises ValueError for numbers and names that do not do, FileExistsError when the objects' directory
    already holds something, so that no object of an older sample is left among the new ones.
    """
    if lines < _LEAST_LINES:
        raise ValueError(f"lines={lines}: give at least {_LEAST_LINES}, or an incident has no room")
    if lines_per_object < 1:
        raise ValueError(f"lines_per_object={lines_per_object}: give at least 1")
    folder = _folder(Path(directory), bucket, prefix)
    log = _Log(lines, seed)
    written = objects = 0
    for number, data in enumerate(_objects(log, lines_per_object)):
        (folder / f"part-{number:05}.log").write_bytes(data)
        written, objects = written + len(data), objects + 1
    return Sample(
        bucket=bucket, prefix=prefix, lines=lines, bytes=written, objects=objects, incident=log.incident()
    )


def _folder(directory: Path, bucket: str, prefix: str) -> Path:
    try:
        check_new_bucket(bucket)
        check_key(f"{prefix}part")
    except S3Error as error:
        raise ValueError(error.message) from error
    if prefix and (not prefix.endswith("/") or not is_file_name(prefix[:-1])):
        raise ValueError(f"prefix {prefix!r}: give one that ends with a slash, such as {SAMPLE_PREFIX}")
    folder = directory / bucket / prefix
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise FileExistsError(f"{folder} is not empty; delete it or choose another bucket or prefix")
    return folder


def _objects(log: _Log, lines_per_object: int) -> Iterator[bytes]:
    pending: list[bytes] = []
    for block in log.blocks():
        pending += block
        start = 0
        while len(pending) - start >= lines_per_object:
            yield b"".join(pending[start : start + lines_per_object])
            start += lines_per_object
        del pending[:start]
    if pending:
        yield b"".join(pending)


class _Log:
    """The log itself, a second at a time."""

    def __init__(self, lines: int, seed: int) -> None:
        self._lines = lines
        self._per_second = min(_LINES_PER_SECOND, lines // _LEAST_SECONDS)
        chance = Chance(f"mock_s3 sample {seed}")
        self._random = chance.random
        self._cause: Cause = chance.pick(CAUSES)
        self._course: Course = plan_course(chance, lines)
        self._teller = Storyteller(chance)
        self._ordinary = [self._teller.ordinary() for _ in range(min(_STORIES, lines))]
        self._failing = [self._teller.failing(self._cause) for _ in range(_FAILING_STORIES)]
        self._notices = self._planned_notices()
        self._seconds: deque[list[bytes]] = deque([[] for _ in range(_SECONDS_AHEAD)])
        self._marks: dict[str, tuple[int, bytes]] = {}

    def _planned_notices(self) -> list[tuple[int, str, Story]]:
        """Lines that come once, by place: the change, its repair, and changes that are innocent."""
        course, cause, teller = self._course, self._cause, self._teller
        near = max(1, self._lines // 100)
        innocent = [
            (
                course.change_line - near,
                "INFO  {host} [deploy] release 2026.03.14-1 rolled out, 4 of 4 healthy",
                "search",
            ),
            (
                course.failure_line - near // 2,
                "WARN  {host} [disk] /var/log at 81%, rotation due",
                "notifications",
            ),
            (
                course.failure_line - near // 4,
                "INFO  {host} [config] reload rev=2201 applied: page.size 20 -> 25",
                "recommend",
            ),
        ]
        planned = [(line, "", text.format(host=teller.host(service))) for line, text, service in innocent]
        host = teller.host(cause.service)
        planned += [
            (course.change_line, "change", cause.change.format(host=host)),
            (course.repair_line, "repair", cause.repair.format(host=host)),
        ]
        return sorted(
            ((max(0, line), mark, teller.notice(text)) for line, mark, text in planned), reverse=True
        )

    def incident(self) -> Incident:
        """Return the incident, once all blocks are written."""
        change, failure = self._marks["change"], self._marks["failure"]
        return Incident(
            service=self._cause.service,
            why=self._cause.why,
            change_line=change[0],
            change_text=change[1].decode().rstrip("\n"),
            failure_line=failure[0],
            failure_text=failure[1].decode().partition("\n")[0],
            repair_line=self._marks["repair"][0],
        )

    def blocks(self) -> Iterator[list[bytes]]:
        """Yield the lines of one second after the other, exactly as many as were asked for."""
        done = second = 0
        while done < self._lines:
            marked = self._tell(done, second)
            entries = self._seconds.popleft()
            self._seconds.append([])
            entries.sort()
            block = b"".join(entries).splitlines(keepends=True)[: self._lines - done]
            for mark, entry in marked.items():
                self._marks[mark] = (done + block.index(entry.partition(b"\n")[0] + b"\n"), entry)
            yield block
            done, second = done + len(block), second + 1

    def _tell(self, done: int, second: int) -> dict[str, bytes]:
        """Add the stories that begin in this second; return what is to be marked among them."""
        stamps = [
            (_START + timedelta(seconds=second + ahead)).strftime("%Y-%m-%dT%H:%M:%S.").encode()
            for ahead in range(_SECONDS_AHEAD)
        ]
        marked: dict[str, bytes] = {}
        while self._notices and done + self._per_second > self._notices[-1][0]:
            _, mark, ((_, line),) = self._notices.pop()
            entry = line % (stamps[0] + _MS[int(self._random() * 1000)])
            self._seconds[0].append(entry)
            if mark:
                marked[mark] = entry
        share = (
            _FAILING_SHARE if "failure" in self._marks and "repair" not in {*self._marks, *marked} else 0.0
        )
        if "failure" not in self._marks and done + self._per_second > self._course.failure_line:
            marked["failure"] = self._tell_story(self._failing[0], 0, stamps)
        self._tell_stories(stamps, failing_share=share)
        return marked

    def _tell_stories(self, stamps: list[bytes], *, failing_share: float) -> None:
        random, ordinary, failing = self._random, self._ordinary, self._failing
        now = self._seconds[0]
        while len(now) < self._per_second:
            pool = failing if failing_share and random() < failing_share else ordinary
            self._tell_story(pool[int(random() * len(pool))], int(random() * 1000), stamps)

    def _tell_story(self, story: Story, start_ms: int, stamps: list[bytes]) -> bytes:
        """Write a story's lines into their seconds, and return the first."""
        request_id = b"%012x" % int(self._random() * 2**48)
        first = b""
        for after_ms, line in story:
            ahead, ms = divmod(start_ms + after_ms, 1000)
            entry = line % (stamps[ahead] + _MS[ms], request_id)
            self._seconds[ahead].append(entry)
            first = first or entry
        return first
