"""Brings a frame to everybody who should see it: inline while they are few, through the queue when they are many.

A delivery is never the only way to a message (a device that misses a push sees the gap, or learns of it from its next
heartbeat), so a socket that does not take a frame costs nothing but time. A 410 concerns exactly the connection that it
was answered for.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from im.delivery.audience import Audiences
from im.delivery.model import Device, Glimpse, Job, Moment, Presence, Reach, Spread, Target, chunks
from im.delivery.store import FanoutQueue, PresenceStore
from im.platform.clock import Clock
from im.platform.metrics import Count, ignore
from im.platform.poster import Outcome, Post, Poster
from im.push.alert import AlertFor

HANDSHAKE_MS = 30_000
"""A socket is registered before its handshake is answered, and until then posts to it are answered 410 as well. So the 410 of
a socket younger than this says nothing; if it is dead indeed, it will be found later."""

ANYBODY = ""
"""A reader who is none of the users: his frame holds nothing that only one of them may see."""

FrameFor = Callable[[str], bytes]
"""Returns the frame that one user gets; called once per user."""


class Notifier(Protocol):
    """Whoever sees to it that devices without a socket are notified."""

    def notify(self, alert_for: AlertFor, presences: Mapping[str, Presence]) -> bool:
        """Take on an alert for those of these users whom it concerns; False when it could not be taken on."""


class Delivery:
    """Posts frames to users.

    Args:
        presence: where users are.
        poster: sends to sockets.
        queue: takes large deliveries; None in functions whose deliveries are never large.
        clock: the time.
        inline_limit: the largest number of users that the calling function serves itself.
        chunk: users per queue message.
        news_delay_s: how long news of presence wait, so that what is undone meanwhile is told to nobody; None: nobody is
            told anything.
        notifier: notifies devices without a socket; None in functions that deliver nothing worth it.
        count: takes metrics.
        lost: is told how a user's presence was and is when a socket of his turns out to be gone.
    """

    def __init__(
        self,
        presence: PresenceStore,
        poster: Poster,
        queue: FanoutQueue | None,
        clock: Clock,
        *,
        inline_limit: int,
        chunk: int,
        news_delay_s: int | None = None,
        notifier: Notifier | None = None,
        count: Count = ignore,
        lost: Callable[[Presence, Presence], None] = lambda before, after: None,
    ) -> None:
        self.presence = presence
        self._lost = lost
        self._poster = poster
        self._queue = queue
        self._clock = clock
        self._inline_limit = inline_limit
        self._chunk = chunk
        self._news_delay_s = news_delay_s
        self._notifier = notifier
        self._count = count
        self.audiences = Audiences()

    def is_inline(self, users: int) -> bool:
        """Whether this many users are served by the calling function itself."""
        return self._queue is None or users <= self._inline_limit

    def push(
        self,
        users: Sequence[str],
        frame_for: FrameFor,
        *,
        skip: str | None = None,
        moment: Moment | None = None,
        alert_for: AlertFor | None = None,
    ) -> Reach:
        """Deliver to users whose presence has not been read yet.

        Args:
            users: whom; a list longer than the inline limit goes through the queue, then all get the same frame.
            frame_for: the frame of each; asked for ``ANYBODY`` when it must suit all.
            skip: the sender's own connection, which has the answer instead.
            moment: lets workers remember where a group's members are.
            alert_for: makes what devices without a socket are notified of.
        """
        if not users:
            return Reach()
        if self._queue is not None and not self.is_inline(len(users)):
            frame = frame_for(ANYBODY).decode()
            alert = alert_for() if alert_for and self._notifier else None
            parts = chunks(users, self._chunk)
            self._queue.put(Job(frame, part, skip or "", moment, alert=alert) for part in parts)
            return Reach()
        presences, _ = self.presence.load(users)
        return self.push_to(presences, frame_for, skip=skip, alert_for=alert_for)

    def push_to(
        self,
        presences: Mapping[str, Presence],
        frame_for: FrameFor,
        *,
        skip: str | None = None,
        alert_for: AlertFor | None = None,
    ) -> Reach:
        """Deliver to users whose presence is at hand, then have the devices notified that turn out to have no socket."""
        posts: list[Post] = []
        since: dict[str, int] = {}
        offline: list[str] = []
        found = dict(presences)
        for user, presence in presences.items():
            online = [device for device in presence.devices if device.online]
            if not online:
                offline.append(user)
                continue
            frame = frame_for(user)
            for device in online:
                if device.connection != skip:
                    posts.append(Post(user, device.client, device.connection, frame))
                    since[device.connection] = device.since
        outcome = self._poster.post_many(posts)
        now = self._clock()
        unclear = {post.user for post in outcome.gone}
        outcome.gone = [post for post in outcome.gone if now - since[post.connection] >= HANDSHAKE_MS]
        for post in outcome.gone:
            before = self.presence.disconnect(post.user, post.client, post.connection, now)
            if before is not None:
                after = before.disconnected(post.client, now)
                self.announce(before, after)
                self._lost(before, after)
                found[post.user] = after
                unclear.discard(post.user)
        self._note(outcome)
        gone = tuple((post.user, post.connection) for post in outcome.gone)
        notified = True
        if self._notifier is not None and alert_for is not None:
            # What was remembered of them is not true any more, or not true yet.
            found.update(self.presence.load(unclear, consistent=True)[0] if unclear else {})
            notified = self._notifier.notify(alert_for, found)
        return Reach(tuple(offline), tuple({post.user for post in outcome.failed}), gone, not notified)

    def push_at(self, room: str, targets: Sequence[Target], frame: bytes) -> Reach:
        """Deliver to sockets inside a chatroom, through the queue if they are more than the inline limit.

        Nothing is looked up, and nothing written for those that are gone: presence is not what they were found by.
        """
        if self._queue is None or self.is_inline(len(targets)):
            return self._post_at(targets, frame)
        text = frame.decode()
        self._queue.put(Job(text, (), room=room, targets=part) for part in chunks(targets, self._chunk))
        return Reach()

    def _post_at(self, targets: Sequence[Target], frame: bytes) -> Reach:
        outcome = self._poster.post_many([Post(each.user, each.client, each.connection, frame) for each in targets])
        self._note(outcome)
        gone = tuple((post.user, post.connection) for post in outcome.gone)
        return Reach(failed=tuple({post.user for post in outcome.failed}), gone=gone)

    def _note(self, outcome: Outcome) -> None:
        if outcome.gone:
            self._count("FanoutGone", len(outcome.gone))
        if outcome.failed:
            self._count("FanoutFailed", len(outcome.failed))

    def announce(self, before: Presence, after: Presence) -> None:
        """Queue the news that a presence looks different, if it does."""
        look = after.look()
        if self._queue is not None and self._news_delay_s is not None and look != before.look():
            self._queue.put([Job(news=Glimpse(after.user, look))], self._news_delay_s)

    def spread(
        self, spread: Spread, frame: bytes = b"", *, skip: str | None = None, alert_for: AlertFor | None = None
    ) -> None:
        """Queue work on all who listen to a channel; with ``alert_for`` those without a socket are notified.

        Raises:
            BusyError: the queue did not take it.
        """
        if self._queue is not None:
            alert = alert_for() if alert_for and self._notifier else None
            self._queue.put([Job(frame.decode(), skip=skip or "", spread=spread, alert=alert)])

    def queue(self, jobs: Iterable[Job]) -> None:
        """Queue jobs that the work on another one has made.

        Raises:
            BusyError: the queue did not take them; all may be queued again.
        """
        if self._queue is not None:
            self._queue.put(jobs)

    def work(self, job: Job) -> Reach:
        """Serve one queued chunk. Running it twice is harmless: devices know each seq that they have."""
        frame = job.frame.encode()
        if job.targets:
            return self._post_at(job.targets, frame)
        presences = self._whereabouts(job.users, job.moment) if job.moment else self.presence.load(job.users)[0]
        alert = job.alert
        reach = self.push_to(
            presences, lambda _: frame, skip=job.skip or None, alert_for=(lambda: alert) if alert else None
        )
        if job.moment:
            for user, connection in reach.gone:
                self.audiences.forget(job.moment.group, user, connection)
        return reach

    def _whereabouts(self, users: Sequence[str], moment: Moment) -> dict[str, Presence]:
        """Where these members of a group are, read as far as it is not remembered (``im.delivery.audience``)."""
        recalled = self.audiences.recall(moment, users, self._clock())
        presences = {user: found for user in users if (found := recalled.presences.get(user))}
        if recalled.to_keep:
            kept, _ = self.presence.load(recalled.to_keep, consistent=True)
            self.audiences.add(moment, kept)
            presences.update(kept)
        if recalled.to_read:
            presences.update(self.presence.load(recalled.to_read)[0])
        return presences

    def post(self, user: str, device: Device, frame: bytes) -> None:
        """Send one frame to one device, if it is still there."""
        self._poster.post_many([Post(user, device.client, device.connection, frame)])

    def close(self, connection: str) -> bool:
        """Close a socket; False when it may still be open."""
        return self._poster.close(connection)
