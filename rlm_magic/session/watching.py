"""Watch what a run reads: of its `context` step by step, of the other texts bound by name in all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..context import Context
from ..records import Answer, Coverage, Reading
from .bound import Bound

# More documents than a strip as wide as a page could mark.
_MOST_DOCUMENTS = 200


class Watch:
    """The observers of a run's texts, from now until `close`. `earlier` is the part of the run before."""

    def __init__(self, bound: Bound, earlier: Answer | None) -> None:
        self._bound = bound
        others = {name: each for name, each in bound.others.items() if each is not bound.context}
        self._context = bound.context.observe()
        self._others = {name: each.observe() for name, each in others.items()}
        before = {} if earlier is None else earlier.other_coverage
        self._read = {name: _reading(before.get(name), each) for name, each in others.items()}

    def take(self, prompts: Sequence[str]) -> Reading:
        """Return what was read of `context` since the last call; of the other texts that is added up here."""
        for name, observer in self._others.items():
            self._read[name] += observer.take(prompts)
        return self._context.take(prompts)

    def forget(self) -> None:
        """Leave out what was read since the last take: it is not the run's doing."""
        for observer in (self._context, *self._others.values()):
            observer.take(())

    def close(self) -> None:
        """Stop watching; closing twice is harmless."""
        for observer in (self._context, *self._others.values()):
            observer.close()

    def coverage(self, answer: Answer) -> Coverage:
        """Return what the run has read of `context`."""
        whole = sum((step.reading for step in answer.steps), Reading())
        return _coverage(self._bound.context, whole)

    def other_coverage(self) -> Mapping[str, Coverage]:
        """Return what it has read of each of the other texts."""
        return {name: _coverage(self._bound.others[name], reading) for name, reading in self._read.items()}


def _coverage(context: Context, whole: Reading) -> Coverage:
    documents = context.documents
    number = len(documents)
    return Coverage(
        context.info.lines,
        whole.read,
        whole.searched,
        whole.prompted,
        documents=tuple(documents.starts()) if 1 < number <= _MOST_DOCUMENTS else (),
        unmarked=number if number > _MOST_DOCUMENTS else 0,
    )


def _reading(before: Coverage | None, context: Context) -> Reading:
    # Of another text under the same name those lines would mean nothing.
    if before is None or before.lines != context.info.lines:
        return Reading()
    return Reading(before.read, before.searched, before.prompted)
