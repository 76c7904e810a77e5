"""The options of the magics, in the order in which their help lists them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from IPython.core.magic_arguments import argument

from .progress import PROGRESS_KINDS

Magic = TypeVar("Magic", bound=Callable[..., object])

_BINDING = (
    argument("name", nargs="?", metavar="NAME", help="the variable that will hold the context"),
    argument("source", nargs="?", metavar="SOURCE", help="a path, glob, directory, URL, or $variable"),
    argument("--to", metavar="PLACE", help="write the source as segments into a directory or s3:// prefix"),
    argument("--endpoint-url", metavar="URL", help="an S3-compatible server, such as http://localhost:9000"),
    argument("--region", help="the region of the bucket"),
    argument("--profile", help="a profile of the AWS config files"),
    argument("--anonymous", action="store_true", help="read a public bucket, without credentials"),
    argument("--unit", choices=("lines", "chars"), default="lines", help="what context[a:b] counts"),
    argument(
        "--errors", choices=("replace", "strict"), default="replace", help="what to do with invalid UTF-8"
    ),
    argument("--exclude", action="append", default=[], metavar="PATTERN", help="leave out such files"),
    argument("--warm", action="store_true", help="load the whole text into memory before anything else"),
    argument("-l", "--list", action="store_true", help="list the bound contexts"),
    argument("-x", "--unbind", metavar="BOUND", help="forget a context and delete its variable"),
    argument("-q", "--quiet", action="store_true", help="bind without showing the context"),
)

_ASKING = (
    argument(
        "-c",
        "--context",
        metavar="NAME",
        help="the context to ask about, or NAME:DOCUMENT of it, or a str, list or path variable",
    ),
    argument(
        "-m",
        "--model",
        help="root model: claude, gpt, openai:gpt-5, offline, replay:FILE; $variable for a Model of yours",
    ),
    argument("-s", "--sub-model", help="model that llm_query asks"),
    argument(
        "--option",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="sampling option of the root model, such as temperature=0; may be repeated",
    ),
    argument(
        "--sub-option", action="append", default=[], metavar="KEY=VALUE", help="the same of the sub-model"
    ),
    argument("-n", "--max-steps", type=int, help="turns the root model may take"),
    argument("-d", "--max-depth", type=int, help="levels of child runs that rlm_query may start"),
    argument("-t", "--timeout", type=float, metavar="S", help="seconds the whole run may take"),
    argument("--step-timeout", type=float, metavar="S", help="seconds one cell may take"),
    argument("--max-sub-calls", type=int, help="calls below the root model the run may make"),
    argument("--max-tokens", type=int, help="tokens the run may use, all models together"),
    argument("-b", "--max-cost", type=float, metavar="USD", help="dollars the run may cost"),
    argument(
        "--tool",
        action="append",
        default=[],
        metavar="A,B",
        help="functions and values of yours that the model is told about and may use; may be repeated",
    ),
    argument("--with", dest="given", metavar="A,B", help="notebook variables that model code may use"),
    argument(
        "--schema", metavar="TYPE", help="the answer's form: a pydantic model, dataclass, type or JSON schema"
    ),
    argument("--follow", action="store_true", help="go on from the last run: its variables, what it found"),
    argument(
        "--resume",
        metavar="RUN",
        help="go on with a run that did not end: its id, the beginning of one, 'last', or a .jsonl file",
    ),
    argument(
        "--dry-run",
        action="store_true",
        help="show what would be sent, to whom and for how much; ask nothing",
    ),
    argument("--record", metavar="FILE", help="write requests and replies to FILE, for -m replay:FILE"),
    argument("--cache", action="store_true", help="answer sub-calls that were made before from disk"),
    argument(
        "--step", action="store_true", help="pause after each reply, before its code runs; see %%rlm_step?"
    ),
    argument("--keep", metavar="A,B", help="variables of the run to copy into the notebook"),
    argument("-o", "--out", metavar="NAME", help="variable for the answer; set even if the run is stopped"),
    argument("-q", "--quiet", action="store_true", help="show nothing while the run goes"),
    argument("--progress", choices=PROGRESS_KINDS, help="how to show the run while it goes"),
    argument("-h", "--help", action="store_true", help="show this help"),
)

_LOGGING = (
    argument(
        "runs",
        nargs="*",
        metavar="RUN",
        help="a run's id, the beginning of one, 'last', or a .jsonl file; two to see them side by side",
    ),
    argument("-s", "--step", type=int, metavar="N", help="show only this step"),
    argument("-o", "--out", metavar="FILE", help="write the run to FILE, .jsonl or .html"),
)


_STEPPING = (
    argument("--edit", action="store_true", help="put the code that waits into the next cell, to be changed"),
    argument("--say", action="store_true", help="tell the model the rest of the line; its code is not run"),
    argument("--go", action="store_true", help="run on without pauses"),
    argument("--stop", action="store_true", help="end with the best answer so far, on one last turn"),
    argument("--vars", action="store_true", help="show the run's variables"),
    argument("-q", "--quiet", action="store_true", help="show nothing while the run goes"),
    argument("--progress", choices=PROGRESS_KINDS, help="how to show the run while it goes"),
    argument("-h", "--help", action="store_true", help="show this help"),
)


def binding_options(magic: Magic) -> Magic:
    """Give a magic the options of %rlm_context."""
    return _with(_BINDING, magic)


def asking_options(magic: Magic) -> Magic:
    """Give a magic the options of %rlm."""
    return _with(_ASKING, magic)


def stepping_options(magic: Magic) -> Magic:
    """Give a magic the options of %rlm_step."""
    return _with(_STEPPING, magic)


def logging_options(magic: Magic) -> Magic:
    """Give a magic the options of %rlm_log."""
    return _with(_LOGGING, magic)


def _with(options: tuple[argument, ...], magic: Magic) -> Magic:
    # IPython collects them from the last decorator up.
    for option in reversed(options):
        option(magic)
    return magic
