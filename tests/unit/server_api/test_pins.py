"""The schemas of the server API against the facts of ``pins``, and against what SDKs are free to write (spec, section 7)."""

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from msgspec import inspect

from im.errors import TEXT, Code, InvalidError
from im.message.model import Payload
from im.server_api.endpoints import HEALTH, NOT_IMPLEMENTED
from im.server_api.openapi import EVERYWHERE
from im.server_api.registry import ENDPOINTS
from im.wire.api import codec
from tests.unit.server_api.pins import CODES, NOT_HOSTED, PINS
from tests.unit.server_api.shapes import wrong_type, wrong_value

BUILT = sorted(ENDPOINTS)
WITH_BODY = [path for path in BUILT if ENDPOINTS[path].request]
SENT = [(path, body) for path in WITH_BODY for body in PINS[path].sends]
LONG = 588522146047721600


def decode(schema: Any, value: Any) -> Any:
    return codec.decode(schema, json.dumps(value).encode())


# --- the table is whole


def test_every_path_is_built_or_says_that_it_is_not() -> None:
    known = set(NOT_IMPLEMENTED)

    assert PINS.keys() | NOT_HOSTED == ENDPOINTS.keys() | known | {HEALTH}
    assert not NOT_HOSTED & ENDPOINTS.keys()


def test_codes_have_wildfires_numbers_and_texts() -> None:
    assert {int(code): text for code, text in TEXT.items()}.items() <= CODES.items()
    assert TEXT.keys() == set(Code)


# --- answers


@pytest.mark.parametrize("path", BUILT)
def test_a_result_has_the_members_and_types_that_the_sdks_read(path: str) -> None:
    assert wrong_type(PINS[path].result, ENDPOINTS[path].result) == []


@pytest.mark.parametrize("path", BUILT)
def test_a_path_says_what_codes_it_answers(path: str) -> None:
    missing = set(PINS[path].codes) - set(ENDPOINTS[path].codes) - set(EVERYWHERE)
    assert missing == set(), "@endpoint(..., codes=(Code.…,)) lists them for the documentation"


# --- requests


@pytest.mark.parametrize(("path", "body"), SENT)
def test_what_the_official_programs_send_is_understood(path: str, body: Any) -> None:
    schema = ENDPOINTS[path].request
    assert schema is not None

    members = body if isinstance(body, dict) else {codec.alone(schema): body}
    canonical = {PINS[path].spellings.get(name, name): value for name, value in members.items()}
    assert lost(decode(schema, body), canonical) == []


UNREAD = frozenset(
    [
        *(
            "isMeshMessage",
            "isUserMessage",
            "meshLocal",
            "includeDeleted",
            "password",
            "deleted",
            "updateDt",
            "createDt",
            "update_dt",
        ),
        *("memberCount", "memberUpdateDt", "member_count", "member_update_dt"),
    ]
)
"""What programs send as their data classes have it, and no server has a use for."""


def lost(understood: Any, sent: Any, place: str = "$") -> list[str]:
    """The members of a body that are not found again in what was understood."""
    if isinstance(sent, dict):
        names = {field.encode_name: field.name for field in msgspec.structs.fields(understood)}
        found = [f"{place}.{name}" for name in sent.keys() - names.keys() - UNREAD]
        for name in sent.keys() & names.keys():
            found += lost(getattr(understood, names[name]), sent[name], f"{place}.{name}")
        return found
    if isinstance(sent, list) and len(sent) == len(understood):
        return [line for one, other in zip(understood, sent, strict=True) for line in lost(one, other, f"{place}[]")]
    return [] if understood == sent else [place]


@pytest.mark.parametrize("path", [path for path in WITH_BODY if PINS[path].spellings])
def test_other_spellings_mean_the_same(path: str) -> None:
    schema, [body, *_] = ENDPOINTS[path].request, PINS[path].sends
    for other, name in PINS[path].spellings.items():
        respelled = {other if key == name else key: value for key, value in body.items()}
        assert respelled != body
        assert decode(schema, respelled) == decode(schema, body)
        assert decode(schema, {**body, other: None}) == decode(schema, body)


def test_a_content_has_other_spellings_wherever_it_occurs() -> None:
    respelled = {"type": 1, "binaryContent": "eHg=", "mentionedTargets": ["c"], "localContent": "x", "notify": True}
    expected = Payload(type=1, base64edData="eHg=", mentionedTarget=("c",))
    for path, member in (("message/send", "payload"), ("group/del", "notify_message")):
        [body, *_] = PINS[f"/admin/{path}"].sends
        understood = decode(ENDPOINTS[f"/admin/{path}"].request, {**body, member: respelled})
        assert getattr(understood, member) == expected


# --- any schema


def schemas() -> Iterator[type[msgspec.Struct]]:
    """Every struct that bodies are made of."""
    seen: set[type] = set()
    waiting = [inspect.type_info(ENDPOINTS[path].request) for path in WITH_BODY]
    while waiting:
        match waiting.pop():
            case inspect.Metadata(type=inner):
                waiting.append(inner)
            case inspect.UnionType(types=types):
                waiting.extend(types)
            case inspect.VarTupleType(item_type=item):
                waiting.append(item)
            case inspect.StructType(cls=struct, fields=fields) if struct not in seen:
                seen.add(struct)
                waiting.extend(field.type for field in fields)
                yield struct


SCHEMAS = sorted(schemas(), key=lambda schema: (schema.__module__, schema.__name__))
every_schema = pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: schema.__name__)


def fields_of(schema: type[msgspec.Struct]) -> tuple[inspect.Field, ...]:
    info = inspect.type_info(schema)
    assert isinstance(info, inspect.StructType)
    return info.fields


def example(kind: inspect.Type) -> Any:
    """A value of a type that is not its default."""
    match kind:
        case inspect.Metadata(type=inner):
            return example(inner)
        case inspect.UnionType(types=types):
            return next(example(each) for each in types if not isinstance(each, inspect.NoneType))
        case inspect.BoolType():
            return True
        case inspect.IntType():
            return next(
                n for n in (2, 1, 0, -1) if (kind.le is None or n <= kind.le) and (kind.ge is None or n >= kind.ge)
            )
        case inspect.StrType():
            return "7"
        case inspect.VarTupleType(item_type=item):
            return [example(item)]
        case inspect.StructType(cls=schema):
            return whole(schema)
    raise TypeError(kind)


def whole(schema: type[msgspec.Struct]) -> dict[str, Any]:
    """An object with every member of a schema."""
    return {field.encode_name: example(field.type) for field in fields_of(schema)}


def scalar(kind: inspect.Type) -> inspect.Type:
    """What a member is, without limits and without null."""
    match kind:
        case inspect.Metadata(type=inner):
            return scalar(inner)
        case inspect.UnionType(types=types):
            return next(scalar(each) for each in types if not isinstance(each, inspect.NoneType))
    return kind


@every_schema
def test_null_is_absent_for_every_member(schema: Any) -> None:
    body = whole(schema)
    for name in body:
        without = {key: value for key, value in body.items() if key != name}
        assert outcome(schema, {**body, name: None}) == outcome(schema, without)


def outcome(schema: Any, body: Any) -> Any:
    try:
        return decode(schema, body)
    except InvalidError as error:
        return error.code


@every_schema
def test_numbers_and_booleans_may_be_texts_and_texts_numbers_or_booleans(schema: Any) -> None:
    body = whole(schema)
    expected = decode(schema, body)
    for field in fields_of(schema):
        name, value = field.encode_name, body[field.encode_name]
        match scalar(field.type):
            case inspect.IntType():
                long = {"low": value & 0xFFFFFFFF, "high": value >> 32, "unsigned": False}
                others: list[Any] = [str(value), f" {value} ", float(value), long]
            case inspect.BoolType():
                others = ["true", "TRUE", 1]
            case inspect.StrType():
                others = [7]
                assert getattr(decode(schema, {**body, name: True}), field.name) == "true"
            case _:
                others = []
        for other in others:
            assert decode(schema, {**body, name: other}) == expected, name


@every_schema
def test_what_is_no_such_member_is_refused_and_named(schema: Any) -> None:
    body = whole(schema)
    for field in fields_of(schema):
        match scalar(field.type):
            case inspect.IntType():
                wrong: list[Any] = ["abc", "", 1.5, [1], {"low": 1}, 2**63, "1" * 25]
            case inspect.BoolType():
                wrong = ["yes", 2, [], {}]
            case inspect.StrType():
                wrong = [[], {}, ["7"]]
            case inspect.VarTupleType():
                wrong = ["7", 7, True, {}]
            case _:
                wrong = ["7", 7, True, []]
        for value in wrong:
            with pytest.raises(InvalidError) as caught:
                decode(schema, {**body, field.encode_name: value})
            assert field.encode_name in caught.value.msg or "out of range" in caught.value.msg


@every_schema
def test_members_that_nobody_knows_are_ignored(schema: Any) -> None:
    body = whole(schema)

    assert decode(schema, {**body, "notOurs": {"deep": [None, 1.5]}}) == decode(schema, body)


# --- the checks themselves


@pytest.mark.parametrize(
    ("shape", "value"),
    [
        (PINS["/admin/user/create"].result, {"userId": "u"}),
        (PINS["/admin/user/create"].result, {"userId": "u", "name": None}),
        (PINS["/admin/user/create"].result, {"userId": "u", "name": "n", "more": 1}),
        (PINS["/admin/user/check_block_status"].result, {"status": True}),
        (PINS["/admin/user/check_block_status"].result, {"status": 2**31}),
        (PINS["/admin/user/check_block_status"].result, {"status": 2.0}),
        (PINS["/admin/message/send"].result, {"messageUid": str(LONG), "timestamp": 1}),
        (PINS["/admin/message/send"].result, [LONG]),
        (PINS["/admin/sensitive/query"].result, {"words": "a"}),
        (PINS["/admin/sensitive/query"].result, {"words": [1]}),
        (PINS["/admin/message/recall"].result, {}),
    ],
)
def test_a_shape_refuses_what_an_sdk_would(shape: Any, value: Any) -> None:
    assert wrong_value(shape, value) != []


def test_a_shape_takes_what_an_sdk_takes() -> None:
    assert wrong_value(PINS["/admin/message/send"].result or {}, {"messageUid": LONG, "timestamp": 1}) == []
    assert wrong_value(PINS["/admin/user/get_blocked_list"].result or {}, {"statusList": []}) == []
