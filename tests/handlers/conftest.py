"""A deployment on moto, as far as functions see it: environment, tables, secrets, and a poster that keeps the frames."""

import pkgutil
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType

import boto3
import pytest
from moto import mock_aws

from im import wiring
from im.platform import aws
from im.settings import Env
from im.wiring import delivery
from tests.fakes.delivery import RecordingPoster
from tests.stores.tables import DEFINITIONS, DIRECTORY, EPHEMERA, MESSAGES, PRESENCE

ADMIN_SECRET = "123456"
_CACHING: tuple[ModuleType, ...] = (
    aws,
    *(import_module(found.name) for found in pkgutil.iter_modules(wiring.__path__, "im.wiring.")),
)


def forget_cached() -> None:
    """Make the next call of every cached constructor make its object anew."""
    for module in _CACHING:
        for value in vars(module).values():
            if hasattr(value, "cache_clear"):
                value.cache_clear()


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> Iterator[RecordingPoster]:
    """A fresh deployment; the value is what its functions post through."""
    poster = RecordingPoster()
    environment = {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        Env.MESSAGES_TABLE: MESSAGES,
        Env.DIRECTORY_TABLE: DIRECTORY,
        Env.PRESENCE_TABLE: PRESENCE,
        Env.EPHEMERA_TABLE: EPHEMERA,
        Env.BROADCAST_QUEUE_URL: "http://127.0.0.1:9/broadcasts",
        Env.MEDIA_BUCKET: "media",
        Env.MEDIA_BASE_URL: "https://media.example.com",
        Env.SOCKET_ENDPOINT: "http://127.0.0.1:9/dev",
        Env.ADMIN_SECRET_ID: "AdminSecret",
        Env.TOKEN_SECRET_ID: "TokenSecret",
        Env.CALLBACK_SECRET_ID: "CallbackSecret",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(delivery, "SocketPoster", lambda *how: poster)
    with mock_aws():
        forget_cached()
        dynamo = boto3.client("dynamodb", "us-east-1")
        for definition in DEFINITIONS:
            dynamo.create_table(**definition)
        secrets = boto3.client("secretsmanager", "us-east-1")
        secrets.create_secret(Name="AdminSecret", SecretString=f" {ADMIN_SECRET}\n")
        secrets.create_secret(Name="TokenSecret", SecretString="0123456789abcdef0123456789abcdef")
        secrets.create_secret(Name="CallbackSecret", SecretString="the callbacks' own")
        yield poster
    forget_cached()
