"""A run as plain text: for a terminal, a log, and every display's text/plain."""

from __future__ import annotations

import re
import textwrap

from ..records import Answer, Cell, ReadStats, Step, SubCall, Usage
from ..text import clip, counted, size_text

_PROMPT_CHARS = 100
_OUTPUT_CHARS = 2_000

# Escape sequences and other controls could repaint the terminal; tabs and line ends are all a text needs.
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def run_plain(answer: Answer) -> str:
    """Return a whole run: the question, each step with code and output, the answer."""
    parts = [f"Question: {printable(answer.question)}"]
    parts += [step_plain(step) for step in answer.steps]
    parts.append(answer_plain(answer))
    return "\n\n".join(parts)


def step_plain(step: Step) -> str:
    """Return one step: its reasoning, then each cell with its sub-calls and output."""
    lines = [f"Step {step.number} · {step.seconds:.1f} s"]
    if reasoning := reasoning_of(step):
        lines.append(_indented(reasoning))
    for cell in step.cells:
        lines += _cell_lines(cell)
    lines += [_indented(f"told the model: {printable(note)}") for note in step.notes]
    return "\n".join(lines)


def answer_plain(answer: Answer) -> str:
    """Return the answer's text with the line that sums the run up."""
    text = printable(answer.text) if answer.text else f"(no answer: {printable(answer.status)})"
    sums = "\n".join(f"[{line}]" for line in summary_lines(answer))
    return f"{text}\n\n{sums}"


def summary_lines(answer: Answer) -> list[str]:
    """Return what sums the run up: its own line, and one on what it read if that cost anything."""
    return [summary_line(answer), *filter(None, [reads_line(answer.reads)])]


def summary_line(answer: Answer) -> str:
    """Return status, steps, sub-calls, seconds, tokens and cost in one line."""
    calls = sum(len(step.sub_calls) for step in answer.steps)
    parts = [
        printable(answer.status),
        counted(len(answer.steps), "step"),
        counted(calls, "sub-call"),
        f"{answer.seconds:.1f} s",
        f"{answer.total.tokens:,} tokens",
        cost_text(answer.total),
    ]
    return " · ".join(parts)


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


def printable(text: str) -> str:
    r"""Return `text` with control characters made visible, so that it cannot act on what shows it.

    >>> printable("a\x1b[2Jb")
    'a\\x1b[2Jb'
    """
    return _CONTROLS.sub(lambda match: match.group().encode("unicode_escape").decode(), text)


def call_line(call: SubCall) -> str:
    """Return a sub-call's prompt head and size, reply head and size, in one line."""
    said = f"failed: {call.error}" if call.error is not None else _head(call.reply)
    return f"llm_query({_head(call.prompt)}) [{len(call.prompt):,} chars] -> {said}"


def _cell_lines(cell: Cell) -> list[str]:
    lines = [_prefixed(printable(cell.code.rstrip()), "  | ")]
    lines += [f"    {printable(call_line(call))}" for call in cell.sub_calls]
    if output := cell.result.output:
        lines.append(_prefixed(clip(printable(output), limit_chars=_OUTPUT_CHARS), "  > "))
    return lines


def _head(text: str) -> str:
    return textwrap.shorten(text[: 4 * _PROMPT_CHARS], _PROMPT_CHARS, placeholder=" ...")


def _indented(text: str) -> str:
    return _prefixed(text, "  ")


def _prefixed(text: str, prefix: str) -> str:
    # Not textwrap.indent: it takes \x0b, \u2028 and others for line ends.
    return "\n".join((prefix + line).rstrip() for line in text.split("\n"))
