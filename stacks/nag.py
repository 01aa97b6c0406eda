"""The AwsSolutions rules, and every exception from them with its reason."""

from collections.abc import Iterator

from aws_cdk import App, CfnElement, Validations
from cdk_nag import AwsSolutionsChecks
from constructs import IConstruct

from stacks import functions
from stacks.realtime import Realtime, endpoints_of
from stacks.storage import Storage

_ACKNOWLEDGED = "aws:cdk:acknowledged-rules"
"""The metadata that ``Validations.acknowledge`` writes. It is written here directly, because that call refuses ids with
two double colons, as those of the IAM rules are."""

Justification = tuple[IConstruct, str, str]
"""A construct (with all below it), the rule or finding, and why it is right as it is."""


def check(app: App, storage: Storage, realtime: Realtime) -> None:
    """Make the synthesis fail on a finding that is not justified here."""
    for construct, finding, reason in _justifications(storage, realtime):
        construct.node.add_metadata(_ACKNOWLEDGED, {f"AwsSolutions::AwsSolutions-{finding}": reason})
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))


def _justifications(storage: Storage, realtime: Realtime) -> Iterator[Justification]:
    yield from _storage_justifications(storage)
    yield from _socket_justifications(realtime)
    for spec in functions.FUNCTIONS:
        function = realtime.functions[spec.name]
        yield (
            function,
            "L1",
            "Layers are locked, bundled and tested for Python 3.13; the runtime moves when its wheels are verified.",
        )
        if spec.posts:
            for method in ("POST", "DELETE"):
                yield (
                    function,
                    f"IAM5[Resource::{_connections(realtime, method)}]",
                    "Connection ids are made by API Gateway while clients come and go; the grant ends at our one stage "
                    "and at the two methods that are called.",
                )
        if spec.sends_push:
            for application in realtime.push_applications:
                yield (
                    function,
                    f"IAM5[Resource::{endpoints_of(application)}]",
                    "Endpoints are made while devices come and go; the grant ends at the one application's.",
                )
        if spec.uploads:
            yield (
                function,
                f"IAM5[Resource::{_export_of_media(storage)}/*]",
                "The function signs uploads under random keys; it may put objects into this one bucket and no more.",
            )


def _storage_justifications(storage: Storage) -> Iterator[Justification]:
    for secret in storage.secrets.values():
        yield (
            secret,
            "SMG4",
            "Rotation must reach the app servers that share the secret, so the operator puts a new version; functions "
            "accept the current and the previous one.",
        )
    yield (
        storage.media,
        "S1",
        "The bucket takes uploads by signed policies only. Object-level auditing is CloudTrail's data events, which are "
        "an account's choice.",
    )
    if storage.media_cdn is not None:
        yield storage.media_cdn, "CFR1", "Users chat wherever they are."
        yield storage.media_cdn, "CFR2", "It serves static objects under unguessable names from a private bucket."
        yield storage.media_cdn, "CFR3", "Its log would record which user's address fetched which attachment."
        yield (
            storage.media_cdn,
            "CFR4",
            "The distribution's own domain comes with CloudFront's certificate, whose protocol floor cannot be raised; "
            "it redirects to HTTPS.",
        )


def _socket_justifications(realtime: Realtime) -> Iterator[Justification]:
    for key in functions.ROUTES:
        if key != "$connect":
            yield (
                realtime.api.node.find_child(f"{key}-Route"),
                "APIG4",
                "API Gateway authorizes a WebSocket once, at $connect; its other routes cannot have an authorizer.",
            )
    if realtime.access_log_role is not None:
        yield (
            realtime.access_log_role,
            "IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs]",
            "API Gateway tests the account's logging role for the rights of exactly this policy.",
        )


def _connections(realtime: Realtime, method: str) -> str:
    resource = realtime.api.node.default_child
    assert isinstance(resource, CfnElement)
    api = realtime.get_logical_id(resource)
    stage = f"arn:<AWS::Partition>:execute-api:<AWS::Region>:<AWS::AccountId>:<{api}>/{realtime.stage_name}"
    return f"{stage}/{method}/@connections/*"


def _export_of_media(storage: Storage) -> str:
    """What the rule calls the bucket in a policy of another stack: the name of the export."""
    reference = storage.resolve(storage.export_value(storage.media.bucket_arn))
    return str(reference["Fn::ImportValue"])
