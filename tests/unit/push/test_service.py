"""From what is delivered to what is sent: publications, decisions, claims and dead tokens."""

from collections.abc import Mapping
from typing import Any

import pytest

from im.delivery.model import PushAddress
from im.errors import BusyError
from im.push.alert import Alert, Publication
from im.push.model import Reason
from im.push.service import PushService
from im.push.ways import Carrier, Ways
from im.setting.model import Setting
from tests.fakes.club import Club
from tests.fakes.push import ListSender, MemoryClaimStore, MemoryDirectory
from tests.fakes.world import World

SERVER = "https://push.example.com/push"
ANDROID = 2


class Phones:
    """A world whose push function is at hand: ``serve`` does what the queue would bring."""

    def __init__(self, **switches: Any) -> None:
        self.club = Club(multi_endpoint=True, push_android=SERVER, push_ios=SERVER, **switches)
        self.world = self.club.world
        self.sender = ListSender()
        self.claims = MemoryClaimStore()
        self.reports: list[Mapping[str, int]] = []
        world = self.world
        self.service = PushService(
            world.presence,
            world.settings_store,
            MemoryDirectory(),
            world.push_tokens,
            self.claims,
            world.push_devices,
            Ways({}, world.switches, web_push=False),
            {Carrier.SERVER: self.sender},
            world.switches,
            world.clock,
            report=self._report,
        )

    def _report(self, alert: Alert, counts: Mapping[str, int]) -> None:
        self.reports.append({reason: count for reason, count in counts.items() if count})

    def asleep(self, user: str, client: str = "phone", token: str = "") -> None:
        connection = self.world.online(user, client, ANDROID)
        self.world.push_devices.register(user, client, ANDROID, PushAddress(1, token or f"{user}-{client}"))
        self.world.connect.disconnected(user, client, connection)

    def serve(self) -> list[str]:
        """Serve what was published; returns who was notified."""
        published, self.world.topic.published = self.world.topic.published, []
        for each in published:
            self.service.work(each)
        sent, self.sender.sent = self.sender.sent, []
        return [f"{notice.user}/{notice.device.client}" for notice in sent]


@pytest.fixture
def phones() -> Phones:
    return Phones()


def test_every_sleeping_device_of_a_receiver_is_notified(phones: Phones) -> None:
    phones.asleep("bob")
    phones.asleep("bob", "tablet")
    phones.world.online("bob", "watch", ANDROID)

    phones.world.say("ann", "hi", to="bob")

    assert sorted(phones.serve()) == ["bob/phone", "bob/tablet"]
    assert phones.reports == [{Reason.NO_TOKEN: 1, "sent": 2}]


def test_nothing_is_published_for_who_has_no_token_or_is_there(phones: Phones) -> None:
    phones.world.online("bob")
    phones.world.online("cem", "cem", ANDROID)
    phones.world.push_devices.register("cem", "cem", ANDROID, PushAddress(1, "t"))

    phones.world.say("ann", "hi", to="bob")
    phones.world.say("ann", "hi", to="cem")
    phones.world.say("ann", "hi", to="dan")

    assert phones.world.topic.published == []


def test_who_comes_back_in_time_is_not_notified(phones: Phones) -> None:
    phones.asleep("bob")
    phones.world.say("ann", "hi", to="bob")
    phones.world.online("bob", "phone", ANDROID)

    assert phones.serve() == []
    assert phones.reports == [{Reason.ONLINE: 1}]


def test_a_socket_that_turns_out_to_be_gone_makes_its_device_a_sleeping_one(phones: Phones) -> None:
    connection = phones.world.online("bob", "phone", ANDROID)
    phones.world.push_devices.register("bob", "phone", ANDROID, PushAddress(1, "t"))
    phones.world.now += 60_000
    phones.world.poster.gone.add(connection)

    phones.world.say("ann", "hi", to="bob")

    assert phones.serve() == ["bob/phone"]


def test_who_went_since_it_was_remembered_where_he_is_gets_what_he_registered_meanwhile(phones: Phones) -> None:
    """Where a group's members are is remembered for a while; a 410 says that it is not so any more."""
    phones.club.create("bob")
    connection = phones.world.online("bob", "phone", ANDROID)
    phones.club.say("olga", "one")
    phones.world.push_devices.register("bob", "phone", ANDROID, PushAddress(1, "t"))
    phones.world.connect.disconnected("bob", "phone", connection)
    phones.world.poster.gone.add(connection)

    phones.club.say("olga", "two")

    assert phones.serve() == ["bob/phone"]


def test_the_same_publication_is_served_once_on_each_device(phones: Phones) -> None:
    phones.asleep("bob")
    phones.world.say("ann", "hi", to="bob")
    phones.world.topic.published *= 2

    assert phones.serve() == ["bob/phone"]
    assert phones.reports[1] == {Reason.REPEATED: 1}


def test_a_resend_publishes_again_and_notifies_nobody_twice(phones: Phones) -> None:
    phones.asleep("bob")
    for _ in range(2):
        phones.world.say("ann", "hi", to="bob")

    assert len(phones.world.topic.published) == 2
    assert phones.serve() == ["bob/phone"]


def test_only_who_was_not_reached_is_tried_again(phones: Phones) -> None:
    phones.asleep("bob", "one")
    phones.asleep("bob", "two")
    phones.world.say("ann", "hi", to="bob")
    [publication] = phones.world.topic.published
    phones.sender.answers = [BusyError("later")]

    with pytest.raises(BusyError):
        phones.service.work(publication)
    first = len(phones.sender.sent)
    phones.service.work(publication)

    assert (first, len(phones.sender.sent)) == (1, 2)
    assert {notice.device.client for notice in phones.sender.sent} == {"one", "two"}


def test_an_error_that_nobody_thought_of_leaves_the_device_to_the_next_attempt(phones: Phones) -> None:
    phones.asleep("bob")
    phones.world.say("ann", "hi", to="bob")
    [publication] = phones.world.topic.published
    phones.sender.answers = [ZeroDivisionError()]

    with pytest.raises(ZeroDivisionError):
        phones.service.work(publication)
    phones.service.work(publication)

    assert len(phones.sender.sent) == 1


def test_a_dead_token_is_taken_from_its_device_and_a_refusal_is_not_repeated(phones: Phones) -> None:
    phones.asleep("bob")
    phones.sender.answers = [Reason.REFUSED, Reason.DEAD_TOKEN]
    for text in ("one", "two", "three"):
        phones.world.say("ann", text, to="bob")
        assert phones.serve() == []

    assert phones.reports == [{Reason.REFUSED: 1}, {Reason.DEAD_TOKEN: 1}]
    assert phones.world.push_tokens.known == {}


def test_a_token_that_belongs_to_another_session_by_now_is_not_used_and_is_dropped(phones: Phones) -> None:
    """As if a race of two registrations had left it behind."""
    phones.asleep("bob", token="shared")
    [name] = phones.world.push_tokens.known
    phones.world.push_tokens.claim(name, "cem", "phone")
    phones.world.say("ann", "hi", to="bob")

    assert phones.serve() == []
    assert phones.reports == [{Reason.NOT_OWNER: 1}]
    [device] = phones.world.presence.load_one("bob").devices
    assert device.push is None
    assert phones.world.push_tokens.known[name].user == "cem"


def test_a_platform_without_a_way_is_told_apart(phones: Phones) -> None:
    phones.asleep("bob")
    phones.service._ways = Ways({}, World().switches, web_push=False)
    phones.world.say("ann", "hi", to="bob")

    assert phones.serve() == []
    assert phones.reports == [{Reason.NOT_SET_UP: 1}]


def test_settings_are_read_as_they_are_when_it_is_sent(phones: Phones) -> None:
    phones.asleep("bob")
    phones.world.say("ann", "hi", to="bob")
    phones.world.settings.put("bob", [Setting(2, "", "1")])

    assert phones.serve() == []
    assert phones.reports == [{Reason.SILENT: 1}]


def test_what_was_taken_back_before_it_was_shown_is_never_shown(phones: Phones) -> None:
    phones.asleep("bob")
    world = phones.world
    sent = world.say("ann", "hi", to="bob")
    world.service.recall_by_uid("ann", sent.uid, admin=True)
    world.topic.published.reverse()

    assert phones.serve() == []
    assert phones.reports == [{Reason.NOTHING_SHOWN: 1}, {Reason.REPEATED: 1}]


def test_what_was_shown_is_taken_back_once_and_in_quiet_hours_too(phones: Phones) -> None:
    phones.asleep("bob")
    world = phones.world
    sent = world.say("ann", "hi", to="bob")
    phones.serve()
    world.settings.put("bob", [Setting(2, "", "1")])
    world.service.recall_by_uid("ann", sent.uid, admin=True)
    world.topic.published *= 2

    assert phones.serve() == ["bob/phone"]


def test_the_badge_counts_from_the_cursor(phones: Phones) -> None:
    phones.asleep("bob")
    for number in range(4):
        phones.world.say("ann", f"{number}", to="bob", base=number)
    phones.service.work(phones.world.topic.published[-1])

    assert [notice.waiting for notice in phones.sender.sent] == [4]


def test_a_group_is_one_publication_and_its_author_is_not_notified(phones: Phones) -> None:
    phones.club.create("ann", "bob", "cem", "dan")
    for user in ("ann", "bob", "cem"):
        phones.asleep(user)

    phones.club.say("ann", "hi")

    assert [publication.users for publication in phones.world.topic.published] == [("bob", "cem")]
    assert phones.world.topic.platforms == [[ANDROID]]


def test_a_large_group_is_published_by_whoever_works_on_its_chunks() -> None:
    phones = Phones(inline_limit=2, fanout_chunk=2)
    phones.club.create("ann", "bob", "cem", "dan")
    for user in ("bob", "cem", "dan"):
        phones.asleep(user)
    phones.world.queue.jobs.clear()
    phones.club.say("ann", "hi")
    assert phones.world.topic.published == []

    for job in phones.world.queue.jobs:
        phones.world.delivery.work(job)

    assert sorted(phones.serve()) == ["bob/phone", "cem/phone", "dan/phone"]


def test_a_topic_that_takes_nothing_fails_no_message_and_is_told_to_who_can_repeat_it(phones: Phones) -> None:
    phones.asleep("bob")
    phones.world.topic.closed = True

    assert phones.world.say("ann", "hi", to="bob").seq == 1

    presences, _ = phones.world.presence.load(["bob"])
    alert = Alert(kind=0, sender="ann", text="hi", uid=1)
    assert phones.world.delivery.push_to(presences, lambda _: b"{}", alert_for=lambda: alert).unpushed


def test_a_friend_request_notifies_who_is_asked(phones: Phones) -> None:
    phones.asleep("bob")
    phones.world.friendships.request("ann", "bob", "it is me")
    [alert] = phones.world.told.alerts

    phones.world.topic.published = [Publication(alert, ("bob",)), Publication(alert, ("bob",))]

    assert phones.serve() == ["bob/phone"]
