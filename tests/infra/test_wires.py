"""What invokes what."""

import json
from typing import Any

import pytest

from tests.infra.templates import Resource, Synthesis

HANDLERS = {
    "ConnectAuthorizer": "functions.connect.authorizer.handler",
    "ConnectWs": "functions.connect.ws.handler",
    "MessageWs": "functions.message.ws.handler",
    "MessageOnQueue": "functions.message.on_queue.handler",
    "BroadcastOnQueue": "functions.broadcast.on_queue.handler",
    "GroupWs": "functions.group.ws.handler",
    "ProfileWs": "functions.profile.ws.handler",
    "ChannelWs": "functions.channel.ws.handler",
    "PushOnQueue": "functions.push.on_queue.handler",
    "PushWs": "functions.push.ws.handler",
    "ChatroomWs": "functions.chatroom.ws.handler",
    "CallbackOnQueue": "functions.callback.on_queue.handler",
    "ServerApi": "functions.server_api.http.handler",
    "RobotOnQueue": "functions.robot.on_queue.handler",
}
ROUTES = {
    "$connect": "ConnectWs",
    "$disconnect": "ConnectWs",
    "$default": "ConnectWs",
    "session": "ConnectWs",
    "message": "MessageWs",
    "group": "GroupWs",
    "profile": "ProfileWs",
    "channel": "ChannelWs",
    "chatroom": "ChatroomWs",
    "push": "PushWs",
}

APPLICATION = "arn:aws:sns:eu-central-1:111122223333:app/APNS/chat"


def only(found: dict[str, Resource]) -> Resource:
    """The one resource that there is."""
    [resource] = found.values()
    return resource


def routes(synthesis: Synthesis) -> dict[str, Resource]:
    """The WebSocket routes by their key."""
    return {route["RouteKey"]: route for route in synthesis.of_type("ApiGatewayV2::Route").values()}


def test_the_functions_are_those_of_the_contract(deployed: Synthesis) -> None:
    functions = deployed.of_type("Lambda::Function")

    assert {name: entry["Handler"] for name, entry in functions.items()} == HANDLERS


def test_a_frame_names_its_route(dev: Synthesis) -> None:
    api = only(dev.of_type("ApiGatewayV2::Api"))

    assert api["ProtocolType"] == "WEBSOCKET"
    assert api["RouteSelectionExpression"] == "$request.body.route"
    assert set(routes(dev)) == set(ROUTES)


@pytest.mark.parametrize(("key", "function"), ROUTES.items())
def test_a_route_invokes_its_function_and_may(dev: Synthesis, key: str, function: str) -> None:
    target = routes(dev)[key]["Target"].removeprefix("integrations/${").removesuffix("}")
    integration = dev.of_type("ApiGatewayV2::Integration")[target]
    permissions = [
        entry["FunctionName"]
        for entry in dev.of_type("Lambda::Permission").values()
        if entry.get("SourceArn", "").endswith(f"/*{key}")
    ]

    assert integration["IntegrationType"] == "AWS_PROXY"
    assert integration["IntegrationUri"].endswith(f"functions/${{{function}.Arn}}/invocations")
    assert permissions == [f"${{{function}.Arn}}"]


def test_the_handshake_is_authorized_wherever_its_token_is(dev: Synthesis) -> None:
    [(name, authorizer)] = dev.of_type("ApiGatewayV2::Authorizer").items()
    connect = routes(dev)["$connect"]

    assert authorizer["AuthorizerType"] == "REQUEST"
    assert authorizer["IdentitySource"] == []
    assert authorizer["AuthorizerUri"].endswith("functions/${ConnectAuthorizer.Arn}/invocations")
    assert (connect["AuthorizationType"], connect["AuthorizerId"]) == ("CUSTOM", f"${{{name}}}")


def test_what_a_route_returns_goes_back_to_the_client(dev: Synthesis) -> None:
    responses = {entry["RouteId"]: entry for entry in dev.of_type("ApiGatewayV2::RouteResponse").values()}
    answered = {
        entry["Properties"]["RouteKey"]
        for name, entry in dev.resources.items()
        if entry["Type"] == "AWS::ApiGatewayV2::Route" and f"${{{name}}}" in responses
    }

    assert answered == set(ROUTES) - {"$connect", "$disconnect"}
    assert {entry["RouteResponseKey"] for entry in responses.values()} == {"$default"}
    assert all(routes(dev)[key]["RouteResponseSelectionExpression"] == "$default" for key in answered)


def test_an_emulator_gets_what_it_understands_for_the_architecture_that_it_runs_on(
    dev: Synthesis, emulated: Synthesis
) -> None:
    left_out = {entry["Type"] for entry in dev.resources.values()}
    left_out -= {entry["Type"] for entry in emulated.resources.values()}

    assert left_out == {
        "AWS::ApiGatewayV2::RouteResponse",
        "AWS::ApiGateway::Account",
        "AWS::CloudFront::Distribution",
        "AWS::CloudFront::OriginAccessControl",
    }
    assert not any("Metrics" in alarm for alarm in emulated.of_type("CloudWatch::Alarm").values())
    assert set(routes(emulated)) == set(ROUTES)
    assert {tuple(entry["Architectures"]) for entry in emulated.of_type("Lambda::Function").values()} == {("x86_64",)}


def test_the_stage_throttles_and_logs_neither_queries_nor_bodies(dev: Synthesis) -> None:
    stage = only(dev.of_type("ApiGatewayV2::Stage"))
    line = json.loads(stage["AccessLogSettings"]["Format"])

    assert stage["AutoDeploy"] is True
    assert stage["DefaultRouteSettings"] == {"ThrottlingBurstLimit": 500, "ThrottlingRateLimit": 1000}
    assert {"requestId", "connectionId", "route", "status", "error"} <= set(line)
    assert not any(word in value.lower() for value in line.values() for word in ("query", "body", "header", "token"))


def mapping_of(synthesis: Synthesis, worker: str) -> dict[str, Any]:
    """What feeds a worker."""
    mappings = synthesis.of_type("Lambda::EventSourceMapping").values()
    [found] = [mapping for mapping in mappings if worker in mapping["FunctionName"]]
    return found


def test_the_broadcast_queue_keeps_its_tasks_for_days_and_feeds_its_worker_one_by_one(dev: Synthesis) -> None:
    mapping = mapping_of(dev, "BroadcastOnQueue")
    queue = dev.of_type("SQS::Queue")["BroadcastQueue"]

    assert mapping["EventSourceArn"] == "${BroadcastQueue.Arn}"
    assert (mapping["BatchSize"], mapping["ScalingConfig"]) == (1, {"MaximumConcurrency": 10})
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert queue["MessageRetentionPeriod"] == 4 * 86_400
    assert queue["VisibilityTimeout"] >= 6 * dev.of_type("Lambda::Function")["BroadcastOnQueue"]["Timeout"]
    assert queue["RedrivePolicy"] == {"deadLetterTargetArn": "${BroadcastQueueDlq.Arn}", "maxReceiveCount": 5}


def test_the_robot_queue_keeps_order_and_feeds_its_worker_one_by_one(dev: Synthesis) -> None:
    mapping = mapping_of(dev, "RobotOnQueue")
    queues = dev.of_type("SQS::Queue")
    queue = queues["RobotQueue"]

    assert mapping["EventSourceArn"] == "${RobotQueue.Arn}"
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["BatchSize"] == 1
    assert queue["FifoQueue"] is queues["RobotQueueDlq"]["FifoQueue"] is True
    assert (queue["DeduplicationScope"], queue["FifoThroughputLimit"]) == ("messageGroup", "perMessageGroupId")
    assert queue["VisibilityTimeout"] >= 6 * dev.of_type("Lambda::Function")["RobotOnQueue"]["Timeout"]
    assert queue["RedrivePolicy"] == {"deadLetterTargetArn": "${RobotQueueDlq.Arn}", "maxReceiveCount": 8}


def test_what_is_published_to_the_push_topic_reaches_its_queue_and_its_worker(dev: Synthesis) -> None:
    topic = dev.of_type("SNS::Topic")["PushTopic"]
    [subscription] = [
        entry for entry in dev.of_type("SNS::Subscription").values() if entry["TopicArn"] == "${PushTopic}"
    ]
    mapping = mapping_of(dev, "PushOnQueue")
    queue = dev.of_type("SQS::Queue")["PushQueue"]
    senders = [
        statement
        for policy in dev.of_type("SQS::QueuePolicy").values()
        if policy["Queues"] == ["${PushQueue}"]
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow"
    ]

    assert topic["KmsMasterKeyId"].endswith("alias/aws/sns")
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("sqs", "${PushQueue.Arn}")
    assert subscription["RawMessageDelivery"] is True
    assert [(each["Principal"], each["Condition"]) for each in senders] == [
        ({"Service": "sns.amazonaws.com"}, {"ArnEquals": {"aws:SourceArn": "${PushTopic}"}})
    ]
    assert mapping["EventSourceArn"] == "${PushQueue.Arn}"
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["BatchSize"] == 10
    assert queue["VisibilityTimeout"] >= 6 * dev.of_type("Lambda::Function")["PushOnQueue"]["Timeout"]
    assert queue["RedrivePolicy"] == {"deadLetterTargetArn": "${PushQueueDlq.Arn}", "maxReceiveCount": 8}


def test_the_fanout_queue_feeds_its_worker(dev: Synthesis) -> None:
    mapping = mapping_of(dev, "MessageOnQueue")
    queue = dev.of_type("SQS::Queue")["FanoutQueue"]
    worker = dev.of_type("Lambda::Function")["MessageOnQueue"]

    assert mapping["EventSourceArn"] == "${FanoutQueue.Arn}"
    assert mapping["FunctionName"] == "${MessageOnQueue}"
    assert mapping["BatchSize"] == 10
    assert mapping["ScalingConfig"] == {"MaximumConcurrency": 50}
    assert queue["VisibilityTimeout"] >= 6 * worker["Timeout"]
    assert queue["RedrivePolicy"] == {"deadLetterTargetArn": "${FanoutQueueDlq.Arn}", "maxReceiveCount": 5}


def test_the_callback_queue_keeps_order_and_waits_for_a_back_end_that_is_down(dev: Synthesis) -> None:
    mapping = mapping_of(dev, "CallbackOnQueue")
    queue = dev.of_type("SQS::Queue")["CallbackQueue"]

    assert mapping["EventSourceArn"] == "${CallbackQueue.Arn}"
    assert (mapping["BatchSize"], mapping["ScalingConfig"]) == (10, {"MaximumConcurrency": 10})
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert queue["FifoQueue"]
    assert queue["MessageRetentionPeriod"] == 4 * 86_400
    assert queue["VisibilityTimeout"] >= 6 * dev.of_type("Lambda::Function")["CallbackOnQueue"]["Timeout"]
    assert queue["RedrivePolicy"] == {"deadLetterTargetArn": "${CallbackQueueDlq.Arn}", "maxReceiveCount": 1_000}


def test_the_server_api_is_a_url_that_checks_signatures_itself(dev: Synthesis) -> None:
    url = only(dev.of_type("Lambda::Url"))
    permitted = {
        entry["Action"]: entry["FunctionName"]
        for entry in dev.of_type("Lambda::Permission").values()
        if entry["Principal"] == "*"
    }

    assert url == {"AuthType": "NONE", "TargetFunctionArn": "${ServerApi.Arn}"}
    assert permitted == {
        "lambda:InvokeFunctionUrl": "${ServerApi.Arn}",
        "lambda:InvokeFunction": "${ServerApi.Arn}",
    }


def test_every_alarm_reaches_the_operators(dev: Synthesis) -> None:
    alarms = dev.of_type("CloudWatch::Alarm")
    [topic] = dev.of_type("SNS::Topic").keys() - {"PushTopic"}

    assert {tuple(alarm["AlarmActions"]) for alarm in alarms.values()} == {(f"${{{topic}}}",)}
    assert all(alarm["AlarmDescription"] for alarm in alarms.values())


def test_watching_holds_nothing_back(dev: Synthesis) -> None:
    imports = {name: json.dumps(template).count("Fn::ImportValue") for name, template in dev.templates.items()}

    assert imports["Operations"] == 0
    assert imports["Realtime"] > 0, "what holds data must refuse to go while it is used"


def test_everything_that_can_fail_has_an_alarm(dev: Synthesis) -> None:
    watched = {
        (metric["MetricName"], dimension["Value"])
        for alarm in dev.of_type("CloudWatch::Alarm").values()
        for metric in [alarm, *(entry.get("MetricStat", {}).get("Metric", {}) for entry in alarm.get("Metrics", ()))]
        for dimension in metric.get("Dimensions", ())
    }
    [api] = dev.of_type("ApiGatewayV2::Api")

    assert {(name, f"${{{function}}}") for function in HANDLERS for name in ("Errors", "Throttles")} <= watched
    assert {
        (f"{kind}ThrottleEvents", f"${{{table}}}")
        for table in dev.of_type("DynamoDB::GlobalTable")
        for kind in ("Read", "Write")
    } <= watched
    assert {
        ("ApproximateNumberOfMessagesVisible", "${FanoutQueueDlq.QueueName}"),
        ("ApproximateNumberOfMessagesVisible", "${BroadcastQueueDlq.QueueName}"),
        ("ApproximateNumberOfMessagesVisible", "${RobotQueueDlq.QueueName}"),
        ("ApproximateNumberOfMessagesVisible", "${CallbackQueueDlq.QueueName}"),
        ("ApproximateAgeOfOldestMessage", "${CallbackQueue.QueueName}"),
        ("ApproximateNumberOfMessagesVisible", "${PushQueueDlq.QueueName}"),
        ("PushUnpublished", "wildfire-dev"),
        ("ApproximateAgeOfOldestMessage", "${FanoutQueue.QueueName}"),
        ("IntegrationError", f"${{{api}}}"),
        ("ExecutionError", f"${{{api}}}"),
        ("Url5xxCount", "${ServerApi}"),
        ("HandlerFailed", "wildfire-dev"),
        ("DeliveryLag", "wildfire-dev"),
    } <= watched


def test_the_dashboard_shows_each_graph_once(dev: Synthesis) -> None:
    body = json.loads(only(dev.of_type("CloudWatch::Dashboard"))["DashboardBody"])

    titles = [widget["properties"]["title"] for widget in body["widgets"]]

    assert len(titles) == len(set(titles)) >= 13


def test_the_outputs_are_what_an_operator_needs(dev: Synthesis) -> None:
    outputs = dev.outputs()

    assert set(outputs) == {
        "SocketUrl",
        "ServerApiUrl",
        "AdminSecretArn",
        "CallbackSecretArn",
        "MediaBucketName",
        "DashboardUrl",
    }
    assert outputs["SocketUrl"].startswith("wss://")
    assert outputs["SocketUrl"].endswith("/im")
    assert outputs["AdminSecretArn"] == "${AdminSecret}"
    assert outputs["MediaBucketName"] == "${Media}"


def test_every_option_of_an_environment_reaches_its_resource(full: Synthesis) -> None:
    functions = full.of_type("Lambda::Function")
    mapping = mapping_of(full, "MessageOnQueue")
    aliases = full.of_type("Lambda::Alias")

    assert only(full.of_type("ApiGatewayV2::Stage"))["StageName"] == "chat"
    assert functions["ServerApi"]["MemorySize"] == 1024
    assert functions["ConnectWs"]["MemorySize"] == 512
    assert {entry["LoggingConfig"]["ApplicationLogLevel"] for entry in functions.values()} == {"DEBUG"}
    assert {entry["SnapStart"]["ApplyOn"] for entry in functions.values()} == {"PublishedVersions"}
    assert {entry["FunctionName"] for entry in aliases.values()} == {f"${{{name}}}" for name in HANDLERS}
    assert (mapping["BatchSize"], mapping["ScalingConfig"]["MaximumConcurrency"]) == (5, 7)
    assert "operators@example.com" in {entry["Endpoint"] for entry in full.of_type("SNS::Subscription").values()}
    assert json.loads(functions["PushOnQueue"]["Environment"]["Variables"]["IM_PUSH_APPLICATIONS"]) == {
        "com.example.chat": {"APNS": APPLICATION}
    }
    assert only(full.of_type("Lambda::Url"))["Cors"]["AllowOrigins"] == ["https://console.example.com"]
    assert full.of_type("S3::Bucket")["Media"]["CorsConfiguration"]["CorsRules"][0]["AllowedOrigins"] == [
        "https://chat.example.com"
    ]
    assert not full.of_type("ApiGateway::Account")


def test_with_snapstart_every_event_invokes_the_published_version(full: Synthesis) -> None:
    aliases = {f"${{{name}}}" for name in full.of_type("Lambda::Alias")}

    for integration in full.of_type("ApiGatewayV2::Integration").values():
        target = integration["IntegrationUri"].split("functions/")[1].removesuffix("/invocations")
        assert target in aliases
    authorizer = only(full.of_type("ApiGatewayV2::Authorizer"))
    assert authorizer["AuthorizerUri"].split("functions/")[1].removesuffix("/invocations") in aliases
    assert {entry["FunctionName"] for entry in full.of_type("Lambda::Permission").values()} <= aliases
    mappings = full.of_type("Lambda::EventSourceMapping").values()
    assert all(mapping["FunctionName"].endswith(":live") for mapping in mappings)
    assert only(full.of_type("Lambda::Url"))["Qualifier"] == "live"
