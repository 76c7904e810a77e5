"""`FINAL(...)` and `FINAL_VAR(...)` as text, against a table of what models write."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlm_magic.engine.final import FinalText, FinalVariable, MalformedFinal, find_finals

TEXTS = {
    "plain": ("FINAL(42)", "42"),
    "nested parentheses": ("FINAL(f(a, b))", "f(a, b)"),
    "a later parenthesis": ("FINAL(42)\nNote (see x)", "42"),
    "smiley": ("FINAL(smile :) done)", "smile :) done"),
    "apostrophe": ("FINAL(it's (really) here)", "it's (really) here"),
    "parenthesis in a string": ('FINAL("a) b" is the pattern)', '"a) b" is the pattern'),
    "open parenthesis in a string": ("FINAL(the string '(' opens)", "the string '(' opens"),
    "quotes are kept": ('FINAL("hi")', '"hi"'),
    "several lines": ("FINAL(one\ntwo (2)\nthree)", "one\ntwo (2)\nthree"),
    "numbered list": ("FINAL(Steps:\n1) foo\n2) bar)", "Steps:\n1) foo\n2) bar"),
    "leading spaces": ("  FINAL(x)", "x"),
    "behind prose lines": ("So it is.\nFINAL(x)\n", "x"),
    "full stop behind": ("FINAL(x).", "x"),
    "talks about FINAL": ("FINAL(call FINAL(x) to end)", "call FINAL(x) to end"),
    "body with its own FINAL line": ("FINAL(write\nFINAL(x)\nto end)", "write\nFINAL(x)\nto end"),
    "triple quotes": ("FINAL('''a ) b''')", "'''a ) b'''"),
    "unicode": ("FINAL(naïve — 東京 🙂)", "naïve — 東京 🙂"),
}


@pytest.mark.parametrize(("prose", "text"), TEXTS.values(), ids=TEXTS)
def test_final_text(prose: str, text: str) -> None:
    assert find_finals(prose)[0] == FinalText(text)


@pytest.mark.parametrize(
    "prose",
    [
        "I will end with FINAL(x).",
        "**FINAL(1)**",
        "FINAL (1)",
        "final(1)",
        "> FINAL(1)",
        "`FINAL(1)`",
        "MYFINAL(1)",
        "",
    ],
)
def test_not_a_final(prose: str) -> None:
    assert find_finals(prose) == []


@pytest.mark.parametrize(
    "prose",
    [
        "FINAL(oops",
        "FINAL(42) is it",
        "FINAL()",
        "FINAL(  )",
        "FINAL_VAR()",
        "FINAL_VAR(a b)",
        "FINAL_VAR(x['k'])",
    ],
)
def test_malformed_finals_are_explained(prose: str) -> None:
    (final,) = find_finals(prose)
    assert isinstance(final, MalformedFinal)
    assert "FINAL" in final.reason


@pytest.mark.parametrize(
    "prose",
    [
        "FINAL_VAR(result)",
        "FINAL_VAR('result')",
        'FINAL_VAR("result")',
        " FINAL_VAR( result )",
        "FINAL_VAR(`result`)",
    ],
)
def test_final_var(prose: str) -> None:
    assert find_finals(prose) == [FinalVariable("result")]


def test_every_form_is_found_in_order() -> None:
    assert find_finals("FINAL_VAR(missing)\nor\nFINAL(text)") == [FinalVariable("missing"), FinalText("text")]


balanced = st.recursive(
    st.text(alphabet="ab ,.\n", max_size=5),
    lambda inner: st.tuples(inner, inner).map(lambda pair: f"{pair[0]}({pair[1]})"),
    max_leaves=8,
)


@given(balanced)
def test_balanced_bodies_come_back_whole(body: str) -> None:
    if body.strip():
        assert find_finals(f"FINAL({body})\nafter") == [FinalText(body.strip())]


@given(st.text(alphabet="()'\"FINAL_VR\n a)", max_size=60))
def test_no_text_breaks_the_parser(prose: str) -> None:
    find_finals(prose)
