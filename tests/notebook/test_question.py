"""What the user types reaches the model to the letter: question marks, dashes, quotes and braces."""

from __future__ import annotations

import pytest
from IPython.core.error import UsageError
from IPython.core.inputtransformer2 import TransformerManager

from rlm_magic.notebook.magics import RLMMagics
from rlm_magic.notebook.options import split_options
from rlm_magic.notebook.question import interpolate, keep_question

PARSER = RLMMagics.rlm.parser


def transformed(source: str) -> str:
    manager = TransformerManager()
    manager.cleanup_transforms.append(keep_question)
    return manager.transform_cell(source)


@pytest.mark.parametrize(
    "source",
    [
        "%rlm What is the total?",
        "ans = %rlm What is the total?",
        "%rlm -n 3 Why not?",
        "  %rlm Is it?",
        "a.b = %rlm Eh?",
        "%rlm_step --say Did you look at line 2?",
    ],
)
def test_a_question_mark_is_not_a_request_for_help(source: str) -> None:
    code = transformed(source)
    assert "run_line_magic('rlm" in code
    assert "pinfo" not in code
    assert "?" in code


@pytest.mark.parametrize(
    "source", ["%rlm?", "%rlm??", "%%rlm?", "len?", "%rlm_context?", "%rlm_step?", "x = 1\nlen?"]
)
def test_requests_for_help_still_are(source: str) -> None:
    assert "pinfo" in transformed(source)


def test_cell_magics_are_left_alone() -> None:
    assert "run_cell_magic('rlm', '', 'Why?\\n'" in transformed("%%rlm\nWhy?\n")


OPTIONS = {
    "no options": ("Who is it", {}, "Who is it"),
    "options first": ("-n 3 --model offline Who is it", {"max_steps": 3, "model": "offline"}, "Who is it"),
    "equals sign": ("--max-steps=3 Who", {"max_steps": 3}, "Who"),
    "option-like words later": ("why -o is here --model x", {"out": None}, "why -o is here --model x"),
    "apostrophe": ("'tis what it's", {}, "'tis what it's"),
    "inner quotes": ('who said "no"', {}, 'who said "no"'),
    "outer quotes": ('"who said no"', {}, "who said no"),
    "two quoted words": ('"a" and "b"', {}, '"a" and "b"'),
    "double dash": ("-- -5 degrees?", {}, "-5 degrees?"),
    "double dash behind options": ("-q -- --by year", {"quiet": True}, "--by year"),
    "quoted value": ('-m "offline" Who', {"model": "offline"}, "Who"),
    "spaces inside": ("a   b", {}, "a   b"),
    "backslash and braces": (r"what is \d{3}", {}, r"what is \d{3}"),
    "nothing": ("", {}, ""),
}


@pytest.mark.parametrize(("line", "values", "text"), OPTIONS.values(), ids=OPTIONS)
def test_options_first_then_the_rest_to_the_letter(line: str, values: dict[str, object], text: str) -> None:
    args, rest = split_options(PARSER, line)
    assert rest == text
    for name, value in values.items():
        assert getattr(args, name) == value


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("-5 degrees?", "-- -5 degrees?"),
        ("--frobnicate x", "--frobnicate"),
        ("-n", "-n"),
        ("-n many x", "many"),
    ],
)
def test_a_bad_option_is_named(line: str, named: str) -> None:
    with pytest.raises(UsageError, match=named):
        split_options(PARSER, line)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("is {x} here", "is 42 here"),
        ("is {y} here", "is {y} here"),
        ("is {{x}} here", "is {x} here"),
        ("is {{y}} here", "is {{y}} here"),
        ('{"json": {"a": 1}}', '{"json": {"a": 1}}'),
        ("f{x}g{x}", "f42g42"),
        ("{x.y} {0} {} { x }", "{x.y} {0} {} { x }"),
    ],
)
def test_only_names_of_variables_are_replaced(text: str, result: str) -> None:
    assert interpolate(text, {"x": 42}) == result


def test_a_huge_value_is_refused_with_the_way_out() -> None:
    with pytest.raises(UsageError, match="%rlm_context big_text \\$big"):
        interpolate("{big}", {"big": "x" * 3_000})
