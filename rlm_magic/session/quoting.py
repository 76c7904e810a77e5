"""Fetch the lines that an answer cites, so that whoever reads the answer has them beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ..context import Context
from ..errors import ContextError
from ..records import Citation
from ..redact import redactor
from ..text import clip

# An answer that cites more, or longer, is about places rather than wording; a record must not hold the text.
_MOST_CITATIONS = 50
_MOST_LINES = 20
_TEXT_CHARS = 2_000


def quoted(contexts: Mapping[str, Context], citations: Sequence[Citation]) -> tuple[Citation, ...]:
    """Return the citations with the text of their lines, redacted and capped, and its document's name.

    `contexts` are the texts of the run by name, `context` among them.

    Beyond the first 50 they stay as they are. So do the rest once a line cannot be read: an answer is not
    lost, nor kept waiting twice, for a store that has gone away.
    """
    redact = redactor()
    found = list(citations)
    for index, citation in enumerate(found[:_MOST_CITATIONS]):
        if citation.status == "no such line":
            continue
        context = contexts[citation.context or "context"]
        try:
            text = redact(_lines(context, citation))
        except ContextError:
            break
        document = context.documents.of_line(citation.first) if len(context.documents) > 1 else ""
        found[index] = replace(citation, text=clip(text, limit_chars=_TEXT_CHARS), document=document)
    return tuple(found)


def _lines(context: Context, citation: Citation) -> str:
    stop = min(citation.last + 1, citation.first + _MOST_LINES)
    left_out = citation.last + 1 - stop
    more = f"\n... [{left_out:,} more lines]" if left_out else ""
    return context.lines[citation.first : stop].rstrip("\n") + more
