"""Run a notebook in a real kernel and tell in the terminal what its %rlm cells did.

    python notebooks/run.py notebooks/01_quickstart.ipynb --out build    # leaves the notebook as it is
    python notebooks/run.py notebooks/01_quickstart.ipynb --in-place     # writes the outputs back

Each run is printed from its trajectory as soon as its cell is done: question, steps with code and output,
answer. Exits with 1, showing the failing cell, when a cell raises.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbconvert import HTMLExporter

from rlm_magic.engine import read_trajectory, runs_dir
from rlm_magic.views import run_plain

CELL_TIMEOUT_S = 300


def main() -> int:
    """Run the notebook that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebook", type=Path)
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument("--out", type=Path, help="directory for the executed notebook and its HTML")
    target.add_argument("--in-place", action="store_true", help="write the outputs into the notebook itself")
    args = parser.parse_args()
    # A demonstration leaves the user's own record of runs alone.
    home = Path(args.out or "build").resolve()
    os.environ["RLM_DATA_DIR"] = str(home / "data")

    notebook = nbformat.read(args.notebook, as_version=4)
    try:
        execute(notebook, folder=args.notebook.parent)
    except CellExecutionError as error:
        print(f"{args.notebook} failed:\n{error}", file=sys.stderr)
        return 1
    if args.in_place:
        nbformat.write(notebook, args.notebook)
        print(f"Executed {args.notebook}")
    else:
        save(notebook, args.notebook.stem, home)
    return 0


def execute(notebook: Any, *, folder: Path) -> None:
    """Run every cell in a fresh kernel of this interpreter, printing each recorded run as it completes."""
    told = set(runs_dir().glob("*.jsonl"))

    def tell(**_: object) -> None:
        for path in sorted(set(runs_dir().glob("*.jsonl")) - told):
            told.add(path)
            print(f"{'=' * 100}\n{run_plain(read_trajectory(path))}\n", flush=True)

    client = NotebookClient(
        notebook,
        timeout=CELL_TIMEOUT_S,
        kernel_name="python3",
        extra_arguments=["--log-level=ERROR"],  # its warnings are about ports, and would open the output
        resources={"metadata": {"path": str(folder)}},
        on_cell_executed=tell,
        record_timing=False,
    )
    client.execute()


def save(notebook: Any, name: str, home: Path) -> None:
    """Write the executed notebook and a page of it, and say where they lie."""
    home.mkdir(parents=True, exist_ok=True)
    executed, page = home / f"{name}.ipynb", home / f"{name}.html"
    nbformat.write(notebook, executed)
    # Nothing here needs the scripts that nbconvert would load from elsewhere.
    html, _ = HTMLExporter(mathjax_url="", require_js_url="", jquery_url="").from_notebook_node(notebook)
    page.write_text(html, encoding="utf-8")
    print(f"Executed notebook: {executed}\nThe same as a page: {page}")


if __name__ == "__main__":
    sys.exit(main())
