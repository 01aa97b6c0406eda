"""Calls the server API as Wildfire's official programs do: over HTTP, signed, in the dialect of the one or the other.

Of every answer it checks what all SDKs rely on: status, headers, the envelope, and the pinned shape of the result.
"""

import hashlib
import json
import random
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from typing import Any, Self
from urllib.parse import urlsplit

from openapi_schema_validator import OAS31Validator

from im.server_api.openapi import DOCUMENT
from local.topology import SERVER_API, Topology
from tests.unit.server_api.pins import PINS
from tests.unit.server_api.shapes import wrong_value

SECRET = "123456"
"""Of the server, and of the robot."""
ROBOT = "robot1"
CHANNEL, CHANNEL_SECRET = "channelId123", "channelsecret"
ANYTHING = OAS31Validator({})
ANY_ANSWER: dict[str, Any] = {"200": {"content": {"application/json": {"schema": {}}}}}
ANY_CODE = None
"""What a program expects of a call whose answer it only reports."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How an SDK writes JSON.

    Attributes:
        separators: between members, and between a name and its value.
        drops: values that it leaves out: Gson nulls, Python's data classes empty texts too.
        content_type: how it spells the header's name.
        nonces: the highest of its nonces.
    """

    name: str
    separators: tuple[str, str]
    drops: tuple[Any, ...]
    content_type: str
    nonces: int

    def write(self, body: Any) -> bytes:
        """A request body as this SDK sends it; None is no body."""
        if body is None:
            return b""
        return json.dumps(self._without(body), ensure_ascii=False, separators=self.separators).encode()

    def _without(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: self._without(each) for name, each in value.items() if each not in self.drops}
        return [self._without(each) for each in value] if isinstance(value, list) else value


PYTHON = Dialect("python", (", ", ": "), (None, ""), "Content-type", 999_999)
JAVA = Dialect("java", (",", ":"), (None,), "Content-Type", 999_999)


@dataclass(slots=True)
class Program:
    """One run of an official program.

    Attributes:
        topology: what it calls.
        dialect: whose it is.
        kept: what a step keeps for a later one.
        called: the paths that were answered with success.
        validators: of answers, by path.
    """

    topology: Topology
    dialect: Dialect
    connection: HTTPConnection
    kept: dict[str, Any] = field(default_factory=dict)
    called: set[str] = field(default_factory=set)
    validators: dict[str, OAS31Validator] = field(default_factory=dict)

    @classmethod
    @contextmanager
    def of(cls, topology: Topology, dialect: Dialect) -> Iterator[Self]:
        """A program with its own connection, which it keeps open as the SDKs do."""
        address = urlsplit(topology.endpoints[f"url:{SERVER_API}"])
        with closing(HTTPConnection(address.hostname or "", address.port, timeout=15)) as connection:
            yield cls(topology, dialect, connection)

    @property
    def java(self) -> bool:
        """Whether it is the Java program."""
        return self.dialect is JAVA

    def either(self, java: Mapping[str, Any], python: Mapping[str, Any]) -> dict[str, Any]:
        """Members that the two programs send differently."""
        return dict(java if self.java else python)

    def ok(self, path: str, body: Any = None) -> Any:
        """A call that must succeed; returns its result."""
        return self.call(path, body, 0)

    def call(self, path: str, body: Any, *codes: int | None) -> Any:
        """A call that must answer one of the codes; returns its result."""
        envelope = self.send(path, self.dialect.write(body))
        code = envelope["code"]
        assert self._validator(path).is_valid(envelope), f"{path} answered {envelope}, which its document does not have"
        assert code in codes or codes == (ANY_CODE,), f"{path} answered {envelope}"
        if code == 0:
            self.called.add(path)
            self.check_result(path, envelope)
        return envelope.get("result")

    def _validator(self, path: str) -> OAS31Validator:
        """What checks answers of a path by the OpenAPI document that the deployment serves."""
        if not self.validators:
            spec = self._document()
            for name, methods in spec["paths"].items():
                schema = methods.get("post", {}).get("responses", ANY_ANSWER)["200"]["content"]["application/json"]
                self.validators[name] = OAS31Validator({**schema["schema"], "components": spec["components"]})
        return self.validators.get(path, ANYTHING)

    def _document(self) -> dict[str, Any]:
        self.connection.request("GET", DOCUMENT)
        with self.connection.getresponse() as response:
            found: dict[str, Any] = json.loads(response.read())
        return found

    def check_result(self, path: str, envelope: dict[str, Any]) -> None:
        shape = PINS[path].result
        assert envelope["msg"] == "success"
        if shape is None:
            assert envelope.keys() == {"code", "msg"}, f"{path} answered {envelope}"
        else:
            assert wrong_value(shape, envelope["result"]) == [], path

    def send(self, path: str, body: bytes, method: str = "POST", headers: Mapping[str, str] | None = None) -> Any:
        """Any call; checks the parts of HTTP that SDKs depend on, and returns the envelope."""
        in_channel = path.startswith("/channel/")
        caller = {"rid": ROBOT} if path.startswith("/robot/") else {"cid": CHANNEL} if in_channel else {}
        secret = CHANNEL_SECRET if in_channel else SECRET
        signed = {**self.signature(secret), **caller} if headers is None else headers
        content = {self.dialect.content_type: "application/json; charset=utf-8"}
        self.connection.request(method, path, body, {**signed, **content, "Connection": "keep-alive"})
        with self.connection.getresponse() as response:
            text = response.read()
        assert response.status == 200, f"{path} answered HTTP {response.status}"
        assert response.headers["Content-Type"].replace(" ", "").lower() == "application/json;charset=utf-8"
        assert response.headers["Content-Length"] == str(len(text))
        assert "Transfer-Encoding" not in response.headers
        assert "Content-Encoding" not in response.headers
        envelope = json.loads(text.decode("utf-8"), parse_float=_no_fraction(path))
        assert envelope.keys() <= {"code", "msg", "result"}
        assert type(envelope["code"]) is int
        assert isinstance(envelope["msg"], str)
        assert envelope.get("result", 0) is not None
        return envelope

    def signature(self, secret: str = SECRET) -> dict[str, str]:
        """Headers as the SDKs make them."""
        nonce, timestamp = str(random.randint(1, self.dialect.nonces)), str(self.topology.clock.now_ms())
        text = f"{nonce}|{secret}|{timestamp}"
        sign = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
        return {"nonce": nonce, "timestamp": timestamp, "sign": sign}

    def settle(self) -> None:
        """Wait until what the last calls have begun is done; the programs wait up to a second."""
        self.topology.run(self.topology.settle())


def _no_fraction(path: str) -> Any:
    """Java refuses a fraction or an exponent in a whole number: only the load of a processor may have one."""

    def refuse(text: str) -> float:
        assert path == "/admin/health", f"{path} wrote {text}"
        return float(text)

    return refuse
