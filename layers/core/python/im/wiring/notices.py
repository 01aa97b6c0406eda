"""Appending to logs, and what the server itself says there."""

from functools import cache

from im.message.log import Log
from im.message.notices import Notices
from im.platform import clock, telemetry
from im.platform.uids import Uids
from im.profile.types import UserTypes
from im.settings import Env
from im.wiring.base import channels, dynamo, ephemera, groups, messages, rows, settings
from im.wiring.delivery import delivery
from im.wiring.outlets import outlets


@cache
def user_types() -> UserTypes:
    """What kind of account a user is."""
    return UserTypes(dynamo(), settings().need(Env.DIRECTORY_TABLE))


@cache
def uids() -> Uids:
    """The uids of this process."""
    return Uids(ephemera(), clock.now_ms)


@cache
def log() -> Log:
    """Appends to logs."""
    indexed = settings().switches.uid_index == "all"
    return Log(messages(), uids(), index_uids=indexed, count=telemetry.count)


@cache
def notices() -> Notices:
    """Notices of groups, greetings of friends."""
    return Notices(
        messages(),
        rows(),
        groups(),
        delivery(),
        log(),
        settings().switches,
        clock.now_ms,
        channels=channels(),
        outlets=outlets(),
    )
