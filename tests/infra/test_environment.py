"""What each function is told about the deployment."""

import json
import os
import subprocess
import sys

import pytest

from im.settings import Env, Settings
from tests.infra.templates import ROOT, Synthesis

TABLES = {
    "IM_MESSAGES_TABLE": "${Messages}",
    "IM_DIRECTORY_TABLE": "${Directory}",
    "IM_PRESENCE_TABLE": "${Presence}",
    "IM_EPHEMERA_TABLE": "${Ephemera}",
}
DIRECTORY_ONLY = {"IM_DIRECTORY_TABLE": TABLES["IM_DIRECTORY_TABLE"]}
PRESENT = {name: value for name, value in TABLES.items() if name != "IM_MESSAGES_TABLE"}
WEB_PUSH = {"IM_WEB_PUSH_SECRET_ID": "${WebPushSecret}"}
PUSHES = {"IM_PUSH_TOPIC_ARN": "${PushTopic}"}
FANOUT = {"IM_FANOUT_QUEUE_URL": "${FanoutQueue}"}
ROBOTS = {"IM_ROBOT_QUEUE_URL": "${RobotQueue}"}
BROADCASTS = {"IM_BROADCAST_QUEUE_URL": "${BroadcastQueue}"}
CALLBACKS = {"IM_CALLBACK_QUEUE_URL": "${CallbackQueue}"}
SIGNS_CALLBACKS = {"IM_CALLBACK_SECRET_ID": "${CallbackSecret}"}
MEDIA = {"IM_MEDIA_BUCKET": "${Media}", "IM_MEDIA_BASE_URL": "https://${MediaCdn21E94F89.DomainName}"}


def socket(synthesis: Synthesis) -> dict[str, str]:
    """The endpoint that posts to sockets go to."""
    [api] = synthesis.of_type("ApiGatewayV2::Api")
    return {"IM_SOCKET_ENDPOINT": f"https://${{{api}}}.execute-api.${{AWS::Region}}.${{AWS::URLSuffix}}/im"}


def expected(synthesis: Synthesis) -> dict[str, dict[str, str]]:
    """The resources that each function works with."""
    endpoint = socket(synthesis)
    return {
        "ConnectAuthorizer": {**DIRECTORY_ONLY, "IM_TOKEN_SECRET_ID": "${TokenSecret}"},
        "ChannelWs": {**TABLES, **endpoint, **FANOUT, **CALLBACKS, **ROBOTS},
        "ConnectWs": {**TABLES, **endpoint, **FANOUT, **CALLBACKS},
        "MessageWs": {**TABLES, **endpoint, **FANOUT, **CALLBACKS, **SIGNS_CALLBACKS, **MEDIA, **ROBOTS, **PUSHES},
        "MessageOnQueue": {**TABLES, **endpoint, **FANOUT, **CALLBACKS, **PUSHES},
        "BroadcastOnQueue": {**TABLES, **endpoint, **BROADCASTS, **CALLBACKS, **PUSHES},
        "GroupWs": {**TABLES, **endpoint, **FANOUT, **CALLBACKS, **ROBOTS, **PUSHES},
        "ProfileWs": {**TABLES, **endpoint, **FANOUT, **CALLBACKS, **ROBOTS, **PUSHES},
        "ChatroomWs": {**TABLES, **CALLBACKS},
        "CallbackOnQueue": {
            "IM_EPHEMERA_TABLE": TABLES["IM_EPHEMERA_TABLE"],
            "IM_CALLBACK_DLQ_URL": "${CallbackQueueDlq}",
            **CALLBACKS,
            **SIGNS_CALLBACKS,
        },
        "PushWs": {**PRESENT, **WEB_PUSH},
        "PushOnQueue": {**PRESENT, **WEB_PUSH, "IM_PUSH_APPLICATIONS": "{}", "IM_PUSH_QUEUE_URL": "${PushQueue}"},
        "ServerApi": {
            **TABLES,
            **endpoint,
            **FANOUT,
            **BROADCASTS,
            **PUSHES,
            **ROBOTS,
            **CALLBACKS,
            **SIGNS_CALLBACKS,
            **MEDIA,
            "IM_ADMIN_SECRET_ID": "${AdminSecret}",
            "IM_TOKEN_SECRET_ID": "${TokenSecret}",
        },
        "RobotOnQueue": {**DIRECTORY_ONLY, **ROBOTS, "IM_PRESENCE_TABLE": TABLES["IM_PRESENCE_TABLE"]},
    }


def variables(synthesis: Synthesis, function: str) -> dict[str, str]:
    """The process environment of a function."""
    found = synthesis.of_type("Lambda::Function")[function]["Environment"]["Variables"]
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize(
    "function",
    [
        "ConnectAuthorizer",
        "ConnectWs",
        "MessageWs",
        "MessageOnQueue",
        "BroadcastOnQueue",
        "GroupWs",
        "ProfileWs",
        "ChannelWs",
        "PushWs",
        "PushOnQueue",
        "ChatroomWs",
        "CallbackOnQueue",
        "ServerApi",
        "RobotOnQueue",
    ],
)
def test_a_function_is_told_exactly_the_resources_that_it_uses(dev: Synthesis, function: str) -> None:
    common = {
        "POWERTOOLS_SERVICE_NAME": "wildfire-dev",
        "POWERTOOLS_METRICS_NAMESPACE": "WildfireIM",
        "IM_SWITCHES": '{"im.allow_private_callbacks":true,"im.presence_delay_seconds":0,'
        '"im.web_push_contact":"mailto:push@example.com"}',
    }

    assert variables(dev, function) == {**common, **expected(dev)[function]}


def test_every_variable_is_one_that_the_settings_know(full: Synthesis) -> None:
    told = {name for function in full.of_type("Lambda::Function") for name in variables(full, function)}

    assert {name for name in told if name.startswith("IM_")} == set(Env)


def test_switches_arrive_as_they_are_configured(prod: Synthesis) -> None:
    settings = Settings.from_env(variables(prod, "ServerApi"))

    assert settings.switches.seed_demo_objects is False
    assert json.loads(variables(prod, "ServerApi")["IM_SWITCHES"]) == {"im.seed_demo_objects": False}


def test_media_is_served_by_the_cdn_where_there_is_one(prod: Synthesis) -> None:
    [cdn] = prod.of_type("CloudFront::Distribution")

    assert variables(prod, "MessageWs")["IM_MEDIA_BASE_URL"] == f"https://${{{cdn}.DomainName}}"


def test_the_functions_write_the_metrics_that_the_alarms_read(dev: Synthesis) -> None:
    program = "from im.platform import telemetry; telemetry.count('DeliveryLag', 1); telemetry.flush()"
    environ = {**os.environ, **variables(dev, "MessageWs"), "PYTHONPATH": str(ROOT / "layers/core/python")}
    alarm = next(
        entry for entry in dev.of_type("CloudWatch::Alarm").values() if entry.get("MetricName") == "DeliveryLag"
    )

    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environ, check=True)

    line = json.loads(run.stdout)
    [written] = line["_aws"]["CloudWatchMetrics"]
    [dimensions] = written["Dimensions"]
    assert written["Namespace"] == alarm["Namespace"]
    assert {name: line[name] for name in dimensions} == {entry["Name"]: entry["Value"] for entry in alarm["Dimensions"]}
