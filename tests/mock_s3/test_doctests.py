"""The examples in docstrings hold."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import mock_s3

MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(mock_s3.__path__, "mock_s3.")
    if not module.name.endswith("__main__")
)


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_some_examples_were_found() -> None:
    finder = doctest.DocTestFinder()
    found = sum(
        bool(test.examples) for name in MODULES for test in finder.find(importlib.import_module(name))
    )
    assert found >= 10


def test_only_the_standard_library_is_imported() -> None:
    import subprocess
    import sys

    code = (
        "import sys, mock_s3, mock_s3.__main__, mock_s3.server\n"
        "names = {name.partition('.')[0] for name in sys.modules} - {'mock_s3', '__main__', '__mp_main__'}\n"
        "print(sorted(names - sys.stdlib_module_names))"
    )
    # -S: without site, whose .pth files import what they please.
    done = subprocess.run(
        [sys.executable, "-S", "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": "."},
    )
    assert done.stdout.strip() == "[]"
