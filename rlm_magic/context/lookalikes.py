"""Stand-ins for `re` and `json` that take a context where they take a str.

Model code gets these by name and by `import re`; libraries keep the real modules. Everything but a context is
handed to the real ones. What can be told apart, by those who look: `type(re.compile(p))` and the type of a
match found in a large context are classes of ours (`isinstance` and `match` statements take them for
`re.Pattern` and `re.Match`), compiled patterns pickle as real ones, and `importlib.import_module("re")` and
`sys.modules["re"]` are the real module.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from . import matching
from .matching import Target
from .passage import Passage

_JSON_ADVICE = (
    "parse it in pieces: `for line in context: json.loads(line)` where each line is a document, or find the "
    "part you need and parse a slice of it"
)
# Every context is one. isinstance with Context, an abstract class, takes far longer, and each str is asked.
_ANY_CONTEXT: Any = Passage
# What parsing makes of a text is several times as large.
_JSON_COPIES = 3


def stand_ins() -> dict[str, ModuleType]:
    """Return modules for cells by name, made anew: what model code sets in one stays in its run."""
    of_re: Mapping[str, Callable[..., Any]] = {
        function.__name__: function
        for function in (compile, search, match, fullmatch, finditer, findall, split, sub, subn)
    }
    return {"re": _like(re, of_re), "json": _like(json, {"loads": loads, "dumps": dumps})}


def _like(real: ModuleType, functions: Mapping[str, Callable[..., Any]]) -> ModuleType:
    module = ModuleType(real.__name__, real.__doc__)
    vars(module).update(vars(real))
    vars(module).update(functions)
    return module


class CellPattern:
    """Stands in for an `re.Pattern` whose methods take a context too."""

    __slots__ = ("_real",)

    def __init__(self, real: re.Pattern[Any]) -> None:
        self._real = real

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        return re.Pattern

    def search(self, string: Any, pos: int = 0, endpos: int = sys.maxsize) -> Any:
        """See re.Pattern.search."""
        if isinstance(string, _ANY_CONTEXT):
            return matching.search(self._for_text(), Target.of(string, pos, endpos))
        return self._real.search(string, pos, endpos)

    def match(self, string: Any, pos: int = 0, endpos: int = sys.maxsize) -> Any:
        """See re.Pattern.match."""
        if isinstance(string, _ANY_CONTEXT):
            return matching.match(self._for_text(), Target.of(string, pos, endpos))
        return self._real.match(string, pos, endpos)

    def fullmatch(self, string: Any, pos: int = 0, endpos: int = sys.maxsize) -> Any:
        """See re.Pattern.fullmatch."""
        if isinstance(string, _ANY_CONTEXT):
            return matching.fullmatch(self._for_text(), Target.of(string, pos, endpos))
        return self._real.fullmatch(string, pos, endpos)

    def finditer(self, string: Any, pos: int = 0, endpos: int = sys.maxsize) -> Any:
        """See re.Pattern.finditer."""
        if isinstance(string, _ANY_CONTEXT):
            return matching.finditer(self._for_text(), Target.of(string, pos, endpos))
        return self._real.finditer(string, pos, endpos)

    def findall(self, string: Any, pos: int = 0, endpos: int = sys.maxsize) -> list[Any]:
        """See re.Pattern.findall."""
        if isinstance(string, _ANY_CONTEXT):
            return matching.find_all(self._for_text(), Target.of(string, pos, endpos))
        return self._real.findall(string, pos, endpos)

    def split(self, string: Any, maxsplit: int = 0) -> list[Any]:
        """See re.Pattern.split."""
        if isinstance(string, _ANY_CONTEXT):
            return matching.split(self._for_text(), string, maxsplit)
        return self._real.split(string, maxsplit)

    def sub(self, repl: Any, string: Any, count: int = 0) -> Any:
        """See re.Pattern.sub."""
        if isinstance(string, _ANY_CONTEXT):
            return matching.subn(self._for_text(), repl, string, count)[0]
        return self._real.sub(repl, string, count)

    def subn(self, repl: Any, string: Any, count: int = 0) -> Any:
        """See re.Pattern.subn."""
        if isinstance(string, _ANY_CONTEXT):
            return matching.subn(self._for_text(), repl, string, count)
        return self._real.subn(repl, string, count)

    def _for_text(self) -> re.Pattern[str]:
        if isinstance(self._real.pattern, bytes):
            raise TypeError("cannot use a bytes pattern on a context, which is text")
        return self._real

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def __eq__(self, other: object) -> bool:
        return bool(self._real == _plain(other))

    def __hash__(self) -> int:
        return hash(self._real)

    def __repr__(self) -> str:
        return repr(self._real)

    def __copy__(self) -> CellPattern:
        return self

    def __deepcopy__(self, _memo: Any) -> CellPattern:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return re.compile, (self._real.pattern, self._real.flags)


def compile(pattern: Any, flags: int = 0) -> CellPattern:
    """See re.compile."""
    return CellPattern(re.compile(_plain(pattern), flags))


def search(pattern: Any, string: Any, flags: int = 0) -> Any:
    """See re.search."""
    if isinstance(string, _ANY_CONTEXT):
        return compile(pattern, flags).search(string)
    return re.search(_plain(pattern), string, flags)


def match(pattern: Any, string: Any, flags: int = 0) -> Any:
    """See re.match."""
    if isinstance(string, _ANY_CONTEXT):
        return compile(pattern, flags).match(string)
    return re.match(_plain(pattern), string, flags)


def fullmatch(pattern: Any, string: Any, flags: int = 0) -> Any:
    """See re.fullmatch."""
    if isinstance(string, _ANY_CONTEXT):
        return compile(pattern, flags).fullmatch(string)
    return re.fullmatch(_plain(pattern), string, flags)


def finditer(pattern: Any, string: Any, flags: int = 0) -> Any:
    """See re.finditer."""
    if isinstance(string, _ANY_CONTEXT):
        return compile(pattern, flags).finditer(string)
    return re.finditer(_plain(pattern), string, flags)


def findall(pattern: Any, string: Any, flags: int = 0) -> Any:
    """See re.findall."""
    if isinstance(string, _ANY_CONTEXT):
        return compile(pattern, flags).findall(string)
    return re.findall(_plain(pattern), string, flags)


def split(pattern: Any, string: Any, maxsplit: int = 0, flags: int = 0) -> Any:
    """See re.split."""
    if isinstance(string, _ANY_CONTEXT):
        return compile(pattern, flags).split(string, maxsplit)
    return re.split(_plain(pattern), string, maxsplit=maxsplit, flags=flags)


def sub(pattern: Any, repl: Any, string: Any, count: int = 0, flags: int = 0) -> Any:
    """See re.sub."""
    if isinstance(string, _ANY_CONTEXT):
        return compile(pattern, flags).sub(repl, string, count)
    return re.sub(_plain(pattern), repl, string, count=count, flags=flags)


def subn(pattern: Any, repl: Any, string: Any, count: int = 0, flags: int = 0) -> Any:
    """See re.subn."""
    if isinstance(string, _ANY_CONTEXT):
        return compile(pattern, flags).subn(repl, string, count)
    return re.subn(_plain(pattern), repl, string, count=count, flags=flags)


def loads(s: Any, **options: Any) -> Any:
    """See json.loads."""
    if isinstance(s, _ANY_CONTEXT):
        s = s.whole(what="json.loads()", copies=_JSON_COPIES, advice=_JSON_ADVICE)
    return json.loads(s, **options)


def dumps(obj: Any, **options: Any) -> str:
    """See json.dumps."""
    return json.dumps(str(obj) if isinstance(obj, _ANY_CONTEXT) else obj, **options)


def _plain(pattern: Any) -> Any:
    return pattern._real if type(pattern) is CellPattern else pattern
