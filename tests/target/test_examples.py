"""Values out of schemas: what the author shows, the least value, or none at all."""

from typing import Any

import pytest

from asyncperf.target.examples import CannotFill, example_of, merged, resolve, value_of

DOCUMENT: dict[str, Any] = {
    "components": {
        "schemas": {
            "Colour": {"type": "string", "enum": ["red", "green"]},
            "Price": {"type": "number", "minimum": 0.5},
            "Named": {
                "type": "object",
                "required": ["name"],
                "properties": {"name": {"type": "string", "examples": ["Ada"]}},
            },
            "Order": {
                "type": "object",
                "required": ["colour", "buyer", "lines"],
                "properties": {
                    "colour": {"$ref": "#/components/schemas/Colour"},
                    "buyer": {"$ref": "#/components/schemas/Named"},
                    "lines": {"type": "array", "minItems": 2, "items": {"type": "boolean"}},
                    "note": {"type": "string"},
                },
            },
            "Tree": {
                "type": "object",
                "required": ["left", "right"],
                "properties": {
                    "left": {"$ref": "#/components/schemas/Tree"},
                    "right": {"$ref": "#/components/schemas/Tree"},
                },
            },
            "Loop": {"$ref": "#/components/schemas/Loop"},
            "All": {"allOf": [{"$ref": "#/components/schemas/All"}]},
            "Maybe": {
                "anyOf": [{"$ref": "#/components/schemas/Maybe"}, {"type": "integer", "minimum": 3}]
            },
        },
        "examples": {"big": {"value": 900}},
    }
}


def ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"const": "x"}, "x"),
        ({"type": "integer", "example": 7}, 7),
        ({"type": "integer", "examples": [8, 9]}, 8),
        ({"type": "string", "default": "d"}, "d"),
        ({"type": "integer", "default": 0}, 0),
        (ref("Colour"), "red"),
        ({**ref("Colour"), "default": "green"}, "green"),
        ({"allOf": [ref("Colour")]}, "red"),
        ({"type": "integer", "minimum": 1}, 1),
        ({"type": "integer", "exclusiveMinimum": 0}, 1),
        ({"type": "integer", "minimum": 0, "exclusiveMinimum": True}, 1),
        ({"type": "integer", "minimum": 3, "multipleOf": 5}, 5),
        ({"type": "integer", "minimum": 1.5}, 2),
        (ref("Price"), 0.5),
        ({"type": "boolean"}, False),
        ({"type": "null"}, None),
        ({"type": ["null", "boolean"]}, False),
        ({"type": "array", "items": {"type": "string"}}, []),
        ({"anyOf": [{"type": "string"}, {"type": "integer", "minimum": 2}]}, 2),
        ({"anyOf": [{"type": "null"}, {"type": "boolean"}]}, False),
        ({"oneOf": [{"type": "string"}, {"type": "null"}]}, None),
        (ref("Order"), {"colour": "red", "buyer": {"name": "Ada"}, "lines": [False, False]}),
        (ref("Maybe"), 3),
        (
            {"allOf": [ref("Named"), {"required": ["age"], "properties": {"age": {"const": 36}}}]},
            {"name": "Ada", "age": 36},
        ),
    ],
)
def test_value(schema: object, value: object) -> None:
    found = value_of(DOCUMENT, schema)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        ({"type": "string"}, ""),
        ({"type": "integer"}, ""),
        ({"type": "integer", "minimum": 5, "maximum": 4}, ""),
        ({"type": "number", "exclusiveMinimum": 0, "maximum": 0.5}, ""),
        ({"type": "array", "minItems": 1, "items": {"type": "string"}}, ""),
        ({"type": "array", "minItems": 2, "uniqueItems": True, "items": {"const": 1}}, ""),
        ({"type": "array", "minItems": 10**9, "items": {"const": 1}}, ""),
        ({"anyOf": [{"type": "string"}]}, ""),
        ({}, ""),
        (None, ""),
        ({"required": ["a"], "properties": {"a": {"type": "string"}}}, "a"),
        ({"type": "object", "required": ["unnamed"]}, "unnamed"),
        (ref("Loop"), ""),
        (ref("All"), ""),
        (ref("Tree"), "left"),
        (ref("Absent"), ""),
        ({"$ref": "http://elsewhere/schema.json"}, ""),
    ],
)
def test_no_value_is_made_up(schema: object, path: str) -> None:
    with pytest.raises(CannotFill) as raised:
        value_of(DOCUMENT, schema)
    assert raised.value.path == path


def test_a_missing_field_is_named_from_the_top() -> None:
    inner = {"required": ["b"], "properties": {"b": {"type": "string"}}}
    with pytest.raises(CannotFill) as raised:
        value_of(DOCUMENT, {"required": ["a"], "properties": {"a": inner}})
    assert raised.value.path == "a.b"


def test_examples_beside_a_parameter() -> None:
    assert example_of(DOCUMENT, {"example": 0}) == 0
    assert example_of(DOCUMENT, {"examples": {"one": {"value": [1]}}}) == [1]
    assert example_of(DOCUMENT, {"examples": {"r": {"$ref": "#/components/examples/big"}}}) == 900
    with pytest.raises(CannotFill):
        example_of(DOCUMENT, {"examples": {"far": {"externalValue": "http://elsewhere"}}})


def test_keywords_beside_a_reference_win() -> None:
    assert resolve(DOCUMENT, {**ref("Price"), "minimum": 2})["minimum"] == 2


def test_all_parts_of_an_allof_are_required() -> None:
    whole = merged(DOCUMENT, {"allOf": [ref("Named"), {"required": ["x"]}]})
    assert whole["required"] == ["name", "x"]
