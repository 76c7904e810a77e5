"""Tools: names, values, and the words that tell the model about them."""

from __future__ import annotations

import functools
import math

import pytest

from rlm_magic.engine.tools import RESERVED, named_tools, tool_values, tools_prompt
from rlm_magic.errors import ReservedName

from .conftest import RunFactory


def lookup(name: str, *, limit: int = 5) -> list[str]:
    """Return entries of the phone book
    that match a name.

    Not told: the second paragraph.
    """
    return [name] * limit


async def fetch(key: str) -> str:
    """Fetch one."""
    return key


class Client:
    """A client of the archive."""

    def __call__(self, term: str) -> int:
        return len(term)


class Silent:
    pass


class Table:
    shape = (3, 2)


def broken(x: Nowhere) -> None:  # type: ignore[name-defined]  # noqa: F821
    """Do nothing."""


def test_every_kind_of_tool_is_told_in_a_line() -> None:
    prompt = tools_prompt(
        {
            "lookup": lookup,
            "fetch": fetch,
            "client": Client(),
            "Client": Client,
            "Silent": Silent,
            "half": functools.partial(lookup, limit=2),
            "root": math.sqrt,
            "math": math,
            "limits": {"a": 1, "b": 2},
            "word": "seven",
            "secret": "sk-this-is-nobody's-business",
            "count": 3,
            "table": Table(),
            "broken": broken,
            "wrapped": {"tool": lookup, "description": "Use this\nfirst."},
        }
    )
    lines = dict(
        line[2:].split(": ", 1) if ": " in line else (line[2:], "") for line in prompt.split("\n")[1:]
    )
    said = list(lines)
    assert (
        "- `lookup(name: str, *, limit: int = 5) -> list[str]`: Return entries of the phone book that match "
        in prompt
    )
    assert "second paragraph" not in prompt
    assert "- `fetch(key: str) -> str` (a coroutine: await it): Fetch one." in prompt
    assert "- `client(term: str) -> int`: A client of the archive." in prompt
    assert "- `Client()`: A client of the archive." in prompt
    assert "- `Silent()`" in prompt
    assert "- `half(name: str, *, limit: int = 2) -> list[str]`: Return entries" in prompt
    assert any(line.startswith("`root(x, /)`") for line in said)
    assert "- `math` (module): This module provides access" in prompt
    assert "- `limits` (dict, 2 items)" in prompt
    assert "- `word` (str, 5 characters)" in prompt
    assert "- `count` (int)" in prompt
    assert "- `table` (Table, shape (3, 2))" in prompt
    assert "- `broken(x: 'Nowhere') -> 'None'`: Do nothing." in prompt
    assert "- `wrapped(name: str, *, limit: int = 5) -> list[str]`: Use this first." in prompt
    # What a value holds is for code to read, and not for the prompt.
    assert "nobody's-business" not in prompt


def test_long_signatures_and_docstrings_are_clipped() -> None:
    def long(x: str = "x" * 10_000) -> None: ...

    long.__doc__ = "word " * 10_000
    assert len(tools_prompt({"long": long})) < 1_500


def test_no_tools_need_no_words() -> None:
    assert tools_prompt({}) == ""


def test_functions_come_under_their_own_names() -> None:
    assert named_tools([lookup, math.sqrt, Client]) == {"lookup": lookup, "sqrt": math.sqrt, "Client": Client}


def test_values_are_the_very_objects() -> None:
    client = Client()
    values = tool_values(
        named_tools({"client": client, "wrapped": {"tool": lookup}, "plain": {"tool": 1, "x": 2}})
    )
    assert values["client"] is client
    assert values["wrapped"] is lookup
    assert values["plain"] == {"tool": 1, "x": 2}


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_names_of_the_loop_are_refused(name: str) -> None:
    with pytest.raises(ReservedName, match=f"'{name}'.*the loop owns"):
        named_tools({name: lookup})


@pytest.mark.parametrize("name", ["not a name", "class", "", "2x", "__builtins__", 3])
def test_names_that_code_cannot_use_are_refused(name: object) -> None:
    with pytest.raises(ReservedName, match=repr(name)):
        named_tools({name: lookup})  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("tools", "named"),
    [
        ("lookup", "str"),
        (lookup, "function"),
        ([lambda: 1], "<lambda>"),
        ([3], "int"),
        ([Client()], "Client"),
    ],
)
def test_what_has_no_name_of_its_own_needs_one(tools: object, named: str) -> None:
    with pytest.raises((TypeError, ReservedName), match=named):
        named_tools(tools)  # type: ignore[arg-type]


def test_every_name_that_a_run_owns_is_reserved(make_run: RunFactory) -> None:
    run = make_run(["```repl\nFINAL([name for name in globals() if not name.startswith('_')])\n```"])
    owned = set(run.finish().value) - {"display"}  # type: ignore[call-overload]
    assert owned
    assert owned <= RESERVED
