"""Writes the pages of this folder that are made from the code: ``make docs``.

``tests/unit/test_docs.py`` compares the pages with what this would write.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from enum import IntEnum, IntFlag
from pathlib import Path
from typing import Any

from im.chatroom.model import Black, State
from im.errors import TEXT, Code
from im.friend.model import RequestStatus
from im.group.model import GroupType, MemberType, Notice
from im.message.model import ConversationType, PersistFlag
from im.profile.model import Field, UserType
from im.profile.search import Audience, SearchType
from im.server_api.endpoints import NOT_IMPLEMENTED
from im.server_api.openapi import DOCUMENT, EVERYWHERE, document
from im.server_api.registry import ENDPOINTS
from im.setting.model import Scope

SERVER_API = Path(__file__).parent / "server-api.md"

_REF = "#/components/schemas/"
_SMALL = 3
"""So many members are told wherever they occur; larger schemas that several paths share are told once."""

_HEAD = f"""\
# Server API

Made from the code by `make docs`; do not edit. The same as OpenAPI 3.1 is at `GET {DOCUMENT}` of every deployment (switch
`im.serve_openapi`).

Calls are `POST` with a JSON body, answers HTTP 200 with `{{"code": 0, "msg": "success", "result": …}}`; without a result the
member is absent. How calls are signed is in [operations](operations.md#secrets), what the official SDKs need is in the
[README](../README.md#connect-an-existing-wildfire-app-server).

Besides what the tables say, a body may have `null` for every member that may be absent; texts that hold numbers or booleans
where such a member stands, and the other way round; whole numbers as `1.0` or as a JavaScript `Long` object (`low`, `high`);
members that nobody knows, which are ignored. An empty body has no members.

Answers have whole numbers as plain digits, booleans never as 0 and 1, empty texts as `""`, and nothing as `null`. A member
that two SDKs call by different names is there under both.

"""

NUMBERS: Mapping[str, type[IntEnum] | type[IntFlag]] = {
    "`type` of a conversation": ConversationType,
    "`persistFlag` of a content": PersistFlag,
    "`type` of a user": UserType,
    "`flag` of `/admin/user/update`": Field,
    "`searchType` of `/admin/user/search_user`": SearchType,
    "its `userType`": Audience,
    "`scope` of a user's setting": Scope,
    "`type` of a group": GroupType,
    "`type` of a member": MemberType,
    "content types of a group's notices": Notice,
    "`status` of a friend request": RequestStatus,
    "`state` of a chatroom": State,
    "`status` of a user in a chatroom": Black,
}
"""What the values of some members mean."""

Json = dict[str, Any]


def main() -> None:
    """Write all pages."""
    SERVER_API.write_text(server_api(), encoding="utf-8")


def server_api() -> str:
    """The page of the server API."""
    return _Page(document()).text()


class _Page:
    def __init__(self, spec: Json) -> None:
        self._schemas: Mapping[str, Json] = spec["components"]["schemas"]
        self._calls: dict[str, Json] = {
            path: methods["post"] for path, methods in spec["paths"].items() if "post" in methods
        }
        self._read = [path for path, methods in spec["paths"].items() if "get" in methods]
        uses = Counter(name for call in self._calls.values() for name in _named(_body(call), _result(call)))
        nested = {name for schema in self._schemas.values() for name in _refs(schema.get("properties", {}))}
        parts = (part for call in self._calls.values() for part in (_body(call), _result(call)))
        within = {name for part in parts for name in _refs(part) - {_ref(_object(part))}}
        large = {name for name, times in uses.items() if times > 1 and self._size(name) > _SMALL}
        self._shared = sorted(large | nested | within)

    def text(self) -> str:
        return _HEAD + "\n".join([*self._overview(), *self._paths(), *self._types(), *_numbers(), *self._rest()])

    def _size(self, name: str) -> int:
        return len(self._schemas[name]["properties"])

    def _overview(self) -> Iterator[str]:
        yield "## Paths\n\n| path | |\n|---|---|"
        for path, call in self._calls.items():
            yield f"| [`{path}`](#{_anchor(path)}) | {call['summary']} |"
        yield f"\n{len(ENDPOINTS)} paths. Unsigned, by `GET`: {', '.join(f'`{path}`' for path in self._read)}.\n"
        yield "Every path may answer " + _codes({str(int(code)): TEXT[code] for code in EVERYWHERE}) + ".\n"

    def _paths(self) -> Iterator[str]:
        family = ""
        for path, call in self._calls.items():
            if call["tags"] != [family]:
                [family] = call["tags"]
                yield f"## {family.capitalize()}\n"
            yield f"### `{path}`\n\n{call['summary']}\n"
            yield from self._told("Body", _body(call), self._members)
            yield from self._told("Result", _result(call), self._parts)
            own = {code: text for code, text in call["x-codes"].items() if int(code) not in EVERYWHERE}
            if own:
                yield f"Codes: {_codes(own)}.\n"

    def _told(self, what: str, schema: Json | None, table: Any) -> Iterator[str]:
        if schema is None:
            yield f"{what}: none.\n"
            return
        alone = ""
        if "oneOf" in schema:
            first, schema = schema["oneOf"]
            alone = f" {_type(first)}; or an object:"
        name = _ref(schema)
        if name is None or name in self._shared:
            yield f"{what}: {_type(schema)}.\n"
        else:
            yield f"{what}:{alone or _note(self._schemas[name])}\n"
            yield from table(self._schemas[name])

    def _types(self) -> Iterator[str]:
        yield "## Schemas\n"
        for name in self._shared:
            schema = self._schemas[name]
            yield f"### {name}\n\n{schema.get('description', '')}\n"
            yield from self._members(schema) if self._asked(name) else self._parts(schema)

    def _asked(self, name: str) -> bool:
        """Whether requests have this schema; answers have none with defaults."""
        return any("default" in member for member in self._schemas[name]["properties"].values())

    def _members(self, schema: Json) -> Iterator[str]:
        needed = schema.get("required", [])
        also = {name: member.get("x-aliases", []) for name, member in schema["properties"].items()}
        yield (
            "| member | type | if absent | also called |\n|---|---|---|---|"
            if any(also.values())
            else ("| member | type | if absent |\n|---|---|---|")
        )
        for name, member in schema["properties"].items():
            needs = name in needed or (also[name] and "allOf" in schema and "default" not in member)
            row = f"| `{name}` | {_type(member)} | {'refused' if needs else _default(member)} |"
            yield row + (f" {', '.join(f'`{each}`' for each in also[name])} |" if any(also.values()) else "")
        yield ""

    def _parts(self, schema: Json) -> Iterator[str]:
        always = schema.get("required", [])
        yield "| member | type |\n|---|---|"
        for name, member in schema["properties"].items():
            yield f"| `{name}` | {_type(member)}{'' if name in always else ', may be absent'} |"
        yield ""

    def _rest(self) -> Iterator[str]:
        yield "## Known and not built\n"
        yield f"These {len(NOT_IMPLEMENTED)} paths of Wildfire answer 254, {TEXT[Code.NOT_IMPLEMENT]}."
        yield "A path that Wildfire does not have answers HTTP 404.\n"
        yield "| | paths |\n|---|---|"
        areas: dict[str, list[str]] = {}
        for path in sorted(NOT_IMPLEMENTED):
            _, family, *between, name = path.split("/", 3)
            areas.setdefault("/".join(["", family, *between, ""]), []).append(name)
        for area, names in areas.items():
            yield f"| `{area}` | {', '.join(f'`{name}`' for name in names)} |"
        yield ""


def _numbers() -> Iterator[str]:
    yield "## Numbers\n\n| what | values |\n|---|---|"
    for what, kind in NUMBERS.items():
        values = (f"{_number(each)} {_word(str(each.name))}" for each in kind)
        yield f"| {what} | {', '.join(values)} |"
    yield ""


def _number(value: IntEnum | IntFlag) -> str:
    return f"{value.value:#x}" if isinstance(value, IntFlag) else str(value.value)


def _word(name: str) -> str:
    return name.lower().replace("_", " ")


def _body(call: Json) -> Json | None:
    body = call.get("requestBody")
    schema: Json | None = body and body["content"]["application/json"]["schema"]
    return schema


def _result(call: Json) -> Json | None:
    answer: Json = call["responses"]["200"]["content"]["application/json"]["schema"]
    result: Json | None = answer["properties"].get("result")
    return result


def _ref(schema: Json | None) -> str | None:
    return schema["$ref"].removeprefix(_REF) if schema and "$ref" in schema else None


def _object(schema: Json | None) -> Json | None:
    """The schema of a body as an object, whatever else it may be."""
    return schema["oneOf"][-1] if schema and "oneOf" in schema else schema


def _named(*schemas: Json | None) -> list[str]:
    return [name for name in map(_ref, schemas) if name]


def _refs(schema: Any) -> set[str]:
    if isinstance(schema, list):
        return {name for each in schema for name in _refs(each)}
    if not isinstance(schema, dict):
        return set()
    own = {schema["$ref"].removeprefix(_REF)} if isinstance(schema.get("$ref"), str) else set()
    return own | {name for each in schema.values() for name in _refs(each)}


def _type(schema: Json) -> str:
    name = _ref(schema)
    if name:
        return f"[{name}](#{_anchor(name)})"
    for one_of in ("anyOf", "oneOf"):
        if one_of in schema:
            return " or ".join(_type(each) for each in schema[one_of] if each != {"type": "null"})
    match schema.get("type"):
        case "array":
            limits = _range(schema.get("minItems"), schema.get("maxItems"))
            each = _type(schema["items"]).replace(", ", ", each ", 1)
            return f"array of {each}" + (f", {limits} elements" if limits else "")
        case "string":
            limits = _range(schema.get("minLength"), schema.get("maxLength"))
            return "text" + (f", {limits} characters".replace("at least 1 characters", "not empty") if limits else "")
        case "integer":
            low = schema.get("minimum", schema["exclusiveMinimum"] + 1 if "exclusiveMinimum" in schema else None)
            high = schema.get("maximum")
            limits = _range(low, None if high is not None and high >= 2**31 - 1 else high)
            return str(schema["format"]) + (f", {limits}" if limits else "")
    return str(schema.get("type", "any"))


def _range(low: int | None, high: int | None) -> str:
    if high is None:
        return "" if low is None else f"at least {low}"
    return f"at most {high}" if low is None else f"{low} to {high}"


def _default(member: Json) -> str:
    match member.get("default"):
        case None:
            return "nothing"
        case "":
            return '`""`'
        case []:
            return "`[]`"
        case bool() as flag:
            return f"`{str(flag).lower()}`"
        case other:
            return f"`{other}`"


def _codes(codes: Mapping[str, str]) -> str:
    return ", ".join(f"{code} ({codes[code]})" for code in sorted(codes, key=int))


def _note(schema: Json) -> str:
    """What a schema's own words add to the name of its path."""
    words = schema.get("description", "")
    if words.startswith("`/"):
        words = words.partition("`")[2].partition("`")[2].lstrip(".;:, ")
    return f" {words[:1].lower() + words[1:]}" if words else ""


def _anchor(heading: str) -> str:
    return "".join(each for each in heading.lower() if each.isalnum() or each in "-_ ").replace(" ", "-")


if __name__ == "__main__":
    main()
