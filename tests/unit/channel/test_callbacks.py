"""What the services of channels are told, in which order, and what happens when they do not take it."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from im.channel.callbacks import ChannelNote, ChannelOutlet, SubscriptionNews, SubscriptionNote
from im.channel.model import Channel, State
from im.channel.worker import ChannelCalls
from im.delivery.model import Device, Presence
from im.message.context import Context
from im.message.model import Conversation, Message, Sender
from im.platform.ordered import Ordered, RetryLater
from im.platform.webhooks import Answer, WebhookFailed, WebhookRefused
from im.settings import Switches

SERVED = Channel("news", "News", "olga", secret="s3cret", callback="https://example.com/hook", automatic=1)
DIALOG = Conversation(3, "news|ann")
TEXT = '{"type":1,"searchableContent":"hello"}'
SAID = Message("3|0|news%7Cann", 4, 99, "c", "ann", 1_000, TEXT)


class Queue:
    """Remembers tasks."""

    def __init__(self) -> None:
        self.tasks: list[Ordered] = []

    def put(self, tasks: Iterable[Ordered]) -> None:
        self.tasks += tasks


def told(
    message: Message = SAID, channel: Channel | None = SERVED, conversation: Conversation = DIALOG
) -> list[Ordered]:
    queue = Queue()
    ann = Presence("ann", (Device("phone", 2, "X=", 1),))
    context = Context(0, {"ann": ann}, channel=channel)
    ChannelOutlet(queue).tell(message, conversation, Sender("ann", "phone", "X="), context)
    return queue.tasks


def test_what_a_user_writes_is_noted_with_his_device_in_his_own_order() -> None:
    [task] = told()

    assert task.task == ChannelNote("news", SAID.log, 99, "ann", 1_000, TEXT, "phone", 2)
    assert (task.group, task.once) == ("news\nann", "99")


@pytest.mark.parametrize("kind", [71, 72, 73, 91])
def test_taps_and_other_transparent_events_are_told_too(kind: int) -> None:
    assert len(told(replace(SAID, seq=0, payload=f'{{"type":{kind},"persistFlag":4}}'))) == 1


@pytest.mark.parametrize(
    "how",
    [
        {"channel": None},
        {"channel": replace(SERVED, automatic=0)},
        {"channel": replace(SERVED, callback="")},
        {"message": replace(SAID, sender="olga")},
        {"message": replace(SAID, ref=2)},
        {"conversation": Conversation(1, "team")},
    ],
)
def test_what_is_not_the_services_business_is_not_noted(how: dict[str, Any]) -> None:
    assert told(**how) == []


def test_subscribers_of_served_channels_are_noted_in_the_order_of_their_messages() -> None:
    queue = Queue()
    news = SubscriptionNews(queue, lambda: 5_000)
    news.subscribed(SERVED, "ann", True)
    news.subscribed(replace(SERVED, automatic=0), "ann", True)

    assert [(each.task, each.group) for each in queue.tasks] == [
        (SubscriptionNote("news", "ann", True, 5_000), "news\nann")
    ]


class Internet:
    """Keeps what is posted; ``trouble`` is raised instead of an answer."""

    def __init__(self) -> None:
        self.posts: list[tuple[str, Any, str, Any]] = []
        self.trouble: Exception | None = None

    def post(
        self, url: str, body: bytes, *, message_id: str, secret: str | Sequence[str] | None, timeout_s: float = 10.0
    ) -> Answer:
        self.posts.append((url, json.loads(body), message_id, secret))
        if self.trouble:
            raise self.trouble
        return Answer(200, b"", {})


class Store:
    """One channel."""

    def __init__(self, channel: Channel | None) -> None:
        self.channel = channel

    def get(self, channel: str) -> Channel | None:
        return self.channel


def calls(
    internet: Internet, channel: Channel | None = SERVED, counted: list[str] | None = None, **switches: Any
) -> Any:
    noted = counted if counted is not None else []
    return ChannelCalls(Store(channel), internet, Switches(**switches), lambda name, _: noted.append(name))


NOTE = ChannelNote("news", SAID.log, 99, "ann", 1_000, TEXT, "phone", 2)


def test_a_message_is_posted_as_wildfire_does_it_under_the_name_of_the_channel() -> None:
    internet = Internet()
    calls(internet).call(NOTE)

    [(url, body, message_id, secret)] = internet.posts
    assert url == "https://example.com/hook/message"
    assert (body["messageId"], body["sender"], body["timestamp"], body["toUsers"]) == (99, "ann", 1_000, [])
    assert body["conv"] == {"type": 3, "target": "news", "line": 0}
    assert body["payload"]["searchableContent"] == "hello"
    assert "client" not in body
    assert message_id == "99.news"
    assert secret == "whsec_czNjcmV0"


def test_the_device_is_told_where_the_deployment_wants_it() -> None:
    internet = Internet()
    calls(internet, channel_client_info=True).call(NOTE)

    assert internet.posts[0][1]["client"] == {"platform": 2, "clientId": "phone"}


def test_a_subscription_is_posted_with_its_status() -> None:
    internet = Internet()
    service = calls(internet, replace(SERVED, callback="https://example.com/hook/"))
    for on in (True, False):
        service.call(SubscriptionNote("news", "ann", on, 5))

    bodies = [{"userId": "ann", "channelId": "news", "status": status} for status in (1, 0)]
    assert [(url, body) for url, body, *_ in internet.posts] == [
        ("https://example.com/hook/subscribe", body) for body in bodies
    ]


@pytest.mark.parametrize("channel", [None, replace(SERVED, callback=""), replace(SERVED, automatic=0)])
def test_a_channel_without_a_service_is_told_nothing(channel: Channel | None) -> None:
    internet = Internet()
    calls(internet, channel).call(NOTE)
    assert internet.posts == []


def test_a_service_that_does_not_answer_is_asked_again() -> None:
    internet, counted = Internet(), list[str]()
    internet.trouble = WebhookFailed("503", 503, 7.0)

    with pytest.raises(RetryLater) as later:
        calls(internet, counted=counted).call(NOTE)

    assert later.value.after_s == 7.0
    assert counted == ["ChannelCallbackFailed"]


def test_an_address_that_may_not_be_asked_is_given_up() -> None:
    internet, counted = Internet(), list[str]()
    internet.trouble = WebhookRefused("private")
    calls(internet, counted=counted).call(NOTE)
    assert counted == ["ChannelCallbackRefused"]


def test_a_destroyed_channel_has_no_service() -> None:
    internet = Internet()
    calls(internet, replace(SERVED, state=int(State.DELETED))).call(NOTE)
    assert internet.posts == []
