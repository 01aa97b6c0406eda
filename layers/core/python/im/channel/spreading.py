"""Bringing what a channel says to all to those of its subscribers who are online.

The sender queues one job, whatever the number of subscribers. Who works on it reads a page of them, asks the index of who
is online for those that it would reach, and queues jobs of these; where there are more subscribers, it queues the next page
as well. A job that comes twice, or again after a crash, makes jobs that come twice: devices know each seq that they have.

The index lags behind by a moment, so a device that has connected within the last second may be passed over. It has the
message from its hello, or learns of it from its next heartbeat.
"""

from msgspec.structs import replace

from im.channel.service import ChannelService
from im.channel.store import ChannelStore
from im.delivery.model import Job, Spread, chunks
from im.delivery.service import Delivery

PAGE = 10_000
"""Subscribers that one job reads."""


class Spreading:
    """Works on jobs that concern all who listen to a channel.

    Args:
        store: channels and subscribers.
        service: takes the subscribers of destroyed channels out.
        delivery: presence, and the queue.
        chunk: users per job.
    """

    def __init__(self, store: ChannelStore, service: ChannelService, delivery: Delivery, *, chunk: int) -> None:
        self._store = store
        self._service = service
        self._delivery = delivery
        self._chunk = chunk

    def work(self, job: Job) -> None:
        """Do one job; doing it again is harmless.

        Raises:
            BusyError: storage or queue are busy; the queue brings the job again.
        """
        spread = job.spread
        if spread is None:
            return
        if spread.ended:
            left = self._service.clear(spread)
            self._delivery.queue([replace(job, spread=left)] if left else [])
            return
        if spread.shard >= 0:
            users, rest = self._online_of_all(spread)
        else:
            users, rest = self._subscribers(spread, all_of_them=job.alert is not None)
        jobs = [Job(job.frame, part, job.skip, alert=job.alert) for part in chunks(users, self._chunk)]
        self._delivery.queue([*jobs, *([replace(job, spread=rest)] if rest else [])])

    def _online_of_all(self, spread: Spread) -> tuple[list[str], Spread | None]:
        users = self._delivery.presence.page_online(spread.shard, spread.after, PAGE)
        return users, replace(spread, after=users[-1]) if len(users) == PAGE else None

    def _subscribers(self, spread: Spread, *, all_of_them: bool) -> tuple[list[str], Spread | None]:
        """A page of subscribers, or of them those who seem to be online: the others need not be looked at."""
        users = [each.user for each in self._store.page(spread.channel, spread.after, PAGE)]
        online = None if all_of_them else self._delivery.presence.online_among(users)
        rest = replace(spread, after=users[-1]) if len(users) == PAGE else None
        return users if online is None else [user for user in users if user in online], rest
