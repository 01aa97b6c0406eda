"""Notifies devices: reads what the topic brings, decides for each device, and sends."""

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from secrets import token_hex

from msgspec import Struct

from im.delivery.model import Device
from im.delivery.store import PresenceStore
from im.errors import BusyError
from im.platform.clock import Clock
from im.platform.metrics import Count, ignore
from im.platform.parallel import run_all
from im.push.alert import CALLS, WITHDRAWALS, Alert, Kind, Publication
from im.push.devices import PushDevices
from im.push.model import Reason, badge, device_reason, message_reason, silence
from im.push.notice import Names, Notice
from im.push.senders import Sender, Sending
from im.push.store import ClaimStore, Directory, TokenStore
from im.push.ways import Carrier, Way, Ways
from im.setting.model import PushPreferences
from im.setting.store import SettingStore
from im.settings import Switches

Report = Callable[[Alert, Mapping[str, int]], None]
"""Takes what became of an alert: how many devices were ``sent`` to, and how many were not, by reason."""
SENT = "sent"


class _Chosen(Struct, frozen=True):
    user: str
    device: Device
    way: Way
    preferences: PushPreferences


class PushService:
    """Serves publications.

    Args:
        presence: the devices.
        settings: the users' preferences.
        directory: names.
        tokens: whose tokens are.
        claims: what has been pushed.
        devices: where dead tokens are taken from.
        ways: how devices are reached.
        senders: who sends, by carrier.
        switches: the deployment's behaviour.
        clock: the time.
        count: takes metrics.
        report: takes what became of each alert.
    """

    def __init__(
        self,
        presence: PresenceStore,
        settings: SettingStore,
        directory: Directory,
        tokens: TokenStore,
        claims: ClaimStore,
        devices: PushDevices,
        ways: Ways,
        senders: Mapping[Carrier, Sender],
        switches: Switches,
        clock: Clock,
        *,
        count: Count = ignore,
        report: Report = lambda alert, counts: None,
    ) -> None:
        self._presence = presence
        self._settings = settings
        self._directory = directory
        self._tokens = tokens
        self._claims = claims
        self._devices = devices
        self._ways = ways
        self._senders = senders
        self._switches = switches
        self._clock = clock
        self._count = count
        self._report = report

    def work(self, publication: Publication) -> None:
        """Notify whom a publication concerns. Doing it again notifies those only to whom nothing could be sent.

        Each device is claimed before it is sent to, and let go when that fails. A function that is killed in between leaves
        at most the devices that it was sending to at that moment without their notification: they are not told twice, and
        the message waits for them in any case.

        Raises:
            BusyError: some could not be sent to; the queue brings it again.
        """
        alert, counts = publication.alert, Counter[str]()
        late = message_reason(alert, self._clock())
        chosen = [] if late else self._choose(publication, counts)
        if late:
            counts[late] = len(publication.users)
        busy = 0
        if chosen:
            results = run_all([partial(self._attempt, sending) for sending in self._notices(alert, chosen, counts)])
            busy = sum(result is None for result in results)
            counts.update(result for result in results if result)
        sent = counts[SENT]
        self._count("PushSent", sent)
        self._count("PushSkipped", counts.total() - sent)
        self._report(alert, counts)
        if busy:
            raise BusyError(f"{busy} devices could not be notified")

    def _choose(self, publication: Publication, counts: Counter[str]) -> list[_Chosen]:
        """The devices that no rule keeps it from, with the ways to them."""
        alert, now = publication.alert, self._clock()
        # Who has just lost his socket has lost it before the alert was published.
        presences, _ = self._presence.load(publication.users, consistent=True)
        devices: dict[str, list[Device]] = {}
        for user, presence in presences.items():
            for device in presence.devices:
                reason = device_reason(alert, presence, device, now, self._switches)
                if reason is None:
                    devices.setdefault(user, []).append(device)
                else:
                    counts[reason] += 1
        preferences = self._preferences(alert, devices)
        chosen: list[_Chosen] = []
        for user, his in devices.items():
            silent = silence(alert, presences[user], preferences[user], now, self._switches)
            for device in his:
                way = silent or self._ways.choose(alert.kind, device)
                if isinstance(way, Way):
                    chosen.append(_Chosen(user, device, way, preferences[user]))
                else:
                    counts[way] += 1
        return chosen

    def _preferences(self, alert: Alert, users: Mapping[str, object]) -> Mapping[str, PushPreferences]:
        if not users or alert.kind in WITHDRAWALS or alert.kind == Kind.FRIEND_REQUEST:
            return dict.fromkeys(users, PushPreferences())
        return self._settings.push_preferences({user: alert.conversation.seen_by(user, alert.sender) for user in users})

    def _notices(self, alert: Alert, chosen: list[_Chosen], counts: Counter[str]) -> list[Sending]:
        """What is sent to those whose tokens are their own."""
        owners = self._tokens.owners({each.way.digest for each in chosen})
        own: list[_Chosen] = []
        for each in chosen:
            owner = owners.get(each.way.digest)
            if owner and (owner.user, owner.client) == (each.user, each.device.client):
                own.append(each)
            else:
                counts[Reason.NOT_OWNER] += 1
                self._devices.drop(each.user, each.device.client, each.way.digest)
        users = list(dict.fromkeys(each.user for each in own))
        names = self._directory.names(alert, users) if users else {}
        return [Sending(self._notice(alert, each, names[each.user]), each.way, owners[each.way.digest]) for each in own]

    def _notice(self, alert: Alert, chosen: _Chosen, names: Names) -> Notice:
        user, device, preferences = chosen.user, chosen.device, chosen.preferences
        assert device.push is not None
        follows = alert.kind in CALLS and alert.kind != Kind.CALL_INVITE and alert.call
        return Notice(
            alert,
            user,
            device,
            device.push,
            names,
            waiting=badge(alert.seq, preferences.seen),
            hidden=preferences.rules.hidden,
            call_start=self._claims.call_start(user, device.client, alert.call) if follows else 0,
        )

    def _attempt(self, sending: Sending) -> str | None:
        """Send once, and return what became of it; None: it has to be tried again."""
        notice, way, attempt = sending.notice, sending.way, token_hex(8)
        user, client, alert, now = notice.user, notice.device.client, notice.alert, self._clock()
        withdraws = alert.kind in WITHDRAWALS
        let_go = self._claims.restore if withdraws else self._claims.release
        decided = False
        try:
            take = self._claims.withdraw if withdraws else self._claims.claim
            if not take(user, client, alert.about, now, attempt):
                decided = True
                return Reason.NOTHING_SHOWN if withdraws else Reason.REPEATED
            if alert.kind == Kind.CALL_INVITE and alert.call:
                self._claims.note_call(user, client, alert.call, alert.uid, now)
            reason = self._senders[way.carrier].send(sending)
            decided = True
        except BusyError:
            return None
        finally:
            if not decided:
                # Where this is not possible either, the device is not notified of this message.
                with suppress(BusyError):
                    let_go(user, client, alert.about, attempt)
        if reason is Reason.DEAD_TOKEN:
            self._devices.drop(user, client, way.digest)
        return reason or SENT
