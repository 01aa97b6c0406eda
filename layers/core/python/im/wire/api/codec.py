"""From and to the server API's JSON: lenient on the way in, exact on the way out (server-api spec 2.0, 7).

The official SDKs read answers into typed classes, so members, JSON types and spellings are theirs to the letter; where two
of them spell a member differently, both are written. What they send differs more: numbers as text, ``null`` for what is
not given, other names for the same member. ``decode`` takes all of it.
"""

import base64
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, TypeVar

import msgspec
from msgspec import UNSET, Struct, inspect

from im.errors import TEXT, Code, ImError, InvalidError
from im.wire.signature import HttpCall

T = TypeVar("T", bound=Struct)
S = TypeVar("S", bound=type[Struct])

_OTHER_NAMES: dict[type, dict[str, str]] = {}


def also_named(**names: str) -> Callable[[S], S]:
    """Let a request's members be spelled in other ways too, as SDKs do: other name to own name (server-api spec 7.1)."""

    def register(schema: S) -> S:
        _OTHER_NAMES[schema] = names
        return schema

    return register


def other_names(schema: type[Struct]) -> Mapping[str, str]:
    """The other spellings of a request's members, its own or those of the request that it is made from."""
    return next((_OTHER_NAMES[each] for each in schema.__mro__ if each in _OTHER_NAMES), {})


_ALONE: dict[type, str] = {}


def also_alone(member: str) -> Callable[[S], S]:
    """Let the value of one member be the whole body too: ``"a@b"`` for ``{"email": "a@b"}`` (server-api spec 7.1)."""

    def register(schema: S) -> S:
        _ALONE[schema] = member
        return schema

    return register


def alone(schema: type[Struct]) -> str | None:
    """The member whose value may be the whole body, if there is one."""
    return next((_ALONE[each] for each in schema.__mro__ if each in _ALONE), None)


class _Failure(Struct, frozen=True):
    code: int
    msg: str


class _Envelope(Struct, frozen=True):
    code: int
    msg: str
    result: Any = UNSET


_encode = msgspec.json.Encoder().encode


def success(result: Any) -> bytes:
    """The envelope of a result; without the member when it is None."""
    return _encode(_Envelope(int(Code.SUCCESS), TEXT[Code.SUCCESS], UNSET if result is None else result))


def failure(error: ImError, *, nested: bool = False) -> bytes:
    """The envelope of a refusal; a refused signature carries code and text once more as its result (spec 1.3)."""
    again = _Failure(int(error.code), error.msg) if nested else UNSET
    return _encode(_Envelope(int(error.code), error.msg, again))


# --- from the wire


def http_call(event: Mapping[str, Any]) -> HttpCall:
    """The request in a function URL's event (payload format 2.0).

    Raises:
        InvalidError: the body is said to be base64 and is not.
    """
    body: str = event.get("body") or ""
    try:
        raw = base64.b64decode(body, validate=True) if event.get("isBase64Encoded") else body.encode()
    except ValueError:
        raise InvalidError("the body is not base64") from None
    return HttpCall(
        method=event["requestContext"]["http"]["method"],
        path=event["rawPath"],
        query=event.get("rawQueryString", ""),
        headers={name.lower(): value for name, value in event.get("headers", {}).items()},
        body=raw,
    )


def decode(schema: type[T], body: bytes) -> T:
    """A request body by its schema, as leniently as the reference server reads it (spec 1.5, 7.1).

    ``null`` counts as absent, unknown members are ignored, aliases are known; numbers and booleans may be texts, texts may
    be numbers or booleans, and a JavaScript ``Long`` object is a number. An empty body has no members.

    Raises:
        InvalidError: it is not JSON, or does not fit; the text has the path of the offending member.
    """
    try:
        value = msgspec.json.decode(body) if body.strip() else {}
        if not isinstance(value, dict) and (member := alone(schema)):
            value = {member: value}
        return msgspec.convert(_normaliser(schema)(value), schema)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise InvalidError(str(error)) from None


Normalise = Callable[[Any], Any]


@cache
def _normaliser(schema: type[Struct]) -> Normalise:
    return _normaliser_of(inspect.type_info(schema))


def _normaliser_of(kind: inspect.Type) -> Normalise:
    match kind:
        case inspect.Metadata(type=inner):
            return _normaliser_of(inner)
        case inspect.IntType():
            return _to_int
        case inspect.BoolType():
            return _to_bool
        case inspect.StrType():
            return _to_text
        case inspect.VarTupleType(item_type=item):
            each = _normaliser_of(item)
            return lambda value: [each(element) for element in value] if isinstance(value, list) else value
        case inspect.UnionType(types=types):
            [present] = [each for each in types if not isinstance(each, inspect.NoneType)]
            return _normaliser_of(present)
        case inspect.StructType(cls=schema, fields=fields):
            return _struct_normaliser(schema, fields)
    raise TypeError(f"no request may hold a {kind}")


def _struct_normaliser(schema: type, fields: tuple[inspect.Field, ...]) -> Normalise:
    members = {field.encode_name: _normaliser_of(field.type) for field in fields}
    aliases = other_names(schema)
    zeros = {
        field.encode_name: 0 for field in fields if field.required and isinstance(_bare(field.type), inspect.IntType)
    }

    def normalise(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        given = {name: member for name, member in value.items() if member is not None}
        named = {aliases[name]: member for name, member in given.items() if name in aliases}
        named |= {name: member for name, member in given.items() if name in members}
        return zeros | {name: members[name](member) for name, member in named.items()}

    return normalise


def _bare(kind: inspect.Type) -> inspect.Type:
    """A type without what is said about it for documentation only."""
    return kind.type if isinstance(kind, inspect.Metadata) else kind


_DIGITS = re.compile(r"[+-]?[0-9]{1,19}(\.0+)?")


def _to_int(value: Any) -> Any:
    match value:
        case bool():
            return int(value)
        case float() if value.is_integer():
            return _bounded(int(value))
        case int():
            return _bounded(value)
        case str() if _DIGITS.fullmatch(text := value.strip()):
            return _bounded(int(text.partition(".")[0]))
        case {"low": int(low), "high": int(high)}:
            return _bounded(high << 32 | low & 0xFFFFFFFF)
    return value


def _bounded(value: int) -> int:
    if not -(2**63) <= value < 2**63:
        raise InvalidError("a number is out of range")
    return value


def _to_bool(value: Any) -> Any:
    match value:
        case int() if value in (0, 1):
            return bool(value)
        case str() if value.lower() in ("true", "false"):
            return value.lower() == "true"
    return value


def _to_text(value: Any) -> Any:
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
    return value
