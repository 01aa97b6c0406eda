"""Tables on moto, made from the keys that the synthesized template has too (tests/infra compares them)."""

import os
from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest
from moto import mock_aws

from im.platform.dynamo import Dynamo, make_client
from tests.stores.tables import DEFINITIONS


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A DynamoDB client on moto with the product's four tables."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setitem(os.environ, "AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        made = make_client(botocore.session.get_session(), "us-east-1", validate=True)
        for definition in DEFINITIONS:
            made.create_table(**definition)
        yield made


@pytest.fixture
def dynamo(client: Any) -> Dynamo:
    """The stores' access to DynamoDB, which does not pause between retries."""
    return Dynamo(client, pause=lambda seconds: None)
