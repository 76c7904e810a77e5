"""The worker of %rlm_context: from its options to a bound context."""

from __future__ import annotations

import os
from argparse import Namespace
from typing import TYPE_CHECKING

from IPython.core.error import UsageError

from .binding import Contexts, is_remote, open_source
from .copying import copying
from .options import reach_of
from .progress import warnings_in_one_line

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ..context import Context


def bind_named(
    shell: InteractiveShell, contexts: Contexts, args: Namespace, cell: str | None, *, progress: str
) -> Context:
    """Open the source that the options name, write it if they say so, and bind it under its name."""
    from ..context.tally import watching_indexing

    with warnings_in_one_line():
        with (
            copying(shell, progress, f"indexing {args.source}") as on_progress,
            watching_indexing(on_progress),
        ):
            context = _open(shell, contexts, args, cell)
        if args.to is not None:
            context = _write(shell, context, args, progress)
    contexts.bind(args.name, context)
    if args.warm:
        with copying(shell, progress, f"loading {args.name}") as on_progress:
            context.warm(on_progress=on_progress)
    return context


def _open(shell: InteractiveShell, contexts: Contexts, args: Namespace, cell: str | None) -> Context:
    from ..context import from_text

    _check(args, cell)
    contexts.check_name(args.name, args.source or "SOURCE")
    if cell is not None:
        # IPython ends every cell body with a newline that nobody typed.
        return from_text(cell.removesuffix("\n"), unit=args.unit, errors=args.errors, name=args.name)
    options = {"unit": args.unit, "errors": args.errors, "exclude": args.exclude}
    # With a remote source and destination, the options are those of both.
    reach = reach_of(args) if args.to is None or is_remote(args.source, shell.user_ns) else {}
    return open_source(args.source, shell.user_ns, **options, **reach)


def _check(args: Namespace, cell: str | None) -> None:
    if args.name is None:
        raise UsageError("%%rlm_context needs a name: %%rlm_context NAME")
    if cell is None and not args.source:
        raise UsageError(f"name the source too: %rlm_context {args.name} SOURCE (a path, a glob, $variable)")
    if cell is not None and args.source is not None:
        raise UsageError(
            f"%%rlm_context takes its text from the cell; {args.source!r} is one source too many"
        )


def _write(shell: InteractiveShell, context: Context, args: Namespace, progress: str) -> Context:
    from ..context import ingest

    is_url = "://" in args.to
    reach = reach_of(args) if is_url else {}
    with copying(shell, progress, f"writing {args.to}") as on_progress:
        to = args.to if is_url else os.path.expanduser(args.to)
        return ingest(context, to, unit=args.unit, on_progress=on_progress, **reach)
