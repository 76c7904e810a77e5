"""Bind what the user names in a magic as a context: a path, a glob, `$variable`, a cell body."""

from __future__ import annotations

import glob
import keyword
import os
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from IPython.core.error import UsageError

if TYPE_CHECKING:
    from ..context import Context

Unit = Literal["lines", "chars"]
Errors = Literal["replace", "strict"]

_LONGEST_ADDRESS = 4096

HOW_TO_BIND = (
    "no context is bound. Bind one first:\n"
    "    %rlm_context logs /var/log/app/*.log    a path, a glob or a directory\n"
    "    %rlm_context notes $notes               a notebook variable: str, list of str, path\n"
    "    %%rlm_context page                      the rest of the cell is the text"
)


class Contexts(Mapping[str, "Context"]):
    """The contexts bound in one notebook, in the order of binding; the last one is the default.

    A binding lives in the user's namespace too; rebinding that name by hand takes it out of here.
    """

    def __init__(self, user_ns: MutableMapping[str, object]) -> None:
        self._user_ns = user_ns
        self._bound: dict[str, Context] = {}

    def __getitem__(self, name: str) -> Context:
        return self._live()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._live())

    def __len__(self) -> int:
        return len(self._live())

    def bind(self, name: str, context: Context) -> None:
        """Make `context` the notebook variable `name` and the default context."""
        self._bound.pop(name, None)
        self._bound[name] = context
        self._user_ns[name] = context

    def unbind(self, name: str) -> None:
        """Forget a context and delete its variable. Raises UsageError if it is not bound."""
        if name not in self:
            raise UsageError(f"no context {name!r} is bound; bound are: {', '.join(self) or 'none'}")
        del self._bound[name]
        del self._user_ns[name]

    def clear(self) -> None:
        """Forget every context; variables that the user has rebound are spared."""
        for name in list(self):
            self.unbind(name)
        self._bound.clear()

    def last(self) -> Context:
        """Return the context bound last. Raises UsageError, showing how to bind one, when there is none."""
        live = self._live()
        if not live:
            raise UsageError(HOW_TO_BIND)
        return next(reversed(live.values()))

    def check_name(self, name: str, source: str) -> None:
        """Refuse a name that is no variable name, or whose variable would be lost by binding it."""
        if not _is_name(name):
            raise UsageError(f"{name!r} cannot name a context: use a Python variable name, such as logs")
        from ..context import Context

        held = self._user_ns.get(name)
        if name not in self._user_ns or isinstance(held, Context) or source == f"${name}":
            return
        raise UsageError(
            f"the variable {name!r} already holds a {type(held).__name__}, which binding would replace; "
            f"choose another name, or `del {name}` first"
        )

    def check_free(self, names: Sequence[str]) -> None:
        """Refuse names that are no variable's, or those of contexts, which would be bound no longer."""
        for name in names:
            if not _is_name(name):
                raise UsageError(f"{name!r} is not a variable name")
            if name in self:
                raise UsageError(f"{name!r} is a bound context, which would be lost; choose another name")

    def _live(self) -> dict[str, Context]:
        return {name: context for name, context in self._bound.items() if self._user_ns.get(name) is context}


def open_source(
    source: str,
    user_ns: Mapping[str, object],
    *,
    unit: Unit = "lines",
    errors: Errors = "replace",
    exclude: Sequence[str] = (),
    **reach: Any,
) -> Context:
    """Open what was written as SOURCE in a magic: `$variable`, else an address.

    `reach` says how to reach a remote one; see open_context.
    """
    from ..context import open_context

    if source.startswith("$"):
        name = source[1:]
        if name not in user_ns:
            raise UsageError(f"there is no variable {name!r} in the notebook to bind as a context")
        value, what = user_ns[name], f"variable {name!r}"
        return open_value(value, what=what, name=name, unit=unit, errors=errors, exclude=exclude, **reach)
    address = Path(source).expanduser() if _is_plain_path(source) else source
    return open_context(address, unit=unit, errors=errors, exclude=exclude, **reach)


def open_value(
    value: object,
    *,
    what: str,
    name: str | None = None,
    unit: Unit = "lines",
    errors: Errors = "replace",
    exclude: Sequence[str] = (),
    **reach: Any,
) -> Context:
    """Open a Python object as a context. A str is text unless it names a path that exists or a URL."""
    from ..context import Context, from_text, open_context

    if isinstance(value, str) and not exclude and not any(reach.values()) and not _names_something(value):
        return from_text(value, unit=unit, errors=errors, name=name or "text")
    if isinstance(value, (str, list, tuple, PathLike, Context)):
        return open_context(value, unit=unit, errors=errors, exclude=exclude, **reach)
    raise UsageError(
        f"{what} is a {type(value).__name__}; a context is made of a str, a list of str, or a path"
    )


def document_of(context: Context, name: str) -> Context:
    """Return one document of a context. Raises UsageError if there is none of that name."""
    if name in context.documents:
        return context.documents[name]
    known = ", ".join(context.documents.some(5))
    raise UsageError(f"there is no document {name!r} in that context; there are: {known}")


def is_remote(source: str, user_ns: Mapping[str, object]) -> bool:
    """Return whether SOURCE, or what its variable holds, is a URL."""
    held = user_ns.get(source[1:]) if source.startswith("$") else source
    return isinstance(held, str) and _names_something(held) and "://" in held.split(maxsplit=1)[0]


def _is_name(name: str) -> bool:
    return name.isidentifier() and not keyword.iskeyword(name)


def _is_plain_path(source: str) -> bool:
    """Whether SOURCE is a path even if it would look like text, as a file name with spaces does."""
    return "://" not in source and not any(character in source for character in "*?[")


def _names_something(text: str) -> bool:
    """Whether a str in a variable is an address: a URL, or a path or glob of something that is there."""
    if "\n" in text or len(text) > _LONGEST_ADDRESS or not text.strip():
        return False
    if "://" in text.split(maxsplit=1)[0]:
        return True
    path = os.path.expanduser(text)
    try:
        return os.path.exists(path) or (glob.has_magic(path) and any(glob.iglob(path, recursive=True)))
    except (OSError, ValueError):  # a null character, a name longer than the system allows
        return False
