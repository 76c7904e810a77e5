"""A headless Chromium that tells what a page did, and a JupyterLab to open in it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter
from playwright.sync_api import Browser, Locator, Page, sync_playwright

ROOT = Path(__file__).parents[2]
SCREENSHOTS = Path(os.environ.get("RLM_SCREENSHOTS", ROOT / "build" / "screenshots"))
THEMES = ("light", "dark")
# Only a failure waits so long: on a busy machine a front end takes tens of seconds for what it does in two.
WAIT_MS = 150_000

# Chromium's own sandbox needs rights that a container does not give to root. These pages are our own.
_FLAGS = ("--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu")
_NOTEBOOK_JOB = "new Promise(resolve => requestAnimationFrame(() => requestAnimationFrame(resolve)))"


class Watched:
    """A page, and what it did that a page of ours never does."""

    def __init__(self, page: Page, *, origin: str) -> None:
        self.page = page
        self._origin = origin
        self.left: list[str] = []
        self.dialogs: list[str] = []
        page.context.on("request", lambda request: self._note(request.url))
        page.on("dialog", self._dismiss)

    def _note(self, url: str) -> None:
        # What the page carries in itself goes nowhere.
        if not url.startswith((self._origin, "data:", "blob:", "about:")):
            self.left.append(url)

    def _dismiss(self, dialog: Any) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    def settle(self) -> None:
        """Let the page draw what it has."""
        self.page.evaluate(_NOTEBOOK_JOB)

    def screenshot(self, name: str, *, clip: dict[str, float] | None = None) -> Path:
        """Keep a picture of what can be seen, for people to look at."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        path = SCREENSHOTS / f"{name}.png"
        self.page.screenshot(path=path, clip=clip)
        return path


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """One browser for the tests of this folder; its driver's event loop must not outlive them."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    assert path is not None, "no chromium on the PATH: apt-get install chromium, or set CHROMIUM to one"
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=list(_FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def watch(chromium: Browser) -> Iterator[Any]:
    """Open a page: `watch(url, theme="dark", width=1200)`."""
    opened = []

    def open_page(url: str, *, theme: str = "light", width: int = 1200, height: int = 900) -> Watched:
        context = chromium.new_context(
            color_scheme=theme, viewport={"width": width, "height": height}, java_script_enabled=True
        )
        context.set_default_timeout(WAIT_MS)
        opened.append(context)
        origin = url if url.startswith("file:") else "/".join(url.split("/")[:3]) + "/"
        watched = Watched(context.new_page(), origin=origin)
        watched.page.goto(url)
        return watched

    yield open_page
    for context in opened:
        context.close()


def notebook_of(*cells: str) -> Any:
    """Return a notebook with these cells of code, below a heading that must stay visible."""
    book = nbformat.v4.new_notebook()
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    book.cells = [nbformat.v4.new_markdown_cell("# The heading")]
    book.cells += [nbformat.v4.new_code_cell(cell) for cell in cells]
    return book


def executed(book: Any, folder: Path, **environment: str) -> Any:
    """Run a notebook in a kernel of this interpreter, as `jupyter execute` does; errors stay in a cell."""
    client = NotebookClient(
        book,
        timeout=WAIT_MS // 1000,
        startup_timeout=WAIT_MS // 1000,
        kernel_name="python3",
        allow_errors=True,
        extra_arguments=["--log-level=ERROR"],
        resources={"metadata": {"path": str(folder)}},
    )
    with pytest.MonkeyPatch.context() as patched:
        for name, value in kernel_environment(folder, **environment).items():
            patched.setenv(name, value)
        client.execute()
    return book


def page_of(book: Any, path: Path, *, theme: str = "light") -> str:
    """Write a notebook as nbconvert's page and return its URL."""
    # Nothing here needs the scripts that nbconvert would load from elsewhere.
    exporter = HTMLExporter(mathjax_url="", require_js_url="", jquery_url="", theme=theme)
    html, _ = exporter.from_notebook_node(book)
    path.write_text(html, encoding="utf-8")
    return path.as_uri()


def kernel_environment(folder: Path, **more: str) -> dict[str, str]:
    """Return what a kernel started by a test is to find in its environment."""
    return {
        "RLM_DATA_DIR": str(folder / "data"),
        "RLM_CACHE_DIR": str(folder / "cache"),
        "IPYTHONDIR": str(folder / "ipython"),
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep),
        **more,
    }


class Lab:
    """A JupyterLab server of its own, and how a person works in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._home = folder / "home"
        self.work = folder / "work"
        self.work.mkdir(parents=True)
        with (folder / "lab.log").open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "jupyterlab", *_LAB_OPTIONS, f"--ServerApp.root_dir={self.work}"],
                env={**os.environ, **self._environment()},
                stdout=log,
                stderr=log,
            )
        self.url = self._wait()

    def _environment(self) -> dict[str, str]:
        places = {
            f"JUPYTER_{kind}_DIR": str(self._home / kind.lower()) for kind in ("RUNTIME", "CONFIG", "DATA")
        }
        places["JUPYTERLAB_SETTINGS_DIR"] = str(self._home / "settings")
        places["JUPYTERLAB_WORKSPACES_DIR"] = str(self._home / "workspaces")
        return {**kernel_environment(self.folder), **places}

    def _wait(self) -> str:
        until = time.monotonic() + WAIT_MS / 1000
        while time.monotonic() < until:
            for found in (self._home / "runtime").glob("jpserver-*.json"):
                try:
                    return str(json.loads(found.read_text())["url"])
                except ValueError:  # half written
                    continue
            assert self._process.poll() is None, (self.folder / "lab.log").read_text()
            time.sleep(0.05)
        raise AssertionError("JupyterLab did not start:\n" + (self.folder / "lab.log").read_text())

    def close(self) -> None:
        """End the server, and its kernels with it."""
        self._process.terminate()
        try:
            self._process.wait(timeout=WAIT_MS / 1000)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def open(self, watch: Any, book: Any, name: str, *, theme: str) -> LabPage:
        """Open a notebook in a theme, with a kernel that is ready."""
        self._set("apputils-extension/themes", {"theme": f"JupyterLab {theme.capitalize()}"})
        self._set("apputils-extension/notification", {"fetchNews": "false", "checkForUpdates": False})
        # Cells out of sight stay in the page, so that it can be looked at as a whole.
        self._set("notebook-extension/tracker", {"windowingMode": "none"})
        nbformat.write(book, self.work / f"{name}.ipynb")
        watched = watch(f"{self.url}lab/workspaces/{name}/tree/{name}.ipynb", theme=theme, height=1100)
        watched.page.wait_for_selector(".jp-Notebook .jp-Cell")
        watched.page.evaluate(_KERNEL_READY)
        return LabPage(watched)

    def _set(self, plugin: str, values: dict[str, Any]) -> None:
        path = self._home / "settings" / "@jupyterlab" / f"{plugin}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))


# A cell that is run before the kernel has said what it is, is not run at all.
_KERNEL_READY = """async () => {
    const session = window.jupyterapp.shell.currentWidget.sessionContext;
    await session.ready;
    await session.session.kernel.info;
    while (session.session.kernel.status !== 'idle') await new Promise(resolve => setTimeout(resolve, 20));
}"""
_LAB_OPTIONS = (
    "--no-browser",
    "--allow-root",
    "--expose-app-in-browser",
    "--IdentityProvider.token=",
    "--ServerApp.port=0",
    "--ServerApp.terminals_enabled=False",
    "--LabApp.extension_manager=readonly",
    "--LabApp.collaborative=False",
)


class LabPage:
    """A notebook that is open in JupyterLab."""

    def __init__(self, watched: Watched) -> None:
        self.watched = watched
        self.page = watched.page

    def run(self) -> None:
        """Choose "Run All Cells" and wait for the last. Errors fail it, unless the cell is tagged."""
        self.start("run-all-cells")
        self.wait()
        assert self.page.evaluate(_ERRORS) == []

    def start(self, command: str) -> None:
        """Give a command of the notebook's menus, such as "run-cell"; returns at once."""
        self.page.evaluate(_START, f"notebook:{command}")

    def wait(self) -> None:
        """Wait for what was started."""
        self.page.wait_for_function("() => window.ended !== undefined")

    def select(self, number: int) -> None:
        """Click on the cell of that number, at its place from the top."""
        self.page.evaluate(
            "at => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = at; }", number
        )

    def cell_text(self, number: int) -> str:
        """Return what stands in a cell."""
        return str(self.page.evaluate(f"at => {_CELLS}.get(at).sharedModel.getSource()", number))

    def set_cell_text(self, number: int, text: str) -> None:
        """Write something else into a cell."""
        self.page.evaluate(f"([at, text]) => {_CELLS}.get(at).sharedModel.setSource(text)", [number, text])

    def output_of(self, number: int, text: str, *, kind: str = "output") -> Locator:
        """Wait until an output of the cell of that number says `text`, and return it."""
        cell = self.page.locator(".jp-Notebook .jp-Cell").nth(number)
        output = cell.locator(f".jp-OutputArea-{kind}", has_text=text).first
        output.wait_for()
        return output

    def stop(self) -> None:
        """Press the stop button of the toolbar."""
        self.page.locator('[data-command="notebook:interrupt-kernel"]').first.click()


_CELLS = "window.jupyterapp.shell.currentWidget.content.model.cells"
_ERRORS = f"""() => [...{_CELLS}]
    .filter(cell => cell.type === 'code' && !(cell.getMetadata('tags') || []).includes('raises-exception'))
    .flatMap(cell => cell.outputs.toJSON())
    .filter(output => output.output_type === 'error')
    .map(output => output.ename + ': ' + output.evalue)"""
# A command may end after the next was given, as one does that was stopped: only the last one counts.
_START = """command => {
    const started = window.started = {};
    delete window.ended;
    const end = result => { if (window.started === started) window.ended = result; };
    window.jupyterapp.commands.execute(command).then(result => end(result ?? true), () => end(false));
}"""


@pytest.fixture(scope="package")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """One JupyterLab for the tests of this folder: starting and ending it takes seconds."""
    lab = Lab(tmp_path_factory.mktemp("lab"))
    yield lab
    lab.close()
