"""The OpenAPI document: valid, complete, true of what official programs send, and served unless it is switched off."""

import json
from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from im.server_api.diagnostics import VERIFY_TOKEN, VERSION
from im.server_api.endpoints import HEALTH
from im.server_api.openapi import DOCUMENT, document, encoded
from im.server_api.registry import ENDPOINTS
from tests.unit.server_api.pins import PINS
from tests.unit.server_api.test_api import Backend

SPEC = json.loads(encoded())
BODIES = [(path, body) for path in sorted(ENDPOINTS) if ENDPOINTS[path].request for body in PINS[path].sends]


def fits(schema: dict[str, Any], value: Any) -> bool:
    """Whether a value is valid by a schema of the document."""
    return bool(OAS31Validator({**schema, "components": SPEC["components"]}).is_valid(value))


def body_schema(path: str) -> dict[str, Any]:
    schema: dict[str, Any] = SPEC["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
    return schema


def answer_schema(path: str, method: str = "post") -> dict[str, Any]:
    schema: dict[str, Any] = SPEC["paths"][path][method]["responses"]["200"]["content"]["application/json"]["schema"]
    return schema


def component(name: str) -> Any:
    return SPEC["components"]["schemas"][name]


def test_the_document_is_valid_openapi_3_1() -> None:
    OpenAPIV31SpecValidator(SPEC).validate()


def test_it_has_every_path_that_is_served_and_no_other() -> None:
    assert {path for path, methods in SPEC["paths"].items() if "post" in methods} == ENDPOINTS.keys()
    assert {path for path, methods in SPEC["paths"].items() if "get" in methods} == {
        HEALTH,
        VERSION,
        VERIFY_TOKEN,
        DOCUMENT,
    }
    assert len({methods["post"]["operationId"] for methods in SPEC["paths"].values() if "post" in methods}) == len(
        ENDPOINTS
    )


def test_it_says_the_same_each_time() -> None:
    assert json.loads(json.dumps(document())) == SPEC


@pytest.mark.parametrize(("path", "body"), BODIES)
def test_what_official_programs_send_is_valid_by_it(path: str, body: Any) -> None:
    assert fits(body_schema(path), body)


@pytest.mark.parametrize("path", [path for path in sorted(ENDPOINTS) if PINS[path].needs])
def test_a_body_without_what_is_needed_is_not(path: str) -> None:
    [body, *_] = PINS[path].sends
    schema = ENDPOINTS[path].request
    assert schema is not None
    for name in PINS[path].needs:
        without = {key: value for key, value in body.items() if key != name}
        [field] = [each for each in schema.__struct_fields__ if each == name]
        if field in required(body_schema(path)):
            assert not fits(body_schema(path), without)


def required(schema: dict[str, Any]) -> set[str]:
    """The members without which a body is refused before anything is asked."""
    found = component(schema["$ref"].rpartition("/")[2]) if "$ref" in schema else schema
    either = {name for each in found.get("allOf", []) for one in each["anyOf"] for name in one["required"]}
    return {*found.get("required", []), *either}


def test_requests_tell_limits_defaults_widths_and_other_spellings() -> None:
    block = component("SetBlockStatus")
    assert block["required"] == ["userId"]
    assert block["properties"]["userId"] == {"type": "string", "minLength": 1, "maxLength": 64}
    assert block["properties"]["status"] == {
        "type": "integer", "format": "int32", "default": 0, "x-aliases": ["block"]
    }  # fmt: skip
    assert component("MessageRef")["properties"]["messageUid"]["format"] == "int64"


def test_a_number_that_counts_as_0_when_it_is_not_given_is_not_required() -> None:
    assert "required" not in component("Payload") or component("Payload")["required"] == []
    assert component("UpdateUser")["required"] == ["flag", "userInfo"]


def test_results_tell_that_everything_but_what_may_be_unset_is_there() -> None:
    written = component("PayloadOut")
    assert set(written["properties"]) - set(written["required"]) == {"base64edData"}
    assert "packageName" in component("SessionOut")["required"]


def test_an_envelope_has_its_result_by_the_schema_of_the_path() -> None:
    schema = answer_schema("/admin/user/check_block_status")

    assert fits(schema, {"code": 0, "msg": "success", "result": {"status": 2}})
    assert fits(schema, {"code": 253, "msg": "not exist"})
    assert not fits(schema, {"code": 0, "msg": "success", "result": {"status": "2"}})
    assert not fits(schema, {"msg": "success"})
    assert "result" not in answer_schema("/admin/user/destroy")["properties"]


def test_a_path_tells_its_own_codes_and_those_of_every_path() -> None:
    codes = SPEC["paths"]["/admin/user/get_token"]["post"]["x-codes"]

    assert codes["27"] == "robot no token"
    assert {"4", "221", "239", "243", "244", "250", "251"} <= codes.keys()


def test_a_path_tells_who_signs_it_and_by_which_headers() -> None:
    signed = {path: SPEC["paths"][path]["post"] for path in ("/admin/robot/create", "/robot/profile")}

    assert [sorted(each["security"][0]) for each in signed.values()] == [
        ["nonce", "sign", "timestamp"],
        ["nonce", "rid", "sign", "timestamp"],
    ]
    assert [each["tags"] for each in signed.values()] == [["robot"], ["robots' own calls"]]
    assert [each["operationId"] for each in signed.values()] == ["robot_create", "as_robot_profile"]


def test_it_is_served_without_a_signature() -> None:
    answer = Backend().request(DOCUMENT, headers={}, method="GET")

    assert answer["statusCode"] == 200
    assert json.loads(answer["body"]) == SPEC
    assert fits(answer_schema(HEALTH, "get"), Backend().call(HEALTH, headers={}, method="GET"))


def test_it_can_be_switched_off_and_is_read_only_and_limited() -> None:
    assert Backend(serve_openapi=False).request(DOCUMENT, headers={}, method="GET")["statusCode"] == 404
    assert Backend().request(DOCUMENT)["statusCode"] == 405
    backend = Backend(capacity=2)
    codes = [json.loads(backend.request(DOCUMENT, headers={}, method="GET")["body"]).get("code") for _ in range(4)]
    assert codes[0] is None
    assert codes[-1] == 250
