"""What a run hands on to its child runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from ..models import Model
from .hooks import OpenChild


@dataclass(frozen=True, slots=True)
class Setting:
    """The names that a run and its children see, and how further models and contexts are opened."""

    names: Mapping[str, object]
    description: str
    tools: Mapping[str, object]
    child_prompt: str
    resolve: Callable[[str], Model]
    window: Callable[[str], int | None]
    open_child: OpenChild

    def of_child(self, context: object) -> Setting:
        """Return the setting of a child run about `context`; None means the same context."""
        if context is None:
            return self
        opened = self.open_child(context)
        return replace(self, names=opened.names, description=opened.description)

    def text_of(self, context: object) -> str:
        """Return the whole text of what model code passed as `context=`."""
        return str(self.open_child(context).names["context"])
