"""Typed replies: a JSON schema made tight before the model writes, and the reply held against it afterwards.

A small model closes its braces only when it is left no room to ramble (measured: 0 of 6 objects with free
white space, 6 of 6 without), so white space is fixed and everything that could grow has a bound. llama.cpp
ignores a schema that it cannot compile and writes freely; the check afterwards is what a caller may rely on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from slm_core.errors import UserError

MAX_STRING = 200  # characters, where a schema gives no maxLength
MAX_ITEMS = 16  # where it gives no maxItems
MAX_INTEGER = 10**12  # either side of zero, where it gives no minimum or maximum
_NOTES = {"title", "description", "default", "examples", "$comment", "discriminator"}
_CLOSED = {"enum", "const"}


def compact(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema without remarks, every string, array and integer bounded, objects closed, white space
    fixed.

    Raises:
        UserError: it is no JSON schema, points to a definition that is not there, or leaves a value or the
            keys of an object open.
    """
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise UserError(
            f"not a JSON schema: {error.message}", where=f"schema at {error.json_path}"
        ) from error
    tight: dict[str, Any] = _tighten(schema, "$", schema)
    if "$defs" in schema:
        tight["$defs"] = {
            name: _tighten(part, f"$defs.{name}", schema) for name, part in schema["$defs"].items()
        }
    return {**tight, "x-guidance": {"whitespace_flexible": False}}


def parse(text: str, schema: Mapping[str, Any]) -> Any:
    """Return the object that `text` is.

    Raises:
        ValueError: it is no JSON, or breaks the schema; the message says where.
    """
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"no JSON: {error.msg} at character {error.pos}") from error
    wrong = next(iter(Draft202012Validator(schema).iter_errors(value)), None)
    if wrong is not None:
        raise ValueError(f"{wrong.json_path}: {wrong.message}")
    return value


def _tighten(node: Any, at: str, root: Mapping[str, Any]) -> Any:
    if not isinstance(node, Mapping):
        raise UserError(
            "anything may stand here", where=f"schema at {at}", expected="a type, enum, const or $ref"
        )
    plain = {key: value for key, value in node.items() if key not in _NOTES and key != "$defs"}
    if "$ref" in plain:
        _check_reference(plain["$ref"], at, root)
        return plain
    for joined in ("anyOf", "oneOf", "allOf"):
        if joined in plain:
            plain[joined] = [
                _tighten(part, f"{at}.{joined}[{i}]", root) for i, part in enumerate(plain[joined])
            ]
    kinds = plain.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if not kinds and not plain.keys() & {*_CLOSED, "anyOf", "oneOf", "allOf"}:
        raise UserError(
            "anything may stand here", where=f"schema at {at}", expected="a type, enum, const or $ref"
        )
    if not plain.keys() & _CLOSED:
        for kind in kinds:
            plain |= _bounds(kind, plain, at, root)
    return plain


def _bounds(kind: str, node: Mapping[str, Any], at: str, root: Mapping[str, Any]) -> dict[str, Any]:
    if kind == "string":
        return {} if "format" in node else {"maxLength": node.get("maxLength", MAX_STRING)}
    if kind == "integer":
        low = {} if "exclusiveMinimum" in node else {"minimum": node.get("minimum", -MAX_INTEGER)}
        high = {} if "exclusiveMaximum" in node else {"maximum": node.get("maximum", MAX_INTEGER)}
        return low | high
    if kind == "array":
        return _array(node, at, root)
    return _object(node, at, root) if kind == "object" else {}


def _array(node: Mapping[str, Any], at: str, root: Mapping[str, Any]) -> dict[str, Any]:
    tight: dict[str, Any] = {}
    if "prefixItems" in node:
        parts = node["prefixItems"]
        tight["prefixItems"] = [_tighten(part, f"{at}[{i}]", root) for i, part in enumerate(parts)]
        tight["items"] = node.get("items", False)
        if tight["items"] is False:
            return tight
    tight["items"] = _tighten(node.get("items", True), f"{at}[]", root)
    tight["maxItems"] = node.get("maxItems", MAX_ITEMS)
    return tight


def _object(node: Mapping[str, Any], at: str, root: Mapping[str, Any]) -> dict[str, Any]:
    if node.get("additionalProperties") not in (None, False) or "properties" not in node:
        raise UserError(
            "an object with open keys has no bound", where=f"schema at {at}", expected="named properties"
        )
    properties = {name: _tighten(part, f"{at}.{name}", root) for name, part in node["properties"].items()}
    return {"properties": properties, "additionalProperties": False}


def _check_reference(reference: str, at: str, root: Mapping[str, Any]) -> None:
    name = reference.removeprefix("#/$defs/")
    if name not in root.get("$defs", {}):
        raise UserError(
            f"{reference} is not there", where=f"schema at {at}", expected="a definition below $defs"
        )
