"""The names of a run: the model's own, those given to it, and those that the loop owns."""

from __future__ import annotations

import builtins
import functools
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FunctionType, MethodType, ModuleType
from typing import Any

from ..errors import ReplError, RunEnded

_ABSENT = object()


class CellModule(ModuleType):
    """The module whose globals the cells share. It answers to `__main__` while one runs.

    Model code is full of `if __name__ == "__main__":`, and pickle, dataclasses and typing look up
    `sys.modules[cls.__module__]`. A name the run lacks is looked up in the real `__main__`, so that threads
    of the user which pickle meanwhile find their classes; global names in cells do not go that way.
    """

    def __getattr__(self, name: str) -> Any:
        outer = _outer_main.get(id(self))
        if outer is None:
            raise AttributeError(f"module '__main__' has no attribute {name!r}")
        return getattr(outer, name)


# Kept outside of the module: whatever lies in its __dict__ is a global name of the cells.
_outer_main: dict[int, ModuleType] = {}


class Namespace:
    """A dict of globals with rules. `on_ended` hears of every RunEnded that an owned function raises.

    `modules` are what the cells' own code gets for `import name`, and by that name without importing it. The
    libraries that it imports get the real modules, as does importlib.
    """

    def __init__(
        self, *, on_ended: Callable[[RunEnded], None], modules: Mapping[str, ModuleType] | None = None
    ) -> None:
        self.module = CellModule("__main__")
        self.globals: dict[str, Any] = self.module.__dict__
        self.modules = dict(modules or {})
        # A copy, because functions look `__import__` up in the builtins of the code that defined them. It is
        # a plain dict: a subclass that looked things up live would slow down every use of a builtin.
        self._builtins: dict[str, Any] = {}
        self._refresh_builtins()
        self.globals["__builtins__"] = self._builtins
        self._base = dict(self.globals)
        self._owned: dict[str, object] = {}
        self._given: dict[str, object] = {}
        self._on_ended = on_ended
        self.give(self.modules)

    def base(self, names: Mapping[str, object]) -> None:
        """Bind what every run has, such as `display`; the loop and the user may bind over it."""
        self._base.update(names)
        self.restore()

    def own(self, names: Mapping[str, object]) -> None:
        """Bind names of the loop."""
        for name, value in names.items():
            self._owned[name] = self._noting(value)
            self._given.pop(name, None)
        self.restore()

    def give(self, names: Mapping[str, object]) -> None:
        """Bind names for the model. Raises ReplError for a name that the loop owns."""
        self._refuse_owned(names)
        self._given.update(names)
        self.globals.update(names)

    def inherit(self, names: Mapping[str, object]) -> None:
        """Bind names as if a cell had made them. Raises ReplError for a name that the loop owns."""
        self._refuse_owned(names)
        for name in names:
            self._given.pop(name, None)
        self.globals.update(names)

    def _refuse_owned(self, names: Mapping[str, object]) -> None:
        taken = sorted(set(names) & set(self._owned))
        if taken:
            raise ReplError(f"{', '.join(taken)}: the loop owns this name; pass the value under another one")

    def restore(self) -> None:
        """Bind again what a cell must not take away."""
        for name, value in self._base.items():
            if name not in self._given:
                self.globals[name] = value
        self.globals.update(self._owned)

    def variables(self) -> dict[str, object]:
        """Return what the model has made: no modules, nothing private, nothing given and left alone."""
        hidden = {*self._base, *self._owned} - set(self._given)
        return {
            name: value
            for name, value in list(self.globals.items())
            if isinstance(name, str)
            and name not in hidden
            and not name.startswith("_")
            and not isinstance(value, ModuleType)
            and self._given.get(name, _ABSENT) is not value
        }

    @contextmanager
    def as_main(self) -> Iterator[None]:
        """Let the run's module be `__main__`."""
        outer = sys.modules["__main__"]
        _outer_main[id(self.module)] = outer
        self._refresh_builtins()
        sys.modules["__main__"] = self.module
        try:
            yield
        finally:
            sys.modules["__main__"] = outer
            del _outer_main[id(self.module)]

    def _refresh_builtins(self) -> None:
        """Take over what was put into the process's builtins, as `input` is for each cell."""
        self._builtins.update(vars(builtins))
        if self.modules:
            self._builtins["__import__"] = self._import

    def _import(
        self,
        name: str,
        globals: Mapping[str, object] | None = None,
        locals: Mapping[str, object] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        found = builtins.__import__(name, globals, locals, fromlist or (), level)
        # `import a.b` binds a; `from a.b import c` asks for a.b itself.
        wanted = name if fromlist else name.partition(".")[0]
        return found if level else self.modules.get(wanted, found)

    def _noting(self, value: object) -> object:
        # Model code can swallow RunEnded with a bare `except:`; the answer was given all the same.
        if not isinstance(value, FunctionType | MethodType):
            return value

        @functools.wraps(value)
        def owned(*args: Any, **options: Any) -> Any:
            try:
                return value(*args, **options)
            except RunEnded as ended:
                self._on_ended(ended)
                raise

        return owned
