"""What %rlm_status returns: what is bound, which models are used, what was spent, and how it is set up."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from ..records import Answer, ReadStats, Usage
from ..text import counted, size_text
from .defaults import KINDS, VARIABLES, Defaults
from .in_terminal import for_terminal

if TYPE_CHECKING:
    from ..context import Context
    from ..context.held import Held
    from ..views.tabular import Section

_ALWAYS_NAMED = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY")
_OTHER_VARIABLES = {
    "RLM_DATA_DIR": "where runs are recorded",
    "RLM_PRICES": "a table of prices of your own",
    "RLM_CACHE": "off: keep nothing on disk",
    "RLM_CACHE_DIR": "where segments are kept on disk",
    "RLM_CACHE_BYTES": "how large that may grow",
}
_PACKAGES = ("ipython", "ipykernel", "openai", "anthropic", "obstore")


class Facts:
    """Facts under headings, which show themselves as text and as tables."""

    def __init__(self, sections: Sequence[Section]) -> None:
        self._sections = tuple(sections)

    def __repr__(self) -> str:
        from ..views.tabular import sections_plain

        return for_terminal(sections_plain(self._sections))

    def _repr_html_(self) -> str:
        from ..views.html import sections_html

        return sections_html(self._sections)


def status(
    contexts: Mapping[str, Context], defaults: Defaults, *, last: Answer | None, spent: Mapping[str, Usage]
) -> Facts:
    """Return contexts, models and keys, spending, isolation, versions. `spent` is what each run here cost."""
    from ..views.tabular import section

    return Facts(
        [
            section("contexts", list(_contexts(contexts))),
            section("models", list(_models(defaults))),
            section("spent", list(_spent(spent))),
            section("last run", [_last(last)]),
            section("isolation", [("live: no isolation; model code runs in this kernel, as you could",)]),
            section("versions", [(_versions(),)]),
        ]
    )


def config(defaults: Defaults) -> Facts:
    """Return every default and environment variable with its value and where that comes from."""
    from ..models.keys import key_set, key_variables
    from ..views.tabular import section

    found = [(defaults.configured(name), VARIABLES[name]) for name in KINDS]
    rows = [(f"RLMMagics.{each.name}", _value(each.value), each.source, variable) for each, variable in found]
    others = [
        (name, os.environ.get(name, "not set"), "environment" if name in os.environ else "default", what)
        for name, what in _OTHER_VARIABLES.items()
    ]
    keys = dict.fromkeys(name for names in key_variables().values() for name in names)
    return Facts(
        [
            section(
                "defaults of %rlm; an option goes before %config, %config before the environment",
                rows,
                columns=("default", "value", "from", "variable below it"),
            ),
            section("environment", others, columns=("variable", "value", "from", "what it says")),
            section("keys", [(name, "set" if key_set(name) else "not set") for name in keys]),
        ]
    )


def _contexts(contexts: Mapping[str, Context]) -> Iterator[tuple[str, ...]]:
    from ..context.held import held
    from .binding import HOW_TO_BIND

    for number, (name, context) in enumerate(contexts.items(), 1):
        info, is_default = context.info, number == len(contexts)
        yield (
            f"{name} (default)" if is_default else name,
            info.source,
            counted(info.lines, "line"),
            "size unknown" if info.bytes is None else size_text(info.bytes),
            _held(held(context)),
            _hits(context.stats),
        )
    if not contexts:
        yield from ((line,) for line in HOW_TO_BIND.splitlines())


def _held(found: Held) -> str:
    disk = f", {_share(found.on_disk, found.segments)} on disk" if found.on_disk else ""
    return f"{_share(found.in_memory, found.segments)} in memory{disk}"


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "all"


def _hits(stats: ReadStats) -> str:
    from ..views import reads_line

    return reads_line(stats) or "nothing read from a store"


def _models(defaults: Defaults) -> Iterator[tuple[str, ...]]:
    from ..models import default_models, sub_model_for
    from ..models.keys import key_set, key_variables

    root, sub = default_models()
    if chosen := defaults.named("model"):
        root, sub = chosen, chosen if chosen.startswith("$") else sub_model_for(chosen)
    sub = defaults.named("sub_model") or sub
    yield "root", root
    yield "sub-model", sub
    providers = {name.partition(":")[0] for name in (root, sub)}
    for provider, names in key_variables().items():
        for name in names:
            if key_set(name):
                yield provider, f"{name} is set"
            elif name in _ALWAYS_NAMED or (provider in providers and not any(map(key_set, names))):
                yield provider, f"{name} is not set"


def _spent(here: Mapping[str, Usage]) -> Iterator[tuple[str, ...]]:
    from ..engine.spending import spent_since

    today = spent_since(datetime.now().astimezone().replace(hour=0, minute=0, second=0, microsecond=0))
    yield "today", counted(today.runs, "run"), *_cost(today.usage)
    if today.unreadable:
        yield "", f"{counted(today.unreadable, 'record')} could not be read"
    yield "in this kernel", counted(len(here), "run"), *_cost(sum(here.values(), Usage()))


def _cost(usage: Usage) -> tuple[str, str]:
    from ..views.plain import cost_text

    return counted(usage.tokens, "token"), cost_text(usage)


def _last(last: Answer | None) -> tuple[str, ...]:
    from ..views import summary_line

    return ("none in this kernel",) if last is None else (last.run_id, summary_line(last))


def _versions() -> str:
    from .. import __version__

    return ", ".join(
        [f"rlm_magic {__version__}", f"Python {platform.python_version()}", *map(_version, _PACKAGES)]
    )


def _version(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return f"no {package}"


def _value(value: object) -> str:
    if value is None:
        return "no limit"
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value) or "by the keys that are set"
