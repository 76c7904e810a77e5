"""A minimal loop and a context over plain strings, to test models without the engine or the repl."""

from __future__ import annotations

import contextlib
import io
import re
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rlm_magic.models import Model, OfflineModel
from rlm_magic.records import Message

SYSTEM = Message("system", "You answer a question about a text. It is held by a session as `context`.")


@dataclass(frozen=True)
class PlainMatch:
    line: int
    text: str
    start: int
    end: int
    document: str


class PlainContext:
    """What model code may use of a context, in the plainest way: lists and `re`, one pass per call."""

    def __init__(self, documents: Mapping[str, str]) -> None:
        self._texts = dict(documents)
        self._rows = [
            (name, line)
            for name, text in self._texts.items()
            for line in re.findall(
                r"[^\n]*\n|[^\n]+", text if text.endswith("\n") or not text else text + "\n"
            )
        ]

    @property
    def lines(self) -> list[str]:
        return [line for _, line in self._rows]

    @property
    def chars(self) -> str:
        return "".join(line for _, line in self._rows)

    @property
    def documents(self) -> dict[str, PlainContext]:
        return {name: PlainContext({name: text}) for name, text in self._texts.items()}

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[str]:
        return iter(self.lines)

    def __getitem__(self, index: int | slice) -> str:
        return "".join(self.lines[index]) if isinstance(index, slice) else self.lines[index]

    def search(self, pattern: str, *, ignore_case: bool = False, limit: int = 1000) -> list[PlainMatch]:
        compiled = re.compile(pattern, re.IGNORECASE if ignore_case else 0)
        found: list[PlainMatch] = []
        for number, (name, line) in enumerate(self._rows):
            if len(found) >= limit:
                break
            match = compiled.search(line)
            if match:
                found.append(PlainMatch(number, line, match.start(), match.end(), name))
        return found

    def count(self, needle: str) -> int:
        return self.chars.count(needle)


class _Ended(BaseException):
    def __init__(self, value: object) -> None:
        self.value = value


@dataclass
class Played:
    """One run of the small loop."""

    answer: str
    replies: list[str]
    outputs: list[str]
    namespace: dict[str, Any]


def play(
    context: object,
    question: str,
    *,
    model: Model | None = None,
    max_turns: int = 8,
    output_chars: int = 20_000,
    namespace: Mapping[str, object] | None = None,
) -> Played:
    """Run `question` over `context` to its answer; AssertionError when none comes within `max_turns`."""
    model = model or OfflineModel()
    messages = [
        SYSTEM,
        Message("user", f"Question: {question}\n\nTurn 1 of {max_turns}. 200 sub-calls left."),
    ]
    names: dict[str, object] = {"context": context, **_functions(model), **(namespace or {})}
    outputs: list[str] = []
    replies: list[str] = []
    for turn in range(2, max_turns + 2):
        reply = model.complete(messages).text
        replies.append(reply)
        try:
            printed = _run(_only_cell(reply), names)
        except _Ended as ended:
            return Played(str(ended.value), replies, outputs, names)
        outputs.append(printed)
        messages += [
            Message("assistant", reply),
            Message("user", _shown(printed, turn, max_turns, output_chars)),
        ]
    raise AssertionError(
        f"no answer to {question!r} within {max_turns} turns; last output: {outputs[-1][-2000:]}"
    )


def _functions(model: Model) -> dict[str, object]:
    def end(value: object) -> None:
        raise _Ended(value)

    def query(prompt: str) -> str:
        return model.complete([Message("user", prompt)]).text

    return {
        "FINAL": end,
        "llm_query": query,
        "llm_query_batched": lambda prompts: [query(p) for p in prompts],
    }


def _only_cell(reply: str) -> str:
    cells = re.findall(r"^```repl\n(.*?)^```$", reply, re.MULTILINE | re.DOTALL)
    assert len(cells) == 1, f"a reply has one block: {reply}"
    return str(cells[0])


def _run(code: str, names: dict[str, object]) -> str:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        try:
            exec(compile(code, "<cell>", "exec"), names)
        except Exception:
            printed.write(traceback.format_exc())
    return printed.getvalue()


def _shown(printed: str, turn: int, max_turns: int, output_chars: int) -> str:
    if len(printed) > output_chars:
        half = output_chars // 2
        left_out = len(printed) - 2 * half
        printed = f"{printed[:half]}\n... [{left_out} characters omitted] ...\n{printed[-half:]}"
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", printed)), default=0))
    last = "Answer now" if turn >= max_turns else f"Turn {turn} of {max_turns}. 200 sub-calls left."
    return f"Output of cell 1:\n{fence}output\n{printed.rstrip() or '(no output)'}\n{fence}\n\n{last}"
