"""A run as plain text: for a terminal, a log, and every display's text/plain."""

from __future__ import annotations

import itertools
import re
import textwrap
from collections.abc import Iterable, Sequence

from ..records import Answer, Cell, ReadStats, Step, SubCall, Usage
from ..text import clip, counted, size_text
from ..text import printable as printable
from .reading import citations_line, coverage_lines, marked

_PROMPT_CHARS = 100
_OUTPUT_CHARS = 2_000
_REASONING_CHARS = 20_000
# A notebook keeps what it was shown; the whole answer is in `.text` and in the record.
ANSWER_CHARS = 20_000
TRACE_CHARS = 50_000
_QUESTION_CHARS = 2_000
_CHILD_INDENT = "      "
_STATUS_CHARS = 200
# A provider's error may quote a whole request.
_WHOLE_STATUS_CHARS = 2_000
_CALLS_SHOWN = 20
_NAME_CHARS = 80


def run_plain(answer: Answer) -> str:
    """Return a run: the question, the answer, and its steps; beyond 50 kB the earliest are counted only."""
    question = clip(printable(answer.question), limit_chars=_QUESTION_CHARS)
    shown: list[str] = []
    room = TRACE_CHARS
    for step in reversed(answer.steps):
        text = clip(step_plain(step), limit_chars=TRACE_CHARS)
        room -= len(text)
        if room < 0 and shown:
            break
        shown.insert(0, text)
    if left := len(answer.steps) - len(shown):
        where = f"%rlm_log {answer.run_id} -o FILE has them all"
        shown.insert(0, f"{counted(left, 'earlier step')} not shown here; {where}")
    return "\n\n".join([f"Question: {question}", *shown, answer_plain(answer)])


def step_plain(step: Step) -> str:
    """Return one step: its reasoning, then each cell with its sub-calls and output."""
    lines = [f"Step {step.number} · {step.seconds:.1f} s"]
    if reasoning := reasoning_of(step):
        lines.append(_indented(clip(reasoning, limit_chars=_REASONING_CHARS)))
    for cell in step.cells:
        lines += _cell_lines(cell)
    lines += [_indented(f"told the model: {printable(note)}") for note in step.notes]
    return "\n".join(lines)


def answer_plain(answer: Answer) -> str:
    """Return the answer's text with the line that sums the run up."""
    text = clip(marked(answer), limit_chars=ANSWER_CHARS) or no_answer(answer)
    sums = "\n".join(f"[{line}]" for line in summary_lines(answer))
    return f"{printable(text)}\n\n{sums}"


def no_answer(answer: Answer) -> str:
    """Return what is said in the place of an answer that there is none of."""
    return f"(no answer: {clip(answer.status, limit_chars=_WHOLE_STATUS_CHARS)})"


def document_name(name: str) -> str:
    """Return the name of a document as views show it: harmless, on one line, and not at any length."""
    return textwrap.shorten(printable(name), _NAME_CHARS, placeholder=" ...")


def summary_lines(answer: Answer) -> list[str]:
    """Return what sums the run up: its own line, then what it read, what it cites, and what reading cost."""
    more = (*coverage_lines(answer), citations_line(answer.citations), reads_line(answer.reads))
    return [summary_line(answer), *filter(None, more)]


def summary_line(answer: Answer) -> str:
    """Return status, steps, sub-calls of the whole tree, seconds, tokens and cost in one line."""
    status = textwrap.shorten(answer.status, _STATUS_CHARS, placeholder=" ...")
    parts = [
        printable(status),
        counted(len(answer.steps), "step"),
        calls_text(tree_of_calls(answer.steps)),
        f"{answer.seconds:.1f} s",
        f"{answer.total.tokens:,} tokens",
        cost_text(answer.total),
    ]
    return " · ".join(parts)


def tree_of_calls(steps: Iterable[Step]) -> list[SubCall]:
    """Return the sub-calls of steps, those of child runs included."""
    direct = [call for step in steps for call in step.sub_calls]
    below = [tree_of_calls(call.child.steps) for call in direct if call.child is not None]
    return [*direct, *itertools.chain.from_iterable(below)]


def calls_text(calls: Sequence[SubCall]) -> str:
    """Return how many sub-calls there are, how many of them a cache answered, and how many failed."""
    marks = (
        (sum(call.cached for call in calls), "cached"),
        (sum(call.error is not None for call in calls), "failed"),
    )
    told = ", ".join(f"{number:,} {mark}" for number, mark in marks if number)
    return counted(len(calls), "sub-call") + (f" ({told})" if told else "")


def reads_line(reads: ReadStats) -> str:
    """Return what reading a context cost in one line; nothing if nothing was read from a store or a disk."""
    if not (reads.requests or reads.disk_hits):
        return ""
    parts = [
        f"{counted(reads.requests, 'request')} for {size_text(reads.bytes)}",
        f"waited {reads.stall_s:.1f} s",
        f"segments: {reads.memory_hits:,} from memory, {reads.disk_hits:,} from disk, "
        f"{reads.store_reads:,} from the store",
    ]
    if reads.prefetched_bytes:
        parts.append(
            f"read ahead {size_text(reads.prefetched_bytes)}: {size_text(reads.prefetched_used_bytes)} used, "
            f"{size_text(reads.prefetched_wasted_bytes)} wasted"
        )
    again = ((reads.retries, "sent again"), (reads.hedges, "hedged"))
    return " · ".join([*parts, *(f"{number:,} {what}" for number, what in again if number)])


def cost_text(usage: Usage) -> str:
    """Return the cost in dollars, or that it is not known."""
    return "cost unknown" if usage.cost_usd is None else f"${usage.cost_usd:.4f}"


def reasoning_of(step: Step) -> str:
    """Return what the reply says besides the code that ran, its fences left out."""
    text = step.reply
    for cell in step.cells:
        text = text.replace(cell.code, "", 1)
    kept = [line for line in text.split("\n") if not line.lstrip().startswith(("```", "~~~"))]
    return re.sub(r"\n{3,}", "\n\n", printable("\n".join(kept))).strip()


def call_line(call: SubCall) -> str:
    """Return a sub-call's prompt head and size, whether a cache answered it, and its reply, in one line."""
    said = f"failed: {call.error}" if call.error is not None else _head(call.reply)
    name = "llm_query" if call.child is None else "rlm_query"
    mark = " (cached)" if call.cached else ""
    return f"{name}({_head(call.prompt)}) [{len(call.prompt):,} chars]{mark} -> {said}"


def notable_calls(calls: Sequence[SubCall], *, most: int) -> tuple[list[SubCall], int]:
    """Return the calls to show, in order, and how many are left out.

    Shown are the first `most` of them, and the first `most` of those that failed or are child runs.
    """
    notable = [call for call in calls if call.error is not None or call.child is not None]
    shown = {id(call) for call in [*calls[:most], *notable[:most]]}
    kept = [call for call in calls if id(call) in shown]
    return kept, len(calls) - len(kept)


def child_line(child: Answer) -> str:
    """Return what a child run is called above its steps."""
    return f"child run: {summary_line(child)}"


def _cell_lines(cell: Cell) -> list[str]:
    lines = [_prefixed(printable(cell.code.rstrip()), "  | ")]
    calls, omitted = notable_calls(cell.sub_calls, most=_CALLS_SHOWN)
    for call in calls:
        lines.append(f"    {printable(call_line(call))}")
        if call.child is not None:
            lines += _child_lines(call.child)
    if omitted:
        lines.append(f"    and {counted(omitted, 'more sub-call')}")
    if output := cell.result.output:
        lines.append(_prefixed(clip(printable(output), limit_chars=_OUTPUT_CHARS), "  > "))
    return lines


def _child_lines(child: Answer) -> list[str]:
    steps = "\n".join(step_plain(step) for step in child.steps)
    return [_prefixed(f"{child_line(child)}\n{steps}".rstrip(), _CHILD_INDENT)]


def _head(text: str) -> str:
    return textwrap.shorten(text[: 4 * _PROMPT_CHARS], _PROMPT_CHARS, placeholder=" ...")


def _indented(text: str) -> str:
    return _prefixed(text, "  ")


def _prefixed(text: str, prefix: str) -> str:
    # Not textwrap.indent: it takes \x0b, \u2028 and others for line ends.
    return "\n".join((prefix + line).rstrip() for line in text.split("\n"))
