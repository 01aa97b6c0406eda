"""Configuration of a function: the only reader of the process environment.

Two kinds exist. *Resources* (table names, queue URLs, ...) are what the stacks created; a function gets only those that it
uses. *Switches* are behaviour: Wildfire's configuration keys (client-semantics spec, section 10; server-api spec, section 6)
with Wildfire's defaults, and our own under ``im.``. The stacks parse the same class from ``cdk.json``, so an unknown key or
a wrong type fails at synth, not in production.
"""

import json
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Self

from msgspec import Struct, field


class Env(StrEnum):
    """Names of the environment variables; the stacks set them, ``Settings.from_env`` reads them."""

    MESSAGES_TABLE = "IM_MESSAGES_TABLE"
    DIRECTORY_TABLE = "IM_DIRECTORY_TABLE"
    PRESENCE_TABLE = "IM_PRESENCE_TABLE"
    EPHEMERA_TABLE = "IM_EPHEMERA_TABLE"
    SOCKET_ENDPOINT = "IM_SOCKET_ENDPOINT"
    FANOUT_QUEUE_URL = "IM_FANOUT_QUEUE_URL"
    BROADCAST_QUEUE_URL = "IM_BROADCAST_QUEUE_URL"
    ROBOT_QUEUE_URL = "IM_ROBOT_QUEUE_URL"
    CALLBACK_QUEUE_URL = "IM_CALLBACK_QUEUE_URL"
    CALLBACK_DLQ_URL = "IM_CALLBACK_DLQ_URL"
    PUSH_TOPIC_ARN = "IM_PUSH_TOPIC_ARN"
    PUSH_QUEUE_URL = "IM_PUSH_QUEUE_URL"
    PUSH_APPLICATIONS = "IM_PUSH_APPLICATIONS"
    WEB_PUSH_SECRET_ID = "IM_WEB_PUSH_SECRET_ID"
    MEDIA_BUCKET = "IM_MEDIA_BUCKET"
    MEDIA_BASE_URL = "IM_MEDIA_BASE_URL"
    ADMIN_SECRET_ID = "IM_ADMIN_SECRET_ID"
    TOKEN_SECRET_ID = "IM_TOKEN_SECRET_ID"
    CALLBACK_SECRET_ID = "IM_CALLBACK_SECRET_ID"
    SWITCHES = "IM_SWITCHES"


class SettingsError(Exception):
    """The configuration is unusable; the text names the variable or key."""


_DAY_MS = 86_400_000
_OPEN_TO_STRANGERS = ("admin", "FireRobot", "wfc_file_transfer")
_EXCEPTIONS = (401, 402, 403, 404, 405, 407, 408, 410, 411)
_NUMBER_RANGES = (
    "message.forward.types",
    "message.forward.exclude_types",
    "sensitive.remote_sensitive_message_type",
)
_MIN_RETENTION_S = 3_600


class Switches(Struct, frozen=True):
    """Behaviour switches; a field's encoded name is its Wildfire (or ``im.``) key. ``parse`` reads a mapping of keys."""

    multi_endpoint: bool = field(default=False, name="server.multi_endpoint")
    multi_pc_endpoint: bool = field(default=False, name="server.multi_pc_endpoint")
    multi_pad_endpoint: bool = field(default=False, name="server.multi_pad_endpoint")
    token_expire_ms: int = field(default=0, name="token.expire_time")
    admin_no_check_time: bool = field(default=False, name="http.admin.no_check_time")
    admin_rate_limit: int = field(default=10_000, name="http.admin.rate_limit")
    robot_rate_limit: int = field(default=1_000, name="http.robot.rate_limit")
    channel_rate_limit: int = field(default=1_000, name="http.channel.rate_limit")
    client_rate_limit: int = field(default=100, name="client.request_rate_limit")
    recall_time_limit_s: int = field(default=120, name="message.recall_time_limit")
    disable_group_manager_recall: bool = field(default=False, name="message.disable_group_manager_recall")
    allow_owner_recall_self: bool = field(default=True, name="group.allow_owner_recall_self_msg")
    allow_manager_recall_self: bool = field(default=False, name="group.allow_manager_recall_self_msg")
    forbidden_client_send_types: tuple[int, ...] = field(default=(), name="message.forbidden_client_send_types")
    client_update_types: tuple[int, ...] = field(default=(1,), name="message.allow_client_update_types")
    blacklist_strategy: int = field(default=0, name="message.blacklist.strategy")
    blacklist_exception_types: tuple[int, ...] = field(default=_EXCEPTIONS, name="message.blacklist_exception_types")
    disable_stranger_chat: bool = field(default=False, name="message.disable_stranger_chat")
    allow_stranger_chat_list: tuple[str, ...] = field(
        default=_OPEN_TO_STRANGERS, name="message.allow_stranger_chat_list"
    )
    group_mute_exception_types: tuple[int, ...] = field(default=_EXCEPTIONS, name="message.group_mute_exception_types")
    global_mute_exception_types: tuple[int, ...] = field(
        default=_EXCEPTIONS, name="message.global_mute_exception_types"
    )
    remote_history: bool = field(default=True, name="message.remote_history_message")
    chatroom_history: bool = field(default=True, name="message.chatroom_remote_history_message")
    chatroom_idle_ms: int = field(default=900_000, name="chatroom.participant_idle_time")
    chatroom_rejoin: bool = field(default=True, name="chatroom.rejoin_when_active")
    chatroom_create: bool = field(default=True, name="chatroom.create_when_not_exist")
    chatroom_kickoff_other: bool = field(default=True, name="chatroom.kickoff_other_platform")
    chatroom_recent: int = field(default=20, name="chatroom.pull_message_count_when_join")
    sensitive_filter_type: int = field(default=0, name="sensitive.filter.type")
    visible_quit_or_kickoff: int = field(default=0, name="group.visible_quit_or_kickoff_notification")
    disable_friend_request: bool = field(default=False, name="friend.disable_friend_request")
    repeat_request_ms: int = field(default=7 * _DAY_MS, name="friend.repeat_request_duration")
    reject_request_ms: int = field(default=30 * _DAY_MS, name="friend.reject_request_duration")
    request_expiration_ms: int = field(default=7 * _DAY_MS, name="friend.request_expiration_duration")
    robot_client_info: bool = field(default=False, name="robot.callback_with_client_info")
    robot_sender_info: bool = field(default=False, name="robot.callback_with_sender_info")
    robot_target_info: bool = field(default=False, name="robot.callback_with_target_info")
    robot_auto_accept: bool = field(default=True, name="friend.robot_auto_accept")
    disable_stranger_invite: bool = field(default=False, name="group.disable_stranger_invite")
    forbidden_group_operations: int = field(default=0, name="group.forbidden_client_operation")
    client_custom_notification: bool = field(default=True, name="group.allow_client_custom_operation_notification")
    forward_url: str = field(default="", name="message.forward.url")
    forward_types: str = field(default="", name="message.forward.types")
    forward_exclude_types: str = field(default="", name="message.forward.exclude_types")
    forward_with_client_info: bool = field(default=False, name="message.forward_with_client_info")
    no_forward_admin_message: bool = field(default=False, name="message.no_forward_admin_message")
    mention_forward_url: str = field(default="", name="message.mentionmsg.forward.url")
    recall_forward_url: str = field(default="", name="message.recallmsg.forward.url")
    sensitive_forward_url: str = field(default="", name="message.sensitive.forward.url")
    review_url: str = field(default="", name="sensitive.remote_server_url")
    review_types: str = field(default="", name="sensitive.remote_sensitive_message_type")
    review_fail_when_matched: bool = field(default=False, name="sensitive.remote_fail_when_matched")
    online_status_url: str = field(default="", name="user.online_status_callback")
    user_info_url: str = field(default="", name="user.user_info_update_callback")
    relation_url: str = field(default="", name="relation.relation_update_callback")
    group_info_url: str = field(default="", name="group.group_info_update_callback")
    group_member_url: str = field(default="", name="group.group_member_update_callback")
    channel_info_url: str = field(default="", name="channel.channel_info_update_callback")
    chatroom_info_url: str = field(default="", name="chatroom.chatroom_info_update_callback")
    chatroom_member_url: str = field(default="", name="chatroom.chatroom_member_update_callback")
    robot_custom_notification: bool = field(default=True, name="group.allow_robot_custom_operation_notification")
    keep_display_name_when_destroy: bool = field(default=True, name="user.keep_display_name_when_destroy")
    hide_properties: tuple[int, ...] = field(default=(), name="user.hide_properties")
    disable_search: bool = field(default=False, name="friend.disable_search")
    disable_nick_name_search: bool = field(default=False, name="friend.disable_nick_name_search")
    disable_user_id_search: bool = field(default=True, name="friend.disable_user_id_search")
    close_api_version: bool = field(default=False, name="http.close_api_version")
    channel_client_info: bool = field(default=False, name="channel.callback_with_client_info")
    push_expired_days: int = field(default=7, name="message.push_expired_days")
    silent_when_pc_online: bool = field(default=True, name="server.mobile_default_silent_when_pc_online")
    push_android: str = field(default="", name="push.android.server.address")
    push_ios: str = field(default="", name="push.ios.server.address")
    push_harmony: str = field(default="", name="push.harmony.server.address")

    notify_broadcasts: bool = field(default=False, name="im.notify_broadcasts")
    channel_callback_and_inbox: bool = field(default=False, name="im.channel_callback_and_inbox")
    host_friends: bool = field(default=True, name="im.host_friends")
    friend_requests_per_day: int = field(default=200, name="im.friend_requests_per_day")
    legacy_signature: bool = field(default=True, name="im.legacy_signature")
    serve_openapi: bool = field(default=True, name="im.serve_openapi")
    host_profiles: bool = field(default=True, name="im.host_profiles")
    online_index: bool = field(default=True, name="im.online_index")
    presence: str = field(default="friends", name="im.presence")
    presence_delay_s: int = field(default=2, name="im.presence_delay_seconds")
    seed_demo_objects: bool = field(default=True, name="im.seed_demo_objects")
    uid_index: str = field(default="all", name="im.uid_index")
    inline_limit: int = field(default=100, name="im.inline_limit")
    fanout_chunk: int = field(default=250, name="im.fanout_chunk")
    sync_push_above: int = field(default=2_000, name="im.sync_push_above")
    max_message_bytes: int = field(default=32_768, name="im.max_message_bytes")
    max_group_members: int = field(default=2_000, name="im.max_group_members")
    max_groups_per_user: int = field(default=0, name="im.max_groups_per_user")
    max_upload_bytes: int = field(default=100 * 1024 * 1024, name="im.max_upload_bytes")
    edit_time_limit_s: int = field(default=0, name="im.edit_time_limit")
    chatroom_retention_s: int = field(default=86_400, name="im.chatroom_retention_seconds")
    receipts: bool = field(default=True, name="im.receipts")
    group_receipts: int = field(default=200, name="im.group_receipts")
    auth_code_hosts: str = field(default="", name="im.auth_code_hosts")
    heartbeat_s: int = field(default=240, name="im.heartbeat_seconds")
    web_push_contact: str = field(default="", name="im.web_push_contact")
    clock_window_ms: int = field(default=7_200_000, name="im.signature_window_ms")
    message_read_url: str = field(default="", name="im.message_read_callback")
    callback_max_age_s: int = field(default=86_400, name="im.callback_max_age_seconds")
    review_timeout_ms: int = field(default=1_500, name="im.review_timeout_ms")
    review_or_refuse: bool = field(default=False, name="im.review_or_refuse")
    allow_private_callbacks: bool = field(default=False, name="im.allow_private_callbacks")

    @property
    def chatroom_retention_ms(self) -> int:
        """How long messages in chatrooms are kept: at least an hour, the margins of their logs are shares of it."""
        return max(self.chatroom_retention_s, _MIN_RETENTION_S) * 1000

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> Self:
        """Read switches by their dotted keys; absent ones keep their defaults.

        Lists may be given as a JSON list or as Wildfire's comma separated text.

        Raises:
            SettingsError: an unknown key, or a value of the wrong type.
        """
        known = dict(zip(cls.__struct_encode_fields__, cls.__struct_fields__, strict=True))
        defaults = cls.defaults()
        chosen: dict[str, Any] = {}
        for key, value in values.items():
            if key not in known:
                raise SettingsError(f"unknown switch {key!r}; known are {', '.join(sorted(known))}")
            chosen[known[key]] = _coerce(key, value, defaults[key])
        return cls(**chosen)

    @classmethod
    def defaults(cls) -> dict[str, Any]:
        """Every switch with its default, by dotted key."""
        return dict(zip(cls.__struct_encode_fields__, cls.__struct_defaults__, strict=True))

    def dump(self) -> dict[str, Any]:
        """The switches that differ from their defaults, by dotted key: what goes into a function's environment."""
        values = zip(self.__struct_fields__, self.defaults().items(), strict=True)
        return {
            key: list(value) if isinstance(value, tuple) else value
            for name, (key, default) in values
            if (value := getattr(self, name)) != default
        }


def _coerce(key: str, value: Any, default: Any) -> Any:
    if key in _NUMBER_RANGES:
        return _ranges(key, value)
    if isinstance(default, tuple):
        parts = value.split(",") if isinstance(value, str) else value
        if default and isinstance(default[0], str):
            return _texts(key, parts)
        try:
            return tuple(int(part) for part in parts if str(part).strip())
        except (TypeError, ValueError):
            raise SettingsError(f"{key} takes a list of integers, got {value!r}") from None
    if type(value) is not type(default):
        raise SettingsError(f"{key} takes {type(default).__name__}, got {value!r}")
    return value


def _ranges(key: str, value: Any) -> str:
    text = ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    if not re.fullmatch(r"\s*(\d+(-\d+)?)?\s*(,\s*(\d+(-\d+)?)?\s*)*", text):
        raise SettingsError(f"{key} takes a list of numbers and ranges (1,5-10), got {value!r}")
    return text.replace(" ", "")


def _texts(key: str, parts: Any) -> tuple[str, ...]:
    if not isinstance(parts, list | tuple) or not all(isinstance(part, str) for part in parts):
        raise SettingsError(f"{key} takes a list of texts, got {parts!r}")
    return tuple(text for part in parts if (text := part.strip()))


class Settings(Struct, frozen=True):
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
