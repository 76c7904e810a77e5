"""Complete the answer of a run: its typed text, what it read, what it cites, its page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ..engine.checked import Schema
from ..engine.citations import citations
from ..records import Answer
from ..views import page_html
from .bound import Bound
from .quoting import quoted
from .watching import Watch


class Form:
    """The form of a run's answer, if one was asked for, and the value that was found to have it."""

    def __init__(self, schema: Schema | None) -> None:
        self.schema = schema
        self.prompt = schema.prompt if schema is not None else ""
        self._accepted: object = None

    def accept(self, value: object) -> object:
        """Return the typed value. Raises AnswerRejected."""
        assert self.schema is not None
        self._accepted = self.schema.accept(value)
        return self._accepted

    def text_of(self, answer: Answer) -> str:
        """Return the text of an answer: that of its typed value if it has one."""
        if self.schema is None or self._accepted is None or answer.value is not self._accepted:
            return answer.text
        return self.schema.text(answer.value)


def with_page(answer: Answer) -> Answer:
    """Return the answer able to save itself as a web page."""
    return replace(answer, page=page_html)


def completing(bound: Bound, form: Form, watch: Watch) -> Callable[[Answer], Answer]:
    """Return what completes the answer of a run that begins now: its page, what it read and cites."""
    context = bound.context
    before = context.stats

    def complete(answer: Answer) -> Answer:
        watch.close()
        coverage, others = watch.coverage(answer), watch.other_coverage()
        text = form.text_of(answer)
        cited = citations(text, coverage, {name: others.get(name, coverage) for name in bound.others})
        # Before the reads are counted: what it reads is the run's too.
        found = quoted(bound.names, cited)
        return with_page(
            replace(
                answer,
                text=text,
                reads=context.stats - before,
                coverage=coverage,
                other_coverage=others,
                citations=found,
            )
        )

    return complete
