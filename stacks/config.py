"""What a synthesis may choose: the environment's block in ``cdk.json``, and the flags of one run (``-c key=value``).

Both are read strictly: a key that is not known, a wrong type or a value out of range stops the synthesis with its name,
because a misspelt ``protect`` must not cost anybody's data. Nothing here asks AWS, git or the machine.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any, Self

from im.settings import SettingsError, Switches

ARCHITECTURES = ("arm64", "x86_64")
LAMBDA_PYTHON = "3.13"
PUSH_PLATFORMS = ("APNS", "APNS_SANDBOX", "APNS_VOIP", "APNS_VOIP_SANDBOX", "GCM")
LOG_LEVELS = ("DEBUG", "INFO", "WARN", "ERROR")
LOG_RETENTION_DAYS = (
    1,
    3,
    5,
    7,
    14,
    30,
    60,
    90,
    120,
    150,
    180,
    365,
    400,
    545,
    731,
    1096,
    1827,
    2192,
    2557,
    2922,
    3288,
    3653,
)


class ConfigError(Exception):
    """The configuration is unusable; the text names the key and what would be right."""


def _strings(name: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        raise ConfigError(f"{name} takes a list of strings, got {value!r}")
    return tuple(value)


def _integer(name: str, value: Any, low: int, high: int) -> int:
    if type(value) is not int or not low <= value <= high:
        raise ConfigError(f"{name} takes an integer from {low} to {high}, got {value!r}")
    return value


@dataclass(frozen=True, slots=True)
class Environment:
    """One block of ``environments`` in ``cdk.json``.

    Attributes:
        name: the block's key; it is part of the stacks' names.
        protect: keep data: deletion and termination protection, and resources that survive their stack.
        stage_name: the last part of the socket's URL.
        log_retention_days: how long every log group keeps its lines; a value that CloudWatch offers.
        log_level: the least level that functions write.
        throttle_rate, throttle_burst: frames a second, and at once, over all connections of the WebSocket stage.
        memory_mb: memory of functions by their name, where it is not the default.
        snap_start: start functions from a snapshot (published versions behind an alias).
        media_cdn: serve media through CloudFront; without it the URLs name the private bucket, and nobody can read them
            until something else serves it.
        media_origins: web origins that may upload to the media bucket.
        server_api_origins: web origins that may call the server API; none by default, it is called by servers.
        fanout_batch_size, fanout_max_concurrency: how many chunks a fan-out invocation takes, and how many run at once.
        alarm_email: who is told of alarms, beside the topic's other subscribers.
        api_gateway_log_role: set the account's role that lets API Gateway write access logs. The setting is one for the
            account and region: switch it off where another stack owns it.
        push_applications: ARNs of SNS platform applications by package (``*`` for all others) and platform (``APNS``,
            ``GCM``, ...). CloudFormation cannot make them.
        switches: the behaviour of the product, see ``im.settings.Switches``.
    """

    name: str
    protect: bool
    stage_name: str = "im"
    log_retention_days: int = 30
    log_level: str = "INFO"
    throttle_rate: int = 1_000
    throttle_burst: int = 500
    memory_mb: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    snap_start: bool = False
    media_cdn: bool = True
    media_origins: tuple[str, ...] = ()
    server_api_origins: tuple[str, ...] = ()
    fanout_batch_size: int = 10
    fanout_max_concurrency: int = 50
    alarm_email: str = ""
    api_gateway_log_role: bool = True
    push_applications: Mapping[str, Mapping[str, str]] = field(default_factory=lambda: MappingProxyType({}))
    switches: Switches = field(default_factory=Switches)

    @classmethod
    def parse(cls, name: str, block: Mapping[str, Any]) -> Self:
        """Read one environment's block.

        Raises:
            ConfigError: an unknown key, a missing ``protect``, a wrong type or a value out of range.
        """
        types = {entry.name: entry.type for entry in fields(cls) if entry.name != "name"}
        unknown = sorted(set(block) - set(types))
        if unknown:
            raise ConfigError(f"environments.{name} has unknown keys {unknown}; known are {sorted(types)}")
        if "protect" not in block:
            raise ConfigError(f'environments.{name} must say whether to protect its data: "protect": true or false')
        values = {key: _read(f"environments.{name}.{key}", types[key], value) for key, value in block.items()}
        return cls(name=name, **values)

    def stack_name(self, layer: str) -> str:
        """The CloudFormation name of one of the stacks."""
        return f"{self.service_name}-{layer}"

    @property
    def service_name(self) -> str:
        """What tells this deployment's logs and metrics from those of others in the same account."""
        return f"wildfire-{self.name}"


def _applications(key: str, value: Any) -> Mapping[str, Mapping[str, str]]:
    if not isinstance(value, Mapping) or not all(isinstance(entry, Mapping) for entry in value.values()):
        raise ConfigError(f"{key} takes an object of packages, each an object of ARNs by platform, got {value!r}")
    for package, platforms in value.items():
        for platform, arn in platforms.items():
            if platform not in PUSH_PLATFORMS:
                raise ConfigError(f"{key}.{package} takes the platforms {PUSH_PLATFORMS}, got {platform!r}")
            if not isinstance(arn, str) or f":app/{platform}/" not in arn:
                raise ConfigError(f"{key}.{package}.{platform} takes the ARN of such an application, got {arn!r}")
    return MappingProxyType({package: MappingProxyType(dict(platforms)) for package, platforms in value.items()})


def _read(key: str, kind: Any, value: Any) -> Any:
    leaf = key.rsplit(".", 1)[1]
    if kind is bool:
        if type(value) is not bool:
            raise ConfigError(f"{key} takes true or false, got {value!r}")
        return value
    if kind is int:
        number = _integer(key, value, 1, 10_000)
        if leaf == "log_retention_days" and number not in LOG_RETENTION_DAYS:
            raise ConfigError(f"{key} takes one of {LOG_RETENTION_DAYS}, got {number}")
        return number
    if kind is Switches:
        if not isinstance(value, Mapping):
            raise ConfigError(f"{key} takes an object, got {value!r}")
        try:
            return Switches.parse(value)
        except SettingsError as error:
            raise ConfigError(f"{key}: {error}") from error
    if leaf == "memory_mb":
        if not isinstance(value, Mapping):
            raise ConfigError(f"{key} takes an object of megabytes by function name, got {value!r}")
        return MappingProxyType({name: _integer(f"{key}.{name}", entry, 128, 10_240) for name, entry in value.items()})
    if leaf == "push_applications":
        return _applications(key, value)
    if kind is str:
        if not isinstance(value, str):
            raise ConfigError(f"{key} takes a string, got {value!r}")
        if leaf == "log_level" and value not in LOG_LEVELS:
            raise ConfigError(f"{key} takes one of {LOG_LEVELS}, got {value!r}")
        return value
    return _strings(key, value)


@dataclass(frozen=True, slots=True)
class Run:
    """The flags of one synthesis, as context.

    Attributes:
        environment: the chosen environment (``env``, default ``dev``).
        emulator: leave out what local emulators refuse: route responses, the account's logging role, alarms on expressions,
            CloudFront.
        architecture: of the functions and the vendor layer (``architecture``, default ``arm64``).
        python: the interpreter that the vendor layer is bundled for (``python``, default Lambda's).
        nag: check the stacks against the AwsSolutions rules.
    """

    environment: Environment
    emulator: bool = False
    architecture: str = "arm64"
    python: str = LAMBDA_PYTHON
    nag: bool = False

    @classmethod
    def parse(cls, context: Mapping[str, Any]) -> Self:
        """Read the context of the application: the flags, and the block of the environment that they choose.

        Keys with a colon are the CDK's own and pass.

        Raises:
            ConfigError: an unknown flag or environment, or what ``Environment.parse`` refuses.
        """
        known = {"env", "environments", "emulator", "architecture", "python", "nag"}
        unknown = sorted(key for key in set(context) - known if ":" not in key)
        if unknown:
            raise ConfigError(f"unknown context {unknown}; known are {sorted(known)}")
        blocks = context.get("environments", {})
        name = context.get("env", "dev")
        if name not in blocks:
            raise ConfigError(f"unknown environment {name!r}; cdk.json has {sorted(blocks)}")
        architecture = context.get("architecture", "arm64")
        if architecture not in ARCHITECTURES:
            raise ConfigError(f"architecture takes one of {ARCHITECTURES}, got {architecture!r}")
        return cls(
            environment=Environment.parse(name, blocks[name]),
            emulator=_flag(context, "emulator"),
            architecture=architecture,
            python=str(context.get("python", LAMBDA_PYTHON)),
            nag=_flag(context, "nag"),
        )


def _flag(context: Mapping[str, Any], name: str) -> bool:
    """A flag of the command line arrives as text, one of ``cdk.json`` as a boolean."""
    value = context.get(name, False)
    if value in (True, "true"):
        return True
    if value in (False, "false"):
        return False
    raise ConfigError(f"{name} takes true or false, got {value!r}")
