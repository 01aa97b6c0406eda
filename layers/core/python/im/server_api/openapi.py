"""The server API as an OpenAPI 3.1 document, made from the table of endpoints and the schemas that serve them.

Nothing is written twice: what requests are read by and what answers are written by is what the document says. It has the
canonical member names, as the Java SDK spells them; the other spellings that are understood are under ``x-aliases``. The
codes that a path may answer besides those of every path are under ``x-codes``.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Any, get_args, get_type_hints

import msgspec
from msgspec import Struct, UnsetType, inspect

from im.errors import TEXT, Code
from im.server_api.diagnostics import VERIFY_TOKEN, VERSION
from im.server_api.endpoints import HEALTH
from im.server_api.registry import ENDPOINTS, Endpoint
from im.wire.api.codec import alone, other_names
from im.wire.api.health import NodeHealth
from im.wire.signature import NATIVE_HEADER

DOCUMENT = "/api/openapi.json"
"""Where the document is served."""

EVERYWHERE = (
    Code.INVALID_PARAMETER,
    Code.API_NOT_SIGNED,
    Code.SIGN_EXPIRED,
    Code.AUTH_FAILURE,
    Code.OVER_FREQUENCY,
    Code.SERVER_ERROR,
    Code.SERVER_BUSY,
)
"""What every signed path may answer."""

_ABOUT = """\
Wildfire IM's server API. All calls are POST with a JSON body, but for the two that say otherwise.

**Answers.** HTTP 200 with `{"code": …, "msg": …, "result": …}`. Code 0 is success; `result` is absent when there is none. \
Members without a value are left out, never null; texts that are not set are empty. Whole numbers are written as plain \
digits; message uids and times exceed 2^53, so read them as 64-bit numbers.

**Requests.** Member names are those of the Java SDK; what the other SDKs send instead is listed as `x-aliases`. Unknown \
members are ignored, `null` is as good as absent, numbers and booleans may be texts and the other way round, and a 64-bit \
number may be a JavaScript `Long` object with `low` and `high`.

**Signature.** Headers `nonce` (any text), `timestamp` (milliseconds) and `sign`, the SHA-1 of `nonce|secret|timestamp` in \
lower-case hex; or, instead of `sign`, `x-wf-signature: v1=…`, the HMAC-SHA256 of method, path, SHA-256 of the body, \
timestamp and nonce, joined by newlines. A signature is accepted once. Under `/admin` the secret is the deployment's; \
robots and channels sign what is under `/robot` and `/channel` with their own, and say who they are in `rid` and `cid`."""

Json = dict[str, Any]

_REF = "#/components/schemas/{name}"
_CALLERS = {"robot": "rid", "channel": "cid"}
"""The header that names the caller, in families whose callers have secrets of their own."""
_INT32 = (-(2**31), 2**31 - 1)


@cache
def encoded() -> bytes:
    """The document as JSON."""
    return msgspec.json.encode(document())


def document(endpoints: Mapping[str, Endpoint] = ENDPOINTS) -> Json:
    """The document: what this deployment serves, in the order of paths."""
    served = [endpoints[path] for path in sorted(endpoints)]
    requests, results = _Schemas(), _Schemas()
    for endpoint in served:
        requests.add(endpoint.request)
        results.add(endpoint.result)
    results.add(list[NodeHealth])
    asked, answered = requests.finish(_as_request), results.finish(_as_result)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Wildfire IM server API", "version": "1", "description": _ABOUT},
        "servers": [{"url": "/"}],
        "tags": [{"name": name} for name in sorted({_family(path) for path in endpoints})],
        "paths": {
            **{endpoint.path: {"post": _operation(endpoint, requests, results)} for endpoint in served},
            HEALTH: {
                "get": _read("How the environment that answers is doing.", _envelope(results.of(list[NodeHealth])))
            },
            VERSION: {"get": _read("What this is.", {"type": "object"})},
            VERIFY_TOKEN: {"get": _token_check()},
            DOCUMENT: {"get": _read("This document.", {"type": "object"})},
        },
        "components": {
            "schemas": {**answered, **asked},
            "securitySchemes": {
                name: {"type": "apiKey", "in": "header", "name": name}
                for name in ("nonce", "timestamp", "sign", NATIVE_HEADER, *_CALLERS.values())
            },
        },
    }


class _Schemas:
    """The schemas of one direction: first all types are added, then they are turned into JSON schemas together."""

    def __init__(self) -> None:
        self._types: list[Any] = []
        self._schemas: list[Json] = []

    def add(self, kind: Any) -> None:
        """Have a type's schema made; None is no type."""
        if kind is not None and kind not in self._types:
            self._types.append(kind)

    def finish(self, refine: Callable[[type[Struct], Json], None]) -> dict[str, Json]:
        """Make the schemas; returns the components, each refined for its direction."""
        schemas, components = msgspec.json.schema_components(self._types, ref_template=_REF)
        self._schemas = [_numbered(schema) for schema in schemas]
        classes = {name: each for each in _structs(self._types) for name in _names(each)}
        for name, component in components.items():
            component.pop("title", None)
            component["description"] = _prose(component.get("description", ""))
            refine(classes[name], component)
        return {name: _numbered(component) for name, component in components.items()}

    def of(self, kind: Any) -> Json:
        """The schema of a type that was added."""
        return self._schemas[self._types.index(kind)]


def _structs(types: Iterable[Any]) -> Iterator[type[Struct]]:
    """Every struct that the types are made of."""
    seen: set[type] = set()

    def walk(kind: inspect.Type) -> Iterator[type[Struct]]:
        match kind:
            case inspect.Metadata(type=inner):
                yield from walk(inner)
            case inspect.UnionType(types=inner):
                for member in inner:
                    yield from walk(member)
            case inspect.ListType(item_type=item) | inspect.VarTupleType(item_type=item):
                yield from walk(item)
            case inspect.StructType(cls=struct, fields=fields) if struct not in seen:
                seen.add(struct)
                yield struct
                for field in fields:
                    yield from walk(field.type)

    for kind in types:
        yield from walk(inspect.type_info(kind))


def _names(kind: type[Struct]) -> tuple[str, str]:
    """What a struct may be called among the components: the longer name is for one of two that share the shorter."""
    return kind.__name__, f"{kind.__module__}.{kind.__qualname__}"


def _operation(endpoint: Endpoint, requests: _Schemas, results: _Schemas) -> Json:
    operation: Json = {
        "operationId": _operation_id(endpoint.path),
        "tags": [_family(endpoint.path)],
        "summary": _prose(endpoint.summary),
        "security": _signed(endpoint.path),
        "responses": {"200": _answer(_envelope(endpoint.result and results.of(endpoint.result)))},
        "x-codes": {str(int(code)): TEXT[code] for code in (*endpoint.codes, *EVERYWHERE)},
    }
    if endpoint.request is not None:
        schema = _or_bare(endpoint.request, requests.of(endpoint.request))
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return operation


def _read(summary: str, schema: Json) -> Json:
    return {"summary": summary, "responses": {"200": _answer(schema)}}


def _token_check() -> Json:
    """The one path that answers plain text, and has a query."""
    query = [
        {"name": name, "in": "query", "required": True, "schema": {"type": "string"}}
        for name in ("userId", "clientId", "token")
    ]
    answer = {"description": "The answer.", "content": {"text/plain": {"schema": {"type": "string"}}}}
    summary = "Whether a token is good, in words; one call in ten seconds."
    return {"summary": summary, "parameters": query, "responses": {"200": answer}}


def _answer(schema: Json) -> Json:
    return {"description": "The answer.", "content": {"application/json": {"schema": schema}}}


def _envelope(result: Json | None) -> Json:
    members: Json = {"code": {"type": "integer", "format": "int32"}, "msg": {"type": "string"}}
    if result is not None:
        members["result"] = result
    return {"type": "object", "properties": members, "required": ["code", "msg"]}


_SOURCES = re.compile(r"\s*\((?:server-api|client-semantics) spec[^)]*\)")


def _prose(words: str) -> str:
    """A docstring for people who do not read the code: without its sources, and with code as Markdown has it."""
    return " ".join(_SOURCES.sub("", words).replace("``", "`").split())


def _or_bare(kind: type, schema: Json) -> Json:
    """A body that may also be the value of its one member (server-api spec 7.1)."""
    member = alone(kind)
    if member is None:
        return schema
    [name] = (field.name for field in msgspec.structs.fields(kind) if field.encode_name == member)
    return {"oneOf": [_numbered(msgspec.json.schema(get_type_hints(kind, include_extras=True)[name])), schema]}


def _as_request(kind: type[Struct], schema: Json) -> None:
    """Name the other spellings, and whatever an empty member would do as well as not needed."""
    needed = schema.get("required", [])
    either = []
    for other, name in other_names(kind).items():
        schema["properties"][name].setdefault("x-aliases", []).append(other)
    for name in list(needed):
        member = schema["properties"][name]
        if member.get("type") == "integer" and member.get("minimum", member.get("exclusiveMinimum", -1) + 1) <= 0:
            # A number that is not given counts as 0, as in the reference server.
            member["default"] = 0
            needed.remove(name)
        elif "x-aliases" in member:
            either.append({"anyOf": [{"required": [each]} for each in (name, *member["x-aliases"])]})
            needed.remove(name)
    if either:
        schema["allOf"] = either


def _as_result(kind: type[Struct], schema: Json) -> None:
    """Everything that is not left out when it is unset is always there."""
    hints = get_type_hints(kind, include_extras=True)
    always = [
        field.encode_name for field in msgspec.structs.fields(kind) if UnsetType not in get_args(hints[field.name])
    ]
    schema["required"] = always
    for member in schema["properties"].values():
        member.pop("default", None)


def _numbered(schema: Any) -> Any:
    """The schema with each integer's width as its format, as generators of clients want it."""
    if isinstance(schema, list):
        return [_numbered(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {name: _numbered(member) for name, member in schema.items()}
    if inner.get("type") != "integer":
        return inner
    low, high = inner.get("minimum"), inner.get("maximum")
    inner.setdefault("format", "int32" if high is not None and high <= _INT32[1] else "int64")
    if (low, high) == _INT32:
        del inner["minimum"], inner["maximum"]
    return inner


def _family(path: str) -> str:
    _, caller, section, *_ = path.split("/")
    return f"{caller}s' own calls" if caller in _CALLERS else section


def _operation_id(path: str) -> str:
    _, caller, *rest = path.split("/")
    return "_".join(["as", caller, *rest] if caller in _CALLERS else rest)


def _signed(path: str) -> list[Json]:
    caller = _CALLERS.get(path.split("/")[1])
    who: Json = {caller: []} if caller else {}
    return [{"nonce": [], "timestamp": [], sign: [], **who} for sign in ("sign", NATIVE_HEADER)]
