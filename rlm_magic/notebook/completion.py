"""Complete options, contexts, documents, models, runs and remote addresses, on the lines of our magics."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from IPython.core.completer import (
    CompletionContext,
    SimpleCompletion,
    SimpleMatcherResult,
    context_matcher,
)

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from .magics import RLMMagics

_OUR_LINE = re.compile(
    r"^\s*(?:[\w., \t]+=\s*)?%%?(rlm(?:_cache|_context|_log|_status|_step)?)\s+(.*)$", re.DOTALL
)
_CONTEXT_OPTIONS = ("-c", "--context")
_BOUND_OPTIONS = ("-x", "--unbind")
_MODEL_OPTIONS = ("-m", "--model", "-s", "--sub-model")
_VARIABLE_OPTIONS = ("--tool", "--with", "--schema")
_SAMPLING_OPTIONS = ("--option", "--sub-option")
_SAMPLING = ("temperature=", "top_p=", "max_output_tokens=", "reasoning_effort=", "seed=", "thinking=")
_DOCUMENTS = 200
# What would have to be quoted cannot be completed word by word.
_QUOTED = re.compile(r"""[\s'"]""")
_MARK = "_rlm_magic_matcher"


def register(shell: InteractiveShell, magics: RLMMagics) -> None:
    """Add our matcher to the shell's completer."""

    @context_matcher()
    def rlm_magic_matcher(context: CompletionContext) -> SimpleMatcherResult:
        match = _OUR_LINE.match(context.line_with_cursor[: context.cursor_position])
        if match is None:
            return SimpleMatcherResult(completions=[], suppress=False)
        found = list(_candidates(magics, match.group(1), match.group(2), context.token))
        return SimpleMatcherResult(
            completions=[SimpleCompletion(text) for text in found], suppress=bool(found)
        )

    setattr(rlm_magic_matcher, _MARK, True)
    shell.Completer.custom_matchers.append(rlm_magic_matcher)


def unregister(shell: InteractiveShell) -> None:
    """Remove our matcher from the shell's completer."""
    matchers: list[Any] = shell.Completer.custom_matchers
    matchers[:] = [matcher for matcher in matchers if not hasattr(matcher, _MARK)]


def _candidates(magics: RLMMagics, magic: str, typed: str, token: str) -> Iterable[str]:
    words = typed.split(" ")
    current = words[-1]
    options = _values(magics, magic, words)
    # IPython replaces its own token, which may be only the tail of the word, as after a dash or a colon.
    kept = len(current) - len(token) if current.endswith(token) else 0
    for option in options:
        if option.startswith(current):
            yield option[kept:]


def _values(magics: RLMMagics, magic: str, words: Sequence[str]) -> Iterable[str]:
    """Return what may stand in the place of the last of the `words` typed."""
    before, current = (words[-2] if len(words) > 1 else ""), words[-1]
    if before == "--resume" or (magic == "rlm_log" and not current.startswith("-")):
        return _run_ids()
    if before in _CONTEXT_OPTIONS:
        return _contexts(magics, current)
    if before in _BOUND_OPTIONS:
        return list(magics.contexts)
    if before in _MODEL_OPTIONS:
        return [*_model_names(), *(f"${name}" for name in _variables(magics, having="complete"))]
    if before in _VARIABLE_OPTIONS:
        typed, comma, _ = current.rpartition(",")
        return [f"{typed}{comma}{name}" for name in _variables(magics)]
    if before in _SAMPLING_OPTIONS:
        return _SAMPLING
    if choices := magics.choices(magic, before):
        return choices
    if "://" in current and magic == "rlm_context":
        return _addresses(current, words)
    return magics.options(magic) if current.startswith("-") else ()


def _contexts(magics: RLMMagics, current: str) -> list[str]:
    """Return the bound contexts or, behind the name of one and a colon, its documents."""
    name, colon, _ = current.partition(":")
    if not colon:
        return list(magics.contexts)
    documents = magics.contexts[name].documents.some(_DOCUMENTS) if name in magics.contexts else ()
    return [f"{name}:{document}" for document in documents if not _QUOTED.search(document)]


def _addresses(current: str, words: Sequence[str]) -> list[str]:
    from ..context.address import Access
    from ..context.prefixes import addresses_like

    given = {word.removeprefix("--").replace("-", "_"): value for word, value in pairwise(words)}
    access = Access(
        endpoint_url=given.get("endpoint_url"),
        region=given.get("region"),
        profile=given.get("profile"),
        anonymous="--anonymous" in words,
    )
    return [address for address in addresses_like(current, access=access) if not _QUOTED.search(address)]


def _variables(magics: RLMMagics, *, having: str = "__class__") -> list[str]:
    hidden, names = magics.shell.user_ns_hidden, dict(magics.shell.user_ns)
    return [
        name
        for name, value in names.items()
        if not name.startswith("_") and name not in hidden and hasattr(type(value), having)
    ]


def _run_ids() -> list[str]:
    from ..engine import list_runs

    return ["last", *list_runs()[:50]]


def _model_names() -> list[str]:
    from ..models import known_models

    return known_models()
