"""Replies taken apart: awkward fences, thoughts, tags. Each row is something a model has really written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlm_magic.engine.reply import parse_reply

CELLS = {
    "one block": ("Look:\n```repl\nx = 1\n```\n", ["x = 1\n"]),
    "python tag": ("```python\nx\n```", ["x\n"]),
    "py tag": ("```py\nx\n```", ["x\n"]),
    "capital tag": ("```REPL\nx\n```", ["x\n"]),
    "attributes behind the tag": ("```repl id=3\nx\n```", ["x\n"]),
    "space before the tag": ("``` repl\nx\n```", ["x\n"]),
    "tildes": ("~~~repl\nx\n~~~", ["x\n"]),
    "two blocks": ("```repl\na\n```\nthen\n```repl\nb\n```", ["a\n", "b\n"]),
    "no tag is not run": ("```\nx\n```", []),
    "another language is not run": ("```bash\nls\n```", []),
    "fence inside a string": (
        '````repl\ns = """\n```\nnot the end\n```\n"""\n````',
        ['s = """\n```\nnot the end\n```\n"""\n'],
    ),
    "a line of code that holds backticks": ("```repl\nprint('```')\n```", ["print('```')\n"]),
    "an indented line of backticks in a string": (
        "~~~repl\ntext = '''\n```\n'''\n~~~",
        ["text = '''\n```\n'''\n"],
    ),
    "in a list": ("1. do:\n   ```repl\n   if x:\n       y\n   ```\n", ["if x:\n    y\n"]),
    "uniform indentation": ("```repl\n    x = 1\n    y = 2\n```", ["x = 1\ny = 2\n"]),
    "CRLF": ("```repl\r\nx = 1\r\ny = 2\r\n```\r\n", ["x = 1\ny = 2\n"]),
    "empty block": ("```repl\n```\nprose after\n", []),
    "behind an unknown tag line": ("<answer>\n```repl\nx\n```", ["x\n"]),
    "inside a thought": ("<think>\n```repl\nboom()\n```\n</think>\n```repl\nok\n```", ["ok\n"]),
    "right behind a thought": ("<think>hm</think>```repl\nx\n```", ["x\n"]),
    "thought whose opening tag was in the prompt": (
        "hm\n```repl\nboom()\n```\n</think>\n```repl\nok\n```",
        ["ok\n"],
    ),
    "two thoughts": (
        "<think>a</think>\n```repl\nx\n```\n<thinking>\n```repl\nboom\n```\n</thinking>",
        ["x\n"],
    ),
    "thought tag inside code": ("```repl\nprint('<think>')\n```\n", ["print('<think>')\n"]),
    "closing thought tag inside code": ("```repl\nprint('</think>')\n```\n", ["print('</think>')\n"]),
    "thought tag mentioned": ("I will not use `<think>` here.\n```repl\nx\n```", ["x\n"]),
    "same-line close is inline code": ("```repl print(1)```", []),
    "python's odd line breaks stay inside the code": (
        "```repl\ns = 'a\u2028b\x0cc'\n```",
        ["s = 'a\u2028b\x0cc'\n"],
    ),
}


@pytest.mark.parametrize(("text", "cells"), CELLS.values(), ids=CELLS)
def test_cells(text: str, cells: list[str]) -> None:
    assert list(parse_reply(text).cells) == cells


@pytest.mark.parametrize(
    "text",
    ["```repl\nx = 1\n", "```repl\nx = 1", "```repl", "````repl\nx\n```\n", "~~~repl\nx\n```"],
)
def test_an_unclosed_block_is_reported_and_not_run(text: str) -> None:
    reply = parse_reply("```repl\nfirst\n```\n" + text)
    assert reply.unclosed
    assert list(reply.cells) == ["first\n"]


def test_an_unclosed_thought_is_reported_and_nothing_in_it_runs() -> None:
    reply = parse_reply("Start\n<think>\nFINAL(draft)\n```repl\nx\n```")
    assert reply.unclosed_thought
    assert reply.cells == ()
    assert "FINAL" not in reply.prose


def test_untagged_blocks_are_counted() -> None:
    assert parse_reply("```\nx\n```\n```sh\ny\n```").untagged == 2


def test_prose_leaves_code_and_thought_out() -> None:
    prose = parse_reply(
        "Hello\n<think>secret</think>\n```repl\nFINAL(1)\n```\n    FINAL(indented code)\nBye"
    ).prose
    assert "Hello" in prose
    assert "Bye" in prose
    for hidden in ("secret", "FINAL(1)"):
        assert hidden not in prose


code_line = st.text(
    alphabet=st.characters(blacklist_characters="\n\r`~\t\x00", blacklist_categories=("Cs",)), max_size=20
)


@given(st.lists(code_line, min_size=1, max_size=6), st.integers(3, 6))
def test_any_code_survives_its_fence(lines: list[str], width: int) -> None:
    code = "\n".join(["start = 1", *lines, "stop = 1"]) + "\n"
    fence = "`" * width
    assert parse_reply(f"Text.\n\n{fence}repl\n{code}{fence}\nMore.").cells == (code,)
