"""Whether a value fits a JSON schema: the keywords that the schemas of replies use.

The same subset that a grammar of llama.cpp can hold to, so that no JSON-schema package joins the runtime. A
keyword that is not known here is refused, never passed over.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]

_ANNOTATIONS = frozenset(
    {"title", "description", "default", "examples", "$defs", "format", "$schema", "discriminator"}
)
_TYPES: Mapping[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
}


def misfit(value: Any, schema: Schema) -> str | None:
    """Return the first reason why a value does not fit, with its place, or None."""
    return next(_misfits(value, schema, schema, "$"), None)


def _misfits(value: Any, schema: Schema, root: Schema, at: str) -> Iterator[str]:
    for word, argument in schema.items():
        if word in _ANNOTATIONS:
            continue
        if word == "$ref":
            yield from _misfits(value, _resolve(argument, root), root, at)
        elif word in _CHECKS:
            if not _CHECKS[word](value, argument):
                yield f"{at}: {_short(value)} breaks {word} {_short(argument)}"
        elif word in ("anyOf", "oneOf", "allOf"):
            yield from _alternatives(value, word, argument, root, at)
        elif word not in ("properties", "items", "prefixItems", "additionalProperties"):
            raise ValueError(f"the schema uses {word!r}, which is not known here")
    yield from _parts(value, schema, root, at)


def _alternatives(value: Any, word: str, schemas: list[Schema], root: Schema, at: str) -> Iterator[str]:
    misfits = [next(_misfits(value, schema, root, at), None) for schema in schemas]
    if word == "allOf":
        yield from filter(None, misfits)
    elif None not in misfits:
        yield misfits[0] or ""


def _parts(value: Any, schema: Schema, root: Schema, at: str) -> Iterator[str]:
    if isinstance(value, dict):
        known = schema.get("properties", {})
        for name, item in value.items():
            rule = known.get(name, schema.get("additionalProperties", True))
            yield from _part(item, rule, root, f"{at}.{name}")
    if isinstance(value, list):
        first = schema.get("prefixItems", [])
        for place, item in enumerate(value):
            rule = first[place] if place < len(first) else schema.get("items", True)
            yield from _part(item, rule, root, f"{at}[{place}]")


def _part(value: Any, rule: Schema | bool, root: Schema, at: str) -> Iterator[str]:
    if rule is False:
        yield f"{at}: not expected"
    elif not isinstance(rule, bool):
        yield from _misfits(value, rule, root, at)


def _resolve(reference: str, root: Schema) -> Schema:
    found: Any = root
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return found  # type: ignore[no-any-return]


def _is_type(value: Any, types: str | list[str]) -> bool:
    return any(_TYPES[name](value) for name in ([types] if isinstance(types, str) else types))


def _for(kind: str, check: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    """A keyword says nothing about values of another kind."""
    return lambda value, argument: not _TYPES[kind](value) or check(value, argument)


_CHECKS: Mapping[str, Callable[[Any, Any], bool]] = {
    "type": _is_type,
    "enum": lambda value, allowed: value in allowed,
    "const": lambda value, only: bool(value == only),
    "required": _for("object", lambda value, names: all(name in value for name in names)),
    "minLength": _for("string", lambda value, bound: len(value) >= bound),
    "maxLength": _for("string", lambda value, bound: len(value) <= bound),
    "pattern": _for("string", lambda value, pattern: re.search(pattern, value) is not None),
    "minItems": _for("array", lambda value, bound: len(value) >= bound),
    "maxItems": _for("array", lambda value, bound: len(value) <= bound),
    "uniqueItems": _for(
        "array", lambda value, on: not on or all(v not in value[:n] for n, v in enumerate(value))
    ),
    "minimum": _for("number", lambda value, bound: value >= bound),
    "maximum": _for("number", lambda value, bound: value <= bound),
    "exclusiveMinimum": _for("number", lambda value, bound: value > bound),
    "exclusiveMaximum": _for("number", lambda value, bound: value < bound),
}


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
