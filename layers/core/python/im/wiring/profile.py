"""Profiles."""

from functools import cache

from im.delivery.model import Subject
from im.platform import clock
from im.profile.reader import ProfileReader
from im.profile.store import DynamoUserStore
from im.settings import Env
from im.wiring.base import dynamo, settings
from im.wiring.callback import back_end
from im.wiring.delivery import changes
from im.wiring.setting import setting_service


@cache
def users() -> DynamoUserStore:
    """User profiles."""
    return DynamoUserStore(dynamo(), settings().need(Env.DIRECTORY_TABLE))


def _tell(user: str) -> None:
    changes().hint([user], Subject.PROFILE, user)


@cache
def profile_reader() -> ProfileReader:
    """What users ask of profiles."""
    return ProfileReader(users(), setting_service(), _tell, settings().switches, clock.now_ms, back_end())
