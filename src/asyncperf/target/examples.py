"""Values for a request out of JSON schemas: what the app's author wrote down, or the least
value that the schema itself names.

Pure. A value is never made up: a string without example, default or enum stays unknown,
because an invented one would measure the app's error path.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

Json = Any
Schema = Mapping[str, Any]
Trail = tuple[str, ...]

# Schemas nest; one that goes deeper than this refers to itself.
MAX_DEPTH = 32
# A longer array is the limit that a test would try, not the usual request.
MAX_ITEMS = 100


class CannotFill(Exception):
    """No value for this part of a request; `path` names the field, "" is the whole."""

    def __init__(self, path: str = "") -> None:
        super().__init__(path)
        self.path = path


def resolve(document: Schema, node: Json) -> Mapping[str, Any]:
    """The node itself, or what its `$ref` (into the same document) leads to.

    Keywords beside a `$ref` count as well (OpenAPI 3.1). Raises `CannotFill` for a
    reference that leads nowhere, to another document, or round in circles.
    """
    beside: dict[str, Any] = {}
    for _ in range(MAX_DEPTH):
        if not isinstance(node, Mapping):
            raise CannotFill
        if "$ref" not in node:
            return {**node, **beside}
        beside = {**{k: v for k, v in node.items() if k != "$ref"}, **beside}
        node = followed(document, node["$ref"])
    raise CannotFill


def followed(document: Schema, reference: Json) -> Json:
    if not isinstance(reference, str) or not reference.startswith("#/"):
        raise CannotFill
    node: Json = document
    for part in reference[2:].split("/"):
        key = part.replace("~1", "/").replace("~0", "~")
        if not isinstance(node, Mapping) or key not in node:
            raise CannotFill
        node = node[key]
    return node


def example_of(document: Schema, holder: Schema) -> Json:
    """The example that stands beside a parameter or media type: `example`, or the first of
    `examples`, which maps names to values. Raises `CannotFill` where there is none."""
    if "example" in holder:
        return holder["example"]
    examples = holder.get("examples")
    if isinstance(examples, Mapping):
        for entry in examples.values():
            example = resolve(document, entry)
            if "value" in example:
                return example["value"]
    raise CannotFill


def value_of(document: Schema, schema: Json, within: Trail = ()) -> Json:
    """A value that the schema allows, as its author shows it. Raises `CannotFill`.

    `within` holds the references that led here: one that comes again has no end.
    """
    if isinstance(schema, Mapping) and "$ref" in schema:
        if schema["$ref"] in within or len(within) > MAX_DEPTH:
            raise CannotFill
        within = (*within, schema["$ref"])
    schema = resolve(document, schema)
    found, value = shown(schema)
    if found:
        return value
    if "allOf" in schema:
        return value_of(document, merged(document, schema), within)
    for choice in ("anyOf", "oneOf"):
        if choice in schema:
            return first_fillable(document, schema[choice], within)
    return least(document, schema, within)


def shown(schema: Schema) -> tuple[bool, Json]:
    """Whether the schema names a value itself, and which."""
    if "const" in schema:
        return True, schema["const"]
    if "example" in schema:
        return True, schema["example"]
    examples = schema.get("examples")
    if isinstance(examples, Sequence) and not isinstance(examples, str) and examples:
        return True, examples[0]
    if schema.get("default") is not None:
        return True, schema["default"]
    if schema.get("enum"):
        return True, schema["enum"][0]
    return False, None


def merged(document: Schema, schema: Schema, depth: int = 0) -> dict[str, Any]:
    """One schema that asks for all that the parts of an `allOf` ask for."""
    if depth > MAX_DEPTH:
        raise CannotFill
    whole: dict[str, Any] = {key: value for key, value in schema.items() if key != "allOf"}
    properties: dict[str, Any] = {}
    required: list[str] = []
    for part in (*(resolve(document, p) for p in schema["allOf"]), dict(whole)):
        if "allOf" in part:
            part = merged(document, part, depth + 1)
        properties |= part.get("properties", {})
        required += part.get("required", [])
        whole = {**whole, **part}
    if properties:
        whole |= {"type": "object", "properties": properties, "required": required}
    return whole


def first_fillable(document: Schema, choices: Sequence[Json], within: Trail) -> Json:
    """The first choice that can be filled; null only where nothing else can."""
    nothing_else = CannotFill()
    null = False
    for choice in choices:
        try:
            if resolve(document, choice).get("type") == "null":
                null = True
                continue
            return value_of(document, choice, within)
        except CannotFill as error:
            nothing_else = error
    if null:
        return None
    raise nothing_else


def least(document: Schema, schema: Schema, within: Trail) -> Json:
    """The least value of a type, where its schema bounds it from below."""
    kind = schema.get("type")
    if isinstance(kind, Sequence) and not isinstance(kind, str):
        options = [{**schema, "type": option} for option in kind]
        return first_fillable(document, options, within)
    if kind == "object" or (kind is None and "properties" in schema):
        return least_object(document, schema, within)
    match kind:
        case "integer" | "number":
            return least_number(schema, whole=kind == "integer")
        case "boolean":
            return False
        case "null":
            return None
        case "array":
            count = schema.get("minItems", 0)
            if count and (count > MAX_ITEMS or (count > 1 and schema.get("uniqueItems"))):
                raise CannotFill
            if not count:
                return []
            return [value_of(document, schema.get("items", {}), within)] * count
    raise CannotFill


def least_object(document: Schema, schema: Schema, within: Trail) -> dict[str, Json]:
    """An object with its required fields and no others."""
    properties = schema.get("properties", {})
    filled = {}
    for name in schema.get("required", []):
        try:
            filled[name] = value_of(document, properties.get(name, {}), within)
        except CannotFill as error:
            raise CannotFill(f"{name}.{error.path}" if error.path else name) from None
    return filled


def least_number(schema: Schema, whole: bool) -> float | int:
    low, above = schema.get("minimum"), schema.get("exclusiveMinimum")
    if above is True:  # OpenAPI 3.0 says so beside `minimum`
        low, above = None, low
    if isinstance(above, bool):
        above = None
    step = schema.get("multipleOf") or 1
    if above is not None:
        value = (math.floor(above / step) + 1) * step
        value = value if low is None else max(value, math.ceil(low / step) * step)
    elif low is not None:
        value = math.ceil(low / step) * step if whole or "multipleOf" in schema else low
    else:
        raise CannotFill
    high, below = schema.get("maximum"), schema.get("exclusiveMaximum")
    too_high = (high is not None and value > high) or (
        below is not None and not isinstance(below, bool) and value >= below
    )
    if too_high:
        raise CannotFill
    return int(value) if whole else value
