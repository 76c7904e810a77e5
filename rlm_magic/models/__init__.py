"""Models behind one small Protocol: a conversation in, one reply out, text streamed on the way."""

from __future__ import annotations

from .offline import OfflineModel
from .prices import price_known
from .protocol import Model, OnText
from .registry import default_models, known_models, open_model, sub_model_for
from .scripted import ScriptedModel

__all__ = [
    "Model",
    "OfflineModel",
    "OnText",
    "ScriptedModel",
    "default_models",
    "known_models",
    "open_model",
    "price_known",
    "sub_model_for",
]
