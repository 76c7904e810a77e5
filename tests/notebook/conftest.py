"""Real shells: one in this process, and a real kernel in another."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from jupyter_client.manager import start_new_kernel
from traitlets.config import Config

# Only a failure waits so long.
REPLY_TIMEOUT_S = 150


@pytest.fixture
def shell(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[InteractiveShell]:
    """A shell with the extension loaded, as `%load_ext rlm_magic` leaves it."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path_factory.mktemp("ipython")))
    monkeypatch.setenv("RLM_PROGRESS", "none")
    config = Config()
    config.HistoryManager.enabled = False
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance(config=config)
    shell.run_line_magic("load_ext", "rlm_magic")
    yield shell
    InteractiveShell.clear_instance()


@dataclass
class Ran:
    """What one cell sent to the front end."""

    status: str
    error: str = ""
    stdout: str = ""
    stderr: str = ""
    result: str | None = None
    displays: list[dict[str, Any]] = field(default_factory=list)
    updates: list[dict[str, Any]] = field(default_factory=list)


class Kernel:
    """A real kernel, driven as a front end does."""

    def __init__(self, manager: Any, client: Any, *, provider: str = "") -> None:
        self.manager = manager
        self.client = client
        self.provider = provider

    def run(self, code: str, *, on_message: Callable[[dict[str, Any]], None] | None = None) -> Ran:
        """Run a cell and collect everything it published."""
        ran = Ran("")

        def collect(message: dict[str, Any]) -> None:
            content = message["content"]
            match message["msg_type"]:
                case "stream":
                    setattr(ran, content["name"], getattr(ran, content["name"]) + content["text"])
                case "execute_result":
                    ran.result = content["data"]["text/plain"]
                case "display_data":
                    ran.displays.append(content)
                case "update_display_data":
                    ran.updates.append(content)
                case "error":
                    ran.error = "\n".join(content["traceback"])
            if on_message is not None:
                on_message(message)

        reply = self.client.execute_interactive(code, output_hook=collect, timeout=REPLY_TIMEOUT_S)
        ran.status = reply["content"]["status"]
        return ran

    def interrupt_once(self, is_reached: Path) -> None:
        """Press the stop button once that file is there, with the signal that the button sends."""

        def press() -> None:
            until = time.monotonic() + REPLY_TIMEOUT_S
            while not is_reached.exists():
                if time.monotonic() > until:
                    return
                time.sleep(0.01)
            os.kill(self.manager.provisioner.pid, signal.SIGINT)

        threading.Thread(target=press, daemon=True).start()


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """A real kernel with the extension loaded, one for all tests of a module: starting it takes a second."""
    home = tmp_path_factory.mktemp("kernel")
    with pytest.MonkeyPatch.context() as environment:
        for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "RLM_PROGRESS"):
            environment.delenv(name, raising=False)
        environment.setenv("RLM_DATA_DIR", str(home / "data"))
        environment.setenv("RLM_CACHE_DIR", str(home / "cache"))
        environment.setenv("IPYTHONDIR", str(home / "ipython"))
        manager, client = start_new_kernel(
            startup_timeout=REPLY_TIMEOUT_S, kernel_name="python3", cwd=str(home)
        )
    kernel = Kernel(manager, client)
    try:
        ran = kernel.run("%load_ext rlm_magic\nfrom rlm_magic.models import ScriptedModel")
        assert ran.status == "ok", ran.error
        yield kernel
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
