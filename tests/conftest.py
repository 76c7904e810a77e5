"""What every test starts from: no keys, and data and cache directories of its own."""

from __future__ import annotations

import builtins
import gc
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# The machines are noisy, so Hypothesis must not fail an example for taking long.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")

_KEYS = (
    "OPENAI_API_KEY",
    "OPENAI_BASE_URL",
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_AUTH_TOKEN",
    "ANTHROPIC_BASE_URL",
)


# Before anything is started that hands its environment on: settings of whoever tests are not ours to test.
for _name in [name for name in os.environ if name.startswith("RLM_")]:
    if _name not in ("RLM_DATA_DIR", "RLM_CACHE_DIR", "RLM_SCREENSHOTS"):
        del os.environ[_name]


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    for name in _KEYS:
        monkeypatch.delenv(name, raising=False)
    # Doctests leave the last value here, and IPython then thinks that `_` belongs to somebody else.
    monkeypatch.delattr(builtins, "_", raising=False)
    home = tmp_path_factory.mktemp("user")
    monkeypatch.setenv("RLM_DATA_DIR", str(home / "data"))
    monkeypatch.setenv("RLM_CACHE_DIR", str(home / "cache"))


@pytest.fixture(scope="module", autouse=True)
def _small_heap() -> None:
    """Take what earlier tests have left out of the garbage collector's sight.

    IPython collects whenever a shell ends, and all that pytest holds by then makes that take seconds.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture
def data_dir() -> Path:
    """Where trajectories of this test go."""
    from rlm_magic.engine import runs_dir

    return runs_dir()
