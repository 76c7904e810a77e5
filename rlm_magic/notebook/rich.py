"""How an Answer shows itself: as HTML, as Markdown where that is harmless, always as plain text too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..records import Answer

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_MIME_TYPES = ("text/html", "text/markdown", "text/plain")


def register(shell: InteractiveShell) -> None:
    """Teach the shell's formatters about Answer."""
    assert shell.display_formatter is not None  # a shell has one from the moment it is made
    formatters = shell.display_formatter.formatters
    formatters["text/html"].for_type(Answer, _html)
    formatters["text/markdown"].for_type(Answer, _markdown)
    formatters["text/plain"].for_type(Answer, _plain)


def unregister(shell: InteractiveShell) -> None:
    """Make the shell's formatters forget Answer again."""
    assert shell.display_formatter is not None
    for mime in _MIME_TYPES:
        formatter = shell.display_formatter.formatters[mime]
        if Answer in formatter.type_printers:
            formatter.pop(Answer)


def _markdown(answer: Answer) -> str | None:
    from ..views import answer_markdown

    return answer_markdown(answer)


def _html(answer: Answer) -> str:
    from ..views import answer_html

    return answer_html(answer)


def _plain(answer: Answer, printer: Any, cycle: bool) -> None:
    from ..views import answer_plain

    # An Answer inside a list or a dict takes one line there.
    nested = cycle or len(printer.stack) > 1
    printer.text(repr(answer) if nested else answer_plain(answer))
