"""Answers that fit a JSON schema, by the rules of its own draft. What a `$ref` names is never fetched."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ..errors import AnswerRejected, SchemaError
from ..text import clip
from .checked import FORM, SHOWN_CHARS, Schema, as_json, reason, rejection


def json_schema(form: Mapping[Any, Any]) -> Schema:
    """Return the check for a JSON schema. Raises SchemaError if it is faulty or refers to what it lacks."""
    import jsonschema
    from referencing import Registry

    kind = jsonschema.validators.validator_for(form, default=jsonschema.Draft202012Validator)
    try:
        described = json.dumps(form, indent=1, ensure_ascii=False)
        kind.check_schema(form)
    except (jsonschema.SchemaError, TypeError, ValueError) as error:
        message = clip(getattr(error, "message", str(error)), limit_chars=SHOWN_CHARS)
        raise SchemaError(f"the JSON schema is faulty: {message}") from error
    _check_references(form)
    # An empty registry: without one, jsonschema fetches what a $ref names.
    validator = kind(form, registry=Registry())
    return Schema(
        prompt=FORM.format(schema=described),
        accept=lambda value: _fitting(validator, value),
        text=lambda value: (
            value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
        ),
    )


def _check_references(form: Mapping[Any, Any]) -> None:
    """Refuse a reference to nothing now, and not when the first answer is checked."""
    from referencing import Registry
    from referencing.exceptions import Unresolvable
    from referencing.jsonschema import DRAFT202012

    resource = DRAFT202012.create_resource(form)
    resolver = Registry().with_resource("", resource).resolver()
    references = set(_references(form))
    if "$id" in references:
        return  # references are relative to it, and found out as they are followed
    for reference in references:
        try:
            resolver.lookup(reference)
        except Unresolvable as error:
            raise SchemaError(_unresolved(reference)) from error


def _references(form: object) -> Iterator[str]:
    if isinstance(form, Mapping):
        for name, value in form.items():
            if name == "$id":
                yield "$id"
            elif name == "$ref" and isinstance(value, str):
                yield value
            else:
                yield from _references(value)
    elif isinstance(form, (list, tuple)):
        for value in form:
            yield from _references(value)


def _unresolved(reference: str) -> str:
    return f"the JSON schema refers to {reference!r}, which it does not hold; put it under $defs"


def _fitting(validator: Any, value: object) -> object:
    from referencing.exceptions import Unresolvable

    try:
        if isinstance(value, str) and validator.is_valid(str(value)):
            return str(value)
        text = as_json(value)
        if text is None:
            raise AnswerRejected(rejection([_not_json(value)], value))
        read = json.loads(text)
        errors = sorted(validator.iter_errors(read), key=lambda error: list(map(str, error.absolute_path)))
    except Unresolvable as error:
        raise SchemaError(_unresolved(error.ref)) from error
    if errors:
        reasons = [reason(error.absolute_path, error.message) for error in errors]
        raise AnswerRejected(rejection(reasons, value))
    return read


def _not_json(value: object) -> str:
    return (
        "it is text, but not JSON"
        if isinstance(value, str)
        else f"a {type(value).__name__} like this cannot be written as JSON"
    )
