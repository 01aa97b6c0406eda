"""Push tokens: whose they are, and what becomes of them."""

import pytest

from im.delivery.model import PushAddress, Subscription
from im.errors import Code, ImError, InvalidError
from im.push.devices import PushDevices, digests
from tests.fakes.browser import Browser
from tests.fakes.world import World

APNS = PushAddress(0, "token", package="com.example", language="en")


@pytest.fixture
def world() -> World:
    world = World(multi_endpoint=True)
    for user in ("alice", "bob"):
        world.connect.issue_token(user, f"{user}s-phone", 1)
        world.online(user, f"{user}s-phone")
    return world


def address(world: World, user: str) -> PushAddress | None:
    device = world.presence.load_one(user).device(f"{user}s-phone")
    return device.push if device else None


def register(world: World, user: str, upload: PushAddress) -> None:
    world.push_devices.register(user, f"{user}s-phone", 1, upload)


def test_a_token_is_kept_with_the_device_and_its_owner(world: World) -> None:
    register(world, "alice", APNS)

    assert address(world, "alice") == APNS
    [owner] = world.push_tokens.known.values()
    assert (owner.user, owner.client) == ("alice", "alices-phone")


def test_a_token_that_moves_to_another_session_is_taken_from_the_first(world: World) -> None:
    register(world, "alice", APNS)
    register(world, "bob", APNS)

    assert address(world, "alice") is None
    assert address(world, "bob") == APNS
    [owner] = world.push_tokens.known.values()
    assert owner.user == "bob"


def test_the_same_text_from_another_vendor_or_application_is_another_token(world: World) -> None:
    register(world, "alice", APNS)
    register(world, "bob", PushAddress(1, "token", package="com.example"))
    assert address(world, "alice") == APNS

    register(world, "bob", PushAddress(0, "token", package="com.example.two"))
    assert address(world, "alice") == APNS


def test_ios_uploads_its_two_tokens_one_after_the_other_in_any_order(world: World) -> None:
    call = PushAddress(2, "voip", package="com.example", language="en")
    register(world, "alice", APNS)
    register(world, "alice", call)
    register(world, "bob", PushAddress(2, "voip-2", package="com.example", language="en"))
    register(world, "bob", PushAddress(1, "token-2", package="com.example", language="en"))

    assert address(world, "alice") == PushAddress(0, "token", "voip", "com.example", "en")
    assert address(world, "bob") == PushAddress(1, "token-2", "voip-2", "com.example", "en")


def test_a_token_for_calls_is_one_sessions_as_well(world: World) -> None:
    register(world, "alice", APNS)
    register(world, "alice", PushAddress(2, "voip", package="com.example"))
    register(world, "bob", PushAddress(2, "voip", package="com.example"))

    kept = address(world, "alice")
    assert kept is not None
    assert (kept.token, kept.voip) == ("token", "")


def test_a_new_token_lets_go_of_the_old_one_and_keeps_the_badge(world: World) -> None:
    register(world, "alice", APNS)
    world.push_devices.report_badge("alice", "alices-phone", 7)
    register(world, "alice", PushAddress(0, "newer", package="com.example"))

    assert address(world, "alice") == PushAddress(0, "newer", package="com.example", badge=7)
    assert list(world.push_tokens.known) == digests(PushAddress(0, "newer", package="com.example"))


def test_a_badge_needs_a_token(world: World) -> None:
    with pytest.raises(ImError) as refused:
        world.push_devices.report_badge("alice", "alices-phone", 7)
    assert refused.value.code == Code.NOT_EXIST


def test_forgetting_leaves_nothing_and_may_be_repeated(world: World) -> None:
    register(world, "alice", APNS)

    for _ in range(2):
        world.push_devices.forget("alice", "alices-phone")

    assert address(world, "alice") is None
    assert world.push_tokens.known == {}


def test_a_browser_registers_its_subscription(world: World) -> None:
    browser = Browser().subscription
    padded = Subscription(browser.endpoint, browser.p256dh + "=", browser.auth + "==")

    register(world, "alice", PushAddress(3, subscription=padded))

    assert address(world, "alice") == PushAddress(100, subscription=browser)


@pytest.mark.parametrize(
    "upload",
    [
        PushAddress(0, ""),
        PushAddress(100, "text"),
        PushAddress(0, "a b"),
        PushAddress(0, "a\n"),
        PushAddress(0, "é"),
        PushAddress(0, "a", package="\x00"),
        PushAddress(subscription=Subscription("ftp://example.com", *["x"] * 2)),
        PushAddress(subscription=Subscription("https://example.com", "AAAA", "AAAA")),
        PushAddress(subscription=Subscription("https://example.com", Browser().subscription.p256dh, "AAAA")),
        PushAddress(subscription=Subscription("https://example.com", "!", "!")),
    ],
)
def test_what_is_no_token_is_refused_and_nothing_written(world: World, upload: PushAddress) -> None:
    with pytest.raises(InvalidError):
        register(world, "alice", upload)

    assert address(world, "alice") is None
    assert world.push_tokens.known == {}


def test_an_ended_session_registers_nothing(world: World) -> None:
    world.connect.kick("alice", "alices-phone")

    with pytest.raises(ImError) as refused:
        register(world, "alice", APNS)

    assert refused.value.code == Code.KICKED_OFF
    assert world.push_tokens.known == {}


def test_logging_out_keeps_the_token_or_not_as_the_device_says(world: World) -> None:
    for user, keep in (("alice", True), ("bob", False)):
        register(world, user, PushAddress(0, user))
        connection = world.presence.load_one(user).devices[0].connection
        world.connect.logout(user, f"{user}s-phone", connection, keep_push=keep)

    assert address(world, "alice") == PushAddress(0, "alice")
    assert address(world, "bob") is None
    assert [owner.user for owner in world.push_tokens.known.values()] == ["alice"]


def test_a_kicked_device_has_no_token_any_more(world: World) -> None:
    register(world, "alice", APNS)

    world.connect.kick("alice")

    assert world.presence.load_one("alice").devices == ()
    assert world.push_tokens.known == {}


def test_a_dead_token_is_dropped_from_the_session_that_has_it_and_no_other(world: World) -> None:
    register(world, "alice", APNS)
    [name] = digests(APNS)

    world.push_devices.drop("bob", "bobs-phone", name)
    assert address(world, "alice") == APNS

    world.push_devices.drop("alice", "alices-phone", name)
    assert address(world, "alice") is None
    assert world.push_tokens.known == {}


def test_without_web_push_there_is_no_key(world: World) -> None:
    with pytest.raises(ImError) as refused:
        PushDevices(world.presence, world.push_tokens, None).web_push_key()
    assert refused.value.code == Code.NOT_IMPLEMENT
