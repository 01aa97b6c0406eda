"""SNS platform endpoints and topics, on moto: made once, enabled again, and what their errors mean."""

from collections.abc import Iterator
from typing import Any

import boto3
import moto.sns.models
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from im.errors import BusyError
from im.platform.sns import EndpointDeadError, RefusedError, Sns

ACCOUNT, REGION = "123456789012", "us-east-1"
ATTRIBUTES = {"kind": ("String", "message"), "platforms": ("String.Array", "[1,2]")}


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        yield boto3.client("sns", REGION)


@pytest.fixture
def application(client: Any) -> str:
    arn: str = client.create_platform_application(Name="a", Platform="GCM", Attributes={})["PlatformApplicationArn"]
    return arn


def backend() -> Any:
    return moto.sns.models.sns_backends[ACCOUNT][REGION]


def test_a_topic_gets_the_message_with_its_attributes(client: Any) -> None:
    arn = client.create_topic(Name="push")["TopicArn"]

    Sns(lambda: client).publish(arn, "text", ATTRIBUTES)

    [(_, message, _, attributes, _)] = backend().topics[arn].sent_notifications
    assert message == "text"
    assert attributes["platforms"] == {"Type": "String.Array", "Value": "[1,2]"}


def test_a_topic_that_is_throttled_is_asked_again_three_times_in_all() -> None:
    class Throttled:
        left = 2

        def publish(self, **_: Any) -> None:
            if self.left:
                self.left -= 1
                raise ClientError({"Error": {"Code": "Throttled"}}, "Publish")

    client, pauses = Throttled(), list[float]()
    Sns(lambda: client, pauses.append).publish("arn", "text", {})
    assert len(pauses) == 2

    client.left = 3
    with pytest.raises(BusyError):
        Sns(lambda: client, pauses.append).publish("arn", "text", {})


def test_a_topic_that_takes_nothing_is_busy_whatever_the_reason(client: Any) -> None:
    with pytest.raises(BusyError):
        Sns(lambda: client).publish("arn:aws:sns:us-east-1:123456789012:nowhere", "text", {})


def test_a_token_has_one_endpoint_however_often_it_is_asked_for(client: Any, application: str) -> None:
    sns = Sns(lambda: client)

    assert sns.endpoint(application, "t") == sns.endpoint(application, "t")
    assert sns.endpoint(application, "u") != sns.endpoint(application, "t")


def test_an_endpoint_that_was_disabled_or_made_with_other_attributes_is_found_and_enabled(
    client: Any, application: str
) -> None:
    made = client.create_platform_endpoint(
        PlatformApplicationArn=application, Token="t", CustomUserData="other", Attributes={"Enabled": "false"}
    )["EndpointArn"]
    sns = Sns(lambda: client)

    assert sns.endpoint(application, "t") == made

    sns.push(made, '{"default": "", "GCM": "{}"}', {})
    assert len(backend().platform_endpoints[made].messages) == 1


def test_what_is_disabled_or_deleted_is_dead(client: Any, application: str) -> None:
    sns = Sns(lambda: client)
    arn = sns.endpoint(application, "t")
    client.set_endpoint_attributes(EndpointArn=arn, Attributes={"Enabled": "false"})

    with pytest.raises(EndpointDeadError):
        sns.push(arn, '{"default": ""}', {})
    sns.delete(arn)
    sns.delete(arn)
    with pytest.raises((EndpointDeadError, RefusedError)):
        sns.push(arn, '{"default": ""}', {})


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        ("EndpointDisabled", EndpointDeadError),
        ("NotFound", EndpointDeadError),
        ("InvalidParameter", RefusedError),
        ("Throttled", BusyError),
        ("PlatformApplicationDisabled", BusyError),
        ("AuthorizationError", BusyError),
        ("InternalError", BusyError),
    ],
)
def test_each_error_means_one_of_three_things(code: str, meaning: type[Exception]) -> None:
    class Failing:
        def publish(self, **_: Any) -> None:
            raise ClientError({"Error": {"Code": code, "Message": ""}}, "Publish")

    with pytest.raises(meaning):
        Sns(Failing).push("arn", "{}", {})
