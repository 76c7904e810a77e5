"""What is known about an object beyond its bytes, and the sidecar files that keep it.

A sidecar counts only while size and modification time are those of the file: edit an object by hand and it
becomes an ordinary file again, with the MD5 of its bytes for an ETag.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

DEFAULT_TYPE = "binary/octet-stream"


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectInfo:
    """An object's size, version and headers. `etag` is without quotes; `part_sizes` is empty for one PUT."""

    size: int
    mtime_ns: int
    etag: str
    headers: Mapping[str, str] = field(default_factory=dict)
    """Content-Type, Cache-Control, x-amz-meta-... as they were given."""
    checksums: Mapping[str, str] = field(default_factory=dict)
    part_sizes: tuple[int, ...] = ()

    @property
    def modified_s(self) -> int:
        return self.mtime_ns // 1_000_000_000

    @property
    def is_plain(self) -> bool:
        """Whether the file alone says all of it."""
        return not (self.headers or self.checksums or self.part_sizes)


_KEPT = ("content-type", "cache-control", "content-disposition", "content-language", "expires")


def kept_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return those headers of an upload which S3 gives back with the object.

    >>> kept_headers({"content-type": "text/plain", "x-amz-meta-a": "1", "host": "x"})
    {'content-type': 'text/plain', 'x-amz-meta-a': '1'}
    """
    kept = {n: v for n, v in headers.items() if n in _KEPT or n.startswith("x-amz-meta-")}
    if kept.get("content-type") == DEFAULT_TYPE:
        del kept["content-type"]
    # aws-chunked is framing, which is gone by now; anything beside it is the object's own encoding.
    encodings = [part.strip() for part in headers.get("content-encoding", "").split(",")]
    if own := ", ".join(part for part in encodings if part not in ("", "aws-chunked")):
        kept["content-encoding"] = own
    return kept


class Sidecars:
    """The sidecar files of a directory, one for each object that is more than its bytes."""

    def __init__(self, root: str) -> None:
        self._root = root

    def read(self, bucket: str, key: str, *, size: int, mtime_ns: int) -> ObjectInfo | None:
        """Return what is kept about this version of the object, or None."""
        try:
            with open(self._path(bucket, key), encoding="utf-8") as file:
                kept = json.load(file)
            info = ObjectInfo(**{**kept, "part_sizes": tuple(kept["part_sizes"])})
        # A sidecar cut off by a crash, or from some other release, is no reason to refuse the object.
        except (OSError, ValueError, TypeError, KeyError):
            return None
        return info if (info.size, info.mtime_ns) == (size, mtime_ns) else None

    def write(self, bucket: str, key: str, info: ObjectInfo, *, keep_plain: bool = False) -> None:
        """Keep what the file does not say; removes a sidecar that has become needless.

        With `keep_plain` the ETag alone is worth keeping.
        """
        path = self._path(bucket, key)
        if info.is_plain and not keep_plain:
            self.remove(bucket, key)
            return
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path + ".new", "w", encoding="utf-8") as file:
            json.dump(asdict(info), file)
        os.replace(path + ".new", path)

    def remove(self, bucket: str, key: str) -> None:
        """Forget the object; harmless when nothing is kept."""
        try:
            os.unlink(self._path(bucket, key))
        except (FileNotFoundError, NotADirectoryError):
            return

    def _path(self, bucket: str, key: str) -> str:
        # A digest: a key may be longer than a file name, and "a" and "a/b" must not collide.
        return f"{self._root}/{bucket}/{hashlib.sha256(key.encode()).hexdigest()}.json"
