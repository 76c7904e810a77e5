"""Whatever a model, a text or a person writes is shown, and does nothing: in Chromium, where it would."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import Lab, Watched, executed, notebook_of, page_of
from .hostile import LEAK, MARKUP, PAYLOADS, SETUP

OUTPUTS = ".jp-OutputArea-output"
LARGEST_OUTPUT_CHARS = 300_000

# What stands in an output that must not: said by tag, attribute or place.
FAULTS = """selector => {
    const acting = 'script,iframe,frame,object,embed,form,input,textarea,select,link,meta,base,img,picture,'
        + 'video,audio,source,foreignObject,animate,animateTransform,animateMotion,set,image,feImage,math';
    const faults = [];
    for (const root of document.querySelectorAll(selector)) {
        const place = root.getBoundingClientRect();
        for (const element of root.querySelectorAll('*')) {
            const name = element.tagName.toLowerCase();
            if (element.matches(acting)) faults.push('<' + name + '>');
            for (const {name: attribute, value} of element.attributes) {
                const leads = /^(href|xlink:href|src|srcdoc|action|formaction)$/.test(attribute);
                if (attribute.startsWith('on')) faults.push(attribute);
                // JupyterLab itself links what looks like a URL in plain text; no browser opens data: links.
                const labs = element.closest('.jp-RenderedText') && !/^\\s*javascript/i.test(value);
                if (leads && !labs && !/^(#|https?:)/.test(value))
                    faults.push(element.outerHTML.slice(0, 200));
                if (/url\\s*\\((?!#)|expression|@import/i.test(attribute === 'style' ? value : ''))
                    faults.push('style=' + value.slice(0, 80));
            }
            const {position} = getComputedStyle(element);
            const {top, bottom, left, right} = element.getBoundingClientRect();
            const outside = top < place.top - 2 || bottom > place.bottom + 2
                || left < place.left - 2 || right > place.right + 2;
            if (position === 'fixed' || position === 'sticky' || (position === 'absolute' && outside))
                faults.push('<' + name + '> is ' + position);
        }
    }
    return faults;
}"""

PROD = """selector => {
    for (const root of document.querySelectorAll(selector)) {
        root.querySelectorAll('details').forEach(fold => { fold.open = true; });
        for (const element of root.querySelectorAll('*'))
            for (const type of ['mouseover', 'mouseenter', 'focus', 'pointerdown', 'toggle'])
                element.dispatchEvent(new Event(type, {bubbles: false}));
    }
}"""


def faults_of(watched: Watched, selector: str) -> list[str]:
    """Open every fold, touch everything, and return what acted or could."""
    page = watched.page
    page.evaluate(PROD, selector)
    watched.settle()
    faults = list(page.evaluate(FAULTS, selector))
    if page.evaluate("() => window.pwned !== undefined"):
        faults.append("a script ran")
    if page.evaluate("() => document.documentElement.scrollWidth > document.documentElement.clientWidth"):
        faults.append("wider than the page")
    return [*faults, *watched.dialogs, *watched.left]


@pytest.mark.parametrize("name", sorted(MARKUP))
def test_the_inspection_finds_each_payload_that_is_not_escaped(watch: Any, tmp_path: Path, name: str) -> None:
    page = tmp_path / "raw.html"
    page.write_text(f'<body><div class="jp-OutputArea-output">{MARKUP[name]}</div></body>')
    watched = watch(page.as_uri())
    assert faults_of(watched, "body")


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    """A notebook that met every payload, run once, and the folder where its runs were saved as pages."""
    folder = tmp_path_factory.mktemp("hostile")
    return executed(hostile_notebook(), folder), folder


def hostile_notebook() -> Any:
    attacks = [f"attack({name!r})" for name in PAYLOADS]
    looks = ["%rlm_log last", "%rlm_log", "%rlm_status", "%rlm_context"]
    book = notebook_of(SETUP, *attacks, *looks, *[f"broken({name!r})" for name in PAYLOADS])
    for cell in book.cells[-len(PAYLOADS) :]:
        cell.metadata["tags"] = ["raises-exception"]  # the cells after it are run all the same
    return book


def errors_of(book: Any) -> Iterator[str]:
    for cell in book.cells:
        for output in cell.get("outputs", ()):
            if output.output_type == "error":
                yield f"{cell.source}: {output.ename}: {output.evalue[:300]}"


def test_every_attack_reaches_its_answer(attacked: tuple[Any, Path]) -> None:
    book, folder = attacked
    unexpected = [error for error in errors_of(book) if not error.startswith("broken(")]
    assert unexpected == []
    assert {path.stem for path in folder.glob("*.html")} == set(PAYLOADS)
    assert sum(error.startswith("broken(") for error in errors_of(book)) == len(PAYLOADS)


def test_nothing_acts_in_a_page_of_the_notebook(watch: Any, attacked: tuple[Any, Path]) -> None:
    book, folder = attacked
    watched = watch(page_of(book, folder / "page.html"))
    assert faults_of(watched, OUTPUTS) == []
    heading = watched.page.locator("h1").first
    heading.scroll_into_view_if_needed()
    assert watched.page.evaluate(ON_TOP, "h1")
    watched.screenshot("hostile-page")


ON_TOP = """selector => {
    const element = document.querySelector(selector);
    const {left, top, width, height} = element.getBoundingClientRect();
    return element.contains(document.elementFromPoint(left + 20, top + height / 2));
}"""


@pytest.mark.parametrize("name", sorted(PAYLOADS))
def test_nothing_acts_in_the_page_of_a_run(watch: Any, attacked: tuple[Any, Path], name: str) -> None:
    watched = watch((attacked[1] / f"{name}.html").as_uri())
    assert faults_of(watched, "body") == []
    assert LEAK not in (watched.page.url)


def test_nothing_acts_in_jupyterlab(lab: Lab, watch: Any) -> None:
    opened = lab.open(watch, hostile_notebook(), "hostile", theme="light")
    opened.run()
    assert opened.page.locator(OUTPUTS).count() > 2 * len(PAYLOADS)
    assert opened.page.locator(OUTPUTS, has_text="Javascript Error").count() == 0
    assert faults_of(opened.watched, OUTPUTS) == []
    opened.page.locator("h1").first.scroll_into_view_if_needed()
    assert opened.page.evaluate(ON_TOP, ".jp-Notebook h1")
    opened.watched.screenshot("hostile-lab")


LONG_LINE = """%load_ext rlm_magic
from rlm_magic.models import ScriptedModel

line = "<b>word</b> " * 900_000
code = "print(context[0])\\nllm_query(context[0][:200_000])\\nraise ValueError(context[0])"
said = f"```repl\\n{code}\\n```\\n{line}"
ended = "```repl\\nFINAL(context[0])\\n```"
replies = [said]
# What follows such a reply is a question for a summary, then the next turn.
root = ScriptedModel(lambda messages: replies.pop() if replies else ended)
sub = ScriptedModel(lambda messages: line)"""


def test_a_line_of_ten_megabytes_is_cut_wherever_it_is_shown(watch: Any, tmp_path: Path) -> None:
    cells = (LONG_LINE, "%rlm_context long $line", "long.search('word')", "%rlm -m $root -s $sub what?")
    book = executed(notebook_of(*cells, "%rlm_log last"), tmp_path)
    assert list(errors_of(book)) == []
    sizes = {cell.source: len(str(cell.get("outputs", ""))) for cell in book.cells}
    assert max(sizes.values()) < LARGEST_OUTPUT_CHARS, sizes
    watched = watch(page_of(book, tmp_path / "long.html"))
    assert faults_of(watched, OUTPUTS) == []
