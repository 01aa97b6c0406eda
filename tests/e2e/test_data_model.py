"""docs/data-model.md is true: every item that the running system stores is described there, and nothing else is."""

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
from pynamodb.models import Model

from im.channel import store as channel_store
from im.chatroom import store as chatroom_store
from im.connect import store as connect_store
from im.delivery import store as delivery_store
from im.friend import store as friend_store
from im.group import store as group_store
from im.machine import store as machine_store
from im.message import store as message_store
from im.moderation import store as moderation_store
from im.profile import store as profile_store
from im.setting import store as setting_store
from im.system import store as system_store
from local.topology import Options, Topology
from tests.e2e import pages

pytestmark = pytest.mark.xdist_group("data-model")

STORES = (
    channel_store,
    chatroom_store,
    connect_store,
    delivery_store,
    friend_store,
    group_store,
    machine_store,
    message_store,
    moderation_store,
    profile_store,
    setting_store,
    system_store,
)
SECTIONS = pages.sections(pages.DATA_MODEL)
KINDS = {
    heading: pages.tables(text)["attribute"] for heading, text in SECTIONS.items() if "attribute" in pages.tables(text)
}
KEYS = {"Messages": ("c", "s"), "Directory": ("pk", "sk"), "Presence": ("u", ""), "Ephemera": ("k", "")}
VALUE = r"[^|]*"
SWITCHES = {
    "push.ios.server.address": "nowhere",
    "message.mentionmsg.forward.url": "http://127.0.0.1:9/discard",
    "im.callback_max_age_seconds": 60,
}

Stored = dict[str, list[dict[str, Any]]]


def pattern(cell: str) -> re.Pattern[str]:
    """What a key of the page matches: capitals stand for values."""
    text = cell.partition(",")[0].strip("`").replace(r"\|", "|")
    return re.compile("".join(VALUE if part.isupper() else re.escape(part) for part in re.split(r"([A-Z]+)", text)))


def rows() -> list[tuple[str, str, re.Pattern[str], re.Pattern[str]]]:
    """The page's table of keys: kind, table, and what the two keys match."""
    return [
        (re.sub(r".*\[(.+?)\].*", r"\1", item), table, pattern(first), pattern(second))
        for item, table, first, second in pages.tables(SECTIONS["Keys"])["item"]
    ]


def kind_of(table: str, item: dict[str, Any]) -> str:
    """The one kind that an item's keys belong to."""
    first, second = (str(next(iter(item[name].values()))) if name else "" for name in KEYS[table])
    fitting = {k for k, t, one, two in rows() if t == table and one.fullmatch(first) and two.fullmatch(second)}
    assert len(fitting) == 1, (table, first, second, fitting)
    return fitting.pop()


async def dave_sleeps(topology: Topology) -> None:
    """Dave has a phone that is notified, by a push server that is nowhere."""
    phone = await topology.socket("dave", "daves-phone", 1)
    await phone.call("push", "register", {"token": "def"})
    await phone.close()
    await topology.settle()


async def the_back_end_is_down(topology: Topology) -> None:
    """It is to be told that somebody is mentioned; the attempt fails, and the next one comes too late."""
    payload = {"type": 1, "searchableContent": "@zoe", "mentionedType": 1, "mentionedTarget": ["zoe"]}
    body = {"sender": "alice", "conv": {"type": 0, "target": "zoe"}, "payload": payload}
    assert (await topology.admin("/admin/message/send", body))["code"] == 0
    await topology.inside(topology.quiet())
    topology.clock.advance(minutes=30)
    await topology.settle()


async def live(topology: Topology) -> None:
    """Make the system store every kind of item."""

    async def admin(path: str, body: Any) -> None:
        answer = await topology.admin(path, body)
        assert answer["code"] == 0, (path, answer)

    async def group(name: str, *members: dict[str, Any]) -> None:
        info = {"target_id": name, "name": name, "owner": "alice"}
        await admin(
            "/admin/group/create", {"operator": "alice", "group": {"group_info": info, "members": list(members)}}
        )

    await the_back_end_is_down(topology)
    person = {"userId": "alice", "name": "alice", "displayName": "Alice", "mobile": "+491", "email": "a@example.org"}
    await admin("/admin/user/create", person)
    await admin("/admin/robot/create", {"userId": "helper", "name": "helper", "owner": "alice"})
    await admin("/admin/device/create", {"deviceId": "door", "owners": ["alice"]})
    await admin("/admin/user/update_block_status", {"userId": "mallory", "status": 1})
    await admin("/admin/sensitive/add", {"words": ["casino"]})
    helper = {"member_id": "helper"}
    await group("team", {"member_id": "bob", "alias": "Bobby", "extra": "x"}, {"member_id": "ca|rl%"}, helper)
    await admin("/admin/group/member/del", {"operator": "alice", "group_id": "team", "members": ["ca|rl%"]})
    await group("old")
    await admin("/admin/group/del", {"operator": "alice", "group_id": "old"})
    await group("again")
    await admin("/admin/group/del", {"operator": "alice", "group_id": "again"})
    await group("again", {"member_id": "bob"})

    await admin("/admin/friend/send_request", {"userId": "alice", "friendUid": "carl", "reason": "hi", "extra": "{}"})
    await admin("/admin/friend/handle_send_request", {"userId": "carl", "friendUid": "alice", "status": 1})
    await admin("/admin/friend/set_alias", {"operator": "alice", "targetId": "carl", "alias": "Carlo"})
    await admin("/admin/blacklist/status", {"userId": "alice", "targetUid": "mallory", "status": 2})
    await group("crowd", *({"member_id": f"somebody-in-the-crowd-{number}"} for number in range(200)))
    await admin("/admin/group/join_request/add", {"operator": "alice", "group_id": "team", "userIds": ["eve"]})

    alice = await topology.socket("alice", "alices-phone", 1)
    bob = await topology.socket("bob", "bobs-phone", 2)
    chat = {"type": 0, "target": "bob"}
    for base in range(3):
        body = {"conversation": chat, "content": {"type": 1}, "cid": f"c{base}", "base": base, "to": ["bob"]}
        await alice.call("message", "send", body)
    await alice.call("message", "recall", {"conversation": chat, "seq": 1})
    await alice.call("message", "delete", {"conversation": chat, "seq": 2, "all": True})
    await bob.call("profile", "friendRequestsRead", {"until": 1})
    await bob.call("message", "read", {"conversation": {"type": 0, "target": "alice"}, "seq": 3})
    await bob.call("profile", "setting", {"scope": 13, "value": "1"})
    await bob.call("profile", "setting", {"scope": 1, "key": "0-0-alice", "value": "1"})
    await alice.call("push", "register", {"token": "abc", "packageName": "app", "language": "en"})
    await dave_sleeps(topology)
    await alice.call("profile", "friendRequest", {"userId": "dave"})
    room = (await alice.call("chatroom", "join", {"chatroomId": "chatroom1"}))["conversation"]
    head = (await bob.call("chatroom", "join", {"chatroomId": "chatroom1"}))["head"]
    await alice.call("message", "send", {"conversation": room, "content": {"type": 1}, "cid": "r", "base": head})
    made = {"channelId": "ne%ws", "name": "News"}
    await alice.call("channel", "create", made)
    await alice.call("channel", "modify", {"channelId": "ne%ws", "type": 7, "value": '[{"name": "Help"}]'})
    await bob.call("channel", "listen", {"channelId": "ne%ws", "on": True})
    for target in ("ne%ws", "ne%ws|bob"):
        body = {"conversation": {"type": 3, "target": target}, "content": {"type": 1}, "cid": target, "base": 0}
        await alice.call("message", "send", body)
    await admin("/admin/chatroom/set_black_status", {"chatroomId": "chatroom1", "userId": "bob", "status": 1})
    await admin("/admin/chatroom/set_manager", {"chatroomId": "chatroom1", "userId": "bob", "status": 1})
    for _ in range(60):  # more than a share in some window of five seconds, on a slow machine too
        await alice.call("session", "devices")
    await alice.call("profile", "watch", {"users": ["bob"], "seconds": 60})
    await bob.call("profile", "state", {"state": 1, "text": "busy"})
    await bob.call("profile", "authCode", {"applicationId": "FireRobot", "host": "127.0.0.1"})
    await topology.socket("carol", "carols-phone", 2)
    await alice.close()
    await bob.close()
    await topology.settle()


@pytest.fixture(scope="module")
def topology() -> Iterator[Topology]:
    with Topology.from_cdk(Options(switches=SWITCHES)) as running:
        running.run(live(running))
        yield running


@pytest.fixture(scope="module")
def stored(topology: Topology) -> Stored:
    """Every item by its kind."""
    found: Stored = defaultdict(list)
    for name, table in topology.template.tables.items():
        for item in topology.cloud.items(table.name):
            found[kind_of(name, item)].append(item)
    return found


def test_every_kind_that_the_page_names_is_stored(stored: Stored) -> None:
    assert stored.keys() == set(KINDS) == {kind for kind, *_ in rows()}


@pytest.mark.parametrize("kind", KINDS)
def test_every_attribute_that_is_stored_is_on_the_page_with_its_type(stored: Stored, kind: str) -> None:
    told = {pattern(name): kind_ for name, kind_, _ in KINDS[kind]}
    for item in stored[kind]:
        for name, value in item.items():
            types = [type_ for key, type_ in told.items() if key.fullmatch(name)]
            assert types == [next(iter(value))], (name, value)


@pytest.mark.parametrize("kind", KINDS)
def test_every_attribute_on_the_page_is_stored_or_at_least_in_a_model(stored: Stored, kind: str) -> None:
    names = {name for item in stored[kind] for name in item}
    optional = {attribute for model in models() for attribute in model.get_attributes()}
    for name, _, _ in KINDS[kind]:
        known = any(pattern(name).fullmatch(each) for each in names) or name.strip("`") in optional
        assert known or (kind, name) in {
            ("message", "`n`"),
            ("member", "`leaving`"),
            ("push token", "`e`"),
            ("pushed", "`w`"),
            ("pushed", "`i`"),
        }


def models() -> list[type[Model]]:
    """The models of all stores."""
    return [
        value
        for store in STORES
        for value in vars(store).values()
        if isinstance(value, type) and issubclass(value, Model) and value is not Model
    ]


def test_the_tables_and_indexes_are_those_of_the_template(topology: Topology) -> None:
    told = {row[0]: (row[1], row[2]) for row in pages.tables(SECTIONS["Tables"])["table"]}
    real = {}
    for name, table in topology.template.tables.items():
        keys = ", ".join(f"`{key}`" for key in table.keys)
        indexes = [f"`{index.name}` ({', '.join(f'`{key}`' for key in index.keys)})" for index in table.indexes]
        real[name] = (keys, ", ".join(indexes) or "none")

    assert told == real


def test_the_example_items_are_json_with_attributes_of_their_kind() -> None:
    for kind, text in SECTIONS.items():
        for example in re.findall(r"^```json item\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
            told = [pattern(name) for name, _, _ in KINDS[kind]]
            assert all(any(key.fullmatch(name) for key in told) for name in json.loads(example))
