"""JSON shapes in a few characters, and what of a type or a value does not have one.

A shape is one of the kinds below, ``[shape]`` for an array of it, or ``{member: shape}`` for an object with exactly these
members; a member whose name ends in ``?`` may be missing. ``ANY`` stands where the spec does not say.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Any, TypeAlias, get_args, get_type_hints

from msgspec import UnsetType, inspect

INT_MAX = 2**31 - 1


class Kind(Enum):
    """A JSON scalar as the typed SDKs read it: an ``int`` of Java has 32 bits, a ``long`` 64."""

    TEXT = "a text"
    INT = "a whole number of 32 bits"
    LONG = "a whole number of 64 bits"
    NUMBER = "a number"
    FLAG = "a boolean"
    ANY = "anything"


TEXT, INT, LONG, NUMBER, FLAG, ANY = Kind

Shape: TypeAlias = Kind | list[Any] | dict[str, Any]


def wrong_value(shape: Shape, value: Any, place: str = "$") -> list[str]:
    """Where a JSON value differs from a shape: one line each, none when it fits."""
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            return [f"{place} is no object: {value!r}"]
        found = _wrong_names(shape, value, {name for name in value if value[name] is None}, place)
        for name, inner in _members(shape).items():
            if value.get(name) is not None:
                found += wrong_value(inner, value[name], f"{place}.{name}")
        return found
    if isinstance(shape, list):
        if not isinstance(value, list):
            return [f"{place} is no array: {value!r}"]
        return [line for element in value for line in wrong_value(shape[0], element, f"{place}[]")]
    return [] if _is(shape, value) else [f"{place} is not {shape.value}: {value!r}"]


def _is(kind: Kind, value: Any) -> bool:
    match kind:
        case Kind.ANY:
            return True
        case Kind.TEXT:
            return isinstance(value, str)
        case Kind.FLAG:
            return isinstance(value, bool)
        case Kind.NUMBER:
            return isinstance(value, int | float) and not isinstance(value, bool)
    limit = INT_MAX if kind is Kind.INT else 2**63 - 1
    return type(value) is int and -limit - 1 <= value <= limit


def wrong_type(shape: Shape | None, kind: Any, place: str = "$") -> list[str]:
    """Where what a type is written as differs from a shape: one line each, none when it fits."""
    if shape is None or kind is None:
        return [] if shape is kind is None else [f"{place} is {kind}, and should be {shape}"]
    return _wrong_type(shape, inspect.type_info(kind), place)


def _wrong_type(shape: Shape, kind: inspect.Type, place: str) -> list[str]:
    match kind:
        case inspect.Metadata(type=inner):
            return _wrong_type(shape, inner, place)
        case inspect.StructType(cls=struct, fields=fields) if isinstance(shape, dict):
            types = {field.encode_name: field.type for field in fields}
            hints = get_type_hints(struct, include_extras=True)
            unset = {field.encode_name for field in fields if UnsetType in get_args(hints[field.name])}
            found = _wrong_names(shape, types, unset, place)
            for name, inner in _members(shape).items():
                if name in types:
                    found += _wrong_type(inner, types[name], f"{place}.{name}")
            return found
        case inspect.ListType(item_type=item) | inspect.VarTupleType(item_type=item) if isinstance(shape, list):
            return _wrong_type(shape[0], item, f"{place}[]")
    right = isinstance(shape, Kind) and isinstance(kind, _KINDS[shape])
    if isinstance(kind, inspect.IntType) and shape in (INT, LONG):
        right = (shape is INT) == (kind.le is not None and kind.le <= INT_MAX)
    return [] if right else [f"{place} is {kind}, and should be {shape}"]


_KINDS: Mapping[Kind, tuple[type, ...]] = {
    Kind.TEXT: (inspect.StrType,),
    Kind.INT: (inspect.IntType,),
    Kind.LONG: (inspect.IntType,),
    Kind.NUMBER: (inspect.IntType, inspect.FloatType),
    Kind.FLAG: (inspect.BoolType,),
    # A page is encoded piece by piece; what is in it is seen in its values only.
    Kind.ANY: (inspect.Type,),
}


def _members(shape: dict[str, Any]) -> dict[str, Any]:
    return {name.removesuffix("?"): inner for name, inner in shape.items()}


def _wrong_names(shape: dict[str, Any], given: Mapping[str, Any], missing: set[str], place: str) -> list[str]:
    needed = {name for name in shape if not name.endswith("?")}
    there = given.keys() - missing
    found = [f"{place}.{name} is missing" for name in sorted(needed - there)]
    return found + [f"{place}.{name} is not known" for name in sorted(given.keys() - _members(shape).keys())]
