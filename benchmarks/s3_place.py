"""Where the S3 benchmark happens: its texts as files, and the server in front of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate, count, islice
from pathlib import Path

import log_text
import numpy
from s3_sizes import Sizes

import mock_s3
from rlm_magic.config import MIB, ContextConfig
from rlm_magic.context import Context, ingest, open_context
from rlm_magic.context.columns import Manifest
from rlm_magic.context.layout import DocumentTable
from rlm_magic.context.manifest import encode
from rlm_magic.disk import segment_cache

BUCKET = "bench"


@dataclass(frozen=True)
class Stored:
    """A text as objects of the bucket: their keys in order, and the line at which each starts."""

    url: str
    folder: Path
    keys: list[str]
    line_starts: list[int] = field(repr=False)
    text: str = field(repr=False)

    @property
    def paths(self) -> list[Path]:
        """The objects as the plain files that they are."""
        return [self.folder.parent / key for key in self.keys]

    @cached_property
    def line_ends(self) -> numpy.ndarray:
        """Where each line ends, behind its ending. The text is ASCII."""
        return numpy.flatnonzero(numpy.frombuffer(self.text.encode(), numpy.uint8) == ord("\n")) + 1

    @property
    def lines(self) -> int:
        """How many lines there are."""
        return len(self.line_ends)

    def between(self, start: int, stop: int) -> str:
        """Return lines [start, stop)."""
        first = self.line_ends[start - 1] if start else 0
        return self.text[first : self.line_ends[stop - 1]]

    def holding(self, start: int, stop: int) -> list[str]:
        """Return the keys of the objects that hold lines [start, stop)."""
        ends = [*self.line_starts[1:], self.lines]
        return [
            key
            for key, first, end in zip(self.keys, self.line_starts, ends, strict=True)
            if first < stop and end > start
        ]


class Place:
    """A directory, mock_s3 before it in a process of its own, and texts in it, made when first asked for."""

    def __init__(self, root: Path, server: mock_s3.Server, sizes: Sizes) -> None:
        self.root = root
        self.server = server
        self.sizes = sizes
        self._bucket = root / "served" / BUCKET
        self._numbers = count()

    def far(self, latency_ms: float) -> None:
        """Put the server so far away from now on."""
        self.server.set_network(latency_ms=latency_ms)

    def empty_cache(self) -> Path:
        """Let whatever is cached on disk from now on go to a new, empty directory, and return that."""
        # What was read before is still being written, in the background: not beside the next measurement.
        assert segment_cache().flush(60)
        folder = self.root / f"cache-{next(self._numbers)}"
        folder.mkdir()
        os.environ["RLM_CACHE_DIR"] = str(folder)
        return folder

    def open(self, url: str, config: ContextConfig | None = None) -> Context:
        """Open a context of which nothing is cached anywhere."""
        self.empty_cache()
        return open_context(url, config=config)

    @cached_property
    def separate(self) -> Stored:
        """50 objects of equally many lines under a manifest of the older form: an array of rows."""
        folder = self._folder("separate")
        lines = "".join(log_text.blocks(1 + 50 * self.sizes.separate_lines * 155 // 1_000_000)).splitlines(
            True
        )
        each = self.sizes.separate_lines
        rows = []
        for number in range(50):
            key = f"segment-{number:05}.txt"
            folder.joinpath(key).write_text("".join(lines[number * each : (number + 1) * each]))
            rows.append({"segment": key, "start_line": number * each, "line_count": each})
        folder.joinpath("manifest.json").write_text(json.dumps(rows))
        return self._stored(folder, [str(row["segment"]) for row in rows])

    @cached_property
    def many(self) -> Stored:
        """So many small objects, each one segment."""
        folder = self._folder("many")
        source = self.root / "many.txt"
        log_text.write(source, self.sizes.many_megabytes)
        # A little more than the mean, for the part of a line by which each segment falls short.
        each = source.stat().st_size // self.sizes.many_objects + 100
        ingest(source, folder, segment_bytes=each, object_bytes=each)
        source.unlink()
        return self._stored(folder, _object_keys(folder))

    @cached_property
    def rechunked(self) -> Stored:
        """The same text, re-chunked through S3 as a user would, with the defaults."""
        folder = self._folder("rechunked")
        many = self.many
        self.far(0)
        ingest(self.open(many.url), f"s3://{BUCKET}/rechunked/")
        return self._stored(folder, _object_keys(folder))

    @cached_property
    def large(self) -> str:
        """The URL of a text too large to keep, with the defaults of `ingest`."""
        folder = self._folder("large")
        source = self.root / "large.txt"
        log_text.write(source, self.sizes.large_megabytes)
        ingest(source, folder)
        source.unlink()
        self._know_etags("large/")
        return f"s3://{BUCKET}/large/"

    def manifest_of(self, segments: int) -> str:
        """Write the manifest of a text of so many segments of 1 MiB, 64 to an object, and return its URL."""
        folder = self._folder(f"manifest-{segments}")
        objects = -(-segments // 64)
        lines, size = segments * 6_700, segments * MIB
        manifest = Manifest(
            keys=[f"data/{number:064x}.txt" for number in range(objects)],
            sizes=[min(64, segments - 64 * number) * MIB for number in range(objects)],
            objects=[number // 64 for number in range(segments)],
            offsets=[number % 64 * MIB for number in range(segments)],
            lengths=[MIB] * segments,
            newlines=[6_700] * segments,
            characters=[MIB] * segments,
            unfinished=[],
            sha256=os.urandom(32 * segments),
            documents=DocumentTable(["large.log"], [lines], [size], [size], [0]),
        )
        folder.joinpath("manifest.json").write_bytes(encode(manifest)[1])
        self._know_etags(f"{folder.name}/")
        return f"s3://{BUCKET}/{folder.name}/"

    def _folder(self, name: str) -> Path:
        folder = self._bucket / name
        folder.mkdir(parents=True)
        return folder

    def _stored(self, folder: Path, keys: list[str]) -> Stored:
        self._know_etags(f"{folder.name}/")
        pieces = [folder.joinpath(key).read_text() for key in keys]
        starts = list(accumulate((piece.count("\n") for piece in pieces[:-1]), initial=0))
        return Stored(
            url=f"s3://{BUCKET}/{folder.name}/",
            folder=folder,
            keys=[f"{folder.name}/{key}" for key in keys],
            line_starts=starts,
            text="".join(pieces),
        )

    def _know_etags(self, prefix: str) -> None:
        """Have the server take the MD5 of each object now: a real store knows them."""
        import boto3

        self.far(0)
        for page in (
            boto3.client("s3").get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
        ):
            assert page["KeyCount"]


def _object_keys(folder: Path) -> list[str]:
    """Return the keys of the objects in the order of the text, as the manifest has them."""
    keys: list[str] = json.loads(folder.joinpath("manifest.json").read_bytes())["objects"]["key"]
    return keys


@contextmanager
def place(sizes: Sizes) -> Iterator[Place]:
    """Yield a place of the given sizes; the AWS environment, of children too, points there from now on."""
    with tempfile.TemporaryDirectory(prefix="bench_s3-") as directory:
        root = Path(directory)
        (root / "served" / BUCKET).mkdir(parents=True)
        with mock_s3.serve(root / "served") as server:
            for name in [name for name in os.environ if name.startswith("AWS_")]:
                del os.environ[name]
            os.environ |= {
                "AWS_ENDPOINT_URL_S3": str(server),
                "AWS_ACCESS_KEY_ID": "bench",
                "AWS_SECRET_ACCESS_KEY": "bench",
                "AWS_DEFAULT_REGION": "us-east-1",
                "AWS_CONFIG_FILE": os.devnull,
                "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            }
            yield Place(root, server, sizes)


def child(code: str, *arguments: object, **environment: str) -> dict[str, float]:
    """Run code in a fresh process, with additions to the environment; return the JSON it prints last."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    everything = {**os.environ, **environment}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=everything)
    if done.returncode:
        raise RuntimeError(f"a measured process failed:\n{done.stderr}")
    told: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return told


def some(keys: list[str], number: int) -> list[str]:
    """Return so many of the keys, evenly spread."""
    return list(islice(keys, 0, None, max(1, len(keys) // number)))[:number]
