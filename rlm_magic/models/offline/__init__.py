"""The offline model: the embedded default, which needs no key and no network."""

from __future__ import annotations

from .model import OfflineModel

__all__ = ["OfflineModel"]
