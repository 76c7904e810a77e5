"""Follow a run from the side of the data: what a model's reply and its thinking say of coming reads."""

from __future__ import annotations

from dataclasses import replace

from .guess import Measures
from .hints import Hint, HintReader
from .layout import Span
from .prefetch import Prefetcher
from .text import Text


class Foresight:
    """Turns the progress of a run into reads ahead of time, for one context of a remote store.

    Call `thinking` when a model is asked, `streamed` with each piece of its reply, `acting` when the reply is
    complete. None of them waits for a read.
    """

    def __init__(self, text: Text, prefetcher: Prefetcher, measures: Measures) -> None:
        self._text = text
        self._prefetcher = prefetcher
        self._measures = measures
        self._reader = HintReader(measures)

    def thinking(self) -> None:
        """A model was asked: until it answers, the connections are free."""
        self._reader = HintReader(self._measures)
        self._prefetcher.idle()

    def streamed(self, piece: str) -> None:
        """A piece of the reply arrived; what its code is about to read is fetched from now on."""
        hints = self._reader.feed(piece)
        self._prefetcher.expect(hint for hint in map(self._in_the_text, hints) if hint is not None)

    def acting(self) -> None:
        """The reply is complete: its code comes first now."""
        self._prefetcher.busy()

    def _in_the_text(self, hint: Hint) -> Hint | None:
        """Return a hint on a document as one on the whole text; None if there is no such document."""
        if hint.document is None:
            return hint
        numbers = self._text.documents.numbers
        number = numbers.get(hint.document) if isinstance(hint.document, str) else hint.document
        if number is None or not 0 <= number < len(self._text.documents):
            return None
        return _shifted(hint, self._text.document(number))


def _shifted(hint: Hint, document: Span) -> Hint | None:
    if hint.unit == "lines":
        first, stop = document.newline_start, document.newline_start + document.lines
    elif document.char_start is not None and document.char_stop is not None:
        first, stop = document.char_start, document.char_stop
    else:
        return None
    start = first + hint.start
    if start >= stop:
        return None
    return replace(hint, start=start, stop=min(first + hint.stop, stop), document=None)
