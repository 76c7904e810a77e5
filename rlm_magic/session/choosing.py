"""Choose the models of a run: by name or by the keys that are set, recorded or answered from a cache."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from os import PathLike

from ..errors import SourceError, UnknownModel
from ..models import (
    Model,
    ReplayModel,
    cached,
    default_models,
    open_model,
    open_model_for_code,
    recording,
    sub_model_for,
)
from ..models.cached import Cache

OFFLINE_NOTICE = (
    "No OPENAI_API_KEY or ANTHROPIC_API_KEY is set: answering with the offline model, which is rules and not "
    "a language model. It looks things up and quotes; it does not understand."
)


@dataclass(frozen=True, slots=True)
class Models:
    """The models of a run. `resolve` opens those that model code asks for by name.

    `by_default` says that no key was found and nobody asked for the offline model.
    """

    root: Model
    sub: Model
    resolve: Callable[[str], Model] = open_model_for_code
    by_default: bool = False

    @property
    def notice(self) -> str:
        """What to tell the user once, or nothing."""
        return OFFLINE_NOTICE if self.by_default and self.root.name == "offline" else ""


def choose_models(
    model: str | Model | None = None,
    sub_model: str | Model | None = None,
    *,
    options: Mapping[str, object] | None = None,
    sub_options: Mapping[str, object] | None = None,
    record: str | PathLike[str] | None = None,
    cache: bool | Cache = False,
) -> Models:
    """Return the models to use, opened; a missing key, package or model is an error here, before any call.

    `options` and `sub_options` are sampling options of the root and the sub-model. `record` is a file that
    every request and reply is written to. `cache` answers sub-calls that were made before: True for the one
    in the user's cache directory, or one of your own.
    """
    root_name, sub_name = default_models()
    root = _opened(model if model is not None else root_name, options)
    if sub_model is None:
        sub_model = sub_name if model is None else sub_model_for(root.name)
    sub = root if sub_model == root.name and options == sub_options else _opened(sub_model, sub_options)

    recorded = _recorder(record)
    kept = _keeper(cache)
    return Models(
        recorded(root),
        recorded(kept(sub)),
        # Code that asks a replayed run's model by name means the one that was recorded.
        resolve=lambda name: recorded(kept(_opened_beside(root, sub, name))),
        by_default=model is None,
    )


_said: set[str] = set()


def say_once(notice: str) -> None:
    """Warn of something the first time that it is so, at the place that called our caller."""
    # Not left to the warnings filter, which would say it once for every place that asks.
    if notice and notice not in _said:
        _said.add(notice)
        warnings.warn(notice, stacklevel=4)


def _recorder(path: str | PathLike[str] | None) -> Callable[[Model], Model]:
    if path is None:
        return _as_it_is
    where = os.path.expanduser(path)
    return lambda model: recording(model, where)


def _keeper(cache: bool | Cache) -> Callable[[Model], Model]:
    if isinstance(cache, bool) and not cache:
        return _as_it_is
    if not isinstance(cache, bool) and not (hasattr(cache, "get") and hasattr(cache, "put")):
        raise SourceError(
            f"cache={cache!r} is no cache: use True, or an object with get(key) and put(key, bytes)"
        )
    from ..disk import reply_cache

    store = reply_cache() if isinstance(cache, bool) else cache
    return lambda model: cached(model, store)


def _as_it_is(model: Model) -> Model:
    return model


def _opened_beside(root: Model, sub: Model, name: str) -> Model:
    for given in (root, sub):
        if name == given.name:
            return given
    return root.named(name) if isinstance(root, ReplayModel) else open_model_for_code(name)


def _opened(model: str | Model, options: Mapping[str, object] | None) -> Model:
    if isinstance(model, str):
        return open_model(model, options=options)
    if not (isinstance(getattr(model, "name", None), str) and callable(getattr(model, "complete", None))):
        raise UnknownModel(
            f"{model!r} is no model: give a name such as 'openai:gpt-5', or an object that has a name and "
            "complete(messages, on_text)"
        )
    if options:
        raise SourceError(
            f"options={dict(options)!r} are for a model given by name; {model.name!r} is open already, so "
            "give them to it when you make it"
        )
    return model
