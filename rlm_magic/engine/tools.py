"""The user's own functions and values, for model code to use: under which names, and what the model is told.

Pure. Nothing is copied: what model code changes in place is changed for the user.
"""

from __future__ import annotations

import functools
import inspect
import keyword
from collections.abc import Callable, Collection, Iterable, Mapping
from types import ModuleType

from ..errors import ReservedName
from ..text import clip, counted

# What the loop binds in every run. A user's value under such a name would be lost, or would break the loop.
RESERVED = frozenset(
    {
        "BUDGET",
        "FINAL",
        "FINAL_VAR",
        "SHOW_VARS",
        "SUBMIT",
        "answer",
        "context",
        "history",
        "llm_query",
        "llm_query_batched",
        "rlm_query",
        "rlm_query_batched",
    }
)
_SIGNATURE_CHARS = 300
_DOC_CHARS = 600
_WRAPPED = ({"tool"}, {"tool", "description"})


def named_tools(tools: Mapping[str, object] | Iterable[Callable[..., object]]) -> dict[str, object]:
    """Return tools by name: a mapping as it is, functions by the names they were defined under.

    Raises ReservedName for a name that model code cannot use or that the loop owns, and TypeError for a value
    that has no name of its own.
    """
    named = dict(tools) if isinstance(tools, Mapping) else {_own_name(tool): tool for tool in _each(tools)}
    check_names(named, what="tool")
    return named


def check_names(names: Iterable[object], *, what: str, taken: Collection[str] = ()) -> None:
    """Raise ReservedName, naming `what` it was meant for, if a name is unusable or the loop's, or `taken`."""
    for name in names:
        if not isinstance(name, str) or not name.isidentifier() or keyword.iskeyword(name):
            raise ReservedName(f"{name!r} cannot name a {what}: use a Python variable name, such as lookup")
        if name in RESERVED or (name.startswith("__") and name.endswith("__")):
            raise ReservedName(
                f"{name!r} cannot name a {what}: the loop owns that name. Pass it under another one; "
                f"taken are {', '.join(sorted(RESERVED))}"
            )
        if name in taken:
            raise ReservedName(f"{name!r} names a {what} and something else too; rename one of them")


def tool_values(named: Mapping[str, object]) -> dict[str, object]:
    """Return what each name stands for in the namespace."""
    return {name: _value_of(tool) for name, tool in named.items()}


def tools_prompt(named: Mapping[str, object]) -> str:
    """Return what the model is told: each tool in a line, by signature and first paragraph of its docstring.

    `{"tool": value, "description": "..."}` in place of a value gives the words to use instead.

    >>> print(tools_prompt({"limits": {"tool": {"a": 1}, "description": "Known limits."}}))
    Of the user's own the session has
    - `limits` (dict, 1 item): Known limits.
    """
    if not named:
        return ""
    return "\n".join(
        ["Of the user's own the session has", *(f"- {_line(name, tool)}" for name, tool in named.items())]
    )


def _each(tools: object) -> Iterable[object]:
    if isinstance(tools, (str, bytes)) or not isinstance(tools, Iterable):
        raise TypeError(
            f"tools are functions, or values by name such as {{'limits': ...}}; not {type(tools).__name__}"
        )
    return tools


def _own_name(tool: object) -> str:
    name = getattr(tool, "__name__", None)
    if not isinstance(name, str) or not callable(tool):
        raise TypeError(f"a {type(tool).__name__} has no name of its own; pass tools={{'its_name': ...}}")
    return name


def _is_wrapped(tool: object) -> bool:
    return isinstance(tool, dict) and set(tool) in _WRAPPED


def _value_of(tool: object) -> object:
    return tool["tool"] if isinstance(tool, dict) and _is_wrapped(tool) else tool


def _line(name: str, tool: object) -> str:
    value = _value_of(tool)
    told = str(tool.get("description", "")) if isinstance(tool, dict) and _is_wrapped(tool) else ""
    # First paragraphs only: what else a docstring holds can be read in a cell, with help().
    about = _paragraph(told or _doc(value))
    head = _call(name, value) if callable(value) else f"`{name}` ({_kind(value)})"
    return f"{head}: {about}" if about else head


def _call(name: str, function: Callable[..., object]) -> str:
    signature = clip(_signature(function), limit_chars=_SIGNATURE_CHARS)
    awaited = " (a coroutine: await it)" if inspect.iscoroutinefunction(function) else ""
    return f"`{name}{signature}`{awaited}"


def _signature(function: Callable[..., object]) -> str:
    for evaluated in (True, False):  # annotations that are written as strings read better without quotes
        try:
            return str(inspect.signature(function, eval_str=evaluated))
        except Exception:  # noqa: BLE001 - evaluating the user's annotations may raise anything
            continue
    return "(...)"


def _kind(value: object) -> str:
    kind = type(value).__name__
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple):
        return f"{kind}, shape {shape}"
    if isinstance(value, (str, bytes)):
        return f"{kind}, {counted(len(value), 'character' if isinstance(value, str) else 'byte')}"
    if isinstance(value, (list, tuple, dict, set, frozenset)):
        return f"{kind}, {counted(len(value), 'item')}"
    return kind


def _doc(value: object) -> str:
    if isinstance(value, functools.partial):
        return _doc(value.func)
    if isinstance(value, (type, ModuleType)) or inspect.isroutine(value):
        # Of the value itself: inspect.getdoc would give a class without one the words of its base.
        return inspect.cleandoc(value.__doc__ or "")
    return "" if type(value).__module__ == "builtins" else inspect.cleandoc(type(value).__doc__ or "")


def _paragraph(text: str) -> str:
    first = text.strip().split("\n\n", 1)[0]
    return clip(" ".join(first.split()), limit_chars=_DOC_CHARS)
