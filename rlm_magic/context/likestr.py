"""What a context does where code takes it for a str, all in one place.

Methods that take the whole text give what `str` gives, as long as that fits in memory, and otherwise
ContextTooLarge with the way to do it in pieces. What cannot mean anything is a TypeError that says what to
write. Where positions are counted (find, index, startswith), they count in the context's own unit.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

from .passage import Passage

Kind = TypeVar("Kind", bound=type)


@dataclass(frozen=True, slots=True)
class _Way:
    """How methods of str are done: how often the text is in memory meanwhile, and what to do instead."""

    copies: int
    advice: str
    names: tuple[str, ...]


_WHOLE = (
    _Way(
        copies=2,
        advice="change one line at a time: `for line in context: line.{name}(...)`, or a slice",
        names=(
            *("capitalize", "casefold", "lower", "swapcase", "title", "upper"),
            *("lstrip", "removeprefix", "removesuffix", "rstrip", "strip"),
            *("encode", "expandtabs", "replace", "translate"),
            *("center", "ljust", "rjust", "zfill"),
        ),
    ),
    _Way(
        copies=2,
        advice="iterate over the lines (`for line in context`), or divide slices of it: "
        "`context[a:b].{name}(...)`",
        names=("partition", "rpartition", "rsplit", "split", "splitlines"),
    ),
    _Way(
        copies=1,
        advice="ask slices of it: `context[a:b].{name}()`",
        names=(
            *("isalnum", "isalpha", "isascii", "isdecimal", "isdigit", "isidentifier", "islower"),
            *("isnumeric", "isprintable", "isspace", "istitle", "isupper"),
        ),
    ),
)

_REFUSED = {
    "join": 'a context joins nothing; write "".join(parts), or context[:] for all of its text',
    "format": "a context is no template; put pieces of it into one: f'...{context[a:b]}...'",
    "format_map": "a context is no template; put pieces of it into one: f'...{context[a:b]}...'",
    "__mod__": "a context is no template; put pieces of it into one: f'...{context[a:b]}...'",
    "__mul__": "a context cannot be repeated; repeat a slice of it: context[a:b] * 2",
    "__rmul__": "a context cannot be repeated; repeat a slice of it: context[a:b] * 2",
}


def _with_methods_of_str(kind: Kind) -> Kind:
    for way in _WHOLE:
        for name in way.names:
            setattr(kind, name, _of_the_whole(name, way))
    for name, advice in _REFUSED.items():
        setattr(kind, name, _refusing(name, advice))
    return kind


def _of_the_whole(name: str, way: _Way) -> Callable[..., Any]:
    original = getattr(str, name)

    def method(self: Passage, *args: Any, **options: Any) -> Any:
        whole = self.whole(what=f"{name}()", copies=way.copies, advice=way.advice.format(name=name))
        return original(whole, *args, **options)

    method.__name__, method.__qualname__ = name, f"Context.{name}"
    method.__doc__ = (
        f"Return what str.{name} gives for the whole text; raises ContextTooLarge if it is large."
    )
    return method


def _refusing(name: str, advice: str) -> Callable[..., NoReturn]:
    def method(_self: Passage, *_args: Any, **_options: Any) -> NoReturn:
        raise TypeError(advice)

    method.__name__, method.__qualname__ = name, f"Context.{name}"
    method.__doc__ = f"Raise TypeError: {advice}."
    return method


@_with_methods_of_str
class LikeStr(Passage):
    """A passage that passes for a str: with its methods and its operators."""

    maketrans = staticmethod(str.maketrans)
    # Equal to a str, but with a hash of its own: one that agrees would have to read all of the text. So a
    # context is never found under its text in a dict or a set.
    __hash__ = object.__hash__

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def view(self, start: int | None = None, stop: int | None = None) -> LikeStr:
        """Return a part of it, in its own unit."""

    def startswith(
        self, prefix: str | tuple[str, ...], start: int | None = None, stop: int | None = None
    ) -> bool:
        """Return whether the text from `start` to `stop`, in the context's unit, starts so."""
        part, longest = self._part_with_end(prefix, start, stop)
        return part is not None and _decoded(part.first_bytes(longest)).startswith(prefix)

    def endswith(
        self, suffix: str | tuple[str, ...], start: int | None = None, stop: int | None = None
    ) -> bool:
        """Return whether the text from `start` to `stop`, in the context's unit, ends so."""
        part, longest = self._part_with_end(suffix, start, stop)
        return part is not None and _decoded(part.last_bytes(longest)).endswith(suffix)

    def _part_with_end(
        self, wanted: str | tuple[str, ...], start: int | None, stop: int | None
    ) -> tuple[LikeStr | None, int]:
        """Return the part to look at, None if it starts past the end, and how many bytes decide."""
        several = wanted if isinstance(wanted, tuple) else (wanted,)
        if not all(isinstance(each, str) for each in several):
            raise TypeError(f"a context starts and ends with a str, or one of a tuple of str, not {wanted!r}")
        if self._is_nowhere(start, stop):
            return None, 0
        part = self if start is None and stop is None else self.view(start, stop)
        # A character has at most four bytes; one that is cut in two lies beyond what is compared.
        return part, 4 * max(map(len, several), default=0)

    def _is_nowhere(self, start: int | None, stop: int | None) -> bool:
        """Whether there is not even emptiness from `start` to `stop`, as str's methods see it."""
        first, last, _ = slice(start, stop).indices(len(self))
        return first > last or (start is not None and start > len(self))

    def __add__(self, other: object) -> str:
        """Return the text with another behind it; like str(context), for a small one only."""
        return str(self) + str(other) if isinstance(other, str | LikeStr) else NotImplemented

    def __radd__(self, other: object) -> str:
        """Return the text with another in front of it; like str(context), for a small one only."""
        return str(other) + str(self) if isinstance(other, str) else NotImplemented

    def __eq__(self, other: object) -> bool:
        """Compare with a str by text, reading no more than it takes; with anything else by identity."""
        return self.has_text(other) if isinstance(other, str) else self is other

    def __format__(self, spec: str) -> str:
        """Format the text as a str; like str(context), for a small one only."""
        return format(str(self), spec)


def _decoded(cut: bytes) -> str:
    return cut.decode(errors="ignore")
