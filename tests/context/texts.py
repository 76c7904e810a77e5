"""Texts to test with, and what a plain Python str says about them."""

from __future__ import annotations

import re
from pathlib import Path

from hypothesis import strategies as st

from rlm_magic.config import ContextConfig
from rlm_magic.context import Context, from_text, ingest, open_context

# Everything that some part of Python takes for a line break, characters of every width, and needles that
# overlap themselves.
ODD = "ab \n\n\r\t\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029é\u00dfK\u017f\u0130\ufffd\U0001f600\U0010ffff\ufeff\0"
texts = st.text(alphabet=st.sampled_from(ODD), max_size=120) | st.text(
    alphabet=st.characters(exclude_categories=["Cs"]), max_size=60
)
sizes = st.integers(min_value=1, max_value=64)
documents = st.lists(texts, min_size=0, max_size=6)


def lines_of(text: str) -> list[str]:
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def joined(contents: list[str]) -> str:
    """What documents are as one text: each starts on a line of its own."""
    text = ""
    for content in contents:
        if content and text and not text.endswith("\n"):
            text += "\n"
        text += content
    return text


def small(segment_bytes: int, **changes: int) -> ContextConfig:
    return ContextConfig(segment_bytes=segment_bytes, **changes)


def write_files(folder: Path, contents: list[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number, content in enumerate(contents):
        (folder / f"{number:03}.txt").write_bytes(content.encode())


def older_form(folder: Path, text: str, *, lines_per_segment: int) -> None:
    """Write a text as the older manifest form has it: one object per segment, rows of line counts."""
    import json

    folder.mkdir(parents=True, exist_ok=True)
    lines, rows = lines_of(text), []
    for number, first in enumerate(range(0, len(lines), lines_per_segment)):
        some = lines[first : first + lines_per_segment]
        (folder / f"segment_{number:05}.txt").write_bytes("".join(some).encode())
        rows.append({"segment": f"segment_{number:05}.txt", "start_line": first, "line_count": len(some)})
    (folder / "manifest.json").write_text(json.dumps(rows[::-1]))


KINDS = ("str", "list", "glob", "directory", "file", "manifest", "packed", "older")


def bind(
    kind: str, contents: list[str], folder: Path, *, segment_bytes: int, memory_bytes: int = 1 << 30
) -> Context:
    """Bind the joined text of some documents by way of one kind of source."""
    config = small(segment_bytes, memory_bytes=memory_bytes)
    text = joined(contents)
    named = [(f"{number:03}.txt", content) for number, content in enumerate(contents)]
    match kind:
        case "str":
            return from_text(text, config=config)
        case "list":
            return open_context(named, config=config)
        case "glob" | "directory":
            write_files(folder / "files", contents)
            pattern = folder / "files" / "*.txt" if kind == "glob" else folder / "files"
            return open_context(str(pattern), config=config)
        case "file":
            (folder / "text.txt").write_bytes(text.encode())
            return open_context(folder / "text.txt", config=config)
        case "older":
            older_form(folder / "older", text, lines_per_segment=1 + segment_bytes % 5)
            return open_context(folder / "older", config=config)
        case "manifest" | "packed":
            object_bytes = 1 if kind == "manifest" else 3 * segment_bytes
            ingest(named, folder / kind, segment_bytes=segment_bytes, object_bytes=object_bytes)
            return open_context(folder / kind, config=config)
    raise AssertionError(kind)
