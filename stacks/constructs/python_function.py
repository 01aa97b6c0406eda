"""The one way to declare a function: runtime, architecture, layers, JSON logs with retention, one role of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from stacks.bundling import Bundle
from stacks.config import Environment
from stacks.constructs.logs import Logs

RUNTIME = lambda_.Runtime.PYTHON_3_13
_ALIAS = "live"


def code_of(bundle: Bundle) -> lambda_.Code:
    """A bundle as code whose asset hash is the digest of its content."""
    return lambda_.Code.from_asset(str(bundle.path), asset_hash=bundle.digest)


@dataclass(frozen=True, slots=True)
class FunctionDefaults:
    """What all functions of a deployment share."""

    environment: Environment
    architecture: lambda_.Architecture
    layers: Sequence[lambda_.ILayerVersion]


class PythonFunction(Construct):
    """A function with its role and its log group.

    The role may write to that one log group and nothing else until something is granted.

    Args:
        construct_id: logical id of the function resource.
        handler: dotted path of the entry point, as it is imported.
        variables: the process environment.

    Attributes:
        function: the function.
        role: its own role, to grant to.
        target: what events invoke: the function, or with SnapStart its alias (snapshots belong to published versions).
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        defaults: FunctionDefaults,
        *,
        handler: str,
        code: Bundle,
        variables: Mapping[str, str],
        timeout: Duration,
        memory_mb: int,
    ) -> None:
        super().__init__(scope, construct_id)
        logs = Logs(self, "Logs", defaults.environment)
        self.role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        logs.grant_write(self.role)
        snap_start = defaults.environment.snap_start
        self.function = lambda_.Function(
            self,
            "Function",
            runtime=RUNTIME,
            architecture=defaults.architecture,
            handler=handler,
            code=code_of(code),
            layers=defaults.layers,
            role=self.role,
            environment=dict(variables),
            timeout=timeout,
            memory_size=memory_mb,
            log_group=logs,
            logging_format=lambda_.LoggingFormat.JSON,
            application_log_level_v2=lambda_.ApplicationLogLevel[defaults.environment.log_level],
            system_log_level_v2=lambda_.SystemLogLevel.WARN,
            snap_start=lambda_.SnapStartConf.ON_PUBLISHED_VERSIONS if snap_start else None,
            current_version_options=lambda_.VersionOptions(removal_policy=RemovalPolicy.DESTROY),
        )
        resource = self.function.node.default_child
        assert isinstance(resource, lambda_.CfnFunction)
        resource.override_logical_id(construct_id)
        self.target: lambda_.IFunction = self.function
        if snap_start:
            self.target = lambda_.Alias(self, "Alias", alias_name=_ALIAS, version=self.function.current_version)

    def allow(self, actions: Sequence[str], resources: Sequence[str]) -> None:
        """Let the function call these actions on these resources."""
        self.role.add_to_policy(iam.PolicyStatement(actions=list(actions), resources=list(resources)))
