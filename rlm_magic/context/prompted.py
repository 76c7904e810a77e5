"""Find which lines of a text stand in prompts. Pure; the lines come from an `Excerpts`.

A prompt holds a line if it has it whole, as one of its own lines, whatever the indent, with or without a
bullet, a quote mark or a line number in front. Found so, the lines before and after are compared in step, so
that a run of lines is found from any rare one in it, and its first and last line even if they were cut or
stand behind other words ("Summarise: ..."). Near the ends of a prompt a line may also stand alone behind
other words, and in front of others if it is quoted. A prompt that holds no whole line is looked up by the
middle of its longest line.

What is missed: lines that occur in more than MOST_PLACES places and nowhere beside a rarer one; text that
was rewritten, escaped (repr, JSON) or translated. What is marked too often: equal lines that all were read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, count
from typing import Protocol

from ..records import LineRanges, merged_ranges

MOST_PLACES = 8
# What of a cut line must be there; how much must agree of one that is cut and behind other words as well.
_LEAST_CHARS = 3
_ALIKE_CHARS = 16
# The shortest line that is looked for behind other words.
_GLUED_CHARS = 8
_FINGERPRINT_CHARS = 48
_FEW_ROWS = 16
_EDGE_ROWS = 2
_MOST_WORDS = 48
_CHUNK_LINES = 64
# Looking for one prompt's fingerprint in one block costs what reading the block does.
_FINGERPRINT_BYTES = 1 << 30
_LABEL = re.compile(r"(?:[>\-*•|]+(?:\s+|$)|[\[(]?L?\d+[\])]?\s*[:.|)\]\t-]\s*)+")
_WORD_START = re.compile(r"[\s:>\"'`(\[{|,=]+(?=\S)")
_QUOTE_END = re.compile(r"(?<=\S)[\"'`)\]}<]")
_MOST_ENDS = 6


class Excerpts(Protocol):
    """The lines that may stand in the prompts, without their endings."""

    def rounds(self) -> Iterator[Iterator[tuple[int, list[str]]]]:
        """Yield runs of lines, each with the number of its first, no line twice.

        What a round holds of a prompt is not looked for in the rounds behind it.
        """
        ...

    def between(self, start: int, stop: int) -> list[str]:
        """Return lines [start, stop), as far as they are at hand without a gap from `start` on."""
        ...


class _Prompt:
    """A prompt, as rows to compare lines with."""

    def __init__(self, text: str) -> None:
        self.rows = [line.strip() for line in text.split("\n")]
        self.bare = [_LABEL.sub("", row, count=1) if _LABEL.match(row) else row for row in self.rows]
        self.glued = dict(self._glued())
        # The rows that are whole lines, wherever: none of them is a part of another line.
        self.whole: set[int] = set()

    def pairs(self) -> Iterator[tuple[str, str]]:
        return zip(self.rows, self.bare, strict=True)

    def keys(self) -> Iterator[str]:
        yield from filter(None, self.rows)
        yield from filter(None, self.bare)
        yield from self.glued

    def _glued(self) -> Iterator[tuple[str, int]]:
        """The ends of the rows in which a line may stand behind other words, each with its row."""
        edges = range(len(self.rows))
        if len(edges) > _FEW_ROWS:
            edges = [*edges[:_EDGE_ROWS], *edges[-_EDGE_ROWS:]]  # type: ignore[assignment]
        for position in edges:
            row = self.rows[position]
            starts = [0, *(found.end() for found in _WORD_START.finditer(row))][:_MOST_WORDS]
            ends = [*(found.start() for found in _QUOTE_END.finditer(row)), len(row)][-_MOST_ENDS:]
            for end in ends:
                for start in starts:
                    if end - start >= _GLUED_CHARS:
                        yield row[start:end].strip(), position

    def anchors(self, places: dict[str, list[int]]) -> Iterator[tuple[int, list[int]]]:
        """Yield rows that stand for lines, with the lines they may stand for."""
        for position, (row, bare) in enumerate(self.pairs()):
            lines = places.get(row) or places.get(bare)
            if lines:
                yield position, lines
        for key, position in self.glued.items():
            if places.get(key):
                yield position, places[key]

    def is_part(self, position: int) -> bool:
        """Whether a row may be a part of a line, or a line behind other words."""
        return 0 <= position < len(self.rows) and position not in self.whole

    @property
    def fingerprint(self) -> tuple[int, str] | None:
        """The middle of the longest row, with its number, if it is long enough to tell texts apart."""
        position = max(range(len(self.rows)), key=lambda number: len(self.rows[number]))
        row = self.rows[position]
        if len(row) < _FINGERPRINT_CHARS:
            return None
        middle = len(row) // 2
        return position, row[middle - _FINGERPRINT_CHARS // 2 : middle + _FINGERPRINT_CHARS // 2]


def prompted_lines(prompts: Sequence[str], excerpts: Excerpts) -> LineRanges:
    """Return the lines of the excerpts that stand in some prompt."""
    asked = [_Prompt(text) for text in dict.fromkeys(prompts)]
    places = _places({key for prompt in asked for key in prompt.keys()}, excerpts)  # noqa: SIM118
    for prompt in asked:
        prompt.whole = {at for at, pair in enumerate(prompt.pairs()) if not places.keys().isdisjoint(pair)}
    found: list[tuple[int, int]] = []
    unknown = []
    for prompt in asked:
        runs = list(_runs(prompt, prompt.anchors(places), excerpts))
        found += runs
        if not runs and prompt.fingerprint is not None:
            unknown.append(prompt)
    for prompt, anchor in _by_fingerprint(unknown, excerpts):
        found += _runs(prompt, [anchor], excerpts)
    return merged_ranges(tuple(found))


def _places(keys: set[str], excerpts: Excerpts) -> dict[str, list[int]]:
    """Return where each key is a whole line; nowhere, if it is in too many places to tell."""
    places: dict[str, list[int]] = {}
    for blocks in excerpts.rounds():
        for first, lines in blocks:
            stripped = [line.strip() for line in lines]
            if keys.isdisjoint(stripped):
                continue
            for number, key in enumerate(stripped, first):
                if key in keys:
                    where = places.setdefault(key, [])
                    where.append(number)
                    if len(where) > MOST_PLACES:
                        keys.discard(key)
        keys.difference_update(places)
    return {key: where if len(where) <= MOST_PLACES else [] for key, where in places.items()}


def _by_fingerprint(
    prompts: list[_Prompt], excerpts: Excerpts
) -> Iterator[tuple[_Prompt, tuple[int, list[int]]]]:
    left = {id(prompt): (prompt, *prompt.fingerprint) for prompt in prompts if prompt.fingerprint}
    looked_bytes = 0
    for first, lines in chain.from_iterable(excerpts.rounds()) if left else ():
        text = "\n".join(lines)
        looked_bytes += len(text) * len(left)
        if looked_bytes > _FINGERPRINT_BYTES or not left:
            return
        for key, (prompt, position, needle) in list(left.items()):
            at = text.find(needle)
            if at >= 0:
                del left[key]
                yield prompt, (position, [first + text.count("\n", 0, at)])


def _runs(
    prompt: _Prompt, anchors: Iterable[tuple[int, list[int]]], excerpts: Excerpts
) -> Iterator[tuple[int, int]]:
    """Yield the runs of lines that begin at anchors; of several places for one, the longest runs."""
    accounted_for: set[int] = set()
    for position, lines in anchors:
        if position in accounted_for:
            continue
        runs = [_run(prompt, position, line, excerpts) for line in lines]
        longest = max(stop - start for start, stop, _ in runs)
        for start, stop, rows in runs:
            if stop - start == longest:
                yield start, stop
                accounted_for.update(rows)


def _run(prompt: _Prompt, position: int, line: int, excerpts: Excerpts) -> tuple[int, int, range]:
    """Return the lines around one that stands in a row, and the rows that are these lines.

    Blank lines count between others only: a prompt has blank rows of its own where it begins and ends.
    """
    stop, row = line + 1, position + 1
    for step, text in enumerate(_onward(excerpts, line + 1), 1):
        at = position + step
        if at == len(prompt.rows) or not _is_row(prompt, at, text):
            if prompt.is_part(at) and _begins_alike(prompt.bare[at], text.strip()):
                stop = line + step + 1
            break
        if text.strip():
            stop, row = line + step + 1, at + 1
    start, before = line, position - 1
    for step, text in enumerate(_backward(excerpts, line - 1), 1):
        at = position - step
        if at < 0 or not _is_row(prompt, at, text):
            if prompt.is_part(at) and _begins_alike(prompt.rows[at][::-1], text.strip()[::-1]):
                start = line - step
            break
        if text.strip():
            start, before = line - step, at - 1
    return start, stop, range(before + 1, row)


def _is_row(prompt: _Prompt, position: int, text: str) -> bool:
    return text.strip() in (prompt.rows[position], prompt.bare[position])


def _begins_alike(row: str, text: str) -> bool:
    """Return whether one begins with the other, or both alike for long enough to be no accident."""
    size = min(len(row), len(text), _ALIKE_CHARS)
    return size >= _LEAST_CHARS and row[:size] == text[:size]


def _onward(excerpts: Excerpts, line: int) -> Iterator[str]:
    for size in _chunk_sizes():
        lines = excerpts.between(line, line + size)
        yield from lines
        if len(lines) < size:
            return
        line += size


def _backward(excerpts: Excerpts, line: int) -> Iterator[str]:
    for size in _chunk_sizes():
        first = max(0, line - size + 1)
        lines = excerpts.between(first, line + 1)
        if len(lines) <= line - first and size > 1:
            # Something in between was not read: what lies right before is asked for one by one.
            lines = excerpts.between(line, line + 1)
            first = line
        yield from reversed(lines)
        if not lines or first == 0:
            return
        line = first - 1


def _chunk_sizes() -> Iterator[int]:
    return (min(_CHUNK_LINES << step, 1 << 14) for step in count())
