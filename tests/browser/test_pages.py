"""Runs on pages: nbconvert's of a notebook and the one an answer saves: light, dark, narrow, on paper."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from .conftest import THEMES, executed, notebook_of, page_of
from .seen import broken_words, faint, follow_citation, is_in_view, open_with_keyboard, typefaces

PHONE_PX = 360

CELLS = (
    "%load_ext rlm_magic",
    "lines = [f'Entry {n}: all quiet.\\n' for n in range(400)]\n"
    "lines[250] = 'Entry 250: the captain of the ship is Ada.\\n'\n"
    "lines[251] = 'Entry 251: the cook of the ship is Bob, who is afraid of the sea.\\n'\n"
    "log = [(f'day {day}', ''.join(lines[100 * day : 100 * day + 100])) for day in range(4)]\n"
    "%rlm_context log $log",
    "%rlm -o ans Who is the captain of the ship?",
    "ans.save('run.html')",
    "log.search('captain')",
    "%rlm_log last",
    "%rlm_status",
    "%rlm_status --config",
    "from rlm_magic.models import ScriptedModel\n"
    "table = '| officer | appointed on | described as |\\n|---|---|---|\\n'\n"
    "table += '| captain | November 250 | commander of the ship [L250] |\\n'\n"
    "code = 'said = llm_query(context[240:260])\\nprint(said)'\n"
    "said = f'```repl\\n{code}\\n```\\nFINAL(Officers:\\n\\n{table})'\n"
    "officers = ScriptedModel([said], name='scripted:root')\n"
    "steward = ScriptedModel(['Ada commands the ship.'], name='scripted:sub')",
    "%rlm -m $officers -s $steward -o officers Which officers are there?",
    "officers.save('officers.html')",
)


@pytest.fixture(scope="module")
def notebook(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    folder = tmp_path_factory.mktemp("pages")
    book = executed(notebook_of(*CELLS), folder)
    errors = [out for cell in book.cells for out in cell.get("outputs", ()) if out.output_type == "error"]
    assert errors == []
    return book, folder


@pytest.mark.parametrize("theme", THEMES)
def test_a_page_of_the_notebook_reads_as_the_notebook(watch: Any, notebook: Any, theme: str) -> None:
    book, folder = notebook
    watched = watch(page_of(book, folder / f"{theme}.html", theme=theme), theme=theme)
    page = watched.page
    answer = page.locator(".jp-OutputArea-executeResult", has_text="Ada").first
    assert "the captain of the ship is Ada" in follow_citation(page, answer)
    fold = page.locator("details").first
    open_with_keyboard(fold)
    assert fold.locator("pre").first.is_visible()
    page.evaluate("() => document.querySelectorAll('details').forEach(fold => { fold.open = true; })")
    watched.screenshot(f"page-{theme}")
    assert faint(page, ".jp-OutputArea-output") == []
    assert watched.left == []


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("width", [PHONE_PX, 1200])
def test_a_saved_run_reads_on_every_screen(watch: Any, notebook: Any, theme: str, width: int) -> None:
    watched = watch((notebook[1] / "run.html").as_uri(), theme=theme, width=width)
    page = watched.page
    assert "the captain of the ship is Ada" in follow_citation(page, page.locator("body"))
    assert is_in_view(page.locator(":target"))
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width
    assert page.locator('svg[role="group"]').is_visible()
    assert page.locator('table svg[role="img"]').count() >= 3
    watched.screenshot(f"run-{theme}-{width}")
    page.evaluate("() => document.querySelectorAll('details').forEach(fold => { fold.open = true; })")
    assert faint(page, "body") == []
    assert watched.left == []


@pytest.mark.parametrize("name", ["run", "officers"])
def test_a_phone_breaks_no_words(watch: Any, notebook: Any, name: str) -> None:
    page = watch((notebook[1] / f"{name}.html").as_uri(), width=PHONE_PX).page
    page.evaluate("() => document.querySelectorAll('details').forEach(fold => { fold.open = true; })")
    assert broken_words(page, "th, td") == []
    assert page.evaluate("() => document.documentElement.scrollWidth") <= PHONE_PX


def test_names_in_a_timeline_are_whole_where_nothing_can_be_hovered_over(watch: Any, notebook: Any) -> None:
    page = watch((notebook[1] / "officers.html").as_uri(), width=PHONE_PX).page
    cut = "names => names.filter(name => name.scrollWidth > name.clientWidth).map(name => name.innerText)"
    assert page.eval_on_selector_all(".rlm-label", cut) == []


@pytest.mark.parametrize("width", [PHONE_PX, 1200])
def test_a_page_of_the_notebook_is_set_in_its_own_typefaces(watch: Any, notebook: Any, width: int) -> None:
    book, folder = notebook
    page = watch(page_of(book, folder / f"set-{width}.html"), width=width).page
    page.evaluate("() => document.querySelectorAll('details').forEach(fold => { fold.open = true; })")
    outputs = ".jp-OutputArea-output.jp-RenderedHTMLCommon"
    assert typefaces(page, f"{outputs} :is(details, [role=region])") == {"monospace, normal"}
    assert broken_words(page, f"{outputs} :is(th, td, p, li, summary)") == []


def test_a_printed_run_hides_nothing(watch: Any, notebook: Any) -> None:
    page = watch((notebook[1] / "run.html").as_uri()).page
    folded = page.locator("details:not([open]) pre").first
    assert folded.bounding_box() is None or not folded.is_visible()
    page.emulate_media(media="print")
    box = folded.bounding_box()
    assert box is not None
    assert box["height"] > 0
    # Nobody scrolls on paper.
    cut = "all => all.filter(one => getComputedStyle(one).overflowX !== 'visible').length"
    assert page.eval_on_selector_all("[role=region]", cut) == 0


def test_every_name_in_a_page_is_there_once(watch: Any, notebook: Any) -> None:
    book, folder = notebook
    page = watch(page_of(book, folder / "names.html")).page
    names = page.evaluate("() => [...document.querySelectorAll('.jp-OutputArea-output [id]')].map(e => e.id)")
    assert names
    assert len(names) == len(set(names))
