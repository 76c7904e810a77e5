"""Answers of a given form: what the model is told about the form, and whether a final value has it.

A Python type (a pydantic model, a dataclass, a TypedDict, `list[int]`) is checked by pydantic, a JSON schema
by jsonschema. Nothing is fetched: a `$ref` that leads elsewhere is an error.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..errors import AnswerRejected, SchemaError
from .checked import FORM, Schema, as_json, reason, rejection
from .json_schema import json_schema

if TYPE_CHECKING:
    from pydantic import TypeAdapter, ValidationError


def read_schema(form: Any) -> Schema:
    """Return the schema for a Python type, or for a JSON schema given as a dict.

    Raises SchemaError, saying what is wrong, when the form is neither, or is faulty itself.
    """
    schema = json_schema(form) if isinstance(form, Mapping) else _typed(form)
    return replace(schema, accept=lambda value: _guarded(schema, value))


def _guarded(schema: Schema, value: object) -> object:
    try:
        return schema.accept(value)
    except AnswerRejected:
        raise
    # A validator of the user's may raise anything: that must cost the answer a turn, and not the whole run.
    except Exception as error:
        reason_why = f"the check itself failed: {type(error).__name__}: {error}"
        raise AnswerRejected(rejection([reason_why], value)) from error


def _typed(form: Any) -> Schema:
    import pydantic
    from pydantic.errors import PydanticUserError

    if form is None or isinstance(form, (str, int, float, bytes, list, tuple, set)):
        raise SchemaError(
            f"schema={form!r} is a {type(form).__name__}; use a type (a pydantic model, a dataclass, "
            "list[int]) or a JSON schema as a dict"
        )
    try:
        adapter: TypeAdapter[Any] = pydantic.TypeAdapter(form)
        described = _described(adapter, form)
    except (PydanticUserError, NameError, TypeError) as error:
        raise SchemaError(f"schema={_name_of(form)} cannot be checked: {error}") from error
    return Schema(
        prompt=FORM.format(schema=described),
        accept=lambda value: _accepted(adapter, value),
        text=lambda value: _typed_text(adapter, value),
    )


def _described(adapter: TypeAdapter[Any], form: object) -> str:
    from pydantic.errors import PydanticInvalidForJsonSchema

    try:
        return json.dumps(adapter.json_schema(), indent=1, ensure_ascii=False)
    except PydanticInvalidForJsonSchema:
        # A field of a type that JSON lacks: checked all the same, and told by its Python name.
        return json.dumps({"description": f"Python type {_name_of(form)}"})


def _accepted(adapter: TypeAdapter[Any], value: object) -> object:
    from pydantic import ValidationError

    try:
        # Attributes, because model code likes to define a class of its own that looks the same.
        return adapter.validate_python(value, from_attributes=True)
    except ValidationError as error:
        refused = error
    text = as_json(value)
    if text is not None:
        try:
            return adapter.validate_json(text)
        except ValidationError as error:
            refused = error
    raise AnswerRejected(rejection(_pydantic_reasons(refused), value)) from refused


def _pydantic_reasons(refused: ValidationError) -> list[str]:
    found = refused.errors(include_url=False, include_context=False, include_input=False)
    return [reason(error["loc"], error["msg"]) for error in found]


def _typed_text(adapter: TypeAdapter[Any], value: object) -> str:
    from pydantic_core import PydanticSerializationError

    if isinstance(value, str):
        return str(value)
    try:
        return adapter.dump_json(value, indent=2, warnings=False).decode()
    except PydanticSerializationError:
        return str(value)


def _name_of(form: object) -> str:
    return getattr(form, "__qualname__", None) or str(form)
