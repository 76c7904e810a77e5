"""The examples in the models' docstrings are true."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import rlm_magic.models

MODULES = [
    module.name for module in pkgutil.walk_packages(rlm_magic.models.__path__, prefix="rlm_magic.models.")
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_some_module_has_examples() -> None:
    assert sum(doctest.testmod(importlib.import_module(name)).attempted for name in MODULES) >= 8
