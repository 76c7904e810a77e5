"""The README's commands as they are written: the shell's, the notebook's and Python's."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from jupyter_client.manager import start_new_kernel
from markdown_it import MarkdownIt

from .models.provider_server import Plan, openai_events, provider_server
from .notebook.conftest import Kernel

ROOT = Path(__file__).parents[1]
BLOCKS = [
    token
    for token in MarkdownIt("commonmark").parse((ROOT / "README.md").read_text())
    if token.type == "fence"
]


def blocks(language: str) -> list[str]:
    return [token.content for token in BLOCKS if token.info == language]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what the repository holds, as a fresh clone of the working tree would be."""
    target = tmp_path_factory.mktemp("clone") / "rlm_magic"
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True
    )
    for name in listed.stdout.decode().splitlines():
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    return target


def shell(command: str, folder: Path, **environment: str) -> str:
    settings = {**os.environ, "VENV": str(_as_if_built(folder.parent / "venv")), **environment}
    done = subprocess.run(
        command, shell=True, cwd=folder, env=settings, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _as_if_built(venv: Path) -> Path:
    """The environment this suite runs in, in place of the .venv that make would build.

    By links, with stamps of its own: make must not install a copy into the environment of whoever tests.
    """
    if not venv.exists():
        venv.mkdir()
        for part in Path(sys.prefix).iterdir():
            if not part.name.startswith("."):
                (venv / part.name).symlink_to(part)
    for stamp in (".installed", ".test-installed"):
        (venv / stamp).touch()
    return venv


def test_it_opens_with_the_two_commands() -> None:
    assert BLOCKS[0].content.split("\n") == ["make demo", "make test", ""]


def test_make_demo_prints_questions_steps_and_answers_and_says_where_the_outputs_lie(checkout: Path) -> None:
    printed = shell("make demo", checkout)
    assert "Question: Which module defines the function heappushpop?" in printed
    assert "Step 1" in printed
    assert "is defined in heapq.py" in printed
    for kind in ("ipynb", "html"):
        (written,) = re.findall(rf"(/\S+01_quickstart\.{kind})", printed)
        assert Path(written).is_file()
    sample = blocks("text")[0]
    for line in sample.splitlines():
        if line.strip() not in ("", "...") and "·" not in line:
            assert line in printed, line


def test_make_test_would_run_linters_types_tests_and_notebooks(checkout: Path) -> None:
    # Dry: the suite is what runs this test.
    planned = shell("make --dry-run test", checkout)
    for part in ("ruff check", "ruff format --check", "mypy", "pytest", "--nbval-lax"):
        assert part in planned


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    home = tmp_path_factory.mktemp("readme")
    with provider_server() as server, pytest.MonkeyPatch.context() as environment:
        server.plans = [Plan(events=openai_events(["FINAL(Bob cooks ", "for Ada.)"]))]
        environment.setenv("RLM_DATA_DIR", str(home / "data"))
        environment.setenv("RLM_CACHE_DIR", str(home / "cache"))
        environment.setenv("IPYTHONDIR", str(home / "ipython"))
        environment.delenv("OPENAI_API_KEY", raising=False)
        environment.delenv("ANTHROPIC_API_KEY", raising=False)
        manager, client = start_new_kernel(kernel_name="python3", cwd=str(home))
        kernel = Kernel(manager, client, provider=server.url)
        try:
            yield kernel
        finally:
            client.stop_channels()
            manager.shutdown_kernel(now=True)


def test_the_notebook_commands_run_in_order(kernel: Kernel) -> None:
    for block in blocks("ipython"):
        if "openai:" in block:
            kernel.run(
                "import os; os.environ.update(OPENAI_API_KEY='sk-test-key-of-the-readme', "
                f"OPENAI_BASE_URL='{kernel.provider}/v1')"
            )
        ran = kernel.run(block)
        assert ran.status == "ok", f"{block}\n{ran.error}"
        if "Who is the captain" in block:
            assert "Ada" in (ran.result or "")
        if "openai:" in block:
            assert "Bob cooks for Ada." in (ran.result or "")


def test_the_stand_in_for_s3_starts_as_written(tmp_path: Path) -> None:
    (block,) = [block for block in blocks("bash") if "mock_s3" in block]
    sample, serve = (command.replace("python", sys.executable, 1) for command in block.splitlines())
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run(sample, shell=True, cwd=tmp_path, env=environment, check=True, capture_output=True)
    assert list((tmp_path / "logs").rglob("*.log"))
    server = subprocess.Popen(
        shlex.split(serve), cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True
    )
    with server:
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        with urllib.request.urlopen(f"{url}/logs?list-type=2") as reply:
            assert b"<Key>" in reply.read()
        server.terminate()


def test_the_python_commands_run(tmp_path: Path) -> None:
    for block in blocks("python"):
        done = subprocess.run(
            [sys.executable, "-c", block], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        assert "Ada" in done.stdout


def test_every_option_in_the_readme_exists() -> None:
    from rlm_magic.notebook.magics import RLMMagics

    names = ("rlm", "rlm_context", "rlm_log", "rlm_cache", "rlm_status", "rlm_step")
    magics = [getattr(RLMMagics, name) for name in names]
    known = {option for magic in magics for option in magic.parser._option_string_actions}
    text = (ROOT / "README.md").read_text()
    for line in re.findall(r"%rlm\S* [^`|\n]*|^\| `-[^|]*", text, re.MULTILINE):
        for option in re.findall(r"(?<![\w/.-])--?[a-z][a-z-]*", line):
            assert option in known, f"{option} in {line!r}"
