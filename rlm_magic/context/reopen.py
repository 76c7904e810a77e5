"""Make contexts of texts, and contexts again of what a pickle says about one."""

from __future__ import annotations

from dataclasses import dataclass

from ..config import ContextConfig
from ..errors import SnapshotChanged
from .address import Access
from .chars import CharContext
from .context import Context
from .fetch import StoredSegments
from .given import text_of
from .info import Unit
from .layout import Span
from .lines import LineContext
from .opened import open_stored, snapshot_key
from .stores import Store
from .stores.connect import RemoteStore
from .text import Text
from .utf8 import Errors


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to get a text again: the documents themselves, if they were given in memory, or where they are."""

    kind: str
    address: str
    name: str | None
    exclude: tuple[str, ...]
    snapshot: str | None
    errors: Errors
    config: ContextConfig
    documents: list[tuple[str, str]]
    store: Store | None


def context_of(text: Text, unit: Unit, span: Span | None = None, *, name: str | None = None) -> Context:
    """Return a context over a text, or over a part of it."""
    kind = LineContext if unit == "lines" else CharContext
    return kind(text, text.layout.whole() if span is None else span, name=name)


def recipe(text: Text) -> Recipe:
    """Return what is needed to open a text elsewhere."""
    origin, segments = text.origin, text.segments
    if isinstance(segments, StoredSegments):
        errors, store = segments.extents.errors, segments.store
        name = text.documents.names[0] if origin.kind in ("file", "object") else None
        where = (origin.kind, origin.address, name, origin.exclude, origin.snapshot)
        return Recipe(*where, errors, text.config, [], store)
    documents = [
        (name, text.read(span.start, span.stop))
        for name, span in zip(
            text.documents.names, map(text.document, range(len(text.documents))), strict=True
        )
    ]
    return Recipe(origin.kind, origin.address, None, (), None, "replace", text.config, documents, None)


def reopen(recipe: Recipe, unit: Unit, span: Span, name: str | None) -> Context:
    """Open a pickled context; raises SnapshotChanged if what it was bound to is not there any more."""
    return context_of(_text(recipe), unit, span, name=name)


def _text(recipe: Recipe) -> Text:
    if recipe.store is None:
        return text_of(recipe.documents, kind=recipe.kind, errors=recipe.errors, config=recipe.config)
    if recipe.kind == "manifest":
        # The snapshot's own manifest, because another may have been committed since.
        assert recipe.snapshot is not None
        key = snapshot_key(recipe.snapshot)
        return open_stored(recipe.store, errors=recipe.errors, config=recipe.config, key=key)
    if recipe.kind == "older manifest":
        found = open_stored(recipe.store, errors=recipe.errors, config=recipe.config)
    else:
        from .sources import text_at

        found = text_at(
            recipe.address,
            errors=recipe.errors,
            name=recipe.name,
            exclude=recipe.exclude,
            config=recipe.config,
            access=recipe.store.access if isinstance(recipe.store, RemoteStore) else Access(),
        )
    if found.origin.snapshot != recipe.snapshot:
        raise SnapshotChanged(
            f"{recipe.address} is not what it was when the context was pickled; bind it again"
        )
    return found
