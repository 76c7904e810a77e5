"""Find out what a source is, and bind it."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path

from ..config import ContextConfig
from ..errors import SourceError, SourceNotFound
from .address import Access, is_url
from .context import Context
from .exclude import but, kept, printable
from .files import text_of_objects
from .given import named, text_of
from .indexing import Plain
from .info import Unit
from .opened import MANIFEST_KEY, open_stored
from .remote import NOT_REMOTE, text_at_url
from .reopen import context_of
from .stores import Store
from .stores.directory import MARK_KEY, DirectoryStore
from .text import Text
from .utf8 import Errors, check_errors

_GLOB_CHARS = re.compile(r"[*?\[]")
# No path is longer, on any system.
_LONGEST_ADDRESS = 4096
_HOW_TO_GIVE_TEXT = "to bind the text itself, put it in a list: open_context([text])"


def from_text(
    text: str,
    *,
    unit: Unit = "lines",
    errors: str = "replace",
    name: str = "text",
    config: ContextConfig | None = None,
) -> Context:
    """Bind a str as text, whatever it looks like. It is one document, `name`."""
    if not isinstance(text, str):
        raise SourceError(f"from_text takes a str, not {type(text).__name__}")
    policy = check_errors(errors)
    found = text_of([(name, text)], kind="str", errors=policy, config=config or ContextConfig())
    return context_of(found, check_unit(unit))


def open_context(
    source: object,
    *,
    unit: Unit = "lines",
    errors: str = "replace",
    exclude: Sequence[str] = (),
    name: str | None = None,
    config: ContextConfig | None = None,
    endpoint_url: str | None = None,
    region: str | None = None,
    profile: str | None = None,
    anonymous: bool = False,
) -> Context:
    r"""Bind a source as a context.

    A source is a Context; a list of str, or of (name, text) pairs; a path; or a str, which is an address (a
    file, a glob, a directory) or a text. A str is text if it holds a newline, or is longer than any path, or
    names nothing that exists and does not look like an address: it has a space, and no slash, glob character
    or "://". `[text]` is always text, a `pathlib.Path` always a path.

    Files of a glob (`**` crosses directories) or directory are documents, sorted, named by their path from
    there; a directory with a `manifest.json` is what `ingest` wrote. `s3://bucket/key`, `s3://bucket/prefix/`
    and globs in keys mean the same in a bucket, as do gs:// and az://; https:// names one object. Where S3 is
    and who asks is what the AWS environment and config files say, unless `endpoint_url`, `region`, `profile`
    or `anonymous` (unsigned requests) say otherwise. Text is UTF-8: a BOM is dropped, what is
    invalid becomes U+FFFD with a TextWarning, or raises BadText under errors="strict". `name` names the
    document of a single text or file. `exclude` holds shell patterns (`*` crosses directories too); files of
    a glob or directory whose document name matches one are left out.

    Raises SourceNotFound if nothing is there, SourceError if it is nothing that can be bound, ManifestError
    for a corrupt manifest.
    """
    policy, unit = check_errors(errors), check_unit(unit)
    if isinstance(source, Context):
        return source.lines if unit == "lines" else source.chars
    if isinstance(exclude, str):
        raise SourceError(f"exclude takes a list of patterns; write exclude=[{exclude!r}]")
    text = _text_of(
        source,
        errors=policy,
        name=name,
        exclude=tuple(exclude),
        config=config or ContextConfig(),
        access=Access(endpoint_url=endpoint_url, region=region, profile=profile, anonymous=anonymous),
    )
    return context_of(text, unit)


def check_unit(unit: str) -> Unit:
    """Return `unit` if there is such a unit; raises SourceError otherwise."""
    if unit == "lines":
        return "lines"
    if unit == "chars":
        return "chars"
    raise SourceError(f"unit={unit!r} is no unit of a context; use 'lines' or 'chars'")


def is_text(source: str) -> bool:
    """Return whether a str is taken as text rather than as an address. See open_context."""
    if "\n" in source or len(source) > _LONGEST_ADDRESS:
        return True
    if is_url(source) or "\0" in source:
        return "\0" in source
    looks_like_address = "/" in source or os.sep in source or _GLOB_CHARS.search(source)
    return not looks_like_address and " " in source and not os.path.exists(source)


def _text_of(
    source: object,
    *,
    errors: Errors,
    name: str | None,
    exclude: tuple[str, ...],
    config: ContextConfig,
    access: Access,
) -> Text:
    is_address = isinstance(source, os.PathLike) or (isinstance(source, str) and not is_text(source))
    if exclude and not is_address:
        raise _nothing_to_exclude(exclude, "this source")
    if not access.is_default and not is_address:
        raise SourceError(f"{NOT_REMOTE}; this source is a {type(source).__name__}")
    if isinstance(source, str) and is_text(source):
        return text_of([(name or "text", source)], kind="str", errors=errors, config=config)
    if isinstance(source, list | tuple):
        return text_of(named(source), kind="list", errors=errors, config=config)
    if isinstance(source, str | os.PathLike):
        text = text_at(
            os.fspath(source),
            errors=errors,
            name=name,
            exclude=exclude,
            config=config,
            access=access,
            literal=not isinstance(source, str),
        )
        if text.origin.exclude != exclude:
            raise _nothing_to_exclude(exclude, text.origin.address)
        return text
    if isinstance(source, bytes | bytearray | memoryview):
        raise SourceError("a context is text, not bytes; decode them first: open_context([data.decode()])")
    if isinstance(source, Store):
        return open_stored(source, errors=errors, config=config)
    raise SourceError(
        f"a {type(source).__name__} cannot be bound as a context; "
        "give a path, a glob, a directory, or a list of texts"
    )


def _nothing_to_exclude(exclude: tuple[str, ...], what: str) -> SourceError:
    return SourceError(
        f"exclude={list(exclude)!r} leaves out files of a glob or directory, and {what} is neither; "
        "leave exclude out"
    )


def text_at(
    address: str | bytes,
    *,
    errors: Errors,
    name: str | None,
    exclude: tuple[str, ...],
    config: ContextConfig,
    access: Access,
    literal: bool = False,
) -> Text:
    """Return the text at a path, or of the files of a glob; `literal` takes no character as a glob's."""
    path = os.path.expanduser(os.fsdecode(address))
    if not literal and is_url(path):
        return text_at_url(path, errors=errors, name=name, exclude=exclude, config=config, access=access)
    if not access.is_default:
        raise SourceError(f"{NOT_REMOTE}; {path} is local")
    if not path:
        raise SourceError(f"an empty str names nothing; {_HOW_TO_GIVE_TEXT}")
    if os.path.isdir(path):
        return _directory(path, errors=errors, exclude=exclude, config=config)
    if os.path.isfile(path):
        root, key = os.path.split(os.path.abspath(path))
        return _plain(root, [key], kind="file", address=path, errors=errors, config=config, only_name=name)
    if not literal and _GLOB_CHARS.search(path):
        return _glob(path, errors=errors, exclude=exclude, config=config)
    if os.path.exists(path):
        raise SourceError(f"{path} is neither a file nor a directory")
    raise SourceNotFound(f"nothing is at {path!r}; {_HOW_TO_GIVE_TEXT}")


def _directory(path: str, *, errors: Errors, exclude: tuple[str, ...], config: ContextConfig) -> Text:
    store = DirectoryStore(path)
    if os.path.exists(os.path.join(path, MANIFEST_KEY)):
        return open_stored(store, errors=errors, config=config)
    if os.path.exists(os.path.join(path, MARK_KEY)):
        raise SourceNotFound(
            f"the ingest into {path} was not finished, so there is no context yet; run it again"
        )
    keys = kept(store.keys(), exclude)
    if not keys:
        raise SourceNotFound(f"no files are below the directory {path}{but(exclude)}")
    return _plain(
        store.url, keys, kind="directory", address=path, errors=errors, exclude=exclude, config=config
    )


def _glob(pattern: str, *, errors: Errors, exclude: tuple[str, ...], config: ContextConfig) -> Text:
    root = _fixed_root(pattern)
    found = {os.path.relpath(path, root) for path in glob.glob(pattern, recursive=True)}
    # The patterns come first: a look at every file left out would cost more than the rest of binding.
    keys = [key for key in kept(sorted(found), exclude) if os.path.isfile(os.path.join(root, key))]
    if not keys:
        raise SourceNotFound(f"no file matches {pattern!r}{but(exclude)}; {_HOW_TO_GIVE_TEXT}")
    return _plain(root, keys, kind="glob", address=pattern, errors=errors, exclude=exclude, config=config)


def _fixed_root(pattern: str) -> str:
    """Return the directory in front of a glob's first magic part.

    >>> _fixed_root("logs/2024-*/x.txt"), _fixed_root("*.txt"), _fixed_root("/*")
    ('logs', '.', '/')
    """
    parts = Path(pattern).parts
    fixed = list(takewhile(lambda part: not _GLOB_CHARS.search(part), parts))
    return os.path.join(*fixed) if fixed else "."


def _plain(
    root: str,
    keys: Sequence[str],
    *,
    kind: str,
    address: str,
    errors: Errors,
    config: ContextConfig,
    exclude: tuple[str, ...] = (),
    only_name: str | None = None,
) -> Text:
    store = DirectoryStore(root)
    plain = [Plain(key, only_name or printable(key), store.head(key)) for key in keys]
    return text_of_objects(
        store,
        plain,
        kind=kind,
        address=os.path.abspath(address),
        errors=errors,
        exclude=exclude,
        config=config,
    )
