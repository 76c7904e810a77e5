"""Documents and manifests as columns, for writing: of a context, of a view, of one text behind another."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain

from .columns import Manifest
from .context import Context
from .layout import DocumentTable, Span
from .text import Text


def documents_of(context: Context) -> DocumentTable:
    """Return the documents of a context; those of a view as far as they are in sight."""
    text, span = context._text, context._span
    text.measured()
    if text.layout.is_whole(span):
        return text.documents
    spans = [document._with_chars() for document in context.documents.values()]
    starts = [*(own.start for own in spans), span.stop][1:]
    rows = [
        _measures(text, own, text.layout.bytes_between(own.stop, behind))
        for own, behind in zip(spans, starts, strict=True)
    ]
    lines, characters, lengths, separators = zip(*rows, strict=True) if rows else ((), (), (), ())
    return DocumentTable(list(context.documents), lines, characters, lengths, separators)


def unfinished_document(manifest: Manifest) -> int | None:
    """Return the document with which a text ends in the middle of a line, or None if it does not."""
    table = manifest.documents
    if sum(table.lines) == sum(manifest.newlines):
        return None
    return max(number for number, length in enumerate(table.bytes) if length)


def with_separator(table: DocumentTable, number: int | None) -> DocumentTable:
    """Return the table with a newline supplied behind a document."""
    if number is None:
        return table
    separators = list(table.separators)
    separators[number] = 1
    return replace(table, separators=separators)


def joined(first: DocumentTable, second: DocumentTable) -> DocumentTable:
    """Return the documents of one text behind those of another."""
    return DocumentTable(
        [*first.names, *second.names],
        [*first.lines, *second.lines],
        [*first.characters, *second.characters],
        [*first.bytes, *second.bytes],
        [*first.separators, *second.separators],
    )


def extended(old: Manifest, fresh: Manifest) -> Manifest:
    """Return the manifest of a text with fresh segments behind it; `fresh` has the documents of both."""
    shift = len(old.keys)
    return Manifest(
        keys=[*old.keys, *fresh.keys],
        sizes=[*old.sizes, *fresh.sizes],
        objects=list(chain(old.objects, (number + shift for number in fresh.objects))),
        offsets=[*old.offsets, *fresh.offsets],
        lengths=[*old.lengths, *fresh.lengths],
        newlines=[*old.newlines, *fresh.newlines],
        characters=[*old.characters, *fresh.characters],
        unfinished=[*old.unfinished, *(number + len(old.objects) for number in fresh.unfinished)],
        sha256=old.sha256 + fresh.sha256,
        documents=fresh.documents,
        replaced=fresh.replaced,
        errors=fresh.errors,
        parent=old.snapshot,
    )


def _measures(text: Text, own: Span, behind_bytes: int) -> tuple[int, int, int, int]:
    """Return lines, characters, bytes and separator of a document; what is behind it is a newline at most."""
    assert own.char_start is not None
    assert own.char_stop is not None
    characters, length = own.char_stop - own.char_start, text.layout.bytes_between(own.start, own.stop)
    if behind_bytes and not length:
        # A view that begins with the newline behind a document: a line of its own, and so the document's.
        return 1, 1, 1, 0
    return own.lines, characters, length, behind_bytes
