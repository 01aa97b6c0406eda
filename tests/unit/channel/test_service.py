"""Channels: who may make and change them, who subscribes, and who is told."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pytest
from msgspec.structs import replace

from im.callback.back_end import ChannelEvent
from im.channel import service
from im.channel.model import Channel, Menu, State
from im.channel.store import Seat
from im.errors import Code, ImError
from im.message.model import Origin
from tests.fakes.world import World


@contextmanager
def refusal(code: Code) -> Iterator[None]:
    with pytest.raises(ImError) as refused:
        yield
    assert refused.value.code == code


@pytest.fixture
def world() -> World:
    return World()


def make(world: World, channel: str = "news", owner: str = "olga", **members: Any) -> Channel:
    wanted = Channel(channel, **{"name": channel.title(), "owner": owner, **members})
    return world.channel_service.create("app", wanted, Origin.ADMIN)


def listens(world: World, user: str, channel: str = "news") -> None:
    world.channel_service.listen(user, channel, on=True)


def test_a_user_owns_what_he_makes_and_it_has_no_powers(world: World) -> None:
    wanted = Channel("", "News", "somebody else", state=0xFF, callback="https://example.com")

    made = world.channel_service.create("olga", wanted, Origin.USER)

    assert (made.owner, made.state, made.callback) == ("olga", 0, "https://example.com")
    assert made.id
    assert made.secret
    assert world.channel_service.get(made.id) == made
    assert world.watching.changes == [("olga", made.id, ChannelEvent.CREATED)]


def test_making_the_same_again_is_the_same_channel_and_another_users_is_refused(world: World) -> None:
    wanted = Channel("news", "News")
    made = world.channel_service.create("olga", wanted, Origin.USER)

    assert world.channel_service.create("olga", wanted, Origin.USER) == made
    with refusal(Code.NOT_RIGHT):
        world.channel_service.create("pete", wanted, Origin.USER)


@pytest.mark.parametrize(
    "members",
    [
        {"name": ""},
        {"name": "n" * 65},
        {"portrait": "p" * 1025},
        {"callback": "c" * 1025},
        {"desc": "d" * 1025},
        {"secret": "s" * 129},
        {"automatic": 2},
        {"owner": ""},
        {"menus": tuple(Menu(name="m" * 100) for _ in range(41))},
        {"state": 0x100},
    ],
)
def test_what_is_out_of_its_limits_is_refused(world: World, members: dict[str, Any]) -> None:
    with refusal(Code.INVALID_PARAMETER):
        make(world, **members)
    assert world.channels.get("news") is None


def test_an_id_does_not_hold_what_separates_a_dialogs_parts(world: World) -> None:
    with refusal(Code.INVALID_PARAMETER):
        make(world, "ne|ws")


def test_an_admin_makes_a_channel_anew_and_a_destroyed_one_alive(world: World) -> None:
    make(world, secret="first")
    world.channel_service.destroy("app", "news", Origin.ADMIN)

    again = make(world, owner="pete", secret="second", state=0x0F)

    assert (again.deleted, again.owner, again.secret) == (False, "pete", "second")
    assert world.channel_service.page(0, 10) == ([again], 1)
    assert [each.channel for each in world.channel_service.mine("pete")] == ["news"]
    assert world.channel_service.mine("olga") == []


@pytest.mark.parametrize(
    ("field", "value", "member", "expected"),
    [
        (0, "Daily", "name", "Daily"),
        (1, "http://p", "portrait", "http://p"),
        (2, "about", "desc", "about"),
        (3, "{}", "extra", "{}"),
        (4, "new secret", "secret", "new secret"),
        (5, "https://c", "callback", "https://c"),
        (6, "1", "automatic", 1),
        (7, '[{"name":"Help","type":"click","key":"k"}]', "menus", (Menu(name="Help", type="click", key="k"),)),
        (7, "", "menus", ()),
    ],
)
def test_each_field_is_replaced(world: World, field: int, value: str, member: str, expected: Any) -> None:
    made = make(world, menus=(Menu(name="Old"),))

    world.channel_service.modify("olga", "news", field, value, Origin.USER)

    changed = world.channel_service.get("news")
    assert changed == replace(made, **{member: expected}, update_dt=changed.update_dt)
    assert changed.update_dt > made.update_dt
    assert world.watching.changes[-1] == ("olga", "news", ChannelEvent.UPDATED)


@pytest.mark.parametrize(("field", "value"), [(0, ""), (6, "2"), (7, "{}"), (7, "nonsense"), (5, "c" * 1025)])
def test_a_value_that_does_not_fit_changes_nothing(world: World, field: int, value: str) -> None:
    made = make(world)
    with refusal(Code.INVALID_PARAMETER):
        world.channel_service.modify("olga", "news", field, value, Origin.USER)
    assert world.channel_service.get("news") == made


def test_a_field_that_does_not_exist_is_success_and_changes_nothing(world: World) -> None:
    made = make(world)
    world.channel_service.modify("olga", "news", 8, "x", Origin.USER)
    assert world.channel_service.get("news") == made


def test_only_the_owner_changes_transfers_and_destroys(world: World) -> None:
    make(world)
    doing = [
        lambda: world.channel_service.modify("pete", "news", 0, "x", Origin.USER),
        lambda: world.channel_service.transfer("pete", "news", "pete"),
        lambda: world.channel_service.destroy("pete", "news", Origin.USER),
    ]
    for each in doing:
        with refusal(Code.NOT_RIGHT):
            each()
    for each in doing:
        world.channel_service.destroy("olga", "news", Origin.USER)
        with refusal(Code.NOT_EXIST):
            each()


def test_who_gets_a_channel_owns_it_and_who_gave_it_away_is_out(world: World) -> None:
    make(world)
    listens(world, "pete")

    world.channel_service.transfer("olga", "news", "pete")

    assert [(each.owned, each.listened) for each in world.channel_service.mine("pete")] == [(True, True)]
    assert world.channel_service.mine("olga") == []
    assert world.watching.changes[-1] == ("olga", "news", ChannelEvent.TRANSFERRED)


def test_who_gave_a_channel_away_may_repeat_it_and_a_stranger_may_not(world: World) -> None:
    make(world)
    world.channel_service.transfer("olga", "news", "pete")
    told = list(world.watching.changes)

    world.channel_service.transfer("olga", "news", "pete")

    assert world.watching.changes == [*told, told[-1]]
    for operator, owner in (("olga", "olga"), ("rita", "pete")):
        with refusal(Code.NOT_RIGHT):
            world.channel_service.transfer(operator, "news", owner)


def test_an_owner_who_listened_still_listens_after_giving_it_away(world: World) -> None:
    make(world)
    listens(world, "olga")

    world.channel_service.transfer("olga", "news", "pete")

    assert [(each.owned, each.listened) for each in world.channel_service.mine("olga")] == [(False, True)]


def test_an_owner_who_ends_his_subscription_still_reads_his_channel(world: World) -> None:
    make(world)
    listens(world, "olga")

    world.channel_service.listen("olga", "news", on=False)

    assert [(each.owned, each.listened) for each in world.channel_service.mine("olga")] == [(True, False)]


def test_subscribing_twice_is_once(world: World) -> None:
    make(world)
    for _ in range(2):
        listens(world, "ann")

    assert world.channel_service.subscribers("news") == ["ann"]
    assert world.channel_service.is_subscriber("news", "ann")
    assert world.channel_service.is_subscriber("news", "olga"), "an owner counts"
    assert not world.channel_service.is_subscriber("news", "bob")
    assert not world.channel_service.is_subscriber("nowhere", "bob")


def test_the_devices_and_the_service_are_told_of_a_subscription_also_when_it_is_repeated(world: World) -> None:
    make(world)
    socket = world.online("ann")

    for on in (True, True, False, False):
        world.channel_service.listen("ann", "news", on=on)

    assert world.pushes(socket, "channel") == [{"channelId": "news"}] * 4
    assert world.watching.subscriptions == [("news", "ann", on) for on in (True, True, False, False)]


def test_a_private_channel_is_opened_by_services_only(world: World) -> None:
    make(world, state=int(State.PRIVATE))

    with refusal(Code.NOT_EXIST):
        listens(world, "ann")
    world.channel_service.subscribe("news", ["ann", "bob"], on=True)
    with refusal(Code.NOT_EXIST):
        world.channel_service.listen("ann", "news", on=False)

    assert world.channel_service.subscribers("news") == ["ann", "bob"]


def test_many_are_subscribed_within_bounds(world: World) -> None:
    make(world)
    for users in ([], [f"u{n}" for n in range(201)], [""]):
        with refusal(Code.INVALID_PARAMETER):
            world.channel_service.subscribe("news", users, on=True)
    with refusal(Code.NOT_EXIST):
        world.channel_service.subscribe("nowhere", ["ann"], on=True)


def test_a_user_has_so_many_channels_and_no_more(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "MAX_CHANNELS", 2)
    for number in range(3):
        make(world, f"c{number}")
    for number in range(2):
        listens(world, "ann", f"c{number}")
    with refusal(Code.INVALID_PARAMETER):
        listens(world, "ann", "c2")
    with refusal(Code.INVALID_PARAMETER):
        world.channel_service.create("ann", Channel("", "Mine"), Origin.USER)


def test_a_destroyed_channel_is_on_no_list_and_loses_its_subscribers_from_the_queue(world: World) -> None:
    make(world)
    users = [f"u{number:03}" for number in range(450)]
    for start in range(0, 450, 150):
        world.channel_service.subscribe("news", users[start : start + 150], on=True)

    world.channel_service.destroy("olga", "news", Origin.USER)

    assert world.channel_service.get("news").deleted
    assert not world.channel_service.is_subscriber("news", users[0])
    assert world.channel_service.page(0, 10) == ([], 0)
    assert world.channel_service.mine("u000") == []
    with refusal(Code.NOT_EXIST):
        listens(world, "ann")
    world.settle()
    assert world.channel_service.subscribers("news") == []
    assert all(row.lasts == {0: 0} for (user, _), row in world.rows.rows.items() if user != "ann")


def test_destroying_again_is_success_and_takes_out_who_was_left(world: World) -> None:
    make(world)
    listens(world, "ann")
    world.channel_service.destroy("olga", "news", Origin.USER)
    world.queue.jobs.clear()

    world.channel_service.destroy("olga", "news", Origin.USER)
    world.settle()

    assert world.channel_service.subscribers("news") == []
    told = [event for *_, event in world.watching.changes]
    assert told == [ChannelEvent.CREATED, ChannelEvent.DESTROYED, ChannelEvent.DESTROYED]


def test_who_is_not_told_in_time_that_a_channel_has_ended_does_not_hear_that_it_never_was(world: World) -> None:
    make(world)
    put = world.channels.put

    def put_and_lose_the_answer(new: Channel, old: Channel | None, seats: Sequence[Seat] = ()) -> bool:
        put(new, old, seats)
        return False

    with patch.object(world.channels, "put", put_and_lose_the_answer):
        world.channel_service.destroy("olga", "news", Origin.USER)

    assert world.channel_service.get("news").deleted
    assert [event for *_, event in world.watching.changes][-1] is ChannelEvent.DESTROYED


def test_a_channel_made_twice_by_its_owner_is_told_twice(world: World) -> None:
    wanted = Channel("news", "News", "olga")

    first, again = (world.channel_service.create("olga", wanted, Origin.USER) for _ in range(2))

    assert again == first
    assert [event for *_, event in world.watching.changes] == [ChannelEvent.CREATED] * 2


def test_who_subscribes_to_a_channel_made_anew_is_not_taken_out_by_its_former_end(world: World) -> None:
    make(world)
    listens(world, "ann")
    world.channel_service.destroy("app", "news", Origin.ADMIN)
    world.now += 10
    make(world)
    listens(world, "bob")

    world.settle()

    assert world.channel_service.subscribers("news") == ["bob"]


def test_names_are_found_by_any_part_and_only_of_public_channels(world: World) -> None:
    make(world, "a", name="Daily News")
    make(world, "b", name="newsletter")
    make(world, "c", name="Secret news", state=int(State.PRIVATE))
    make(world, "d", name="News of yesterday")
    world.channel_service.destroy("app", "d", Origin.ADMIN)

    found = world.channel_service.search("NEWS", 0)

    assert sorted(channel.id for channel in found) == ["a", "b"]
    assert {(channel.secret, channel.callback) for channel in found} == {("", "")}
    assert world.channel_service.search("new", 1) == []
    for keyword, page in (("", 0), ("n" * 65, 0), ("n", 10), ("n", -1)):
        with refusal(Code.INVALID_PARAMETER):
            world.channel_service.search(keyword, page)


def test_the_secret_and_the_callback_are_for_the_owner(world: World) -> None:
    make(world, secret="s", callback="https://c")

    own, others = (world.channel_service.infos(user, ["news", "x"])["news"] for user in ("olga", "ann"))

    assert (own.secret, own.callback) == ("s", "https://c")
    assert (others.secret, others.callback) == ("", "")


def test_a_destroyed_user_listens_to_nothing(world: World) -> None:
    make(world)
    make(world, "more")
    for channel in ("news", "more"):
        listens(world, "ann", channel)

    world.channel_service.forget("ann")

    assert world.channel_service.mine("ann") == []
    assert world.channel_service.subscribers("news") == []
