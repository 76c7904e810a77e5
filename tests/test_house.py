"""The house is as it was drawn: which room may import which, what is imported when, what is exported."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import rlm_magic

PACKAGE = Path(rlm_magic.__file__).parent

# An arrow is "is imported by": each room lists what it may import. Single modules are rooms of their own.
SHARED = {"errors", "config", "records", "text", "redact"}
MAY_IMPORT = {
    "errors": {"records"},  # for types only
    "config": set(),
    "records": set(),
    "events": {"records"},
    "text": set(),
    "redact": set(),
    "forked": set(),
    "disk": {"config", "forked"},
    "context": SHARED | {"disk", "forked"},
    "models": SHARED,
    "repl": SHARED,
    "views": SHARED,
    "transcripts": SHARED,
    "engine": SHARED | {"events", "models", "repl"},
    "session": SHARED | {"events", "context", "disk", "engine", "models", "repl", "transcripts", "views"},
    "notebook": SHARED | {"events", "session", "context", "engine", "models", "views", "disk"},
    "__init__": SHARED | {"session", "notebook", "context"},
}
NO_IPYTHON = SHARED | {"disk", "context", "models", "engine", "views", "transcripts", "session"}
ONE_PLACE = {
    "openai": "models/openai.py",
    "anthropic": "models/anthropic.py",
    "diskcache": "disk/vault.py",
    "obstore": "context/stores/",
    "boto3": "context/stores/aws.py",
    "botocore": "context/stores/aws.py",
    "jinja2": "views/html.py",
    "pygments": "views/highlight.py",
    "genai_prices": "models/prices.py",
    "markdown_it": ("engine/reply.py", "views/prose.py"),
    "pydantic": "engine/schema.py",
    "pydantic_core": "engine/schema.py",
    "jsonschema": "engine/json_schema.py",
    "referencing": "engine/json_schema.py",
    "re2": "context/",
    "msgspec": "context/",
}
LAZY = (
    "openai",
    "anthropic",
    "boto3",
    "obstore",
    "matplotlib",
    "jinja2",
    "pygments.lexers.python",
    "diskcache",
    "numpy",
    "pydantic",
    "jsonschema",
)


def modules() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py"))


def room_of(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def imports_of(path: Path) -> Iterator[tuple[str, bool]]:
    """Yield (absolute module name, whether it is imported as soon as the module is)."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    package = ("rlm_magic", *path.relative_to(PACKAGE).parts[:-1])
    late = {
        id(child)
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) or _for_types_only(node)
        for child in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for name in node.names:
                yield name.name, id(node) not in late
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*base, *(node.module.split(".") if node.module else [])])
            for name in node.names:
                yield f"{module}.{name.name}", id(node) not in late


def _for_types_only(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_follow_the_arrows(path: Path) -> None:
    room = room_of(path)
    for name, _ in imports_of(path):
        parts = name.split(".")
        if parts[0] == "mock_s3":
            pytest.fail(f"{path} imports mock_s3, which only stands in for S3")
        if (
            parts[0] == "rlm_magic"
            and len(parts) > 1
            and (PACKAGE / parts[1]).exists() | (PACKAGE / f"{parts[1]}.py").exists()
        ):
            target = parts[1]
            assert target == room or target in MAY_IMPORT[room], f"{path}: {room} must not import {target}"


def test_every_room_is_drawn() -> None:
    assert {room_of(path) for path in modules()} <= set(MAY_IMPORT)


def test_rooms_that_run_without_a_kernel_do_not_import_ipython() -> None:
    for path in modules():
        if room_of(path) in NO_IPYTHON:
            assert not [name for name, _ in imports_of(path) if name.startswith("IPython")], path


def test_a_third_party_package_has_one_home() -> None:
    for path in modules():
        where = path.relative_to(PACKAGE).as_posix()
        for name, _ in imports_of(path):
            home = ONE_PLACE.get(name.split(".")[0])
            assert home is None or where.startswith(home), f"{where} imports {name}, whose home is {home}"


def test_heavy_packages_are_imported_when_first_needed() -> None:
    code = (
        "import sys, rlm_magic.notebook.magics, rlm_magic.session\n"
        "print([n for n in sys.argv[1:] if n in sys.modules])"
    )
    heavy = [name for name in LAZY if name != "numpy"]
    done = subprocess.run([sys.executable, "-c", code, *heavy], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_loading_the_extension_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom IPython.core.interactiveshell import InteractiveShell\n"
        "from traitlets.config import Config\nc = Config()\nc.HistoryManager.enabled = False\n"
        "shell = InteractiveShell.instance(config=c)\n"
        "shell.run_line_magic('load_ext', 'rlm_magic')\n"
        "print([n for n in sys.argv[1:] if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, *LAZY], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_exported_names() -> None:
    assert rlm_magic.__all__ == [
        "Answer",
        "Budget",
        "Completion",
        "Context",
        "Match",
        "Message",
        "RLMError",
        "Step",
        "Usage",
        "append",
        "ask",
        "ingest",
        "load_ipython_extension",
        "open_context",
        "resume",
        "start",
        "unload_ipython_extension",
    ]
    for name in rlm_magic.__all__:
        assert getattr(rlm_magic, name).__doc__, name
    with pytest.raises(AttributeError, match="nonsense"):
        _ = rlm_magic.nonsense


def test_the_tree_of_errors_is_the_one_in_the_docstring() -> None:
    from rlm_magic import errors

    lines = (errors.__doc__ or "").splitlines()
    drawn = {line.strip("│├└─ ").split("(")[0].split("  ")[0].strip() for line in lines}
    defined = {name for name, value in vars(errors).items() if isinstance(value, type)}
    assert defined <= drawn


def test_every_public_error_says_what_it_is() -> None:
    from rlm_magic import errors

    for name, value in vars(errors).items():
        if isinstance(value, type):
            assert value.__doc__, name
