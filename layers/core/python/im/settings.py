"""Configuration of a function: the only reader of the process environment.

Two kinds exist. *Resources* (table names, queue URLs, ...) are what the stacks created; a function gets only those that it
uses. *Switches* are behaviour: Wildfire's configuration keys (client-semantics spec, section 10; server-api spec, section 6)
with Wildfire's defaults, and our own under ``im.``. The stacks parse the same class from ``cdk.json``, so an unknown key or
a wrong type fails at synth, not in production.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any, Self


class Env(StrEnum):
    """Names of the environment variables; the stacks set them, ``Settings.from_env`` reads them."""

    MESSAGES_TABLE = "IM_MESSAGES_TABLE"
    DIRECTORY_TABLE = "IM_DIRECTORY_TABLE"
    PRESENCE_TABLE = "IM_PRESENCE_TABLE"
    EPHEMERA_TABLE = "IM_EPHEMERA_TABLE"
    SOCKET_ENDPOINT = "IM_SOCKET_ENDPOINT"
    FANOUT_QUEUE_URL = "IM_FANOUT_QUEUE_URL"
    MEDIA_BUCKET = "IM_MEDIA_BUCKET"
    MEDIA_BASE_URL = "IM_MEDIA_BASE_URL"
    ADMIN_SECRET_ID = "IM_ADMIN_SECRET_ID"
    TOKEN_SECRET_ID = "IM_TOKEN_SECRET_ID"
    SWITCHES = "IM_SWITCHES"


class SettingsError(Exception):
    """The configuration is unusable; the text names the variable or key."""


_EXCEPTIONS = (401, 402, 403, 404, 405, 407, 408, 410, 411)


def _switch(key: str, default: Any) -> Any:
    return field(default=default, metadata={"key": key})


@dataclass(frozen=True, slots=True)
class Switches:
    """Behaviour switches. Each field's Wildfire (or ``im.``) key is in its metadata; ``parse`` reads a mapping of keys."""

    multi_endpoint: bool = _switch("server.multi_endpoint", False)
    multi_pc_endpoint: bool = _switch("server.multi_pc_endpoint", False)
    multi_pad_endpoint: bool = _switch("server.multi_pad_endpoint", False)
    token_expire_ms: int = _switch("token.expire_time", 0)
    admin_no_check_time: bool = _switch("http.admin.no_check_time", False)
    admin_rate_limit: int = _switch("http.admin.rate_limit", 10_000)
    client_rate_limit: int = _switch("client.request_rate_limit", 100)
    recall_time_limit_s: int = _switch("message.recall_time_limit", 120)
    disable_group_manager_recall: bool = _switch("message.disable_group_manager_recall", False)
    allow_owner_recall_self: bool = _switch("group.allow_owner_recall_self_msg", True)
    allow_manager_recall_self: bool = _switch("group.allow_manager_recall_self_msg", False)
    forbidden_client_send_types: tuple[int, ...] = _switch("message.forbidden_client_send_types", ())
    blacklist_strategy: int = _switch("message.blacklist.strategy", 0)
    blacklist_exception_types: tuple[int, ...] = _switch("message.blacklist_exception_types", _EXCEPTIONS)
    group_mute_exception_types: tuple[int, ...] = _switch("message.group_mute_exception_types", _EXCEPTIONS)
    global_mute_exception_types: tuple[int, ...] = _switch("message.global_mute_exception_types", _EXCEPTIONS)
    remote_history: bool = _switch("message.remote_history_message", True)
    sensitive_filter_type: int = _switch("sensitive.filter.type", 0)
    visible_quit_or_kickoff: int = _switch("group.visible_quit_or_kickoff_notification", 0)
    keep_display_name_when_destroy: bool = _switch("user.keep_display_name_when_destroy", True)
    close_api_version: bool = _switch("http.close_api_version", False)

    legacy_signature: bool = _switch("im.legacy_signature", True)
    seed_demo_objects: bool = _switch("im.seed_demo_objects", True)
    uid_index: str = _switch("im.uid_index", "all")
    inline_limit: int = _switch("im.inline_limit", 100)
    fanout_chunk: int = _switch("im.fanout_chunk", 250)
    sync_push_above: int = _switch("im.sync_push_above", 2_000)
    max_message_bytes: int = _switch("im.max_message_bytes", 32_768)
    max_group_members: int = _switch("im.max_group_members", 2_000)
    max_upload_bytes: int = _switch("im.max_upload_bytes", 100 * 1024 * 1024)
    heartbeat_s: int = _switch("im.heartbeat_seconds", 240)
    clock_window_ms: int = _switch("im.signature_window_ms", 7_200_000)

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> Self:
        """Read switches by their dotted keys; absent ones keep their defaults.

        Lists of content types may be given as a JSON list or as Wildfire's comma separated text.

        Raises:
            SettingsError: an unknown key, or a value of the wrong type.
        """
        known = {f.metadata["key"]: f for f in fields(cls)}
        chosen: dict[str, Any] = {}
        for key, value in values.items():
            if key not in known:
                raise SettingsError(f"unknown switch {key!r}; known are {', '.join(sorted(known))}")
            chosen[known[key].name] = _coerce(key, value, known[key].default)
        return cls(**chosen)

    def dump(self) -> dict[str, Any]:
        """The switches that differ from their defaults, by dotted key: what goes into a function's environment."""
        return {
            f.metadata["key"]: list(value) if isinstance(value, tuple) else value
            for f in fields(self)
            if (value := getattr(self, f.name)) != f.default
        }


def _coerce(key: str, value: Any, default: Any) -> Any:
    if isinstance(default, tuple):
        parts = value.split(",") if isinstance(value, str) else value
        try:
            return tuple(int(part) for part in parts if str(part).strip())
        except (TypeError, ValueError):
            raise SettingsError(f"{key} takes a list of integers, got {value!r}") from None
    if type(value) is not type(default):
        raise SettingsError(f"{key} takes {type(default).__name__}, got {value!r}")
    return value


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment of one function says. Resources that this function does not use are absent."""

    region: str
    switches: Switches
    resources: Mapping[Env, str]

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Read the environment (``os.environ`` when none is given).

        Raises:
            SettingsError: ``IM_SWITCHES`` is not a JSON object of known switches.
        """
        if environ is None:
            import os  # noqa: PLC0415  the one place that may see the process environment

            environ = os.environ
        try:
            switches = Switches.parse(json.loads(environ.get(Env.SWITCHES, "{}")))
        except ValueError as error:
            raise SettingsError(f"{Env.SWITCHES} is not a JSON object: {error}") from error
        return cls(
            region=environ.get("AWS_REGION", environ.get("AWS_DEFAULT_REGION", "us-east-1")),
            switches=switches,
            resources={name: environ[name] for name in Env if environ.get(name)},
        )

    def need(self, name: Env) -> str:
        """The value of one resource variable.

        Raises:
            SettingsError: this function was not given it.
        """
        try:
            return self.resources[name]
        except KeyError:
            raise SettingsError(f"environment variable {name} is not set for this function") from None
