"""What the operator sees: alarms to one topic, and one dashboard."""

from collections.abc import Sequence

from aws_cdk import Aws, CfnOutput, CrossStackReferences, Duration, ReferenceStrength, RemovalPolicy, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from stacks import functions
from stacks.config import Run
from stacks.names import INDEXES, METRICS_NAMESPACE, Table
from stacks.realtime import Realtime
from stacks.storage import Storage

_MINUTE = Duration.minutes(1)
_FIVE_MINUTES = Duration.minutes(5)
_GRAPHS_IN_A_ROW = 3
_GRAPH_WIDTH = 24 // _GRAPHS_IN_A_ROW

# Above these an operator should look. One failure is a client's bad luck; a handful in five minutes is ours.
_FAILURES = 5
_THROTTLES = 1
_CALLBACK_AGE_S = 600
_QUEUE_AGE_S = 60
_DELIVERY_LAG_MS = 5_000


class Operations(Stack):
    """Alarms and the dashboard over the other two stacks."""

    def __init__(self, scope: Construct, construct_id: str, run: Run, storage: Storage, realtime: Realtime) -> None:
        super().__init__(
            scope,
            construct_id,
            stack_name=run.environment.stack_name("operations"),
            description="Wildfire IM: alarms and dashboard",
            termination_protection=run.environment.protect,
        )
        # Watching must not hold back: what is watched may be renamed or removed without this stack's leave.
        CrossStackReferences.of(self).consume(ReferenceStrength.WEAK)
        self._environment = run.environment
        self._emulator = run.emulator
        self._realtime = realtime
        self._functions = {name: function.function for name, function in realtime.functions.items()}
        self._server_api = self._functions[functions.SERVER_API.name]
        self._tables = storage.tables
        self._notify = actions.SnsAction(self._alarm_topic())
        self._add_alarms()
        dashboard = cloudwatch.Dashboard(self, "Dashboard", default_interval=Duration.hours(3))
        graphs = self._graphs()
        for start in range(0, len(graphs), _GRAPHS_IN_A_ROW):
            dashboard.add_widgets(*graphs[start : start + _GRAPHS_IN_A_ROW])
        CfnOutput(
            self,
            "DashboardUrl",
            value=f"https://{Aws.REGION}.console.aws.amazon.com/cloudwatch/home?region={Aws.REGION}"
            f"#dashboards:name={dashboard.dashboard_name}",
        )

    def _alarm_topic(self) -> sns.Topic:
        """The operators' topic. CloudWatch cannot use SNS's own key, so it has one that CloudWatch may use."""
        cloudwatch_service = iam.ServicePrincipal("cloudwatch.amazonaws.com")
        own_account = {"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}}
        key = kms.Key(
            self,
            "AlarmKey",
            description="Encrypts alarm notifications",
            enable_key_rotation=True,
            removal_policy=RemovalPolicy.RETAIN if self._environment.protect else RemovalPolicy.DESTROY,
        )
        key.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[cloudwatch_service],
                actions=["kms:Decrypt", "kms:GenerateDataKey"],
                resources=["*"],
                conditions=own_account,
            )
        )
        topic = sns.Topic(self, "Alarms", display_name=self.stack_name, master_key=key, enforce_ssl=True)
        topic.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[cloudwatch_service],
                actions=["sns:Publish"],
                resources=[topic.topic_arn],
                conditions=own_account,
            )
        )
        if self._environment.alarm_email:
            topic.add_subscription(subscriptions.EmailSubscription(self._environment.alarm_email))
        return topic

    def _alarm(
        self, name: str, metric: cloudwatch.IMetric, threshold: float, description: str, periods: int = 1
    ) -> None:
        """Tell the operators when the metric reaches the threshold in so many periods on end; no data is good news."""
        if self._emulator and isinstance(metric, cloudwatch.MathExpression):
            return  # Emulators refuse alarms on expressions.
        cloudwatch.Alarm(
            self,
            f"{name}Alarm",
            metric=metric,
            threshold=threshold,
            evaluation_periods=periods,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
            alarm_description=description,
        ).add_alarm_action(self._notify)

    def _add_alarms(self) -> None:
        for name, function in self._functions.items():
            self._alarm(
                f"{name}Errors",
                function.metric_errors(period=_FIVE_MINUTES),
                _FAILURES,
                f"{name} crashes or times out; its log group has the tracebacks.",
            )
            self._alarm(
                f"{name}Throttles",
                function.metric_throttles(period=_FIVE_MINUTES),
                _THROTTLES,
                f"{name} was refused an execution environment; raise the account's concurrency quota.",
            )
        for name, table in self._tables.items():
            self._alarm(
                f"{name}TableThrottles",
                self._table_throttles(name, table),
                _THROTTLES,
                f"Requests to table {name} were throttled: a hot partition, or the table's or account's limit.",
            )
        self._alarm(
            "FanoutDeadLetters",
            self._realtime.fanout.dead_letters.metric_approximate_number_of_messages_visible(
                period=_MINUTE, statistic="Maximum"
            ),
            1,
            "Chunks of recipients failed for good. Clients repair it at their next heartbeat; find out why.",
        )
        self._alarm(
            "BroadcastDeadLetters",
            self._realtime.broadcasts.dead_letters.metric_approximate_number_of_messages_visible(
                period=_MINUTE, statistic="Maximum"
            ),
            1,
            "Messages to many did not reach some of their receivers. Find out why, then redrive: tasks may be repeated.",
        )
        self._alarm(
            "RobotDeadLetters",
            self._realtime.robots.dead_letters.metric_approximate_number_of_messages_visible(
                period=_MINUTE, statistic="Maximum"
            ),
            1,
            "Programs did not take what they were told. Redrive once they are back: webhook-id tells them what they have.",
        )
        self._alarm(
            "CallbackDeadLetters",
            self._realtime.callbacks.dead_letters.metric_approximate_number_of_messages_visible(
                period=_MINUTE, statistic="Maximum"
            ),
            1,
            "The business back end refused callbacks, or was away for too long. Find out why, then redrive.",
        )
        self._alarm(
            "CallbackAge",
            self._realtime.callbacks.queue.metric_approximate_age_of_oldest_message(
                period=_MINUTE, statistic="Maximum"
            ),
            _CALLBACK_AGE_S,
            "The business back end does not take callbacks. They wait for it, and are given up when they get too old.",
            periods=5,
        )
        self._alarm(
            "PushDeadLetters",
            self._realtime.push_queue.dead_letters.metric_approximate_number_of_messages_visible(
                period=_MINUTE, statistic="Maximum"
            ),
            1,
            "Devices were not notified: a push service or server refuses again and again. Find out why; do not redrive "
            "what is old.",
        )
        self._alarm(
            "PushUnpublished",
            self._own_metric("PushUnpublished", period=_FIVE_MINUTES),
            _FAILURES,
            "The topic takes no notifications; messages are delivered all the same.",
        )
        self._alarm(
            "FanoutAge",
            self._realtime.fanout.queue.metric_approximate_age_of_oldest_message(period=_MINUTE, statistic="Maximum"),
            _QUEUE_AGE_S,
            "Large conversations are delivered late: raise fanout_max_concurrency or the concurrency quota.",
            periods=5,
        )
        self._alarm(
            "SocketErrors",
            cloudwatch.MathExpression(
                expression="integration + execution",
                using_metrics={
                    "integration": self._socket_metric("IntegrationError", period=_FIVE_MINUTES),
                    "execution": self._socket_metric("ExecutionError", period=_FIVE_MINUTES),
                },
                period=_FIVE_MINUTES,
                label="server-side errors of the WebSocket API",
            ),
            _FAILURES,
            "API Gateway got no usable answer from a route's function.",
        )
        self._alarm(
            "ServerApiUrlErrors",
            self._server_api.metric("Url5xxCount", statistic="Sum", period=_FIVE_MINUTES),
            _FAILURES,
            "The server API answers 5xx.",
        )
        self._alarm(
            "HandlerFailures",
            self._own_metric("HandlerFailed", period=_FIVE_MINUTES),
            _FAILURES,
            "Handlers met errors that they did not expect and answered so; the log lines have the tracebacks.",
        )
        self._alarm(
            "DeliveryLag",
            self._own_metric("DeliveryLag", "p99", period=_MINUTE),
            _DELIVERY_LAG_MS,
            "One message in a hundred reaches its recipients late.",
            periods=5,
        )

    def _graphs(self) -> list[cloudwatch.IWidget]:
        fanout = self._realtime.fanout
        every_function = self._functions.items()
        return [
            _graph("Socket traffic", [self._socket_metric("ConnectCount"), self._socket_metric("MessageCount")]),
            _graph(
                "Socket errors",
                [self._socket_metric(name) for name in ("ClientError", "IntegrationError", "ExecutionError")],
            ),
            _graph(
                "Socket route latency (ms)",
                [self._socket_metric("IntegrationLatency", statistic) for statistic in ("p50", "p99")],
            ),
            _graph("Delivery lag (ms)", [self._own_metric("DeliveryLag", name) for name in ("p50", "p95", "p99")]),
            _graph("Deliveries that failed", [self._own_metric("FanoutGone"), self._own_metric("FanoutFailed")]),
            _graph(
                "Sends and handlers in trouble",
                [self._own_metric(name) for name in ("SendConflicts", "SendRefused", "HandlerFailed")],
            ),
            _graph(
                "Notifications", [self._own_metric(name) for name in ("PushSent", "PushSkipped", "PushUnpublished")]
            ),
            _graph("Invocations", [entry.metric_invocations(label=name) for name, entry in every_function]),
            _graph(
                "Function errors (left) and throttles (right)",
                [entry.metric_errors(label=name) for name, entry in every_function],
                right=[entry.metric_throttles(label=name) for name, entry in every_function],
            ),
            _graph(
                "Function duration, p99 (ms)",
                [entry.metric_duration(label=name, statistic="p99") for name, entry in every_function],
            ),
            _graph(
                "Server API requests (left) and p99 latency in ms (right)",
                [
                    self._server_api.metric(name, statistic="Sum")
                    for name in ("UrlRequestCount", "Url4xxCount", "Url5xxCount")
                ],
                right=[self._server_api.metric("UrlRequestLatency", statistic="p99")],
            ),
            _graph(
                "Fan-out: waiting and dead (left), age in s (right)",
                [
                    fanout.queue.metric_approximate_number_of_messages_visible(label="waiting", statistic="Maximum"),
                    fanout.dead_letters.metric_approximate_number_of_messages_visible(
                        label="dead", statistic="Maximum"
                    ),
                ],
                right=[fanout.queue.metric_approximate_age_of_oldest_message(label="age", statistic="Maximum")],
            ),
            _graph(
                "Callbacks in trouble (left), their lag in ms (right)",
                [self._own_metric(name) for name in ("CallbacksFailed", "CallbacksDeferred", "CallbacksGivenUp")],
                right=[self._own_metric("CallbackLag", name) for name in ("p50", "p99")],
            ),
            _graph(
                "Table units, read (left) and written (right)",
                [
                    table.metric_consumed_read_capacity_units(label=name, statistic="Sum")
                    for name, table in self._tables.items()
                ],
                right=[
                    table.metric_consumed_write_capacity_units(label=name, statistic="Sum")
                    for name, table in self._tables.items()
                ],
            ),
        ]

    def _own_metric(self, name: str, statistic: str = "Sum", period: Duration = _MINUTE) -> cloudwatch.Metric:
        """A metric that the functions write into their log lines."""
        return cloudwatch.Metric(
            namespace=METRICS_NAMESPACE,
            metric_name=name,
            dimensions_map={"service": self._environment.service_name},
            statistic=statistic,
            period=period,
        )

    def _socket_metric(self, name: str, statistic: str = "Sum", period: Duration = _MINUTE) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace="AWS/ApiGateway",
            metric_name=name,
            dimensions_map={"ApiId": self._realtime.api.api_id, "Stage": self._realtime.stage_name},
            statistic=statistic,
            period=period,
        )

    def _table_throttles(self, name: Table, table: dynamodb.TableV2) -> cloudwatch.MathExpression:
        """Throttled reads and writes of a table and its index: an index that lags throttles the table's writes."""
        dimensions = {"table": {"TableName": table.table_name}}
        if name in INDEXES:
            dimensions["index"] = {**dimensions["table"], "GlobalSecondaryIndexName": INDEXES[name]}
        metrics = {
            f"{where}{kind}": cloudwatch.Metric(
                namespace="AWS/DynamoDB",
                metric_name=f"{kind}ThrottleEvents",
                dimensions_map=place,
                statistic="Sum",
                period=_FIVE_MINUTES,
            )
            for where, place in dimensions.items()
            for kind in ("Read", "Write")
        }
        # A metric exists only once something was throttled; FILL keeps the sum alive without the others.
        return cloudwatch.MathExpression(
            expression=" + ".join(f"FILL({metric}, 0)" for metric in metrics),
            using_metrics=dict(metrics),
            period=_FIVE_MINUTES,
            label=f"throttled requests of {name}",
        )


def _graph(
    title: str, left: Sequence[cloudwatch.IMetric], right: Sequence[cloudwatch.IMetric] = ()
) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(title=title, left=list(left), right=list(right), width=_GRAPH_WIDTH)
