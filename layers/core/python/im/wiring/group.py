"""Groups."""

from functools import cache

from im.delivery.model import Subject
from im.group.reader import GroupReader
from im.group.service import GroupService
from im.platform import clock
from im.platform.ids import short_id
from im.wiring.base import groups, messages, rows, settings
from im.wiring.callback import back_end
from im.wiring.delivery import changes
from im.wiring.notices import notices, user_types
from im.wiring.setting import setting_service


@cache
def group_reader() -> GroupReader:
    """Answers questions about groups."""
    return GroupReader(groups(), rows(), clock.now_ms)


@cache
def group_service() -> GroupService:
    """Groups."""
    return GroupService(
        groups(),
        rows(),
        messages(),
        notices(),
        settings().switches,
        clock.now_ms,
        short_id,
        user_types(),
        _tell,
        setting_service().end_membership,
        back_end(),
    )


def _tell(users: list[str], group: str) -> None:
    changes().hint(users, Subject.GROUP, group)
