"""Invariants over all resources of every environment that is deployed."""

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest

from tests.infra.templates import Synthesis

READ = {"dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query"}
WRITE = {
    "dynamodb:BatchWriteItem",
    "dynamodb:ConditionCheckItem",
    "dynamodb:DeleteItem",
    "dynamodb:PutItem",
    "dynamodb:UpdateItem",
}
CONSUME = {
    "sqs:ChangeMessageVisibility",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:GetQueueUrl",
    "sqs:ReceiveMessage",
}
JUSTIFIED_WILDCARDS = (
    re.compile(
        r"arn:\$\{AWS::Partition\}:execute-api:\$\{AWS::Region\}:\$\{AWS::AccountId\}:\$\{Sockets\w+\}"
        r"/im/(POST|DELETE)/@connections/\*"
    ),
    re.compile(r"\$\{Media\.Arn\}/\*"),
)

Rights = dict[str, set[str]]


def tables(reads: str = "", writes: str = "") -> Rights:
    """Rights on tables by their names; an index of one may be queried."""
    found: Rights = {}
    for name in (*reads.split(), *writes.split()):
        found[f"${{{name}.Arn}}"] = READ | (WRITE if name in writes.split() else set())
        index = {"Messages": "by_uid", "Directory": "by_type", "Presence": "online"}.get(name)
        if index:
            found[f"${{{name}.Arn}}/index/{index}"] = {"dynamodb:Query"}
    return found


POSTS: Rights = {"socket": {"execute-api:ManageConnections"}}
FANS_OUT: Rights = {"${FanoutQueue.Arn}": {"sqs:SendMessage"}}
BROADCASTS: Rights = {"${BroadcastQueue.Arn}": {"sqs:SendMessage"}}
ROBOTS: Rights = {"${RobotQueue.Arn}": {"sqs:SendMessage"}}
CALLS_BACK: Rights = {"${CallbackQueue.Arn}": {"sqs:SendMessage"}}
SIGNS_CALLBACKS: Rights = {"${CallbackSecret}": {"secretsmanager:GetSecretValue"}}
PUSHES: Rights = {"${PushTopic}": {"sns:Publish"}}
UPLOADS: Rights = {"${Media.Arn}/*": {"s3:PutObject"}}
ADMIN: Rights = {"${AdminSecret}": {"secretsmanager:GetSecretValue"}}
WEB_PUSH: Rights = {"${WebPushSecret}": {"secretsmanager:GetSecretValue"}}
TOKEN: Rights = {"${TokenSecret}": {"secretsmanager:GetSecretValue"}}
RIGHTS: dict[str, Rights] = {
    "ConnectAuthorizer": tables(reads="Directory") | TOKEN,
    "ConnectWs": tables(reads="Messages", writes="Directory Presence Ephemera") | POSTS | FANS_OUT | CALLS_BACK,
    "MessageWs": tables(writes="Messages Directory Presence Ephemera")
    | POSTS
    | FANS_OUT
    | ROBOTS
    | CALLS_BACK
    | SIGNS_CALLBACKS
    | PUSHES
    | UPLOADS,
    "MessageOnQueue": tables(reads="Messages Ephemera", writes="Directory Presence")
    | POSTS
    | CALLS_BACK
    | PUSHES
    | {"${FanoutQueue.Arn}": CONSUME | {"sqs:SendMessage"}},
    "BroadcastOnQueue": tables(writes="Messages Directory Presence Ephemera")
    | POSTS
    | CALLS_BACK
    | PUSHES
    | {"${BroadcastQueue.Arn}": CONSUME | {"sqs:SendMessage"}},
    "ChannelWs": tables(reads="Messages", writes="Directory Presence Ephemera")
    | POSTS
    | FANS_OUT
    | ROBOTS
    | CALLS_BACK,
    "GroupWs": tables(writes="Messages Directory Presence Ephemera") | POSTS | FANS_OUT | ROBOTS | CALLS_BACK | PUSHES,
    "ProfileWs": tables(writes="Messages Directory Presence Ephemera")
    | POSTS
    | FANS_OUT
    | ROBOTS
    | CALLS_BACK
    | PUSHES,
    "ChatroomWs": tables(reads="Messages Presence", writes="Directory Ephemera") | CALLS_BACK,
    "CallbackOnQueue": tables(writes="Ephemera")
    | SIGNS_CALLBACKS
    | {"${CallbackQueue.Arn}": CONSUME, "${CallbackQueueDlq.Arn}": {"sqs:SendMessage"}},
    "PushWs": tables(writes="Directory Presence Ephemera") | WEB_PUSH,
    "PushOnQueue": tables(writes="Directory Presence Ephemera") | WEB_PUSH | {"${PushQueue.Arn}": CONSUME},
    "ServerApi": tables(writes="Messages Directory Presence Ephemera")
    | POSTS
    | FANS_OUT
    | BROADCASTS
    | ROBOTS
    | CALLS_BACK
    | SIGNS_CALLBACKS
    | PUSHES
    | UPLOADS
    | ADMIN
    | TOKEN,
    "RobotOnQueue": tables(reads="Directory") | {"${RobotQueue.Arn}": CONSUME},
}


def listed(value: Any) -> list[Any]:
    """CloudFormation writes a list of one as the one."""
    return value if isinstance(value, list) else [value]


def statements(synthesis: Synthesis) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every statement of every policy of a role, with the role."""
    for policy in synthesis.of_type("IAM::Policy").values():
        for statement in policy["PolicyDocument"]["Statement"]:
            for role in policy["Roles"]:
                yield role, statement
    for name, role in synthesis.of_type("IAM::Role").items():
        assert "Policies" not in role, f"{name} has policies that this test does not read"


def test_no_role_may_do_everything_to_anything(deployed: Synthesis) -> None:
    for role, statement in statements(deployed):
        assert statement["Effect"] == "Allow"
        assert not any("*" in action for action in listed(statement["Action"])), role
        for resource in listed(statement["Resource"]):
            assert "*" not in resource or any(rule.fullmatch(resource) for rule in JUSTIFIED_WILDCARDS), (
                role,
                resource,
            )


def test_only_the_log_writing_role_of_api_gateway_has_a_managed_policy(deployed: Synthesis) -> None:
    managed = {
        name: role["ManagedPolicyArns"]
        for name, role in deployed.of_type("IAM::Role").items()
        if "ManagedPolicyArns" in role
    }

    [(name, policies)] = managed.items()
    assert name.startswith("AccessLogRole")
    assert policies == ["arn:${AWS::Partition}:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"]


@pytest.mark.parametrize("function", RIGHTS)
def test_a_function_may_do_exactly_what_it_does(dev: Synthesis, function: str) -> None:
    role = dev.of_type("Lambda::Function")[function]["Role"].removesuffix(".Arn}") + "}"
    rights: Rights = defaultdict(set)
    for owner, statement in statements(dev):
        if owner == role:
            for resource in listed(statement["Resource"]):
                rights[resource] |= set(listed(statement["Action"]))

    logs = {name for name in rights if re.fullmatch(rf"\$\{{{function}Logs\w+\.Arn\}}", name)}
    sockets = {name for name in rights if name.endswith("/@connections/*")}

    assert [rights.pop(name) for name in logs] == [{"logs:CreateLogStream", "logs:PutLogEvents"}]
    if sockets:
        assert {name.split("/")[2] for name in sockets} == {"POST", "DELETE"}
        rights["socket"] = set().union(*(rights.pop(name) for name in sockets))
    assert rights == RIGHTS[function]


def test_every_function_has_a_role_of_its_own_for_functions_only(deployed: Synthesis) -> None:
    used = [
        entry["Role"].removesuffix(".Arn}").removeprefix("${")
        for entry in deployed.of_type("Lambda::Function").values()
    ]

    assert len(set(used)) == len(used)
    for name in used:
        document = deployed.of_type("IAM::Role")[name]["AssumeRolePolicyDocument"]
        assert [entry["Principal"] for entry in document["Statement"]] == [{"Service": "lambda.amazonaws.com"}]


def test_every_function_is_alike_where_it_matters(deployed: Synthesis) -> None:
    groups = deployed.of_type("Logs::LogGroup")
    written = []
    for name, function in deployed.of_type("Lambda::Function").items():
        assert function["Architectures"] == ["arm64"], name
        assert function["Runtime"] == "python3.13", name
        assert function["LoggingConfig"]["LogFormat"] == "JSON", name
        assert len(function["Layers"]) == (3 if name.startswith("Push") else 2), name
        assert "TracingConfig" not in function, name
        written.append(function["LoggingConfig"]["LogGroup"].removeprefix("${").removesuffix("}"))

    assert len(set(written)) == len(written)
    assert set(written) <= set(groups)


def test_no_socket_function_outlives_the_patience_of_api_gateway(deployed: Synthesis) -> None:
    timeouts = {name: entry["Timeout"] for name, entry in deployed.of_type("Lambda::Function").items()}

    expected = {"MessageOnQueue": 30, "BroadcastOnQueue": 60, "CallbackOnQueue": 60, "PushOnQueue": 30}
    assert {name: timeouts.pop(name) for name in expected} == expected
    assert all(seconds < 29 for seconds in timeouts.values()), timeouts


def test_every_log_group_forgets(deployed: Synthesis) -> None:
    days = {entry["RetentionInDays"] for entry in deployed.of_type("Logs::LogGroup").values()}

    assert len(days) == 1
    assert days <= {7, 90}


def test_every_queue_is_encrypted_refuses_plain_http_and_has_a_dead_letter_queue(deployed: Synthesis) -> None:
    queues = deployed.of_type("SQS::Queue")
    targets = {entry["RedrivePolicy"]["deadLetterTargetArn"] for entry in queues.values() if "RedrivePolicy" in entry}

    for name, queue in queues.items():
        assert queue["SqsManagedSseEnabled"] is True, name
        assert "RedrivePolicy" in queue or f"${{{name}.Arn}}" in targets, name
    assert _refusing_plain_http(deployed, "SQS::QueuePolicy", "Queues") == {f"${{{name}}}" for name in queues}


def test_every_topic_is_encrypted_and_refuses_plain_http(deployed: Synthesis) -> None:
    topics = deployed.of_type("SNS::Topic")

    assert all(topic["KmsMasterKeyId"] for topic in topics.values())
    assert _refusing_plain_http(deployed, "SNS::TopicPolicy", "Topics") == {f"${{{name}}}" for name in topics}


def test_every_bucket_is_private_encrypted_and_refuses_plain_http(deployed: Synthesis) -> None:
    buckets = deployed.of_type("S3::Bucket")

    for name, bucket in buckets.items():
        assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}, name
        [rule] = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert rule["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}, name
        assert bucket["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}], name
        assert any("AbortIncompleteMultipartUpload" in rule for rule in bucket["LifecycleConfiguration"]["Rules"]), name
    assert _refusing_plain_http(deployed, "S3::BucketPolicy", "Bucket") == {f"${{{name}}}" for name in buckets}


def _refusing_plain_http(synthesis: Synthesis, kind: str, of: str) -> set[str]:
    return {
        resource
        for policy in synthesis.of_type(kind).values()
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Deny" and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        for resource in listed(policy[of])
    }


def test_only_cloudwatch_of_this_account_publishes_alarms(deployed: Synthesis) -> None:
    [policy] = [entry for entry in deployed.of_type("SNS::TopicPolicy").values() if entry["Topics"] != ["${PushTopic}"]]
    allowed = [entry for entry in policy["PolicyDocument"]["Statement"] if entry["Effect"] == "Allow"]

    [statement] = allowed
    assert statement["Action"] == "sns:Publish"
    assert statement["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": "${AWS::AccountId}"}}


def test_every_key_rotates(deployed: Synthesis) -> None:
    assert all(key["EnableKeyRotation"] for key in deployed.of_type("KMS::Key").values())


def test_every_event_source_reports_partial_failures(deployed: Synthesis) -> None:
    for name, mapping in deployed.of_type("Lambda::EventSourceMapping").items():
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"], name


def test_only_the_push_worker_may_use_platform_endpoints_and_only_those_of_its_applications(full: Synthesis) -> None:
    application = "arn:aws:sns:eu-central-1:111122223333:app/APNS/chat"
    endpoints = application.replace(":app/", ":endpoint/") + "/*"
    found = {
        (role, resource): set(listed(statement["Action"]))
        for role, statement in statements(full)
        for resource in listed(statement["Resource"])
        if resource.startswith("arn:aws:sns")
    }
    role = full.of_type("Lambda::Function")["PushOnQueue"]["Role"].removesuffix(".Arn}") + "}"

    assert found == {
        (role, application): {"sns:CreatePlatformEndpoint"},
        (role, endpoints): {"sns:DeleteEndpoint", "sns:Publish", "sns:SetEndpointAttributes"},
    }


def test_secrets_are_generated_and_nowhere_in_the_template(deployed: Synthesis) -> None:
    for name, secret in deployed.of_type("SecretsManager::Secret").items():
        assert "SecretString" not in secret, name
        assert secret["GenerateSecretString"]["PasswordLength"] >= 40, name


def test_media_is_read_through_the_cdn_only(prod: Synthesis) -> None:
    [distribution] = prod.of_type("CloudFront::Distribution").values()
    [policy] = prod.of_type("S3::BucketPolicy").values()
    allowed = [entry for entry in policy["PolicyDocument"]["Statement"] if entry["Effect"] == "Allow"]

    config = distribution["DistributionConfig"]
    assert config["DefaultCacheBehavior"]["ViewerProtocolPolicy"] == "redirect-to-https"
    [origin] = config["Origins"]
    assert origin["OriginAccessControlId"]
    assert [(entry["Action"], entry["Principal"]) for entry in allowed] == [
        ("s3:GetObject", {"Service": "cloudfront.amazonaws.com"})
    ]


def test_the_key_attributes_are_those_of_the_data_model(deployed: Synthesis) -> None:
    found = {}
    for name, table in deployed.of_type("DynamoDB::GlobalTable").items():
        types = {entry["AttributeName"]: entry["AttributeType"] for entry in table["AttributeDefinitions"]}
        indexes = table.get("GlobalSecondaryIndexes", [])
        assert all(index["Projection"] == {"ProjectionType": "KEYS_ONLY"} for index in indexes)
        found[name] = {
            "": _schema(table["KeySchema"], types),
            **{index["IndexName"]: _schema(index["KeySchema"], types) for index in indexes},
        }
        assert table["BillingMode"] == "PAY_PER_REQUEST"

    assert found == {
        "Messages": {"": ["c:S:HASH", "s:N:RANGE"], "by_uid": ["i:N:HASH"]},
        "Directory": {"": ["pk:S:HASH", "sk:S:RANGE"], "by_type": ["gt:S:HASH", "gs:S:RANGE"]},
        "Presence": {"": ["u:S:HASH"], "online": ["o:N:HASH", "u:S:RANGE"]},
        "Ephemera": {"": ["k:S:HASH"]},
    }


def _schema(keys: list[dict[str, str]], types: dict[str, str]) -> list[str]:
    return [f"{key['AttributeName']}:{types[key['AttributeName']]}:{key['KeyType']}" for key in keys]


def test_what_cannot_be_rebuilt_can_be_restored_and_what_is_stale_expires(deployed: Synthesis) -> None:
    tables = deployed.of_type("DynamoDB::GlobalTable")
    recoverable = {
        name
        for name, table in tables.items()
        for replica in table["Replicas"]
        if replica["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"]
    }

    assert recoverable == {"Messages", "Directory", "Presence"}
    expiring = {name: table.get("TimeToLiveSpecification") for name, table in tables.items()}
    assert expiring == {
        "Messages": {"AttributeName": "e", "Enabled": True},
        "Directory": {"AttributeName": "ttl", "Enabled": True},
        "Presence": None,
        "Ephemera": {"AttributeName": "ttl", "Enabled": True},
    }


@pytest.mark.parametrize(("environment", "protected"), [("dev", False), ("prod", True)])
def test_data_outlives_its_stack_exactly_where_it_is_protected(
    environment: str, protected: bool, request: pytest.FixtureRequest
) -> None:
    synthesis: Synthesis = request.getfixturevalue(environment)
    stateful = {"AWS::DynamoDB::GlobalTable", "AWS::S3::Bucket", "AWS::SecretsManager::Secret", "AWS::Logs::LogGroup"}
    policies = {
        (entry["DeletionPolicy"], entry["UpdateReplacePolicy"])
        for entry in synthesis.resources.values()
        if entry["Type"] in {*stateful, "AWS::KMS::Key"}
    }
    replicas = [
        replica for table in synthesis.of_type("DynamoDB::GlobalTable").values() for replica in table["Replicas"]
    ]

    assert policies == {("Retain", "Retain") if protected else ("Delete", "Delete")}
    assert {replica["DeletionProtectionEnabled"] for replica in replicas} == {protected}
    assert set(synthesis.terminations().values()) == {protected}
