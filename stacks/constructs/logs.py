"""Log groups: retention and removal follow the environment."""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_logs as logs
from constructs import Construct

from stacks.config import Environment


class Logs(logs.LogGroup):
    """A log group with the environment's retention; it survives its stack when data is protected."""

    def __init__(self, scope: Construct, construct_id: str, environment: Environment) -> None:
        super().__init__(
            scope, construct_id, removal_policy=RemovalPolicy.RETAIN if environment.protect else RemovalPolicy.DESTROY
        )
        # The construct takes an enumeration of names; the resource takes the days as they are configured.
        group = self.node.default_child
        assert isinstance(group, logs.CfnLogGroup)
        group.retention_in_days = environment.log_retention_days
