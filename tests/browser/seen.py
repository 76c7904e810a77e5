"""What can be asked of a page: whether its text can be read, its folds opened, its links followed."""

from __future__ import annotations

from playwright.sync_api import Locator, Page

_TEXT_RATIO, _PICTURE_RATIO = 4.5, 3.0

# Colours are resolved by painting them, so that color-mix() and its kin count as what they look like.
_CONTRASTS = """([selector, leastText, leastPicture]) => {
    const canvas = document.createElement('canvas');
    canvas.width = canvas.height = 1;
    const pen = canvas.getContext('2d', {willReadFrequently: true});
    const painted = colour => {
        pen.clearRect(0, 0, 1, 1);
        pen.fillStyle = colour;
        pen.fillRect(0, 0, 1, 1);
        const [r, g, b, a] = pen.getImageData(0, 0, 1, 1).data;
        return [r, g, b, a / 255];
    };
    const over = ([r, g, b, a], [R, G, B]) => [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a)];
    const probe = document.body.appendChild(document.createElement('div'));
    probe.style.backgroundColor = 'Canvas';
    const paper = painted(getComputedStyle(probe).backgroundColor);
    probe.remove();
    const ground = element => {
        for (let at = element; at; at = at.parentElement) {
            const colour = painted(getComputedStyle(at).backgroundColor);
            if (colour[3] === 1) return colour;
            if (colour[3] > 0) return over(colour, ground(at.parentElement));
        }
        return paper;
    };
    const light = colour => {
        const linear = c => c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4;
        const [r, g, b] = colour.map(c => linear(c / 255));
        return .2126 * r + .7152 * g + .0722 * b;
    };
    const ratio = (one, other) => {
        const [dark, bright] = [light(one), light(other)].sort((a, b) => a - b);
        return (bright + .05) / (dark + .05);
    };
    const found = [];
    const look = (element, colour, least, what) => {
        let opacity = 1;
        for (let at = element; at; at = at.parentElement) opacity *= getComputedStyle(at).opacity;
        const behind = ground(element.closest('svg')?.parentElement ?? element);
        const [r, g, b, a] = painted(colour);
        const seen = ratio(over([r, g, b, a * opacity], behind), behind);
        found.push([what, seen, seen < least]);
    };
    for (const root of document.querySelectorAll(selector)) {
        const texts = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
        while (texts.nextNode()) {
            const {parentElement: element, data} = texts.currentNode;
            if (data.trim() && !element.closest('svg, style, title'))
                look(element, getComputedStyle(element).color, leastText, data.trim().slice(0, 40));
        }
        for (const bar of root.querySelectorAll('svg rect'))
            if (getComputedStyle(bar).fillOpacity === '1' && bar.getAttribute('fill') !== 'none')
                look(bar, getComputedStyle(bar).fill, leastPicture, 'fill ' + bar.getAttribute('fill'));
    }
    return found;
}"""


def faint(page: Page, selector: str) -> list[str]:
    """Return what WCAG's level AA calls too faint: text below 4.5 to 1, shapes of pictures below 3 to 1."""
    found = page.evaluate(_CONTRASTS, [selector, _TEXT_RATIO, _PICTURE_RATIO])
    assert found, f"there is nothing to look at in {selector}"
    return sorted({f"{what}: {ratio:.2f}" for what, ratio, is_faint in found if is_faint})


def open_with_keyboard(fold: Locator) -> None:
    """Open a fold as somebody without a mouse does."""
    fold.locator("summary").first.focus()
    fold.page.keyboard.press("Enter")


def follow_citation(page: Page, root: Locator) -> str:
    """Click on the first citation in an answer and return the text of the place that it leads to."""
    link = root.locator('a[href^="#"]').first
    target = (link.get_attribute("href") or "")[1:]
    link.click()
    place = page.locator(f'[id="{target}"]')
    assert place.count() == 1, f"{place.count()} elements are called {target!r}"
    # A front end may take its time to scroll.
    page.wait_for_function(_IN_VIEW, arg=place.element_handle())
    return place.inner_text()


_IN_VIEW = """element => {
    const {left, top, right, bottom} = element.getBoundingClientRect();
    const [x, y] = [(left + right) / 2, Math.min((top + bottom) / 2, top + 20)];
    const at = document.elementFromPoint(x, y);
    return at !== null && (element.contains(at) || at.contains(element));
}"""


def is_in_view(target: Locator) -> bool:
    """Return whether an element stands within the window and nothing lies on it."""
    return bool(target.first.evaluate(_IN_VIEW))


_BROKEN_WORDS = """([selector, longest]) => {
    const found = [];
    for (const root of document.querySelectorAll(selector)) {
        const texts = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
        while (texts.nextNode()) {
            const node = texts.currentNode;
            if (node.parentElement.closest('svg, style, title')) continue;
            for (const {0: word, index} of node.data.matchAll(/\\$?\\d[\\d.,]*|[\\p{L}\\p{N}]+/gu)) {
                const range = document.createRange();
                range.setStart(node, index);
                range.setEnd(node, index + word.length);
                const tops = new Set([...range.getClientRects()].map(line => Math.round(line.top)));
                if (word.length <= longest && tops.size > 1) found.push(word);
            }
        }
    }
    return found;
}"""


def broken_words(page: Page, selector: str, *, longest: int = 16) -> list[str]:
    """Return the words of at most `longest` characters that begin on one line and end on another."""
    return sorted(set(page.evaluate(_BROKEN_WORDS, [selector, longest])))


def typefaces(page: Page, selector: str) -> set[str]:
    """Return in which typefaces blocks of code and output are set, and how their words are broken."""
    look = "all => all.map(getComputedStyle).map(({fontFamily, wordBreak}) => `${fontFamily}, ${wordBreak}`)"
    return set(page.eval_on_selector_all(f"{selector} pre", look))
