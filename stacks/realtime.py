"""The stateless stack: the WebSocket API, the server API's URL, the functions behind them, and the fan-out queue."""

import json
from dataclasses import replace

from aws_cdk import Aws, CfnOutput, Duration, Stack
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_apigatewayv2 as apigatewayv2
from aws_cdk import aws_apigatewayv2_authorizers as authorizers
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_event_sources as event_sources
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from im.settings import Env
from stacks import functions
from stacks.bundling import Bundle, Bundler
from stacks.config import ConfigError, Run
from stacks.constructs.logs import Logs
from stacks.constructs.python_function import RUNTIME, FunctionDefaults, PythonFunction, code_of
from stacks.constructs.queue_with_dlq import QueueWithDlq
from stacks.functions import FunctionSpec
from stacks.names import INDEXES, METRICS_NAMESPACE, Secret, Table
from stacks.storage import Storage

_ARCHITECTURES = {"arm64": lambda_.Architecture.ARM_64, "x86_64": lambda_.Architecture.X86_64}
_ONE_WAY_ROUTES = frozenset({"$connect", "$disconnect"})
"""$connect answers by its status code, and nobody is left to hear what $disconnect answers."""

_READ = ("dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query")
_WRITE = (
    "dynamodb:BatchWriteItem",
    "dynamodb:ConditionCheckItem",
    "dynamodb:DeleteItem",
    "dynamodb:PutItem",
    "dynamodb:UpdateItem",
)
_FANOUT_ATTEMPTS = 5
_BROADCAST_RETENTION = Duration.days(4)
"""What is still to be copied to somebody has been promised to the caller."""
_BROADCAST_CONCURRENCY = 10
_ROBOT_ATTEMPTS = 8
"""With the pauses between them, a robot may be away for some four minutes before its messages become dead letters."""
_ROBOT_RETENTION = Duration.days(4)
_ROBOT_CONCURRENCY = 50
_CALLBACK_RECEIVES = 1_000
"""As many as SQS knows: waiting for a back end that is down counts as receiving. The worker gives up by age."""
_CALLBACK_RETENTION = Duration.days(4)
_CALLBACK_BATCH = 10
_CALLBACK_CONCURRENCY = 10
_PUSH_ATTEMPTS = 8
"""With the pauses between them, a push server may be away for some four minutes."""
_PUSH_RETENTION = Duration.hours(1)
"""A notification is for now."""
_PUSH_BATCH = 10
_PUSH_CONCURRENCY = 20
_FANOUT_RETENTION = Duration.hours(1)
"""A client that was not told finds the message at its next heartbeat, so an old push is worth nothing."""

# Who, when, which route, and what went wrong. Neither query strings nor bodies: both may hold what users write.
_ACCESS_LOG = {
    name: f"$context.{variable}"
    for name, variable in {
        "requestId": "requestId",
        "time": "requestTimeEpoch",
        "ip": "identity.sourceIp",
        "connectionId": "connectionId",
        "event": "eventType",
        "route": "routeKey",
        "status": "status",
        "authorizerStatus": "authorizer.status",
        "integrationStatus": "integrationStatus",
        "integrationLatencyMs": "integrationLatency",
        "error": "error.messageString",
    }.items()
}


class Realtime(Stack):
    """Everything that runs.

    Attributes:
        functions: the functions by name.
        fanout, broadcasts, robots, callbacks, push_queue: the queues with their dead-letter queues.
        pushes: the topic that the push queue is subscribed to.
        api: the WebSocket API.
        stage, stage_name: its one stage.
        access_log_role: what API Gateway writes access logs with, where this stack sets it.
    """

    def __init__(self, scope: Construct, construct_id: str, run: Run, storage: Storage, bundler: Bundler) -> None:
        super().__init__(
            scope,
            construct_id,
            stack_name=run.environment.stack_name("realtime"),
            description="Wildfire IM: APIs, functions and queues",
            termination_protection=run.environment.protect,
        )
        self._run = run
        self._environment = run.environment
        self._storage = storage
        self._bundler = bundler
        self.api = apigatewayv2.WebSocketApi(self, "Sockets", route_selection_expression="$request.body.route")
        self.stage_name = run.environment.stage_name
        self.access_log_role = self._access_log_role()
        self.stage = self._stage()
        self.fanout = QueueWithDlq(
            self,
            "FanoutQueue",
            worker_timeout=Duration.seconds(functions.MESSAGE_ON_QUEUE.timeout_s),
            attempts=_FANOUT_ATTEMPTS,
            retention=_FANOUT_RETENTION,
        )
        self.broadcasts = QueueWithDlq(
            self,
            "BroadcastQueue",
            worker_timeout=Duration.seconds(functions.BROADCAST_ON_QUEUE.timeout_s),
            attempts=_FANOUT_ATTEMPTS,
            retention=_BROADCAST_RETENTION,
        )
        self.robots = QueueWithDlq(
            self,
            "RobotQueue",
            worker_timeout=Duration.seconds(functions.ROBOT_ON_QUEUE.timeout_s),
            attempts=_ROBOT_ATTEMPTS,
            retention=_ROBOT_RETENTION,
            fifo=True,
        )
        self.callbacks = QueueWithDlq(
            self,
            "CallbackQueue",
            worker_timeout=Duration.seconds(functions.CALLBACK_ON_QUEUE.timeout_s),
            attempts=_CALLBACK_RECEIVES,
            retention=_CALLBACK_RETENTION,
            fifo=True,
        )
        self.push_queue = QueueWithDlq(
            self,
            "PushQueue",
            worker_timeout=Duration.seconds(functions.PUSH_ON_QUEUE.timeout_s),
            attempts=_PUSH_ATTEMPTS,
            retention=_PUSH_RETENTION,
        )
        self.pushes = self._push_topic()
        self.functions = self._functions()
        self._add_routes()
        self._add_server_api()
        self.functions[functions.MESSAGE_ON_QUEUE.name].target.add_event_source(
            event_sources.SqsEventSource(
                self.fanout.queue,
                batch_size=self._environment.fanout_batch_size,
                max_concurrency=self._environment.fanout_max_concurrency,
                report_batch_item_failures=True,
            )
        )
        self.functions[functions.BROADCAST_ON_QUEUE.name].target.add_event_source(
            event_sources.SqsEventSource(
                self.broadcasts.queue,
                batch_size=1,
                max_concurrency=_BROADCAST_CONCURRENCY,
                report_batch_item_failures=True,
            )
        )
        self.functions[functions.ROBOT_ON_QUEUE.name].target.add_event_source(
            event_sources.SqsEventSource(
                self.robots.queue,
                # One by one: a robot that is slow or away holds up nobody else, and only its own order.
                batch_size=1,
                max_concurrency=_ROBOT_CONCURRENCY,
                report_batch_item_failures=True,
            )
        )
        self.functions[functions.CALLBACK_ON_QUEUE.name].target.add_event_source(
            event_sources.SqsEventSource(
                self.callbacks.queue,
                batch_size=_CALLBACK_BATCH,
                max_concurrency=_CALLBACK_CONCURRENCY,
                report_batch_item_failures=True,
            )
        )
        self.functions[functions.PUSH_ON_QUEUE.name].target.add_event_source(
            event_sources.SqsEventSource(
                self.push_queue.queue,
                batch_size=_PUSH_BATCH,
                max_concurrency=_PUSH_CONCURRENCY,
                report_batch_item_failures=True,
            )
        )
        CfnOutput(self, "SocketUrl", value=self.stage.url)

    @property
    def push_applications(self) -> list[str]:
        """The ARNs of the SNS platform applications that devices are reached by."""
        by_package = self._environment.push_applications.values()
        return sorted({arn for platforms in by_package for arn in platforms.values()})

    def _push_topic(self) -> sns.Topic:
        """Where functions publish what devices are to be notified of, and the queue that is subscribed to it."""
        topic = sns.Topic(
            self,
            "PushTopic",
            # SNS's own key costs nothing, and publishers in this account need no right to it.
            master_key=kms.Alias.from_alias_name(self, "PushTopicKey", "alias/aws/sns"),
            enforce_ssl=True,
        )
        resource = topic.node.default_child
        assert isinstance(resource, sns.CfnTopic)
        resource.override_logical_id("PushTopic")
        topic.add_subscription(subscriptions.SqsSubscription(self.push_queue.queue, raw_message_delivery=True))
        return topic

    def _stage(self) -> apigatewayv2.WebSocketStage:
        stage = apigatewayv2.WebSocketStage(
            self,
            "Stage",
            web_socket_api=self.api,
            stage_name=self.stage_name,
            auto_deploy=True,
            throttle=apigatewayv2.ThrottleSettings(
                rate_limit=self._environment.throttle_rate, burst_limit=self._environment.throttle_burst
            ),
        )
        resource = stage.node.default_child
        assert isinstance(resource, apigatewayv2.CfnStage)
        resource.access_log_settings = apigatewayv2.CfnStage.AccessLogSettingsProperty(
            destination_arn=Logs(self, "AccessLogs", self._environment).log_group_arn,
            format=json.dumps(_ACCESS_LOG, separators=(",", ":")),
        )
        if self.access_log_role is not None:
            # Without this setting of the account API Gateway refuses a WebSocket stage that writes access logs.
            account = apigateway.CfnAccount(
                self, "AccessLogAccount", cloud_watch_role_arn=self.access_log_role.role_arn
            )
            resource.add_resource_dependency(account)
        return stage

    def _access_log_role(self) -> iam.Role | None:
        if not self._environment.api_gateway_log_role or self._run.emulator:
            return None
        policy = iam.ManagedPolicy.from_aws_managed_policy_name("service-role/AmazonAPIGatewayPushToCloudWatchLogs")
        return iam.Role(
            self,
            "AccessLogRole",
            assumed_by=iam.ServicePrincipal("apigateway.amazonaws.com"),
            managed_policies=[policy],
        )

    def _functions(self) -> dict[str, PythonFunction]:
        unknown = sorted(set(self._environment.memory_mb) - {spec.name for spec in functions.FUNCTIONS})
        if unknown:
            raise ConfigError(f"environments.{self._environment.name}.memory_mb names unknown functions {unknown}")
        defaults = FunctionDefaults(
            environment=self._environment,
            architecture=_ARCHITECTURES[self._run.architecture],
            layers=[
                self._layer("CoreLayer", self._bundler.core_layer()),
                self._layer("VendorLayer", self._bundler.vendor_layer()),
            ],
        )
        cryptography = self._layer("PushLayer", self._bundler.push_layer())
        with_it = replace(defaults, layers=[*defaults.layers, cryptography])
        return {
            spec.name: self._function(spec, with_it if spec.uses_cryptography else defaults)
            for spec in functions.FUNCTIONS
        }

    def _layer(self, name: str, bundle: Bundle) -> lambda_.LayerVersion:
        return lambda_.LayerVersion(
            self,
            name,
            code=code_of(bundle),
            compatible_runtimes=[RUNTIME],
            compatible_architectures=[_ARCHITECTURES[self._run.architecture]],
        )

    def _function(self, spec: FunctionSpec, defaults: FunctionDefaults) -> PythonFunction:
        function = PythonFunction(
            self,
            spec.name,
            defaults,
            handler=spec.handler,
            code=self._bundler.function(spec.domain),
            variables=self._variables(spec),
            timeout=Duration.seconds(spec.timeout_s),
            memory_mb=self._environment.memory_mb.get(spec.name, spec.memory_mb),
        )
        self._grant(spec, function)
        return function

    def _variables(self, spec: FunctionSpec) -> dict[str, str]:
        tables, secrets = self._storage.tables, self._storage.secrets
        resources = {
            Env.MESSAGES_TABLE: tables[Table.MESSAGES].table_name,
            Env.DIRECTORY_TABLE: tables[Table.DIRECTORY].table_name,
            Env.PRESENCE_TABLE: tables[Table.PRESENCE].table_name,
            Env.EPHEMERA_TABLE: tables[Table.EPHEMERA].table_name,
            Env.SOCKET_ENDPOINT: self.stage.callback_url,
            Env.FANOUT_QUEUE_URL: self.fanout.queue.queue_url,
            Env.BROADCAST_QUEUE_URL: self.broadcasts.queue.queue_url,
            Env.ROBOT_QUEUE_URL: self.robots.queue.queue_url,
            Env.CALLBACK_QUEUE_URL: self.callbacks.queue.queue_url,
            Env.CALLBACK_DLQ_URL: self.callbacks.dead_letters.queue_url,
            Env.PUSH_QUEUE_URL: self.push_queue.queue.queue_url,
            Env.PUSH_TOPIC_ARN: self.pushes.topic_arn,
            Env.PUSH_APPLICATIONS: json.dumps(
                self._environment.push_applications, default=dict, sort_keys=True, separators=(",", ":")
            ),
            Env.MEDIA_BUCKET: self._storage.media.bucket_name,
            Env.MEDIA_BASE_URL: self._storage.media_base_url,
            Env.ADMIN_SECRET_ID: secrets[Secret.ADMIN].secret_arn,
            Env.TOKEN_SECRET_ID: secrets[Secret.TOKEN].secret_arn,
            Env.CALLBACK_SECRET_ID: secrets[Secret.CALLBACK].secret_arn,
            Env.WEB_PUSH_SECRET_ID: secrets[Secret.WEB_PUSH].secret_arn,
        }
        told = {str(name): resources[name] for name in spec.variables}
        switches = self._environment.switches.dump()
        if switches:
            told[Env.SWITCHES] = json.dumps(switches, sort_keys=True, separators=(",", ":"))
        return {
            "POWERTOOLS_SERVICE_NAME": self._environment.service_name,
            "POWERTOOLS_METRICS_NAMESPACE": METRICS_NAMESPACE,
            **told,
        }

    def _grant(self, spec: FunctionSpec, function: PythonFunction) -> None:
        for table in sorted(spec.reads | spec.writes):
            arn = self._storage.tables[table].table_arn
            function.allow([*_READ, *(_WRITE if table in spec.writes else ())], [arn])
            if table in INDEXES:
                function.allow(["dynamodb:Query"], [f"{arn}/index/{INDEXES[table]}"])
        if spec.secrets:
            function.allow(
                ["secretsmanager:GetSecretValue"],
                [self._storage.secrets[secret].secret_arn for secret in sorted(spec.secrets)],
            )
        if spec.posts:
            api = f"arn:{Aws.PARTITION}:execute-api:{Aws.REGION}:{Aws.ACCOUNT_ID}:{self.api.api_id}"
            connections = [f"{api}/{self.stage_name}/{method}/@connections/*" for method in ("POST", "DELETE")]
            function.allow(["execute-api:ManageConnections"], connections)
        if spec.sends_fanout:
            function.allow(["sqs:SendMessage"], [self.fanout.queue.queue_arn])
        if spec.sends_broadcasts:
            function.allow(["sqs:SendMessage"], [self.broadcasts.queue.queue_arn])
        if spec.sends_robot:
            function.allow(["sqs:SendMessage"], [self.robots.queue.queue_arn])
        if spec.sends_callbacks:
            function.allow(["sqs:SendMessage"], [self.callbacks.queue.queue_arn])
        if spec.buries_callbacks:
            function.allow(["sqs:SendMessage"], [self.callbacks.dead_letters.queue_arn])
        if spec.publishes_push:
            function.allow(["sns:Publish"], [self.pushes.topic_arn])
        applications = self.push_applications
        if spec.sends_push and applications:
            function.allow(["sns:CreatePlatformEndpoint"], applications)
            function.allow(
                ["sns:DeleteEndpoint", "sns:Publish", "sns:SetEndpointAttributes"],
                [endpoints_of(application) for application in applications],
            )
        if spec.uploads:
            function.allow(["s3:PutObject"], [self._storage.media.arn_for_objects("*")])

    def _add_routes(self) -> None:
        # No identity source: API Gateway would refuse a handshake that lacks it before the authorizer is asked, and
        # the token has two places where it may be.
        authorizer = authorizers.WebSocketLambdaAuthorizer(
            "ConnectAuthorizer", self.functions[functions.CONNECT_AUTHORIZER.name].target, identity_source=[]
        )
        for key, spec in functions.ROUTES.items():
            self.api.add_route(
                key,
                # An integration for each route: the construct grants the invocation to the first route it is used for.
                integration=integrations.WebSocketLambdaIntegration(
                    f"{key.removeprefix('$').title()}Integration", self.functions[spec.name].target
                ),
                authorizer=authorizer if key == "$connect" else None,
                # Emulators refuse route responses, and answer without them.
                return_response=key not in _ONE_WAY_ROUTES and not self._run.emulator,
            )

    def _add_server_api(self) -> None:
        """The server API is open to the internet: every request is signed, and the function checks it."""
        origins = list(self._environment.server_api_origins)
        target = self.functions[functions.SERVER_API.name].target
        url = target.add_function_url(
            auth_type=lambda_.FunctionUrlAuthType.NONE,
            cors=lambda_.FunctionUrlCorsOptions(allowed_origins=origins, allowed_headers=["*"]) if origins else None,
        )
        CfnOutput(self, "ServerApiUrl", value=url.url)


def endpoints_of(application: str) -> str:
    """The ARN of all endpoints of an SNS platform application."""
    return application.replace(":app/", ":endpoint/", 1) + "/*"
