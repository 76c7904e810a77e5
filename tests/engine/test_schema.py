"""Answers of a given form: Python types and JSON schemas, what fits, and what the model is told if not."""

from __future__ import annotations

import datetime
import enum
import json
from dataclasses import dataclass, make_dataclass
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, field_validator
from typing_extensions import TypedDict

from rlm_magic.engine.schema import read_schema
from rlm_magic.errors import AnswerRejected, SchemaError


class Finding(BaseModel):
    service: str
    line: int = Field(ge=1)
    tags: list[str] = []


@dataclass
class Point:
    x: float
    y: float


class Movie(TypedDict):
    name: str
    year: int


class Color(enum.Enum):
    RED = "red"


PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer", "minimum": 0}},
    "required": ["name", "age"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("form", "value", "expected"),
    [
        (Finding, {"service": "db", "line": 3}, Finding(service="db", line=3)),
        (Finding, Finding(service="db", line=3), Finding(service="db", line=3)),
        (Finding, '{"service": "db", "line": 3, "tags": ["a"]}', Finding(service="db", line=3, tags=["a"])),
        (Finding, '```json\n{"service": "db", "line": 3}\n```', Finding(service="db", line=3)),
        (Finding, {"service": "db", "line": np.int64(3)}, Finding(service="db", line=3)),
        (list[Finding], [{"service": "db", "line": 3}], [Finding(service="db", line=3)]),
        (list[Finding], '[{"service": "db", "line": 3}]', [Finding(service="db", line=3)]),
        (Point, {"x": 1, "y": 2}, Point(1.0, 2.0)),
        (Point, '{"x": 1, "y": 2.5}', Point(1.0, 2.5)),
        (Movie, {"name": "Alien", "year": 1979}, {"name": "Alien", "year": 1979}),
        (int, 42, 42),
        (int, "42", 42),
        (int, " 42\n", 42),
        (int, np.int64(42), 42),
        (str, "42", "42"),
        (str, '"quoted"', '"quoted"'),
        (bool, "true", True),
        (list[int], "[1, 2]", [1, 2]),
        (list[int], (1, 2), [1, 2]),
        (list[float], np.array([1.5, 2.5]), [1.5, 2.5]),
        (dict[str, int], {"a": 1}, {"a": 1}),
        (Literal["yes", "no"], "yes", "yes"),
        (Color, "red", Color.RED),
        (datetime.date, "2026-11-21", datetime.date(2026, 11, 21)),
        (int | None, None, None),
        (PERSON, {"name": "Ada", "age": 36}, {"name": "Ada", "age": 36}),
        (PERSON, '{"name": "Ada", "age": 36}', {"name": "Ada", "age": 36}),
        (PERSON, '~~~\n{"name": "Ada", "age": 36}\n~~~', {"name": "Ada", "age": 36}),
        ({"type": "array", "items": {"type": "integer"}}, (1, 2), [1, 2]),
        ({"type": "array", "items": {"type": "integer"}}, np.array([1, 2]), [1, 2]),
        ({"type": "string"}, "[1]", "[1]"),
        ({"type": "integer"}, "7", 7),
        ({"$defs": {"n": {"type": "integer"}}, "$ref": "#/$defs/n"}, 7, 7),
        ({}, "anything", "anything"),
    ],
)
def test_what_fits_becomes_the_typed_value(form: Any, value: object, expected: object) -> None:
    accepted = read_schema(form).accept(value)
    assert accepted == expected
    assert type(accepted) is type(expected)


class LooksTheSame:
    def __init__(self) -> None:
        self.service, self.line, self.tags = "db", 3, ["a"]


def test_an_object_that_looks_the_same_fits() -> None:
    assert read_schema(Finding).accept(LooksTheSame()) == Finding(service="db", line=3, tags=["a"])


def test_a_dataclass_that_model_code_wrote_fits_too() -> None:
    @dataclass
    class Copied:
        service: str
        line: int

    original = make_dataclass("Original", [("service", str), ("line", int)])
    assert read_schema(original).accept(Copied("db", 3)) == original("db", 3)
    assert read_schema(list[original]).accept([Copied("db", 3)]) == [original("db", 3)]  # type: ignore[valid-type]
    schema = {"type": "object", "required": ["service", "line"]}
    assert read_schema(schema).accept(Copied("db", 3)) == {"service": "db", "line": 3}


@pytest.mark.parametrize(
    ("form", "value", "said"),
    [
        (Finding, {"service": "db"}, ["line: Field required", "a dict"]),
        (Finding, {"service": "db", "line": 0}, ["line: Input should be greater than or equal to 1"]),
        (Finding, '{"service": "db"}', ["line: Field required", "a str"]),
        (Finding, "the database", ["a str"]),
        (
            list[Finding],
            [{"service": "db", "line": 1}, {"line": "x"}],
            ["1.service: Field required", "1.line: "],
        ),
        (int, "many", ["valid integer"]),
        (int, None, ["a NoneType"]),
        (PERSON, {"name": "Ada"}, ["'age' is a required property"]),
        (PERSON, {"name": "Ada", "age": -1}, ["age: -1 is less than the minimum of 0"]),
        (PERSON, {"name": "Ada", "age": 1, "x": 2}, ["'x' was unexpected"]),
        (PERSON, "Ada, 36", ["text, but not JSON"]),
        (PERSON, {"name", "age"}, ["a set like this cannot be written as JSON"]),
        (PERSON, {"name": "Ada", "age": float("nan")}, ["cannot be written as JSON"]),
        (PERSON, "[NaN]", ["not JSON"]),
    ],
)
def test_what_does_not_fit_goes_back_to_the_model_with_the_reasons(
    form: Any, value: object, said: list[str]
) -> None:
    with pytest.raises(AnswerRejected) as rejected:
        read_schema(form).accept(value)
    for part in [*said, "Answer again"]:
        assert part in str(rejected.value)


def test_a_value_that_holds_itself_is_rejected_and_no_crash() -> None:
    loop: list[object] = []
    loop.append(loop)
    for form in ({"type": "array"}, list[list[int]]):
        with pytest.raises(AnswerRejected):
            read_schema(form).accept(loop)


def test_reasons_are_bounded() -> None:
    with pytest.raises(AnswerRejected) as rejected:
        read_schema(list[int]).accept(["x" * 10_000] * 10_000)
    assert "and 9,990 more" in str(rejected.value)
    with pytest.raises(AnswerRejected) as rejected_json:
        read_schema({"type": "array", "items": {"type": "integer"}}).accept(["x" * 10_000] * 100)
    assert "and 90 more" in str(rejected_json.value)
    assert len(str(rejected.value)) + len(str(rejected_json.value)) < 8_000


def test_the_prompt_holds_the_schema() -> None:
    assert '"minimum": 1' in read_schema(Finding).prompt
    assert '"additionalProperties": false' in read_schema(PERSON).prompt


class Opaque:
    pass


class Holder(BaseModel, arbitrary_types_allowed=True):
    held: Opaque


def test_a_type_that_json_lacks_is_checked_and_told_by_name() -> None:
    schema = read_schema(Holder)
    held = Opaque()
    assert schema.accept({"held": held}).held is held  # type: ignore[attr-defined]
    assert "Holder" in schema.prompt
    with pytest.raises(AnswerRejected):
        schema.accept({"held": 3})


@pytest.mark.parametrize(
    ("form", "named"),
    [
        ("Finding", "'Finding'"),
        (None, "None"),
        (3, "3"),
        ([int], "list"),
        (Opaque, "Opaque"),
        ({"type": "no such type"}, "no such type"),
        ({"properties": 3}, "3"),
        ({"x": {1, 2}}, "set"),
        ({"$ref": "#/$defs/missing"}, "#/$defs/missing"),
        ({"$ref": "http://127.0.0.1:9/schema.json"}, "http://127.0.0.1:9/schema.json"),
    ],
)
def test_a_faulty_form_is_refused_at_once(form: Any, named: str) -> None:
    with pytest.raises(SchemaError, match=r".") as refused:
        read_schema(form)
    assert named in str(refused.value)


def test_a_reference_below_an_id_is_never_fetched() -> None:
    schema = read_schema({"$id": "http://127.0.0.1:9/root.json", "properties": {"a": {"$ref": "other.json"}}})
    with pytest.raises(AnswerRejected, match=r"other\.json"):
        schema.accept({"a": 1})


class Faulty(BaseModel):
    x: int

    @field_validator("x")
    @classmethod
    def check(cls, x: int) -> int:
        raise RuntimeError(f"cannot check {x}")


def test_a_validator_that_breaks_costs_a_turn_and_not_the_run() -> None:
    with pytest.raises(AnswerRejected, match="RuntimeError: cannot check 3"):
        read_schema(Faulty).accept({"x": 3})


def test_text_of_a_typed_value_is_json_or_the_str_itself() -> None:
    assert json.loads(read_schema(Finding).text(Finding(service="é", line=3))) == {
        "service": "é",
        "line": 3,
        "tags": [],
    }
    assert read_schema(str).text("as it is") == "as it is"
    assert json.loads(read_schema(PERSON).text({"name": "Ada", "age": 3})) == {"name": "Ada", "age": 3}
    assert "Opaque" in read_schema(Holder).text(Holder(held=Opaque()))


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_json_written_as_text_is_as_good_as_the_value(value: Any) -> None:
    form = {"type": ["null", "boolean", "number", "array", "object"]}
    schema = read_schema(form)
    if isinstance(value, str):
        return
    assert schema.accept(value) == value
    assert schema.accept(json.dumps(value)) == value
    assert schema.accept(f"```json\n{json.dumps(value)}\n```") == value
