"""Find what contradicts itself in a manifest. Pure.

Whoever can write a manifest can sign it, so the digest alone does not make it safe to follow.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

from .columns import Manifest
from .extents import DIGEST_BYTES

# No column may sum up to more: positions are 64-bit and signed where numpy has them.
_MOST = 2**62


def safe_key(key: str) -> bool:
    """Return whether a key stays inside its store."""
    path = PurePosixPath(key)
    return (
        bool(key)
        and not path.is_absolute()
        and ".." not in path.parts
        and "\\" not in key
        and "\0" not in key
    )


def fault_of(manifest: Manifest) -> str | None:
    """Return what contradicts itself in a manifest, or None."""
    return _fault_of_shape(manifest) or _fault_of_segments(manifest) or _fault_of_documents(manifest)


def _fault_of_shape(manifest: Manifest) -> str | None:
    count = len(manifest.objects)
    columns = (manifest.offsets, manifest.lengths, manifest.newlines, manifest.characters)
    if any(len(column) != count for column in columns) or len(manifest.sha256) != count * DIGEST_BYTES:
        return "the segment columns differ in length"
    if len(manifest.keys) != len(manifest.sizes):
        return "the object columns differ in length"
    table = manifest.documents
    others = (table.lines, table.characters, table.bytes, table.separators)
    if any(len(column) != len(table.names) for column in others):
        return "the document columns differ in length"
    unsafe = next((key for key in manifest.keys if not safe_key(key)), None)
    return None if unsafe is None else f"the object key {unsafe!r} leads out of the store"


def _fault_of_segments(manifest: Manifest) -> str | None:
    import numpy as np

    def numbers(column: Sequence[int]) -> Any:
        return np.asarray(column, dtype=np.uint64)

    if not len(manifest.objects):
        return None
    if max(manifest.objects) >= len(manifest.keys):
        return f"segment object {max(manifest.objects)} is not among {len(manifest.keys)} objects"
    if min(manifest.sizes) < 0 or max(map(max, (manifest.offsets, manifest.lengths, manifest.sizes))) > _MOST:
        return "a size is out of range"
    if sum(manifest.lengths) > _MOST:
        return "the text is out of range"
    lengths, characters = numbers(manifest.lengths), numbers(manifest.characters)
    sizes = numbers(manifest.sizes)[numbers(manifest.objects).astype(np.intp)]
    checks = (
        (numbers(manifest.offsets) + lengths > sizes, "reaches beyond its object"),
        (lengths == 0, "is empty"),
        (numbers(manifest.newlines) > characters, "has more newlines than characters"),
        (characters > lengths, "has more characters than bytes"),
        (characters < (lengths + 3) // 4, "has too few characters for its bytes"),
    )
    for wrong, what in checks:
        if wrong.any():
            return f"segment {int(wrong.argmax())} {what}"
    return None


def _fault_of_documents(manifest: Manifest) -> str | None:
    table = manifest.documents
    if len(table.numbers) != len(table.names):
        return "two documents have the same name"
    columns = (table.lines, table.characters, table.bytes, table.separators)
    if any(min(column, default=0) < 0 for column in columns) or max(table.separators, default=0) > 1:
        return "a document has a measure that is out of range"
    if sum(table.bytes) + sum(table.separators) != sum(manifest.lengths):
        return "the documents do not have as many bytes as the segments"
    if sum(table.characters) + sum(table.separators) != sum(manifest.characters):
        return "the documents do not have as many characters as the segments"
    if sum(table.lines) - sum(manifest.newlines) not in (0, 1):
        return "the documents do not have as many lines as the segments"
    return None
