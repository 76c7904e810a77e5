"""The live repl in a real kernel: what the notebook sees, its loop, its stop button."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import KernelManager

Message = dict[str, Any]
WAIT_S = 60


class ThisInterpreter(KernelSpecManager):
    """The tests' own interpreter, whatever kernel specs the machine has."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        return KernelSpec(argv=[sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"])


class Kernel:
    """A kernel in which `repl` is a live repl, and `run` runs a cell in it."""

    def __init__(self) -> None:
        self.manager = KernelManager(
            kernel_spec_manager=ThisInterpreter(), kernel_name="rlm", transport="ipc"
        )
        self.manager.start_kernel()
        self.client = self.manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=WAIT_S)
        self.messages: list[Message] = []

    def execute(self, code: str, on_message: Callable[[Message], None] = lambda _: None) -> Message:
        """Run code as a notebook cell would; return the reply and keep what was published."""
        self.messages = []

        def hook(message: Message) -> None:
            self.messages.append(message)
            on_message(message)

        return self.client.execute_interactive(code, timeout=WAIT_S, output_hook=hook)["content"]

    def published(self, *kinds: str) -> list[Message]:
        return [message["content"] for message in self.messages if message["msg_type"] in kinds]

    def text(self) -> str:
        """Everything that the notebook cell printed."""
        return "".join(content["text"] for content in self.published("stream"))

    def run(self, code: str, expression: str = "r", timeout_s: float = 30) -> str:
        """Run a cell in the repl; return the repr of an expression about its result `r`."""
        self.execute(f"r = repl.run({code!r}, name='cell', timeout_s={timeout_s})")
        assert self.published("error", "stream", "display_data", "execute_result") == []
        self.execute(expression)
        return self.published("execute_result")[0]["data"]["text/plain"]


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    kernel = Kernel()
    reply = kernel.execute("from rlm_magic.repl import LiveRepl\nrepl = LiveRepl()")
    assert reply["status"] == "ok"
    yield kernel
    kernel.client.stop_channels()
    kernel.manager.shutdown_kernel(now=True)
    # Left to the garbage collector, they would wait for their sockets in whatever test runs then.
    kernel.client.context.destroy(linger=0)
    kernel.manager.context.destroy(linger=0)


def test_nothing_of_a_cell_reaches_the_notebook(kernel):
    code = (
        "import os, subprocess, sys\nprint('out'); print('err', file=sys.stderr); display('shown')\n"
        "subprocess.run(['echo', 'child']); os.system('echo system')\n!echo shell\n"
        "class Bad:\n    def _repr_html_(self): raise ValueError('html')\ndisplay(Bad())\n40 + 2"
    )
    seen = kernel.run(code, "(r.stdout, r.value, r.shown[0], r.error, 'ValueError: html' in r.stderr)")
    assert seen == repr(("out\nchild\nsystem\nshell\n", "42", "'shown'", None, True))


@pytest.mark.parametrize(
    "code", ["1 / 0", "def f(:", "exit()", "quit()", "raise SystemExit", "import sys; sys.exit(1)"]
)
def test_errors_and_exits_stay_in_the_result(kernel, code):
    assert "Error" in kernel.run(code, "r.error") or "SystemExit" in kernel.run(code, "r.error")
    time.sleep(0.2)
    assert kernel.run("1 + 1", "r.value") == "'2'"


@pytest.mark.parametrize(
    "code", ["input('?')", "import getpass; getpass.getpass()", "import pdb; pdb.set_trace()", "breakpoint()"]
)
def test_nobody_is_asked(kernel, code):
    assert kernel.run(code, "(r.timed_out, r.error is not None)", timeout_s=10) == "(False, True)"


def test_asynchronous_code_runs_beside_the_kernels_loop(kernel):
    kernel.run("import asyncio\nasync def f(n):\n    await asyncio.sleep(0.01)\n    return n")
    assert kernel.run("await f(3)", "r.value") == "'3'"
    assert kernel.run("asyncio.run(f(4))", "r.value") == "'4'"
    kernel.execute("import asyncio\nawait asyncio.sleep(0.01)")
    assert kernel.published("error") == []


def test_counters_and_history_go_on_as_if_nothing_ran(kernel):
    count = kernel.execute("6 * 7")["execution_count"]
    reply = kernel.execute(
        "repl.run('1\\n2', name='cell', timeout_s=9); repl.run('3', name='c', timeout_s=9);"
    )
    assert reply["execution_count"] == count + 1
    kernel.execute("(_, In[-2].startswith('repl.run'))")
    assert kernel.published("execute_result")[0]["data"]["text/plain"] == "(42, True)"


@pytest.mark.parametrize(
    "code",
    [
        "while True: pass",
        "import time; time.sleep(60)",
        "import asyncio; await asyncio.sleep(60)",
        "while True:\n    try: x = str(1)\n    except: pass",
        "import subprocess; subprocess.run(['sleep', '60'])",
    ],
)
def test_the_stop_button_ends_the_cell(kernel, code):
    def stop(message: Message) -> None:
        if message["msg_type"] == "stream" and "started" in message["content"]["text"]:
            time.sleep(0.3)
            kernel.manager.interrupt_kernel()

    kernel.execute(
        "import sys\nstream = sys.stdout\ndef started():\n    stream.write('started\\n'); stream.flush()\n"
        "repl.own({'started': started})"
    )
    cell = "started()\n" + code
    reply = kernel.execute(f"r = repl.run({cell!r}, name='c', timeout_s=50)", stop)
    assert reply["status"] == "ok"
    assert kernel.text() == "started\n"
    kernel.execute("(r.interrupted, r.timed_out)")
    assert kernel.published("execute_result")[0]["data"]["text/plain"] == "(True, False)"
    assert kernel.run("1 + 1", "r.value") == "'2'"


def test_the_stop_button_works_as_ever_afterwards(kernel):
    def stop(message: Message) -> None:
        if message["msg_type"] == "stream":
            kernel.manager.interrupt_kernel()

    kernel.run("1")
    reply = kernel.execute("import time\nprint('go', flush=True)\ntime.sleep(50)", stop)
    assert reply["ename"] == "KeyboardInterrupt"


def test_a_saved_display_handle_is_updated_from_within_a_cell(kernel):
    kernel.execute(
        "pub = get_ipython().display_pub\n"
        "pub.publish({'text/plain': 'waiting'}, transient={'display_id': 'status'})\n"
        "def progress():\n"
        "    pub.publish({'text/plain': 'working'}, transient={'display_id': 'status'}, update=True)\n"
        "repl.own({'progress': progress})\n"
        "r = repl.run('progress()\\ndisplay(1)', name='cell', timeout_s=30)"
    )
    assert [content["data"]["text/plain"] for content in kernel.published("display_data")] == ["waiting"]
    assert [content["data"]["text/plain"] for content in kernel.published("update_display_data")] == [
        "working"
    ]


def test_a_thread_of_the_notebook_keeps_its_output(kernel):
    kernel.execute(
        "import threading\ngo, done = threading.Event(), threading.Event()\n"
        "def speak():\n    go.wait(30); print('of the notebook', flush=True); done.set()\n"
        "threading.Thread(target=speak).start()\nrepl.give({'go': go, 'done': done})"
    )
    kernel.execute("r = repl.run('print(1); go.set(); done.wait(30); None', name='cell', timeout_s=30)")
    assert kernel.text() == "of the notebook\n"
    kernel.execute("r.stdout")
    assert kernel.published("execute_result")[0]["data"]["text/plain"] == repr("1\n")
