"""The deployed app as the scenarios see it: MiniStack's addresses for what the stacks' outputs name."""

import asyncio
import json
import secrets
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import boto3

from im.settings import Env
from im.wire.signature import sign
from tests.e2e.deployment import FANOUT_FUNCTION, Check
from tests.emulator.ministack import CREDENTIALS, REGION

_PATIENCE_S = 10.0


def client(service: str, url: str) -> Any:
    """A client of the emulator's for one service."""
    return boto3.client(
        service,
        region_name=REGION,
        endpoint_url=url,
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
    )


class EmulatedDeployment:
    """The stacks in MiniStack. Their outputs hold AWS's addresses; MiniStack serves the same under paths of its own.

    Args:
        url: the emulator's address.
        outputs: the outputs by stack, as the CDK command line writes them.
    """

    def __init__(self, url: str, outputs: Mapping[str, Mapping[str, str]]) -> None:
        values = {name: value for stack in outputs.values() for name, value in stack.items()}
        self._url = url
        self._bucket = values["MediaBucketName"]
        socket, server_api = urlsplit(values["SocketUrl"]), urlsplit(values["ServerApiUrl"])
        self._callback = f"https://{socket.netloc}{socket.path}"
        self._stage = f"/_aws/execute-api/{socket.netloc.partition('.')[0]}{socket.path}"
        self._server_api = f"{url}/_aws/lambda-url/{server_api.netloc.partition('.')[0]}"
        secret = client("secretsmanager", url).get_secret_value(SecretId=values["AdminSecretArn"])
        self._secret: str = secret["SecretString"]

    @property
    def socket_url(self) -> str:
        """The WebSocket API."""
        return f"ws://{urlsplit(self._url).netloc}{self._stage}"

    def lead_posts_here(self) -> None:
        """Let the functions post to sockets through MiniStack.

        The stacks tell them the stage's address on AWS. MiniStack sends SDK clients to itself by ``AWS_ENDPOINT_URL``,
        but posts are signed and sent without an SDK, and no setting of MiniStack changes what the stage's address is.
        So exactly this address, and no other value, is replaced in the deployed functions.

        Raises:
            AssertionError: a function was told another address.
        """
        functions = client("lambda", self._url)
        for function in functions.list_functions()["Functions"]:
            variables = function["Environment"]["Variables"]
            told = variables.get(Env.SOCKET_ENDPOINT)
            here = f"{self._url}{self._stage}"
            if told in (None, here):
                continue
            assert told == self._callback, f"{function['FunctionName']} posts to {told}"
            variables[Env.SOCKET_ENDPOINT] = here
            functions.update_function_configuration(
                FunctionName=function["FunctionName"], Environment={"Variables": variables}
            )

    async def admin(self, path: str, body: Any = None) -> dict[str, Any]:
        """The server API's function URL."""
        nonce, timestamp = str(secrets.randbelow(1_000_000)), str(time.time_ns() // 1_000_000)
        headers = {
            "nonce": nonce,
            "timestamp": timestamp,
            "sign": sign(nonce, self._secret, timestamp),
            "Content-Type": "application/json",
        }
        async with (
            aiohttp.ClientSession() as http,
            http.post(self._server_api + path, data=json.dumps(body or {}), headers=headers) as response,
        ):
            answer: dict[str, Any] = json.loads(await response.read())
            return answer

    async def stored(self, url: str) -> bytes:
        """An object of the media bucket; without a CDN its public URL is the bucket's own."""
        host = f"https://{self._bucket}.s3.{REGION}.amazonaws.com/"
        assert url.startswith(host)
        bucket = client("s3", self._url)
        content: bytes = bucket.get_object(Bucket=self._bucket, Key=url.removeprefix(host))["Body"].read()
        return content

    async def fanout_runs(self) -> int:
        """The reports that MiniStack writes to the function's log."""
        [function] = [
            function
            for function in client("lambda", self._url).list_functions()["Functions"]
            if FANOUT_FUNCTION in function["FunctionName"]
        ]
        group = function["LoggingConfig"]["LogGroup"]
        events = client("logs", self._url).filter_log_events(logGroupName=group)["events"]
        return sum(event["message"].startswith("REPORT ") for event in events)

    async def eventually(self, check: Check) -> None:
        """Look again and again: nobody can tell from outside when the emulator is quiet."""
        deadline = time.monotonic() + _PATIENCE_S
        while not await check():
            assert time.monotonic() < deadline, f"not within {_PATIENCE_S} seconds"
            await asyncio.sleep(0.05)
