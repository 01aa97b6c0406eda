"""The CPU of a handler, with AWS stubbed at the wire.

The topology records what a function was asked, what the tables held and what AWS answered; a fresh process then runs the
handler on the same event again and again. Its botocore sends nothing: reads by key are answered from the recorded items,
writes succeed, other calls get the recorded answer. Posts go to a TLS server on loopback (``bench.stub``), because the poster
is no part of botocore. The stub's own CPU is taken off.
"""

import importlib
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.stub import Stub

_RUNS = 120
_WARM_UP = 10
_LONGEST_S = 4.0
_ROOT = Path(__file__).parents[1]
Recording = dict[str, Any]
"""What the replaying process needs, as JSON: ``handler``, ``environment``, ``event``, ``at_ms``, ``tables``,
``answers``, ``secrets``."""


class Recorder:
    """Watches a topology. Use it as a context manager around the step to record."""

    def __init__(self, topology: Any) -> None:
        self._topology = topology
        self._events: dict[str, Mapping[str, Any]] = {}
        self._answers: list[tuple[str, Mapping[str, Any], int, str]] = []
        self._tables: dict[str, Any] = {}
        self._at_ms = 0

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Record until the end of the block."""
        host, meter, cloud = self._topology.host, self._topology.meter, self._topology.cloud
        start, after = host.start, meter.after

        def started(function: str, event: Mapping[str, Any]) -> Any:
            self._events[function] = event
            return start(function, event)

        def answered(call: Any, noted: Any, status: int, body: bytes) -> None:
            if call.caller is not None:
                self._answers.append((f"{call.service}.{call.operation}", call.params, status, body.decode()))
            after(call, noted, status, body)

        self._tables = {
            table.name: {"keys": table.keys, "items": list(cloud.items(table.name))}
            for table in self._topology.template.tables.values()
        }
        self._at_ms = self._topology.clock.now_ms()
        host.start, meter.after = started, answered
        try:
            yield
        finally:
            del host.start, meter.after

    def recordings(self) -> dict[str, Recording]:
        """One recording for each function that ran, by its id."""
        return {
            name: {
                "handler": self._topology.template.functions[name].handler,
                "environment": dict(self._topology.template.functions[name].environment),
                "event": event,
                "at_ms": self._at_ms,
                "tables": self._tables,
                "answers": self._answers,
                "secrets": {
                    secret.name: self._topology.cloud.secret_versions(secret.name)
                    for secret in self._topology.template.secrets.values()
                },
            }
            for name, event in self._events.items()
        }


def cpu_us(recording: Recording, stub: Stub) -> float:
    """CPU per invocation in microseconds: the median of many in one warm process."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(recording, file)
        file.flush()
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join([str(_ROOT), str(_ROOT / "layers/core/python")]),
            "AWS_ACCESS_KEY_ID": "bench",
            "AWS_SECRET_ACCESS_KEY": "bench",
            "AWS_REGION": "us-east-1",
            "SSL_CERT_FILE": str(stub.certificate),
            **recording["environment"],
            "IM_SOCKET_ENDPOINT": stub.endpoint,
            "IM_SWITCHES": json.dumps(
                {**json.loads(recording["environment"].get("IM_SWITCHES", "{}")), "client.request_rate_limit": 10**9}
            ),
        }
        command = [sys.executable, "-m", "bench.replay", file.name]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd=_ROOT)
    if done.returncode:
        raise RuntimeError(f"replay of {recording['handler']} failed:\n{done.stdout}{done.stderr}")
    return float(done.stdout.splitlines()[-1])


class _Raw(io.BytesIO):
    def stream(self, **_options: Any) -> Iterator[bytes]:
        yield self.read()


class _Wire:
    """Answers botocore's requests."""

    def __init__(self, recording: Recording) -> None:
        self.spent_s = 0.0
        self._keys = {name: table["keys"] for name, table in recording["tables"].items()}
        self._items = {
            (name, self._address(name, item)): json.dumps(item)
            for name, table in recording["tables"].items()
            for item in table["items"]
        }
        self._secrets: Mapping[str, Mapping[str, str]] = recording["secrets"]
        self._exact: dict[str, tuple[int, str]] = {}
        self._alike: dict[str, tuple[int, str]] = {}
        for operation, params, status, body in recording["answers"]:
            self._exact[operation + json.dumps(params, sort_keys=True)] = status, body
            self._alike[operation + str(params.get("TableName"))] = status, body

    def _address(self, table: str, item: Mapping[str, Any]) -> str:
        return json.dumps([item[name] for name in self._keys[table]])

    def send(self, event_name: str, request: Any, **_more: Any) -> Any:
        """The ``before-send`` hook."""
        from botocore.awsrequest import AWSResponse  # noqa: PLC0415  only the replaying process needs it

        began = time.thread_time()
        status, body = self._answer(event_name.removeprefix("before-send."), request)
        answer = AWSResponse(request.url, status, {"content-type": "application/json"}, _Raw(body.encode()))
        self.spent_s += time.thread_time() - began
        return answer

    def _answer(self, operation: str, request: Any) -> tuple[int, str]:
        params = json.loads(request.body)
        if operation == "dynamodb.BatchGetItem":
            found = ",".join(
                f"{json.dumps(table)}:[{','.join(self._found(table, wanted['Keys']))}]"
                for table, wanted in params["RequestItems"].items()
            )
            return 200, f'{{"Responses":{{{found}}},"UnprocessedKeys":{{}}}}'
        if operation == "dynamodb.GetItem":
            items = self._found(params["TableName"], [params["Key"]])
            return 200, f'{{"Item":{items[0]}}}' if items else "{}"
        if operation == "secrets-manager.GetSecretValue":
            return self._secret(params["SecretId"], params.get("VersionStage", "AWSCURRENT"))
        exact = self._exact.get(operation + json.dumps(params, sort_keys=True))
        if exact:
            return exact
        if operation in ("dynamodb.PutItem", "dynamodb.DeleteItem", "dynamodb.BatchWriteItem"):
            return 200, "{}"
        empty = '{"Items":[],"Count":0,"ScannedCount":0}' if operation == "dynamodb.Query" else "{}"
        return self._alike.get(operation + str(params.get("TableName")), (200, empty))

    def _secret(self, secret: str, stage: str) -> tuple[int, str]:
        values = next(values for name, values in self._secrets.items() if name in secret)
        if stage in values:
            return 200, json.dumps({"SecretString": values[stage]})
        return 400, json.dumps({"__type": "ResourceNotFoundException", "message": stage})

    def _found(self, table: str, wanted: list[Mapping[str, Any]]) -> list[str]:
        items = (self._items.get((table, self._address(table, key))) for key in wanted)
        return [item for item in items if item is not None]


class _Context:
    """What Lambda tells a handler."""

    function_name = "bench"
    memory_limit_in_mb = "512"
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:bench"
    aws_request_id = "bench"

    def get_remaining_time_in_millis(self) -> int:
        return 10_000


def _main(file: str) -> None:
    recording: Recording = json.loads(Path(file).read_text())
    wire = _Wire(recording)
    from im.platform import aws, clock  # noqa: PLC0415  only the replaying process has a function's environment

    # Time stands still: what is done once a minute is not what an invocation costs.
    at_ms = recording["at_ms"]
    clock.now_ms = lambda: at_ms
    aws.session().register("before-send", wire.send)
    module, _, entry = recording["handler"].rpartition(".")
    handler = getattr(importlib.import_module(module), entry)
    event, context = json.dumps(recording["event"]), _Context()
    output, log = sys.stdout, io.StringIO()
    sys.stdout = log
    spent: list[float] = []
    until = time.monotonic() + _LONGEST_S
    while len(spent) < _WARM_UP + _RUNS and (len(spent) <= _WARM_UP or time.monotonic() < until):
        wire.spent_s, began = 0.0, time.process_time()
        answer = handler(json.loads(event), context)
        spent.append(time.process_time() - began - wire.spent_s)
        _check(answer, log.getvalue())
    sys.stdout = output
    print(statistics.median(spent[_WARM_UP:]) * 1e6)


def _check(answer: Any, log: str) -> None:
    """A handler that fails quickly must not pass for a fast one.

    Raises:
        RuntimeError: the answer is a refusal.
    """
    refused = isinstance(answer, dict) and (
        answer.get("statusCode", 200) != 200
        or answer.get("batchItemFailures")
        or json.loads(answer.get("body") or "{}").get("code", 0)
    )
    if refused:
        raise RuntimeError(f"the handler refused: {answer}\n{log[-2000:]}")


if __name__ == "__main__":
    _main(sys.argv[1])
