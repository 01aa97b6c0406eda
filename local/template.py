"""From a CDK cloud assembly to a small typed model of what has to run.

The synthesized templates are the truth: nothing about the deployment is repeated here. References are resolved to the
values that they would have on AWS (ARNs, URLs, host names), so a function's environment is what it would be there; the
runner replaces addresses by loopback ones later. A resource type that is neither modelled nor on the list of ignored
types raises, so new infrastructure cannot silently escape the local runs; so does an unknown property of a modelled
type that changes behaviour.
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ACCOUNT = "123456789012"
REGION = "us-east-1"

IGNORED = frozenset(
    {
        "AWS::ApiGateway::Account",
        "AWS::ApiGatewayV2::Deployment",
        "AWS::ApiGatewayV2::IntegrationResponse",
        "AWS::ApplicationAutoScaling::ScalableTarget",
        "AWS::ApplicationAutoScaling::ScalingPolicy",
        "AWS::CDK::Metadata",
        "AWS::CloudFront::CachePolicy",
        "AWS::CloudFront::CloudFrontOriginAccessIdentity",
        "AWS::CloudFront::Function",
        "AWS::CloudFront::OriginAccessControl",
        "AWS::CloudFront::ResponseHeadersPolicy",
        "AWS::CloudWatch::Alarm",
        "AWS::CloudWatch::AnomalyDetector",
        "AWS::CloudWatch::CompositeAlarm",
        "AWS::CloudWatch::Dashboard",
        "AWS::IAM::ManagedPolicy",
        "AWS::IAM::Policy",
        "AWS::IAM::Role",
        "AWS::KMS::Alias",
        "AWS::KMS::Key",
        "AWS::Lambda::EventInvokeConfig",
        "AWS::Lambda::LayerVersion",
        "AWS::Lambda::Permission",
        "AWS::Logs::LogGroup",
        "AWS::Logs::LogRetention",
        "AWS::Logs::MetricFilter",
        "AWS::Logs::QueryDefinition",
        "AWS::Logs::ResourcePolicy",
        "AWS::Logs::SubscriptionFilter",
        "AWS::S3::BucketPolicy",
        "AWS::SecretsManager::ResourcePolicy",
        "AWS::SNS::TopicPolicy",
        "AWS::SQS::QueuePolicy",
        "AWS::WAFv2::WebACL",
        "AWS::WAFv2::WebACLAssociation",
        "AWS::XRay::Group",
    }
)
"""Types that do not change what the functions see here: rights, logs, alarms, dashboards, delivery of static files."""


class TemplateError(Exception):
    """The templates need something that the local runner does not know; the text names the resource."""


@dataclass(frozen=True, slots=True)
class Index:
    """A global secondary index. ``projection`` is ALL, KEYS_ONLY or INCLUDE (then ``included`` names attributes)."""

    name: str
    keys: tuple[str, ...]
    projection: str
    included: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """A DynamoDB table. ``keys`` is the hash and perhaps the range attribute, ``types`` their types: S, N or B."""

    id: str
    name: str
    arn: str
    keys: tuple[str, ...]
    types: Mapping[str, str]
    indexes: tuple[Index, ...]
    ttl_attribute: str | None
    stream_view: str | None


@dataclass(frozen=True, slots=True)
class Queue:
    """An SQS queue. Times are in seconds; ``dead_letter_arn`` with ``max_receives`` is the redrive policy."""

    id: str
    name: str
    url: str
    arn: str
    fifo: bool
    content_deduplication: bool
    visibility_s: int
    delay_s: int
    retention_s: int
    dead_letter_arn: str | None
    max_receives: int


@dataclass(frozen=True, slots=True)
class Topic:
    """An SNS topic."""

    id: str
    name: str
    arn: str
    fifo: bool


@dataclass(frozen=True, slots=True)
class Subscription:
    """An SNS subscription of a queue."""

    id: str
    topic_arn: str
    queue_arn: str
    raw: bool
    filter_policy: str | None
    filter_scope: str | None


@dataclass(frozen=True, slots=True)
class CorsRule:
    """One CORS rule of a bucket, as the template has it."""

    methods: tuple[str, ...]
    origins: tuple[str, ...]
    headers: tuple[str, ...]
    exposed: tuple[str, ...]
    max_age_s: int | None


@dataclass(frozen=True, slots=True)
class Bucket:
    """An S3 bucket."""

    id: str
    name: str
    arn: str
    cors: tuple[CorsRule, ...]

    @property
    def hosts(self) -> tuple[str, ...]:
        """The host names under which AWS serves the bucket."""
        return (f"{self.name}.s3.{REGION}.amazonaws.com", f"{self.name}.s3.amazonaws.com")


@dataclass(frozen=True, slots=True)
class Distribution:
    """A CloudFront distribution: here just another address of the bucket that is its first origin."""

    id: str
    domain: str
    bucket_host: str


@dataclass(frozen=True, slots=True)
class Secret:
    """A Secrets Manager secret. ``text`` is its literal value, None when AWS generates one of ``length`` characters."""

    id: str
    name: str
    arn: str
    text: str | None
    length: int


@dataclass(frozen=True, slots=True)
class Function:
    """A Lambda function: the dotted path of its handler and its configuration."""

    id: str
    name: str
    arn: str
    handler: str
    environment: Mapping[str, str]
    timeout_s: int
    memory_mb: int
    reserved_concurrency: int | None


@dataclass(frozen=True, slots=True)
class EventSource:
    """An event source mapping. ``source_arn`` is a queue's or a table stream's."""

    id: str
    function: str
    source_arn: str
    batch_size: int
    window_s: int
    partial_failures: bool
    concurrency: int | None


@dataclass(frozen=True, slots=True)
class Authorizer:
    """A REQUEST authorizer of a WebSocket API. ``identity_sources`` must all be present or the answer is 401."""

    id: str
    function: str
    identity_sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Route:
    """A WebSocket route. ``answers`` says whether it has a route response, that is, sends the return value back."""

    key: str
    function: str
    answers: bool
    authorizer: Authorizer | None


@dataclass(frozen=True, slots=True)
class WebSocketApi:
    """A WebSocket API with its routes by route key."""

    id: str
    api_id: str
    selection: str
    stage: str
    routes: Mapping[str, Route]

    @property
    def host(self) -> str:
        """The host name that AWS would give the API."""
        return f"{self.api_id}.execute-api.{REGION}.amazonaws.com"


@dataclass(frozen=True, slots=True)
class FunctionUrl:
    """A public HTTPS address of one function."""

    id: str
    function: str
    url: str
    cors: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Template:
    """Everything that runs. The mappings are keyed by readable logical ids (without CDK's hash)."""

    tables: Mapping[str, Table] = field(default_factory=dict)
    queues: Mapping[str, Queue] = field(default_factory=dict)
    topics: Mapping[str, Topic] = field(default_factory=dict)
    subscriptions: Sequence[Subscription] = ()
    buckets: Mapping[str, Bucket] = field(default_factory=dict)
    distributions: Sequence[Distribution] = ()
    secrets: Mapping[str, Secret] = field(default_factory=dict)
    functions: Mapping[str, Function] = field(default_factory=dict)
    event_sources: Sequence[EventSource] = ()
    sockets: Mapping[str, WebSocketApi] = field(default_factory=dict)
    function_urls: Sequence[FunctionUrl] = ()


def read_assembly(directory: Path) -> Template:
    """Read all stacks that the manifest of a cloud assembly (a ``cdk.out`` directory) names.

    Raises:
        TemplateError: a resource that the runner does not know.
        FileNotFoundError: there is no manifest.
    """
    manifest = json.loads((directory / "manifest.json").read_text())
    stacks = {
        name: json.loads((directory / artifact["properties"]["templateFile"]).read_text())
        for name, artifact in manifest["artifacts"].items()
        if artifact["type"] == "aws:cloudformation:stack"
    }
    return read_templates(stacks)


def read_templates(stacks: Mapping[str, Mapping[str, Any]]) -> Template:
    """The model of a set of templates, by stack name, that may import each other's exports.

    Raises:
        TemplateError: a resource that the runner does not know.
    """
    return _Reader(stacks).read()


def readable(logical_id: str) -> str:
    """A logical id without the eight hexadecimal digits that CDK appends."""
    return re.sub(r"(?<=.)[0-9A-F]{8}$", "", logical_id)


_ABSENT = object()


def _token(*parts: str, length: int) -> str:
    """A short name that stays the same from one synth to the next, in the alphabet of AWS's own ids."""
    return hashlib.sha256("/".join(parts).encode()).hexdigest()[:length]


@dataclass(frozen=True, slots=True)
class _Resource:
    """One resource in its stack. ``properties`` are still unresolved."""

    stack: "_Stack"
    logical_id: str
    type: str
    properties: Mapping[str, Any]

    @property
    def id(self) -> str:
        return readable(self.logical_id)

    def get(self, name: str, default: Any = None) -> Any:
        """The resolved value of a property, ``default`` when it is absent or ``AWS::NoValue``."""
        if name not in self.properties:
            return default
        value = self.stack.resolve(self.properties[name])
        return default if value is _ABSENT else value

    def check(self, *known: str) -> None:
        """Raise unless all properties are among the known ones."""
        unknown = set(self.properties) - set(known)
        if unknown:
            raise self.error(f"has properties that the local runner does not know: {', '.join(sorted(unknown))}")

    def error(self, text: str) -> TemplateError:
        return TemplateError(f"{self.logical_id} ({self.type}) in {self.stack.name} {text}")

    def physical_name(self, prop: str) -> str:
        return str(self.get(prop) or f"{self.stack.name}-{self.id}")


class _Stack:
    """One template: its resources, and the resolution of intrinsic functions against all stacks."""

    def __init__(self, name: str, body: Mapping[str, Any], exports: Callable[[str], Any]) -> None:
        self.name = name
        self.body = body
        self._import = exports
        self.resources = {
            logical_id: _Resource(self, logical_id, raw["Type"], raw.get("Properties", {}))
            for logical_id, raw in body.get("Resources", {}).items()
            if "Condition" not in raw or self._condition(raw["Condition"])
        }

    def resolve(self, value: Any) -> Any:
        """A template value with all intrinsic functions replaced by what they yield."""
        if isinstance(value, list):
            return [resolved for element in value if (resolved := self.resolve(element)) is not _ABSENT]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            [(function, argument)] = value.items()
            if function == "Ref":
                return self._ref(argument)
            if function == "Condition":
                return self._condition(argument)
            if function.startswith("Fn::"):
                return self._intrinsic(function.removeprefix("Fn::"), argument)
        return {name: r for name, element in value.items() if (r := self.resolve(element)) is not _ABSENT}

    def _intrinsic(self, name: str, argument: Any) -> Any:
        match name:
            case "GetAtt":
                logical_id, attribute = argument.split(".", 1) if isinstance(argument, str) else argument
                return self._attribute(logical_id, attribute)
            case "Join":
                separator, parts = argument
                return separator.join(str(part) for part in self.resolve(parts))
            case "Sub":
                text, extra = argument if isinstance(argument, list) else (argument, {})
                return self._substitute(text, {key: self.resolve(element) for key, element in extra.items()})
            case "Select":
                index, parts = argument
                return self.resolve(parts)[int(index)]
            case "Split":
                separator, text = argument
                return self.resolve(text).split(separator)
            case "ImportValue":
                return self._import(self.resolve(argument))
            case "If":
                condition, then, otherwise = argument
                return self.resolve(then if self._condition(condition) else otherwise)
            case "Equals":
                left, right = self.resolve(argument)
                return left == right
            case "And":
                return all(self.resolve(argument))
            case "Or":
                return any(self.resolve(argument))
            case "Not":
                return not self.resolve(argument)[0]
            case "FindInMap":
                first, second, third = self.resolve(argument)
                return self.body["Mappings"][first][second][third]
        raise TemplateError(f"Fn::{name} in {self.name} is not known to the local runner")

    def _condition(self, name: str) -> bool:
        return bool(self.resolve(self.body["Conditions"][name]))

    def _substitute(self, text: str, extra: Mapping[str, Any]) -> str:
        def replace(match: re.Match[str]) -> str:
            name = match.group(1)
            if name.startswith("!"):
                return "${" + name[1:] + "}"
            if name in extra:
                return str(extra[name])
            if "." in name:
                return str(self._attribute(*name.split(".", 1)))
            return str(self._ref(name))

        return re.sub(r"\$\{([^}]+)\}", replace, text)

    def _ref(self, name: str) -> Any:
        pseudo = {
            "AWS::AccountId": ACCOUNT,
            "AWS::Region": REGION,
            "AWS::Partition": "aws",
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::StackName": self.name,
            "AWS::StackId": _arn("cloudformation", f"stack/{self.name}/{_token(self.name, length=12)}"),
            "AWS::NoValue": _ABSENT,
        }
        if name in pseudo:
            return pseudo[name]
        if name in self.resources:
            return self._attribute(name, "Ref")
        parameter = self.body.get("Parameters", {}).get(name)
        if parameter is None or "Default" not in parameter:
            raise TemplateError(f"Ref {name} in {self.name} is neither a resource nor a parameter with a default")
        return parameter["Default"]

    def _attribute(self, logical_id: str, attribute: str) -> Any:
        resource = self.resources.get(logical_id)
        if resource is None:
            raise TemplateError(f"{self.name} refers to {logical_id}, which it does not contain")
        attributes = _ATTRIBUTES.get(resource.type)
        values = attributes(resource) if attributes else {}
        if attribute not in values:
            raise resource.error(f"has no attribute {attribute} here")
        return values[attribute]


def _arn(service: str, name: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{name}"


def _table_attributes(resource: _Resource) -> dict[str, str]:
    name = resource.physical_name("TableName")
    arn = _arn("dynamodb", f"table/{name}")
    return {"Ref": name, "Arn": arn, "StreamArn": f"{arn}/stream/2026-01-01T00:00:00.000"}


def _queue_attributes(resource: _Resource) -> dict[str, str]:
    name = resource.physical_name("QueueName")
    if resource.get("FifoQueue") and not name.endswith(".fifo"):
        name += ".fifo"
    url = f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{name}"
    return {"Ref": url, "QueueUrl": url, "QueueName": name, "Arn": _arn("sqs", name)}


def _topic_attributes(resource: _Resource) -> dict[str, str]:
    name = resource.physical_name("TopicName")
    if resource.get("FifoTopic") and not name.endswith(".fifo"):
        name += ".fifo"
    return {"Ref": _arn("sns", name), "TopicArn": _arn("sns", name), "TopicName": name}


def _bucket_attributes(resource: _Resource) -> dict[str, str]:
    name = resource.physical_name("BucketName").lower()
    return {
        "Ref": name,
        "Arn": f"arn:aws:s3:::{name}",
        "DomainName": f"{name}.s3.amazonaws.com",
        "RegionalDomainName": f"{name}.s3.{REGION}.amazonaws.com",
    }


def _secret_attributes(resource: _Resource) -> dict[str, str]:
    # AWS appends six random characters to the ARN; one without them is valid too, and known before the secret exists.
    arn = _arn("secretsmanager", f"secret:{resource.physical_name('Name')}")
    return {"Ref": arn, "Id": arn}


def _function_attributes(resource: _Resource) -> dict[str, str]:
    name = resource.physical_name("FunctionName")
    return {"Ref": name, "Arn": _arn("lambda", f"function:{name}")}


def _version_attributes(resource: _Resource) -> dict[str, str]:
    return {"Ref": f"{_function_arn(resource.get('FunctionName'))}:1", "Version": "1"}


def _alias_attributes(resource: _Resource) -> dict[str, str]:
    arn = f"{_function_arn(resource.get('FunctionName'))}:{resource.get('Name')}"
    return {"Ref": arn, "AliasArn": arn}


def _api_attributes(resource: _Resource) -> dict[str, str]:
    api_id = _token(resource.stack.name, resource.id, length=10)
    return {"Ref": api_id, "ApiId": api_id, "ApiEndpoint": f"wss://{api_id}.execute-api.{REGION}.amazonaws.com"}


def _url_attributes(resource: _Resource) -> dict[str, str]:
    host = f"{_token(resource.stack.name, resource.id, length=32)}.lambda-url.{REGION}.on.aws"
    return {"FunctionUrl": f"https://{host}/", "FunctionArn": _function_arn(resource.get("TargetFunctionArn"))}


def _distribution_attributes(resource: _Resource) -> dict[str, str]:
    token = _token(resource.stack.name, resource.id, length=13)
    return {"Ref": token.upper(), "Id": token.upper(), "DomainName": f"d{token}.cloudfront.net"}


def _plain_id(resource: _Resource) -> dict[str, str]:
    value = resource.get("StageName") if resource.type.endswith("Stage") else _token(resource.logical_id, length=7)
    return {"Ref": value, "Id": value, "AuthorizerId": value, "RouteId": value, "IntegrationId": value}


def _named_arn(service: str, kind: str) -> Callable[[_Resource], dict[str, str]]:
    def attributes(resource: _Resource) -> dict[str, str]:
        return {"Ref": resource.id, "Arn": _arn(service, f"{kind}{resource.id}"), "Id": resource.id}

    return attributes


_ATTRIBUTES: dict[str, Callable[[_Resource], dict[str, str]]] = {
    "AWS::ApiGatewayV2::Api": _api_attributes,
    "AWS::ApiGatewayV2::Authorizer": _plain_id,
    "AWS::ApiGatewayV2::Integration": _plain_id,
    "AWS::ApiGatewayV2::Route": _plain_id,
    "AWS::ApiGatewayV2::Stage": _plain_id,
    "AWS::CloudFront::Distribution": _distribution_attributes,
    "AWS::CloudFront::OriginAccessControl": _plain_id,
    "AWS::DynamoDB::GlobalTable": _table_attributes,
    "AWS::DynamoDB::Table": _table_attributes,
    "AWS::IAM::Role": _named_arn("iam", "role/"),
    "AWS::KMS::Key": _named_arn("kms", "key/"),
    "AWS::Lambda::Alias": _alias_attributes,
    "AWS::Lambda::Function": _function_attributes,
    "AWS::Lambda::Url": _url_attributes,
    "AWS::Lambda::Version": _version_attributes,
    "AWS::Logs::LogGroup": _named_arn("logs", "log-group:"),
    "AWS::S3::Bucket": _bucket_attributes,
    "AWS::SecretsManager::Secret": _secret_attributes,
    "AWS::SNS::Topic": _topic_attributes,
    "AWS::SQS::Queue": _queue_attributes,
}


def _function_arn(name_or_arn: str) -> str:
    """The unqualified ARN of a function that is given by name, ARN, or qualified ARN."""
    if not name_or_arn.startswith("arn:"):
        return _arn("lambda", f"function:{name_or_arn}")
    return ":".join(name_or_arn.split(":")[:7])


def _invoked_function(uri: str) -> str:
    """The function's ARN in an API Gateway invocation URI."""
    match = re.search(r"/functions/(.+)/invocations$", uri)
    if not match:
        raise TemplateError(f"integration {uri} does not invoke a function")
    return _function_arn(match.group(1))


class _Reader:
    """Builds the model resource by resource; functions are referred to by readable id."""

    def __init__(self, stacks: Mapping[str, Mapping[str, Any]]) -> None:
        self._stacks = {name: _Stack(name, body, self._export) for name, body in stacks.items()}
        self._resources = [r for stack in self._stacks.values() for r in stack.resources.values()]
        self._functions: dict[str, str] = {}

    def read(self) -> Template:
        known = set(_ATTRIBUTES) | set(self._known_without_attributes) | IGNORED
        for resource in self._resources:
            if resource.type not in known:
                raise resource.error("is of a type that the local runner does not know")
        functions = self._keyed("AWS::Lambda::Function", _read_function)
        self._functions = {function.arn: name for name, function in functions.items()}
        return Template(
            tables={
                **self._keyed("AWS::DynamoDB::Table", _read_table),
                **self._keyed("AWS::DynamoDB::GlobalTable", _read_global_table),
            },
            queues=self._keyed("AWS::SQS::Queue", _read_queue),
            topics=self._keyed("AWS::SNS::Topic", _read_topic),
            subscriptions=[_read_subscription(r) for r in self._of("AWS::SNS::Subscription")],
            buckets=self._keyed("AWS::S3::Bucket", _read_bucket),
            distributions=[_read_distribution(r) for r in self._of("AWS::CloudFront::Distribution")],
            secrets=self._keyed("AWS::SecretsManager::Secret", _read_secret),
            functions=functions,
            event_sources=[self._event_source(r) for r in self._of("AWS::Lambda::EventSourceMapping")],
            sockets={r.id: self._api(r) for r in self._of("AWS::ApiGatewayV2::Api")},
            function_urls=[self._function_url(r) for r in self._of("AWS::Lambda::Url")],
        )

    _known_without_attributes = (
        "AWS::ApiGatewayV2::RouteResponse",
        "AWS::Lambda::EventSourceMapping",
        "AWS::SNS::Subscription",
    )

    def _of(self, kind: str) -> list[_Resource]:
        return [resource for resource in self._resources if resource.type == kind]

    def _keyed(self, kind: str, read: Callable[[_Resource], Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for resource in self._of(kind):
            if resource.id in found:
                raise resource.error("has the same readable id as another resource")
            found[resource.id] = read(resource)
        return found

    def _export(self, name: str) -> Any:
        for stack in self._stacks.values():
            for output in stack.body.get("Outputs", {}).values():
                if "Export" in output and stack.resolve(output["Export"]["Name"]) == name:
                    return stack.resolve(output["Value"])
        raise TemplateError(f"no stack exports {name}")

    def _function(self, resource: _Resource, arn: str) -> str:
        try:
            return self._functions[arn]
        except KeyError:
            raise resource.error(f"refers to {arn}, which no stack contains") from None

    def _event_source(self, resource: _Resource) -> EventSource:
        resource.check(
            "BatchSize",
            "Enabled",
            "EventSourceArn",
            "FunctionName",
            "FunctionResponseTypes",
            "MaximumBatchingWindowInSeconds",
            "ScalingConfig",
            "Tags",
        )
        return EventSource(
            id=resource.id,
            function=self._function(resource, _function_arn(resource.get("FunctionName"))),
            source_arn=resource.get("EventSourceArn"),
            batch_size=int(resource.get("BatchSize", 10)),
            window_s=int(resource.get("MaximumBatchingWindowInSeconds", 0)),
            partial_failures="ReportBatchItemFailures" in resource.get("FunctionResponseTypes", []),
            concurrency=(resource.get("ScalingConfig") or {}).get("MaximumConcurrency"),
        )

    def _function_url(self, resource: _Resource) -> FunctionUrl:
        resource.check("AuthType", "Cors", "InvokeMode", "Qualifier", "TargetFunctionArn")
        if resource.get("AuthType") != "NONE" or resource.get("InvokeMode", "BUFFERED") != "BUFFERED":
            raise resource.error("is not a public buffered function URL; the local runner serves only those")
        attributes = _url_attributes(resource)
        function = self._function(resource, attributes["FunctionArn"])
        return FunctionUrl(resource.id, function, attributes["FunctionUrl"], resource.get("Cors"))

    def _api(self, resource: _Resource) -> WebSocketApi:
        resource.check(
            "Description",
            "DisableExecuteApiEndpoint",
            "IpAddressType",
            "Name",
            "ProtocolType",
            "RouteSelectionExpression",
            "Tags",
        )
        if resource.get("ProtocolType") != "WEBSOCKET":
            raise resource.error("is not a WebSocket API")
        api_id = _api_attributes(resource)["Ref"]
        stages = [s.get("StageName") for s in self._of("AWS::ApiGatewayV2::Stage") if s.get("ApiId") == api_id]
        if len(stages) != 1:
            raise resource.error(f"has {len(stages)} stages; the local runner serves one")
        return WebSocketApi(
            resource.id, api_id, resource.get("RouteSelectionExpression"), stages[0], self._routes(api_id)
        )

    def _routes(self, api_id: str) -> dict[str, Route]:
        integrations = {_plain_id(r)["Ref"]: self._integration(r) for r in self._of("AWS::ApiGatewayV2::Integration")}
        authorizers = {_plain_id(r)["Ref"]: self._authorizer(r) for r in self._of("AWS::ApiGatewayV2::Authorizer")}
        answering = {r.get("RouteId") for r in self._of("AWS::ApiGatewayV2::RouteResponse")}
        routes: dict[str, Route] = {}
        for resource in self._of("AWS::ApiGatewayV2::Route"):
            resource.check(
                "ApiId",
                "ApiKeyRequired",
                "AuthorizationType",
                "AuthorizerId",
                "OperationName",
                "RouteKey",
                "RouteResponseSelectionExpression",
                "Target",
            )
            if resource.get("ApiId") != api_id:
                continue
            if resource.get("AuthorizationType", "NONE") not in ("NONE", "CUSTOM"):
                raise resource.error("uses an authorization that the local runner does not know")
            identity = _plain_id(resource)["Ref"]
            # A route response is sent only when the route also says how to select it.
            selects = resource.get("RouteResponseSelectionExpression") == "$default"
            routes[resource.get("RouteKey")] = Route(
                key=resource.get("RouteKey"),
                function=integrations[resource.get("Target").removeprefix("integrations/")],
                answers=identity in answering and selects,
                authorizer=authorizers.get(resource.get("AuthorizerId")),
            )
        return routes

    def _integration(self, resource: _Resource) -> str:
        resource.check(
            "ApiId",
            "ContentHandlingStrategy",
            "CredentialsArn",
            "IntegrationMethod",
            "IntegrationType",
            "IntegrationUri",
            "TimeoutInMillis",
        )
        if resource.get("IntegrationType") != "AWS_PROXY":
            raise resource.error("is not a Lambda proxy integration")
        return self._function(resource, _invoked_function(resource.get("IntegrationUri")))

    def _authorizer(self, resource: _Resource) -> Authorizer:
        resource.check("ApiId", "AuthorizerType", "AuthorizerUri", "IdentitySource", "Name", "AuthorizerCredentialsArn")
        function = self._function(resource, _invoked_function(resource.get("AuthorizerUri")))
        return Authorizer(resource.id, function, tuple(resource.get("IdentitySource", [])))


def _read_table(resource: _Resource) -> Table:
    resource.check(
        "AttributeDefinitions",
        "BillingMode",
        "ContributorInsightsSpecification",
        "DeletionProtectionEnabled",
        "GlobalSecondaryIndexes",
        "KeySchema",
        "KinesisStreamSpecification",
        "OnDemandThroughput",
        "PointInTimeRecoverySpecification",
        "ProvisionedThroughput",
        "SSESpecification",
        "StreamSpecification",
        "TableClass",
        "TableName",
        "Tags",
        "TimeToLiveSpecification",
        "WarmThroughput",
    )
    attributes = _table_attributes(resource)
    ttl = resource.get("TimeToLiveSpecification", {})
    return Table(
        id=resource.id,
        name=attributes["Ref"],
        arn=attributes["Arn"],
        keys=_key_names(resource.get("KeySchema")),
        types={a["AttributeName"]: a["AttributeType"] for a in resource.get("AttributeDefinitions")},
        indexes=tuple(_read_index(raw) for raw in resource.get("GlobalSecondaryIndexes", [])),
        ttl_attribute=ttl.get("AttributeName") if ttl.get("Enabled") else None,
        stream_view=resource.get("StreamSpecification", {}).get("StreamViewType"),
    )


def _read_global_table(resource: _Resource) -> Table:
    """A ``GlobalTable`` keeps what differs by region in ``Replicas``; none of that changes behaviour here."""
    shared = {name: value for name, value in resource.properties.items() if name in _GLOBAL_TABLE_SHARED}
    resource.check(
        *_GLOBAL_TABLE_SHARED, "Replicas", "WriteOnDemandThroughputSettings", "WriteProvisionedThroughputSettings"
    )
    return _read_table(_Resource(resource.stack, resource.logical_id, resource.type, shared))


_GLOBAL_TABLE_SHARED = (
    "AttributeDefinitions",
    "BillingMode",
    "GlobalSecondaryIndexes",
    "KeySchema",
    "SSESpecification",
    "StreamSpecification",
    "TableName",
    "TimeToLiveSpecification",
    "WarmThroughput",
)


def _key_names(schema: Sequence[Mapping[str, str]]) -> tuple[str, ...]:
    return tuple(key["AttributeName"] for key in sorted(schema, key=lambda key: key["KeyType"] != "HASH"))


def _read_index(raw: Mapping[str, Any]) -> Index:
    projection = raw["Projection"]
    return Index(
        name=raw["IndexName"],
        keys=_key_names(raw["KeySchema"]),
        projection=projection["ProjectionType"],
        included=tuple(projection.get("NonKeyAttributes", [])),
    )


def _read_queue(resource: _Resource) -> Queue:
    resource.check(
        "ContentBasedDeduplication",
        "DeduplicationScope",
        "DelaySeconds",
        "FifoQueue",
        "FifoThroughputLimit",
        "KmsDataKeyReusePeriodSeconds",
        "KmsMasterKeyId",
        "MaximumMessageSize",
        "MessageRetentionPeriod",
        "QueueName",
        "ReceiveMessageWaitTimeSeconds",
        "RedriveAllowPolicy",
        "RedrivePolicy",
        "SqsManagedSseEnabled",
        "Tags",
        "VisibilityTimeout",
    )
    attributes = _queue_attributes(resource)
    redrive = resource.get("RedrivePolicy", {})
    return Queue(
        id=resource.id,
        name=attributes["QueueName"],
        url=attributes["Ref"],
        arn=attributes["Arn"],
        fifo=bool(resource.get("FifoQueue", False)),
        content_deduplication=bool(resource.get("ContentBasedDeduplication", False)),
        visibility_s=int(resource.get("VisibilityTimeout", 30)),
        delay_s=int(resource.get("DelaySeconds", 0)),
        retention_s=int(resource.get("MessageRetentionPeriod", 345_600)),
        dead_letter_arn=redrive.get("deadLetterTargetArn"),
        max_receives=int(redrive.get("maxReceiveCount", 0)),
    )


def _read_topic(resource: _Resource) -> Topic:
    attributes = _topic_attributes(resource)
    return Topic(resource.id, attributes["TopicName"], attributes["TopicArn"], bool(resource.get("FifoTopic", False)))


def _read_subscription(resource: _Resource) -> Subscription:
    resource.check(
        "Endpoint",
        "FilterPolicy",
        "FilterPolicyScope",
        "Protocol",
        "RawMessageDelivery",
        "RedrivePolicy",
        "Region",
        "TopicArn",
    )
    if resource.get("Protocol") != "sqs":
        raise resource.error(f"has protocol {resource.get('Protocol')}; the local runner delivers to queues only")
    policy = resource.get("FilterPolicy")
    return Subscription(
        id=resource.id,
        topic_arn=resource.get("TopicArn"),
        queue_arn=resource.get("Endpoint"),
        raw=bool(resource.get("RawMessageDelivery", False)),
        filter_policy=json.dumps(policy) if policy else None,
        filter_scope=resource.get("FilterPolicyScope"),
    )


def _read_bucket(resource: _Resource) -> Bucket:
    attributes = _bucket_attributes(resource)
    rules = resource.get("CorsConfiguration", {}).get("CorsRules", [])
    return Bucket(
        id=resource.id,
        name=attributes["Ref"],
        arn=attributes["Arn"],
        cors=tuple(
            CorsRule(
                methods=tuple(rule["AllowedMethods"]),
                origins=tuple(rule["AllowedOrigins"]),
                headers=tuple(rule.get("AllowedHeaders", [])),
                exposed=tuple(rule.get("ExposedHeaders", [])),
                max_age_s=rule.get("MaxAge"),
            )
            for rule in rules
        ),
    )


def _read_distribution(resource: _Resource) -> Distribution:
    # Nothing else of the configuration matters here.
    origin = resource.properties["DistributionConfig"]["Origins"][0]
    host = resource.stack.resolve(origin["DomainName"])
    return Distribution(resource.id, _distribution_attributes(resource)["DomainName"], host)


def _read_secret(resource: _Resource) -> Secret:
    resource.check("Description", "GenerateSecretString", "KmsKeyId", "Name", "SecretString", "Tags")
    generate = resource.get("GenerateSecretString") or {}
    if "SecretStringTemplate" in generate:
        raise resource.error("is generated inside a JSON template; the local runner knows plain generated strings")
    return Secret(
        id=resource.id,
        name=resource.physical_name("Name"),
        arn=_secret_attributes(resource)["Ref"],
        text=resource.get("SecretString"),
        length=int(generate.get("PasswordLength", 32)),
    )


def _read_function(resource: _Resource) -> Function:
    if not resource.get("Runtime", "").startswith("python"):
        raise resource.error(f"runs {resource.get('Runtime')}; the local runner hosts Python functions only")
    attributes = _function_attributes(resource)
    variables = (resource.get("Environment") or {}).get("Variables", {})
    for name, value in variables.items():
        if "{{resolve:" in str(value):
            raise resource.error(f"has a dynamic reference in its environment variable {name}")
    return Function(
        id=resource.id,
        name=attributes["Ref"],
        arn=attributes["Arn"],
        handler=resource.get("Handler"),
        environment={name: str(value) for name, value in variables.items()},
        timeout_s=int(resource.get("Timeout", 3)),
        memory_mb=int(resource.get("MemorySize", 128)),
        reserved_concurrency=resource.get("ReservedConcurrentExecutions"),
    )
