"""The two pictures of the README, as `make screenshots` takes them: a run in JupyterLab, and its page."""

from __future__ import annotations

from typing import Any

import nbformat

from .conftest import ROOT, Lab, notebook_of
from .seen import is_in_view

WIDTH, HEIGHT, PAGE_HEIGHT = 1000, 760, 1000
LARGEST_BYTES = 250_000


def harbour() -> str:
    """Return the cell of notebook 04 that makes its text."""
    book = nbformat.read(ROOT / "notebooks" / "04_reading_a_run.ipynb", as_version=4)
    return next(str(cell.source) for cell in book.cells if "%rlm_context harbour" in cell.source)


def test_the_pictures_show_a_run_and_its_page(lab: Lab, watch: Any) -> None:
    ask = "%rlm -o ans Who found the buoy adrift?"
    cells = ("%load_ext rlm_magic", harbour() + " -q", ask, "ans.save('run.html')")
    opened = lab.open(watch, notebook_of(*cells), "picture", theme="light")
    opened.page.evaluate("() => window.jupyterapp.commands.execute('application:toggle-left-area')")
    opened.page.set_viewport_size({"width": WIDTH, "height": 1000})
    opened.run()
    answer = opened.page.locator(".jp-OutputArea-executeResult").first
    answer.locator("details", has_text="Coverage map").evaluate("fold => { fold.open = true; }")
    asked = opened.page.locator(".jp-CodeCell", has_text="Who found the buoy").first
    asked.evaluate("cell => cell.scrollIntoView({block: 'start'})")
    assert "Ines Costa" in answer.inner_text()
    assert answer.locator('svg[role="group"]').is_visible()
    box = asked.bounding_box()
    assert box is not None
    clip = {"x": box["x"], "y": box["y"], "width": box["width"], "height": min(box["height"], HEIGHT)}
    taken = [opened.watched.screenshot("run-in-jupyterlab", clip=clip)]

    page = watch((lab.work / "run.html").as_uri(), theme="dark", width=WIDTH, height=PAGE_HEIGHT)
    # What the README says of it is in the picture.
    assert is_in_view(page.page.locator('table svg[role="img"]').first)
    taken.append(page.screenshot("run-page"))
    assert all(path.stat().st_size < LARGEST_BYTES for path in taken)
