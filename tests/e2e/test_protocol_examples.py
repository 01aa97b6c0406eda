"""docs/protocol.md is true: its examples are run in its order, its tables are compared with the code."""

import importlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import inspect

from bench.examples import Example, examples, people
from im.connect.service import MAX_PAGE
from im.errors import TEXT, Code
from im.message.events import MAX_EMOJI, MAX_EMOJIS, MAX_REACTIONS_BYTES
from im.message.finding import CONVERSATIONS, EXAMINED, SEARCH_LIMIT
from im.message.log import CLIENT_WALK
from im.message.media import LIFE_S
from im.message.model import (
    HISTORY_LIMIT,
    MAX_CID_LENGTH,
    MAX_CLIENT_LINE,
    MAX_GROUP_LINES,
    MAX_ID_LENGTH,
    MAX_RECIPIENTS,
    MAX_RECIPIENTS_BYTES,
    MAX_WALK,
    PULL_LIMIT,
    PULL_RANGES,
)
from im.routing import Router
from im.setting.model import MAX_KEY, MAX_SETTINGS, MAX_VALUE
from im.settings import Switches
from im.wire import frames
from im.wire.objects import UserOut
from local.client import SocketClient
from local.gateway import IDLE_MS, LIFETIME_MS
from local.topology import Topology
from local.websocket import MAX_FRAME, MAX_MESSAGE
from tests.e2e import pages

pytestmark = pytest.mark.xdist_group("protocol")

FUNCTIONS = Path(__file__).parents[2] / "functions"
CHANGING = {
    *(
        "time",
        "since",
        "sync",
        "expires",
        "uid",
        "msg",
        "url",
        "remoteMediaUrl",
        "fields",
        "base64edData",
        "pushData",
        "key",
        "authCode",
    ),
    *(
        "update_dt",
        "updateDt",
        "lastSeen",
        "member_update_dt",
        "memberUpdateDt",
        "createDt",
        "after",
        "edited",
        "version",
        "delivered",
    ),
}
"""Members whose value is another one each time; all others must be as on the page."""
EARLIEST = 1_700_000_000_000
"""Whatever number is greater is a time in milliseconds, or began with one."""
JSON_TYPES = {
    bool: "boolean",
    int: "integer",
    str: "string",
    list: "list",
    dict: "object",
}
OBJECTS = {"conversation", "content", "message", "user", "presence"}


def routers() -> dict[str, Router]:
    """The routers of all functions that serve a WebSocket route, by route."""
    found = {}
    for file in sorted(FUNCTIONS.glob("*/ws.py")):
        domain = file.parent.name
        router = importlib.import_module(f"functions.{domain}.ws").router
        found["session" if domain == "connect" else domain] = router
    return found


OPERATIONS: dict[str, type[msgspec.Struct]] = {
    f"{route}.{op}": schema for route, router in routers().items() for op, schema in router.operations.items()
}
EXAMPLES = examples()


# --- the examples


def differences(page: Any, system: Any, at: str = "") -> list[str]:
    """Where what the system said differs from the page."""
    if type(page) is not type(system):
        return [f"{at or 'the frame'}: {page!r} on the page, {system!r} from the system"]
    name = at.rsplit(".", 1)[-1]
    if (
        name in CHANGING
        or at.endswith(("versions.groups", "versions.channels"))
        or (name == "cid" and str(page).startswith("~edit:"))
    ):
        return []
    if isinstance(page, dict):
        odd = page.keys() ^ system.keys()
        found = [f"{at}.{key}: only {'on the page' if key in page else 'from the system'}" for key in sorted(odd)]
        return found + [
            d for key in page.keys() & system.keys() for d in differences(page[key], system[key], f"{at}.{key}")
        ]
    if isinstance(page, list):
        if len(page) != len(system):
            return [f"{at}: {len(page)} elements on the page, {len(system)} from the system"]
        return [d for a, b in zip(page, system, strict=True) for d in differences(a, b, f"{at}[]")]
    if isinstance(page, int) and min(page, system) > EARLIEST:
        return []
    return [] if page == system else [f"{at}: {page!r} on the page, {system!r} from the system"]


class Stage:
    """The system that the page tells of: alice and bob, their devices, and a group of both.

    Attributes:
        found: what is wrong, by the kind and name of the example.
    """

    def __init__(self, topology: Topology) -> None:
        self._topology = topology
        self._sockets: dict[str, SocketClient] = {}
        self.found: dict[tuple[str, str], list[str]] = {}

    async def play(self, script: list[Example]) -> None:
        """Make the system and run all examples."""
        self._sockets = await people(self._topology)
        answered: dict[str, Any] = {}
        for example in script:
            key = (example.kind, example.name)
            match example.kind:
                case "request":
                    answered[example.name] = await self._request(example)
                    self.found[key] = [] if answered[example.name] is not None else ["no answer"]
                case "answer":
                    self.found[key] = differences(example.frame, answered[example.name])
                case "push":
                    self.found[key] = await self._pushed(example)
        for socket in self._sockets.values():
            await socket.close()

    async def _request(self, example: Example) -> Any:
        socket = self._sockets[example.marks["as"]]
        await socket.send_text(example.text)
        if "closes" in example.marks:
            code, _ = await socket.closed()
            return code if str(code) == example.marks["closes"] else None
        return await socket.stray()

    async def _pushed(self, example: Example) -> list[str]:
        await self._topology.settle()
        pushes = self._sockets[example.marks["to"]].pushes
        compared = [differences(example.frame, push) for push in pushes]
        return [] if [] in compared else (compared[-1] if compared else ["no push came"])


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with Topology.from_cdk() as topology:
        stage = Stage(topology)
        topology.run(stage.play(EXAMPLES))
        yield stage


@pytest.mark.parametrize("key", [(example.kind, example.name) for example in EXAMPLES], ids="-".join)
def test_the_system_says_what_the_page_says(stage: Stage, key: tuple[str, str]) -> None:
    assert stage.found[key] == []


def test_no_two_examples_have_one_name() -> None:
    keys = [(example.kind, example.name) for example in EXAMPLES]

    assert len(set(keys)) == len(keys)


# --- the operations


def test_the_page_has_exactly_the_operations_that_are_registered() -> None:
    told = {heading for heading in pages.sections() if "." in heading}

    assert told == set(OPERATIONS)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_has_an_example_with_its_answer(operation: str) -> None:
    route, _, op = operation.partition(".")
    named = [e for e in EXAMPLES if e.kind == "request" and (e.frame["route"], e.frame["op"]) == (route, op)]
    answers = {example.name for example in EXAMPLES if example.kind == "answer"}

    assert named
    assert all("closes" in example.marks or example.name in answers for example in named)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_request_fields_are_those_of_the_schema(operation: str) -> None:
    rows = pages.tables(pages.sections()[operation]).get("field", [])

    assert [row[:3] for row in rows] == schema_rows(OPERATIONS[operation])


@pytest.mark.parametrize(
    ("heading", "schema"),
    [
        ("conversation", frames.ConversationRef),
        ("content", importlib.import_module("functions.message.ws").ContentBody),
    ],
)
def test_the_objects_of_requests_are_those_of_the_schemas(heading: str, schema: type[msgspec.Struct]) -> None:
    rows = pages.tables(pages.sections()[heading])["field"]

    assert [row[:3] for row in rows] == schema_rows(schema)


def test_the_members_of_a_message_are_those_that_are_written() -> None:
    rows = pages.tables(pages.sections()["message"])["field"]

    assert [row[0].strip("`") for row in rows] == list(frames.MessageOut.__struct_encode_fields__)


def test_the_members_of_a_user_are_those_that_are_written() -> None:
    rows = pages.tables(pages.sections()["user"])["field"]

    assert [row[0].strip("`") for row in rows] == list(UserOut.__struct_encode_fields__)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_answer_fields_are_those_of_the_examples(operation: str) -> None:
    route, _, op = operation.partition(".")
    rows = pages.tables(pages.sections()[operation]).get("answer", [])
    types = {row[0].strip("`"): row[1] for row in rows}
    optional = {row[0].strip("`") for row in rows if row[2].startswith(("only ", "its place. Missing"))}
    requests = {e.name for e in EXAMPLES if e.kind == "request" and (e.frame["route"], e.frame["op"]) == (route, op)}
    seen: dict[str, str] = {}
    for example in EXAMPLES:
        if example.kind == "answer" and example.name in requests and example.frame["code"] == 0:
            collect(example.frame["body"], types, "", seen)

    assert seen.keys() <= types.keys()
    assert types.keys() - seen.keys() <= optional
    assert all(types[path].split()[0] == seen[path] or types[path] in OBJECTS for path in seen)


def collect(value: Any, documented: Mapping[str, str], at: str, seen: dict[str, str]) -> None:
    """Note the path and JSON type of every member, but for what is inside of objects that have their own table."""
    if isinstance(value, dict):
        for name, member in value.items():
            path = f"{at}.{name}".lstrip(".")
            seen[path] = JSON_TYPES[type(member)]
            has_own_table = any(word in documented.get(path, "").split() for word in OBJECTS)
            is_open = path == "fields"
            if not has_own_table and not is_open:
                collect(member, documented, path, seen)
    elif isinstance(value, list):
        for element in value:
            collect(element, documented, f"{at}[]", seen)


def schema_rows(schema: type[msgspec.Struct], prefix: str = "") -> list[list[str]]:
    """Field, type and default of every field of a schema, as the page writes them."""
    kind = inspect.type_info(schema)
    assert isinstance(kind, inspect.StructType)
    rows = []
    for entry in kind.fields:
        path = f"{prefix}{entry.encode_name}"
        rows.append([f"`{path}`", type_text(entry.type), default_text(entry)])
        inner = entry.type.item_type if isinstance(entry.type, inspect.VarTupleType) else entry.type
        if isinstance(inner, inspect.StructType) and object_name(inner) == "object":
            rows += schema_rows(inner.cls, f"{path}[]." if inner is not entry.type else f"{path}.")
    return rows


def default_text(entry: inspect.Field) -> str:
    return "required" if entry.required else json.dumps(entry.default)


def object_name(kind: inspect.StructType) -> str:
    names = {"ConversationRef": "conversation", "ContentBody": "content", "NoticeBody": "content"}
    return names.get(kind.cls.__name__, "object")


def type_text(kind: inspect.Type) -> str:
    """A type with its limits, as the page writes it."""
    match kind:
        case inspect.Metadata(type=inner):
            return type_text(inner)
        case inspect.UnionType(types=types):
            [inner] = [each for each in types if not isinstance(each, inspect.NoneType)]
            base, comma, limit = type_text(inner).partition(",")
            return f"{base} or null{comma}{limit}"
        case inspect.Metadata(type=inner):
            return type_text(inner)
        case inspect.IntType():
            return f"integer{_integer_limit(kind.ge, kind.le)}"
        case inspect.StrType(pattern=str(pattern)):
            return " or ".join(f'"{word}"' for word in pattern.strip("^()$").split("|"))
        case inspect.StrType():
            return f"string{_length(kind.min_length, kind.max_length, ' characters')}"
        case inspect.BoolType():
            return "boolean"
        case inspect.StructType():
            return object_name(kind)
        case inspect.VarTupleType(item_type=inspect.StructType(), min_length=low, max_length=high):
            return f"list of {low} to {high} objects"
        case inspect.VarTupleType():
            return f"list of {type_text(kind.item_type)}{_length(kind.min_length, kind.max_length, '')}"
    raise AssertionError(f"the page has no words for {kind}")


def _integer_limit(low: int | None, high: int | None) -> str:
    if high is None:
        return "" if low is None else f", {low} or more"
    power = (high + 1).bit_length() - 1
    large = high > 2**16 and high == 2**power - 1
    return f", {low} to {f'2^{power} - 1' if large else high}"


def _length(low: int | None, high: int | None, unit: str) -> str:
    if high is None:
        return ""
    return f", {low} to {high}{unit}" if low else f", at most {high}{unit}"


# --- codes and limits


def test_the_codes_are_those_of_the_code() -> None:
    rows = pages.tables(pages.sections()["Errors and retries"])["code"]

    assert [(int(row[0]), row[1]) for row in rows] == [(int(code), TEXT[code]) for code in Code]
    assert {int(row[0]) for row in rows if row[2].startswith("yes")} == {4, 221, 238, 250}


def test_the_limits_are_those_of_the_code() -> None:
    switches = Switches()
    limits = {
        "frame from the client": f"{MAX_FRAME:,} bytes",
        "message from the client, in several frames": f"{MAX_MESSAGE:,} bytes",
        "answer or push": f"{MAX_MESSAGE:,} bytes",
        "socket without traffic": f"{IDLE_MS // 1000:,} s",
        "socket": f"{LIFETIME_MS // 1000:,} s",
        "request `id`": "64 characters",
        "`cid`": f"{MAX_CID_LENGTH} characters",
        "ids of users, groups and clients": f"{MAX_ID_LENGTH} characters",
        "content as compact JSON (`im.max_message_bytes`)": f"{switches.max_message_bytes:,} bytes",
        "`line` of a message that one sends": f"{MAX_CLIENT_LINE}",
        "lines of one group": f"{MAX_GROUP_LINES}",
        "readers in `to`": f"{MAX_RECIPIENTS:,}",
        "readers in `to` as compact JSON": f"{MAX_RECIPIENTS_BYTES:,} bytes",
        "slots between `base` and the end of the conversation": f"{MAX_WALK:,}",
        "content in those slots": f"{CLIENT_WALK.payload_bytes:,} bytes",
        "ranges of a pull": f"{PULL_RANGES}",
        "slots of a range of a pull": f"{PULL_LIMIT}",
        "messages of a page of history": f"{HISTORY_LIMIT}",
        "messages of an answer to a search": f"{SEARCH_LIMIT}",
        "messages that a search looks at in one call": f"{EXAMINED:,}",
        "conversations that a search looks into in one call": f"{CONVERSATIONS}",
        "characters of a reaction's `emoji`": f"{MAX_EMOJI}",
        "different emoji on one message": f"{MAX_EMOJIS}",
        "all reactions to one message as JSON": f"{MAX_REACTIONS_BYTES:,} bytes",
        "conversations in an answer to hello": f"{MAX_PAGE}",
        "file (`im.max_upload_bytes`)": f"{switches.max_upload_bytes:,} bytes",
        "key of a setting": f"{MAX_KEY} characters",
        "value of a setting": f"{MAX_VALUE:,} characters",
        "settings of a user, cleared ones included": f"{MAX_SETTINGS:,}",
        "permission to upload": f"{LIFE_S} s",
        "requests of one client and operation in 5 s (`client.request_rate_limit`)": f"{switches.client_rate_limit}",
    }

    rows = pages.tables(pages.sections()["Limits"])["what"]

    assert {row[0]: row[1] for row in rows} == limits


def test_the_switches_that_the_page_names_exist() -> None:
    keys = set(Switches.__struct_encode_fields__)
    families = ("im.", "server.", "message.", "friend.", "group.", "client.")
    text = pages.read().replace("server.heartbeat", "").replace("tests/e2e", "").replace("| `group.", "| `")
    quoted = {
        word
        for word in text.split("`")
        if word.startswith(families) and word.replace(".", "").replace("_", "").isalnum()
    }
    named = {word for word in quoted if "_" in word}

    assert named <= keys
    assert {"im.max_message_bytes", "client.request_rate_limit"} <= named
