"""By which way a device is notified, and what the answers on that way mean."""

from collections.abc import Iterator
from typing import Any

import pytest

from im.delivery.model import Device, PushAddress
from im.errors import BusyError
from im.platform.sns import EndpointDeadError, RefusedError
from im.platform.webhooks import Webhooks
from im.push.alert import Alert, Kind
from im.push.model import Reason
from im.push.notice import Notice
from im.push.senders import EndpointSender, Sending, ServerSender, WebSender
from im.push.store import Owner
from im.push.ways import Carrier, Way, Ways
from im.push.webpush import Vapid
from im.settings import Switches
from tests.e2e.receiver import Receiver
from tests.fakes.browser import Browser
from tests.fakes.push import MemoryTokenStore
from tests.fakes.world import START_MS

APPLICATIONS = {
    "chat": {name: f"arn:{name}" for name in ("APNS", "APNS_SANDBOX", "APNS_VOIP", "GCM")},
    "no-calls": {"APNS": "arn:APNS"},
}
SERVERS = Switches(push_android="android", push_ios="ios", push_harmony="harmony")
BROWSER = Browser().subscription


def chosen(
    platform: int, push: PushAddress | None, kind: int = 0, switches: Switches = SERVERS, *, web: bool = True
) -> tuple[str, str] | Reason:
    way = Ways(APPLICATIONS, switches, web_push=web).choose(kind, Device("c", platform, "", 0, push))
    return (way.platform or way.carrier, way.token or way.address) if isinstance(way, Way) else way


@pytest.mark.parametrize(
    ("platform", "push", "kind", "expected"),
    [
        (1, PushAddress(0, "t", package="chat"), 0, ("APNS", "t")),
        (8, PushAddress(1, "t", package="chat"), 0, ("APNS_SANDBOX", "t")),
        (1, PushAddress(0, "t", "v", "chat"), Kind.CALL_INVITE, ("APNS_VOIP", "v")),
        (1, PushAddress(0, "t", "v", "chat"), Kind.CALL_ENDED, ("APNS", "t")),
        (1, PushAddress(0, "t", "", "chat"), Kind.CALL_INVITE, ("APNS", "t")),
        (1, PushAddress(0, "t", "v", "no-calls"), Kind.CALL_INVITE, ("APNS", "t")),
        (1, PushAddress(0, "", "v", "chat"), 0, Reason.NO_TOKEN),
        (1, PushAddress(7, "t", package="chat"), 0, ("server", "t")),
        (1, PushAddress(0, "t", package="other"), 0, ("server", "t")),
        (2, PushAddress(6, "t", package="chat"), 0, ("GCM", "t")),
        (9, PushAddress(6, "t", package="chat"), 0, ("GCM", "t")),
        (2, PushAddress(1, "t", package="chat"), 0, ("server", "t")),
        (10, PushAddress(6, "t", package="chat"), 0, ("server", "t")),
        (3, PushAddress(0, "t", package="chat"), 0, Reason.NOT_SET_UP),
        (5, PushAddress(100, subscription=BROWSER), 0, ("web", BROWSER.endpoint)),
        (1, PushAddress(100, subscription=BROWSER), 0, ("web", BROWSER.endpoint)),
        (1, None, 0, Reason.NO_TOKEN),
    ],
)
def test_the_way_follows_from_the_platform_the_push_type_and_what_is_set_up(
    platform: int, push: PushAddress | None, kind: int, expected: Any
) -> None:
    assert chosen(platform, push, kind) == expected


def test_the_servers_are_those_of_their_platforms_and_harmony_may_use_androids() -> None:
    def server(platform: int, switches: Switches) -> str | Reason:
        way = Ways({}, switches, web_push=False).choose(0, Device("c", platform, "", 0, PushAddress(0, "t")))
        return way.address if isinstance(way, Way) else way

    assert [server(platform, SERVERS) for platform in (1, 2, 10, 11)] == ["ios", "android", "harmony", "harmony"]
    assert server(10, Switches(push_android="android")) == "android"
    assert server(1, Switches(push_android="android")) is Reason.NOT_SET_UP
    assert chosen(5, PushAddress(100, subscription=BROWSER), web=False) is Reason.NOT_SET_UP


def test_an_application_may_be_for_all_packages() -> None:
    ways = Ways({"*": {"APNS": "arn:any"}}, Switches(), web_push=False)
    way = ways.choose(0, Device("c", 1, "", 0, PushAddress(0, "t", package="whatever")))

    assert isinstance(way, Way)
    assert way.address == "arn:any"


# --- senders

OWNER = Owner("bob", "phone")


def sending(carrier: Carrier, address: str, push: PushAddress, owner: Owner = OWNER, platform: str = "") -> Sending:
    alert = Alert(kind=0, sender="ann", target="bob", content=1, uid=9, text="hi")
    notice = Notice(alert, "bob", Device("phone", 1, "", 0, push), push)
    return Sending(notice, Way(carrier, address, push.token, "digest", platform), owner)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.stop()


@pytest.mark.parametrize(
    ("status", "server", "web"),
    [
        (200, None, None),
        (201, None, None),
        (400, Reason.REFUSED, Reason.REFUSED),
        (404, Reason.REFUSED, Reason.DEAD_TOKEN),
        (410, Reason.REFUSED, Reason.DEAD_TOKEN),
        (413, Reason.REFUSED, Reason.REFUSED),
        (429, BusyError, BusyError),
        (500, BusyError, BusyError),
        (503, BusyError, BusyError),
    ],
)
def test_what_an_answer_means(receiver: Receiver, status: int, server: Any, web: Any) -> None:
    webhooks = Webhooks(allow_private=True)
    browser = Browser(receiver.url).subscription
    vapid = Vapid(lambda: "s", "mailto:a@example.com", lambda: START_MS)
    to_server = sending(Carrier.SERVER, receiver.url, PushAddress(1, "t"))
    to_browser = sending(Carrier.WEB, browser.endpoint, PushAddress(100, subscription=browser))

    for sender, one, expected in (
        (ServerSender(webhooks), to_server, server),
        (WebSender(webhooks, vapid), to_browser, web),
    ):
        receiver.answers[:] = [status]
        if expected is BusyError:
            with pytest.raises(BusyError):
                sender.send(one)
        else:
            assert sender.send(one) is expected


def test_addresses_inside_are_never_asked_whatever_a_browser_says() -> None:
    browser = Browser("http://169.254.169.254/latest/meta-data").subscription
    vapid = Vapid(lambda: "s", "mailto:a@example.com", lambda: START_MS)
    one = sending(Carrier.WEB, browser.endpoint, PushAddress(100, subscription=browser))

    assert WebSender(Webhooks(), vapid).send(one) is Reason.REFUSED


class Endpoints:
    """SNS, as far as a sender sees it."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.calls: list[str] = []

    def endpoint(self, application: str, token: str) -> str:
        self.calls.append("endpoint")
        return "arn:endpoint"

    def push(self, endpoint: str, message: str, attributes: Any) -> None:
        self.calls.append("push")
        if self.failures:
            raise self.failures.pop(0)

    def delete(self, endpoint: str) -> None:
        self.calls.append("delete")


def apns(owner: Owner = OWNER) -> Sending:
    return sending(Carrier.SNS, "arn:app", PushAddress(0, "t"), owner, "APNS")


def test_an_endpoint_is_made_once_and_remembered() -> None:
    tokens, sns = MemoryTokenStore(), Endpoints()
    tokens.claim("digest", "bob", "phone")
    sender = EndpointSender(sns, tokens)  # type: ignore[arg-type]

    assert sender.send(apns()) is None
    assert sender.send(apns(tokens.known["digest"])) is None

    assert sns.calls == ["endpoint", "push", "push"]


def test_a_dead_endpoint_is_removed_and_a_refused_payload_is_not_the_endpoints_fault() -> None:
    dead, refused = Endpoints(EndpointDeadError()), Endpoints(RefusedError())
    tokens = MemoryTokenStore()

    assert EndpointSender(dead, tokens).send(apns()) is Reason.DEAD_TOKEN  # type: ignore[arg-type]
    assert EndpointSender(refused, tokens).send(apns()) is Reason.REFUSED  # type: ignore[arg-type]

    assert (dead.calls[-1], refused.calls[-1]) == ("delete", "push")
