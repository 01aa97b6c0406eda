"""The server API and all that it reaches: the one function that may do everything."""

from functools import cache, partial

from im.channel.desk import ChannelDesk
from im.chatroom.admin import ChatroomAdmin
from im.connect.gate import Gate
from im.connect.online import OnlineUsers
from im.connect.service import ConnectService
from im.limits import RateLimiter
from im.machine.service import MachineService
from im.moderation.service import ModerationService
from im.platform import aws, clock
from im.platform.ids import short_id
from im.platform.secrets import Secret
from im.profile.model import UserType
from im.profile.service import ProfileService
from im.server_api.api import ServerApi
from im.server_api.diagnostics import WINDOW_MS as TOKEN_WINDOW_MS
from im.server_api.diagnostics import TokenCheck
from im.server_api.doors import Door, SecretOf
from im.server_api.registry import Services
from im.settings import Env
from im.system.service import SystemService
from im.system.store import DynamoSystemSettingStore
from im.wire.signature import Policy
from im.wiring.application import application_service
from im.wiring.base import (
    channels,
    dynamo,
    ephemera,
    groups,
    messages,
    presence,
    rows,
    settings,
)
from im.wiring.broadcast import multicasts
from im.wiring.callback import back_end
from im.wiring.channel import channel_service
from im.wiring.chatroom import chatrooms, rooms
from im.wiring.delivery import delivery
from im.wiring.friend import friend_service
from im.wiring.gate import tokens
from im.wiring.group import group_service
from im.wiring.machine import machines
from im.wiring.message import media, message_service, word_list
from im.wiring.presence import presence_service
from im.wiring.profile import profile_reader, users
from im.wiring.sessions import push_tokens, sessions
from im.wiring.setting import setting_service

_WINDOW_MS = 10_000


@cache
def _connect_service() -> ConnectService:
    return ConnectService(
        sessions(),
        rows(),
        messages(),
        groups(),
        channels(),
        delivery(),
        settings().switches,
        clock.now_ms,
        issuer=tokens(),
        is_robot=_is_robot,
        news=presence_service(),
        back_end=back_end(),
        push_tokens=push_tokens(),
    )


def _is_robot(user: str) -> bool:
    profile = users().get(user)
    return profile is not None and profile.type == UserType.ROBOT


@cache
def _profile_service() -> ProfileService:
    return ProfileService(
        users(),
        machines(),
        group_service(),
        _connect_service(),
        [machines(), friend_service(), setting_service(), channel_service()],
        delivery(),
        settings().switches,
        clock.now_ms,
        short_id,
        back_end(),
    )


@cache
def server_api() -> ServerApi:
    """The server API."""
    config = settings()
    secret = Secret(
        partial(aws.client, "secretsmanager", config.region), config.need(Env.ADMIN_SECRET_ID), clock.now_ms
    )
    capacity = config.switches.admin_rate_limit
    limiter = RateLimiter(ephemera(), clock.now_ms, capacity, _WINDOW_MS, share=max(1, capacity // 20))
    machine_service = MachineService(
        machines(),
        _profile_service(),
        _connect_service(),
        short_id,
        allow_private=config.switches.allow_private_callbacks,
    )
    desk = ChannelDesk(channels(), channel_service(), message_service())
    services = Services(
        users=_profile_service(),
        finder=profile_reader(),
        machines=machine_service,
        sessions=_connect_service(),
        online=OnlineUsers(presence(), config.switches, clock.now_ms),
        messages=message_service(),
        multicasts=multicasts(),
        media=media(),
        groups=group_service(),
        friends=friend_service(),
        channels=channel_service(),
        desk=desk,
        rooms=ChatroomAdmin(rooms(), chatrooms(), config.switches, clock.now_ms, short_id, back_end()),
        system=SystemService(DynamoSystemSettingStore(dynamo(), config.need(Env.DIRECTORY_TABLE)), config.switches),
        words=ModerationService(word_list()),
        settings=setting_service(),
        applications=application_service(),
    )
    token_limiter = RateLimiter(ephemera(), clock.now_ms, 1, TOKEN_WINDOW_MS, share=1)
    check = TokenCheck(Gate(sessions(), tokens()), token_limiter)
    doors = [
        _door("robot", "rid", machine_service.secret_of, config.switches.robot_rate_limit),
        _door("channel", "cid", desk.secret_of, config.switches.channel_rate_limit),
    ]
    return ServerApi(services, secret.values, ephemera(), limiter, config.switches, clock.now_ms, check, doors)


def _door(family: str, header: str, secret_of: SecretOf, capacity: int) -> Door:
    switches = settings().switches
    limiter = RateLimiter(ephemera(), clock.now_ms, capacity, _WINDOW_MS, share=max(1, capacity // 20))
    policy = Policy(legacy=switches.legacy_signature, window_ms=switches.clock_window_ms)
    return Door(family, header, secret_of, limiter, ephemera(), policy, clock.now_ms)
