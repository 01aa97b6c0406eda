"""Staying connected: back-off, heartbeat, rotation, refusals, kicks."""

import asyncio
import random
from collections import deque

import pytest

from clients.python.tests.conftest import Harness, Recorder, idle, until
from clients.python.tests.fake_server import Refusal
from wildfire_client import (
    ChatClient,
    ChatError,
    Code,
    ConnectionStatus,
    ConnectionStatusChanged,
    Conversation,
    MessageReceived,
    MessageStatus,
    StoreError,
    Timing,
)

BOB = Conversation.single("bob")


class TopRandom(random.Random):
    """Draws the upper end, so that a back-off shows its limit."""

    def uniform(self, a: float, b: float) -> float:
        return b


def statuses(recorder: Recorder) -> list[str]:
    return [event.status.value for event in recorder.of(ConnectionStatusChanged)]


async def test_the_states_of_a_connection_come_in_their_order(harness: Harness) -> None:
    client = harness.client()
    recorder = Recorder(client)
    await client.connect("alice", harness.server.token("alice"))
    await client.ready()
    await harness.server.drop("alice")
    await until(lambda: client.status is ConnectionStatus.UNCONNECTED)
    await harness.clock.advance(1)
    await client.ready()
    await client.disconnect()
    await until(lambda: len(recorder.events) >= 8)
    assert statuses(recorder) == [
        *("connecting", "receiving", "connected", "unconnected"),
        *("connecting", "receiving", "connected", "unconnected"),
    ]


async def test_the_handshake_carries_the_token_in_a_header_and_the_device_in_the_query(harness: Harness) -> None:
    await harness.connected(client_id="pad-1", platform=8)
    token = harness.server.token("alice")
    assert harness.server.handshakes == [{"token": token, "clientId": "pad-1", "platform": "8"}]


async def test_connecting_again_while_connected_changes_nothing(harness: Harness) -> None:
    client = await harness.connected()
    recorder = Recorder(client, ConnectionStatusChanged)
    await client.connect("alice", harness.server.token("alice"))
    await client.ready()
    harness.server.say("bob", "alice", "hi")
    await until(lambda: client.messages(BOB))
    assert len(harness.server.handshakes) == 1
    assert recorder.events == []


async def test_attempts_wait_longer_and_longer_up_to_twenty_seconds(harness: Harness) -> None:
    client = harness.client(rng=TopRandom())
    harness.server.refuse = 503
    await client.connect("alice", harness.server.token("alice"))
    waits = []
    for attempt in range(7):
        await until(lambda attempt=attempt: len(harness.server.handshakes) == attempt + 1)
        await until(lambda: client.status is ConnectionStatus.UNCONNECTED and len(harness.clock.delays) == 1)
        waits.append(harness.clock.delays[0])
        await harness.clock.advance(waits[-1])
    assert waits == [1, 2, 4, 8, 16, 20, 20]


async def test_the_wait_is_anything_up_to_the_limit_so_that_clients_spread(harness: Harness) -> None:
    timing, rng = Timing(), random.Random(1)
    drawn = [timing.backoff(10, rng) for _ in range(200)]
    assert min(drawn) < 2 < 18 < max(drawn) <= 20


@pytest.mark.parametrize(("lived", "wait"), [(31, 1), (5, 8)])
async def test_only_a_connection_that_lasted_resets_the_wait(harness: Harness, lived: float, wait: float) -> None:
    client = harness.client(rng=TopRandom())
    harness.server.refuse = 503
    await client.connect("alice", harness.server.token("alice"))
    for _ in range(3):
        await until(lambda: client.status is ConnectionStatus.UNCONNECTED and len(harness.clock.delays) == 1)
        harness.server.refuse = None if harness.clock.delays[0] == 4 else 503
        await harness.clock.advance(harness.clock.delays[0])
    await client.ready()
    await harness.clock.advance(lived)
    await harness.server.drop("alice")
    await until(lambda: client.status is ConnectionStatus.UNCONNECTED and len(harness.clock.delays) == 1)
    assert harness.clock.delays == [wait]


async def test_waking_tries_at_once(harness: Harness) -> None:
    client = harness.client()
    harness.server.refuse = 503
    await client.connect("alice", harness.server.token("alice"))
    await until(lambda: client.status is ConnectionStatus.UNCONNECTED)
    harness.server.refuse = None
    client.wake()
    await client.ready()


async def test_waking_looks_at_once_whether_the_link_is_alive(harness: Harness) -> None:
    client = await harness.connected()
    client.wake()
    await until(lambda: harness.server.count("ping") == 1)


async def test_the_heartbeat_has_the_servers_interval(harness: Harness) -> None:
    harness.server.server_info["heartbeat"] = 60
    client = await harness.connected()
    for expected in (1, 2, 3):
        await harness.clock.advance(59.9)
        assert harness.server.count("ping") == expected - 1
        await harness.clock.advance(0.2)
        await until(lambda expected=expected: harness.server.count("ping") == expected)
        await idle(client)


async def test_an_unanswered_heartbeat_means_a_dead_link(harness: Harness) -> None:
    client = await harness.connected()
    harness.server.op_faults["ping"] = deque(["mute"])
    await harness.clock.advance(241)
    await until(lambda: harness.server.count("ping") == 1)
    await harness.clock.advance(20)
    await until(lambda: client.status is ConnectionStatus.UNCONNECTED)
    await harness.clock.advance(20)
    await client.ready()
    assert len(harness.server.handshakes) == 2


async def test_a_refused_heartbeat_keeps_the_link(harness: Harness) -> None:
    client = await harness.connected()
    harness.server.op_faults["ping"] = deque([Refusal(221, retry=True)])
    await harness.clock.advance(241)
    await until(lambda: harness.server.count("ping") == 1)
    await idle(client)
    await harness.clock.advance(241)
    await until(lambda: harness.server.count("ping") == 2)
    assert client.status is ConnectionStatus.CONNECTED


async def test_the_connection_is_replaced_before_its_two_hours_are_over_without_a_break(harness: Harness) -> None:
    harness.server.server_info["heartbeat"] = 100_000
    client = await harness.connected()
    recorder = Recorder(client)
    before = len(harness.server.handshakes)
    await harness.clock.advance(6_300)
    assert len(harness.server.handshakes) == before
    await harness.clock.advance(600)
    await until(lambda: len(harness.server.handshakes) == before + 1)
    await until(lambda: len(harness.server.sessions_of("alice")) == 1 and harness.server.count("hello") == 2)
    harness.server.say("bob", "alice", "after")
    await until(lambda: recorder.of(MessageReceived))
    sent = await client.settled(await client.send(BOB, "answer"))
    assert sent.status is MessageStatus.SENT
    assert recorder.of(ConnectionStatusChanged) == []
    assert client.status is ConnectionStatus.CONNECTED


async def test_a_message_in_flight_during_the_replacement_is_answered_on_the_old_connection(harness: Harness) -> None:
    harness.server.server_info["heartbeat"] = 100_000
    client = await harness.connected()
    harness.server.gate = asyncio.Event()
    await harness.clock.advance(harness.clock.delays[0] - 5)
    message = await client.send(BOB, "in between")
    await until(lambda: harness.server.count("send") == 1)
    await harness.clock.advance(15)
    await until(lambda: harness.server.count("hello") == 2)
    assert len(harness.server.sessions_of("alice")) == 2
    harness.server.gate.set()
    assert (await client.settled(message)).seq == 1
    await client.settled(await client.send(BOB, "next"))
    assert harness.server.count("send") == 2
    await until(lambda: len(harness.server.sessions_of("alice")) == 1)


async def test_a_message_that_the_old_connection_leaves_unanswered_goes_out_on_the_new_one(harness: Harness) -> None:
    harness.server.server_info["heartbeat"] = 100_000
    client = await harness.connected()
    await harness.clock.advance(harness.clock.delays[0] - 5)
    harness.server.send_faults.append("mute_before")
    message = await client.send(BOB, "in between")
    await until(lambda: harness.server.count("send") == 1)
    await harness.clock.advance(6)
    await until(lambda: harness.server.count("hello") == 2)
    await until(lambda: len(harness.clock.delays) == 3)
    await harness.clock.advance(15)
    assert (await client.settled(message)).seq == 1
    assert client.status is ConnectionStatus.CONNECTED


async def test_a_replacement_that_fails_is_tried_again_while_the_old_connection_serves(harness: Harness) -> None:
    harness.server.server_info["heartbeat"] = 100_000
    client = await harness.connected()
    harness.server.refuse = 503
    await harness.clock.advance(6_900)
    await until(lambda: len(harness.server.handshakes) == 2)
    assert client.status is ConnectionStatus.CONNECTED
    await client.settled(await client.send(BOB, "still here"))
    harness.server.refuse = None
    await until(lambda: harness.clock.delays[0] <= 1)
    await harness.clock.advance(1)
    await until(lambda: len(harness.server.handshakes) == 3 and harness.server.count("hello") == 2)
    assert client.status is ConnectionStatus.CONNECTED


async def test_a_kick_is_final_and_says_why(harness: Harness) -> None:
    client = await harness.connected()
    recorder = Recorder(client, ConnectionStatusChanged)
    await harness.server.push("alice", "kicked", {"reason": "signed in on another phone"})
    await until(lambda: client.status is ConnectionStatus.KICKED)
    await harness.clock.advance(10_000)
    assert len(harness.server.handshakes) == 1
    await until(lambda: recorder.events)
    assert recorder.events[-1] == ConnectionStatusChanged(ConnectionStatus.KICKED, "signed in on another phone")
    with pytest.raises(ChatError) as caught:
        await client.ready()
    assert caught.value.code == Code.LOGIN_ENDED


@pytest.mark.parametrize(
    ("refusal", "expires_in", "expected"),
    [
        (401, None, ConnectionStatus.TOKEN_INCORRECT),
        (403, None, ConnectionStatus.REJECTED),
        (403, 60, ConnectionStatus.REJECTED),
        (403, -60, ConnectionStatus.TOKEN_EXPIRED),
    ],
)
async def test_a_refused_token_is_final(
    harness: Harness, refusal: int, expires_in: float | None, expected: ConnectionStatus
) -> None:
    client = harness.client()
    harness.server.refuse = refusal
    exp = None if expires_in is None else harness.clock.now() + expires_in
    await client.connect("alice", harness.server.token("alice", exp=exp))
    with pytest.raises(ChatError):
        await client.ready()
    assert client.status is expected
    await harness.clock.advance(1_000)
    assert len(harness.server.handshakes) == 1


async def test_a_new_login_after_a_final_state_connects(harness: Harness) -> None:
    client = harness.client()
    harness.server.refuse = 401
    await client.connect("alice", harness.server.token("alice"))
    await until(lambda: client.status is ConnectionStatus.TOKEN_INCORRECT)
    harness.server.refuse = None
    await client.connect("alice", harness.server.token("alice", salt=1))
    await client.ready()
    assert harness.server.handshakes[-1]["token"] == harness.server.token("alice", salt=1)


async def test_an_expired_token_is_renewed_before_it_is_tried(harness: Harness) -> None:
    fresh = harness.server.token("alice", exp=harness.clock.now() + 100)

    async def renew() -> str:
        return fresh

    client = harness.client(token_provider=renew)
    await client.connect("alice", harness.server.token("alice", exp=harness.clock.now() - 1))
    await client.ready()
    assert [handshake["token"] for handshake in harness.server.handshakes] == [fresh]


async def test_a_refused_token_is_renewed_once(harness: Harness) -> None:
    asked = []

    async def renew() -> str:
        asked.append(1)
        harness.server.refuse = None if len(asked) == 1 else 401
        return harness.server.token("alice", salt=len(asked))

    client = harness.client(token_provider=renew)
    harness.server.refuse = 401
    await client.connect("alice", harness.server.token("alice"))
    await client.ready()
    assert len(asked) == 1


async def test_a_kicked_client_does_not_get_itself_a_new_token(harness: Harness) -> None:
    async def renew() -> str:
        raise AssertionError("asked")

    client = harness.client(token_provider=renew)
    harness.server.refuse = 403
    await client.connect("alice", harness.server.token("alice"))
    await until(lambda: client.status is ConnectionStatus.REJECTED)


@pytest.mark.parametrize("op", ["send", "ping"])
async def test_an_answer_that_the_session_is_over_is_final_and_keeps_the_message(harness: Harness, op: str) -> None:
    client = await harness.connected(store="live.db")
    harness.server.op_faults[op] = deque([Refusal(7)])
    message = await client.send(BOB, "kept")
    client.wake()
    await until(lambda: client.status is ConnectionStatus.KICKED)
    if op == "ping":
        return
    await client.connect("alice", harness.server.token("alice", salt=1))
    assert (await client.settled(message)).status is MessageStatus.SENT


async def test_a_logout_whose_answer_is_cut_off_is_a_logout(harness: Harness) -> None:
    client = await harness.connected()
    harness.server.op_faults["logout"] = deque(["drop"])
    await client.logout()
    assert client.status is ConnectionStatus.LOGOUT


async def test_a_fresh_token_that_is_refused_is_final(harness: Harness) -> None:
    async def renew() -> str:
        return harness.server.token("alice", salt=5)

    client = harness.client(token_provider=renew)
    harness.server.refuse = 401
    await client.connect("alice", harness.server.token("alice"))
    with pytest.raises(ChatError):
        await client.ready()
    assert len(harness.server.handshakes) == 2


async def test_a_token_provider_that_fails_is_asked_again_later(harness: Harness) -> None:
    asked = []

    async def renew() -> str:
        asked.append(1)
        if len(asked) == 1:
            raise OSError("the app server is down")
        harness.server.refuse = None
        return harness.server.token("alice", salt=1)

    client = harness.client(token_provider=renew)
    harness.server.refuse = 401
    await client.connect("alice", harness.server.token("alice"))
    await until(lambda: client.status is ConnectionStatus.UNCONNECTED)
    await harness.clock.advance(1)
    await client.ready()
    assert len(asked) == 2


@pytest.mark.parametrize(
    ("code", "expected"),
    [(6, ConnectionStatus.TOKEN_INCORRECT), (7, ConnectionStatus.KICKED), (8, ConnectionStatus.REJECTED)],
)
async def test_a_hello_that_is_refused_for_good_is_final(
    harness: Harness, code: int, expected: ConnectionStatus
) -> None:
    harness.server.op_faults["hello"] = deque([Refusal(code)])
    client = harness.client()
    await client.connect("alice", harness.server.token("alice"))
    await until(lambda: client.status.final)
    assert client.status is expected


async def test_a_hello_that_fails_otherwise_is_tried_on_a_new_connection(harness: Harness) -> None:
    harness.server.op_faults["hello"] = deque([Refusal(4)])
    client = harness.client()
    await client.connect("alice", harness.server.token("alice"))
    await until(lambda: client.status is ConnectionStatus.UNCONNECTED)
    await harness.clock.advance(1)
    await client.ready()


async def test_logout_tells_the_server_and_is_final(harness: Harness) -> None:
    client = await harness.connected()
    await client.settled(await client.send(BOB, "bye"))
    await client.logout(push="off", erase=True)
    assert client.status is ConnectionStatus.LOGOUT
    assert harness.server.bodies("logout") == [{"push": "off"}]
    assert client.conversations() == []
    await until(lambda: harness.server.sessions_of("alice") == [])


async def test_after_a_disconnect_it_goes_on_where_it_left_off(harness: Harness) -> None:
    client = await harness.connected()
    harness.server.say("bob", "alice", "1")
    await until(lambda: client.messages(BOB))
    await client.disconnect()
    await until(lambda: harness.server.sessions_of("alice") == [])
    harness.server.say("bob", "alice", "2")
    await client.connect("alice", harness.server.token("alice"))
    await client.ready()
    assert len(client.messages(BOB)) == 2
    assert harness.server.bodies("hello")[-1]["sync"] is not None


async def test_devices_are_listed_and_kicked(harness: Harness) -> None:
    client = await harness.connected(client_id="desk")
    await harness.connected(client_id="phone")
    assert {device.client_id for device in await client.devices()} == {"desk", "phone"}
    await client.kick("phone")
    assert harness.server.bodies("kick") == [{"clientId": "phone"}]


async def test_a_store_belongs_to_one_user(harness: Harness) -> None:
    client = await harness.connected("alice", store="chat.db")
    with pytest.raises(StoreError, match="alice"):
        await client.connect("bob", harness.server.token("bob"))


async def test_a_store_is_used_by_one_client_at_a_time(harness: Harness) -> None:
    await harness.connected("alice", store="chat.db")
    with pytest.raises(StoreError, match="in use"):
        ChatClient(harness.server.url, harness.tmp_path / "chat.db")


async def test_a_device_keeps_its_id(harness: Harness) -> None:
    first = harness.client(store="chat.db", client_id=None)
    kept = first.client_id
    assert len(kept) == 32
    await harness.close(first)
    assert harness.client(store="chat.db", client_id=None).client_id == kept


async def test_a_request_without_a_link_fails_at_once(harness: Harness) -> None:
    client = harness.client()
    with pytest.raises(ChatError) as caught:
        await client.call("group", "mine", {})
    assert (caught.value.code, caught.value.retry) == (Code.NOT_CONNECTED, True)


async def test_the_servers_clock_is_known(harness: Harness) -> None:
    client = await harness.connected()
    assert client.server_delta == pytest.approx(0)
    await harness.clock.advance(5)
    client.wake()
    await until(lambda: client.server_delta == pytest.approx(-5))
