"""Models behind one small Protocol: a conversation in, one reply out, text streamed on the way."""

from __future__ import annotations

from .cached import CachedModel, cached
from .offline import OfflineModel
from .prices import price_known
from .protocol import Model, OnText
from .recorder import RecordingModel, recording
from .registry import (
    context_window,
    default_models,
    known_models,
    open_model,
    open_model_for_code,
    sub_model_for,
)
from .replay import ReplayModel
from .scripted import ScriptedModel

__all__ = [
    "CachedModel",
    "Model",
    "OfflineModel",
    "OnText",
    "RecordingModel",
    "ReplayModel",
    "ScriptedModel",
    "cached",
    "context_window",
    "default_models",
    "known_models",
    "open_model",
    "open_model_for_code",
    "price_known",
    "recording",
    "sub_model_for",
]
