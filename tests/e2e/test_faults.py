"""What the promises are worth when functions die, storage fails and sockets vanish, on the whole topology.

The crash points are not listed by hand: an undisturbed send is recorded, and every AWS call in it becomes four cases.
"""

import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest

from local.client import SocketClient
from local.faults import Action
from local.topology import Topology
from tests.e2e.context import with_switches

pytestmark = pytest.mark.xdist_group("topology")

ACTIONS: tuple[Action, ...] = (
    "kill_before",
    "kill_after",
    "throttle",
    "fail_before",
    "fail_after",
    "timeout_before",
    "timeout_after",
)
_names = itertools.count()


@pytest.fixture(scope="module")
def topology() -> Iterator[Topology]:
    with Topology.from_cdk(context=with_switches(inline_limit=4, fanout_chunk=3)) as running:
        yield running


def user(name: str) -> str:
    return f"{name}-{next(_names)}"


def text(words: str, **fields: Any) -> dict[str, Any]:
    return {"type": 1, "searchableContent": words, "persistFlag": 3, **fields}


def send_body(conversation: dict[str, Any], words: str, cid: str, base: int = 0) -> dict[str, Any]:
    return {"conversation": conversation, "content": text(words), "cid": cid, "base": base}


async def persist(topology: Topology, socket: SocketClient, body: dict[str, Any], op: str = "send") -> dict[str, Any]:
    """What a client does: the same request again until it is answered with success."""
    for _ in range(12):
        waiting = socket.start("message", op, body)
        await topology.settle()
        if waiting.done():
            frame = waiting.result()
            if frame["code"] == 0:
                answer: dict[str, Any] = frame["body"]
                return answer
            assert frame.get("retry"), frame
    raise AssertionError("never answered")


async def pulled(socket: SocketClient, conversation: dict[str, Any]) -> list[dict[str, Any]]:
    body = await socket.call("message", "pull", {"ranges": [{"conversation": conversation, "after": 0}]})
    messages: list[dict[str, Any]] = body["ranges"][0]["messages"]
    return messages


def seqs_seen(socket: SocketClient) -> list[int]:
    """What an application would see of the pushes: each seq once."""
    return sorted({push["body"]["seq"] for push in socket.pushes if push["push"] == "message"})


async def calls_of_a_send(topology: Topology, conversation: dict[str, Any], socket: SocketClient, base: int) -> int:
    with topology.meter.measure() as measured:
        await persist(topology, socket, send_body(conversation, "recorded", f"recorded-{base}", base))
    return len(measured.calls(function="MessageWs"))


@pytest.mark.parametrize("action", ACTIONS)
def test_a_send_between_two_is_stored_once_and_delivered_wherever_it_is_cut(topology: Topology, action: Action) -> None:
    async def work() -> None:
        alice, bob = user("alice"), user("bob")
        sender, receiver = await topology.socket(alice), await topology.socket(bob)
        to_bob, to_alice = {"type": 0, "target": bob}, {"type": 0, "target": alice}
        points = 0
        expected: list[str] = []
        for fresh in (True, False):
            # A first message in a minute stamps both sides, a later one does not: different calls, different cuts.
            if fresh:
                topology.clock.advance(minutes=1)
            count = await calls_of_a_send(topology, to_bob, sender, len(expected))
            expected.append("recorded")
            for nth in range(1, count + 1):
                if fresh:
                    topology.clock.advance(minutes=1)
                words = f"{action} at {nth}"
                topology.faults.on(function="MessageWs", action=action, nth=nth)
                body = send_body(to_bob, words, f"{fresh}-{nth}", len(expected))
                answer = await persist(topology, sender, body)
                topology.faults.clear()
                expected.append(words)
                points += 1
                assert answer["seq"] == len(expected)
                again = await persist(topology, sender, body)
                assert (again["seq"], again["uid"]) == (answer["seq"], answer["uid"])

        messages = await pulled(receiver, to_alice)
        assert [message["content"]["searchableContent"] for message in messages] == expected
        assert [message["seq"] for message in messages] == list(range(1, len(expected) + 1))
        assert seqs_seen(receiver) == list(range(1, len(expected) + 1))
        assert points >= 7
        await sender.close()
        await receiver.close()

    topology.run(work())


@pytest.mark.parametrize("action", ACTIONS)
def test_a_send_to_a_large_group_survives_a_cut_anywhere_in_sender_and_worker(
    topology: Topology, action: Action
) -> None:
    async def work() -> None:
        team = user("team")
        members = [f"{team}-{number}" for number in range(7)]
        await found(topology, team, members)
        sockets = [await topology.socket(member) for member in members[:4]]
        sender, conversation = sockets[0], {"type": 1, "target": team}
        base = 1
        for function in ("MessageWs", "MessageOnQueue"):
            with topology.meter.measure() as measured:
                await persist(topology, sender, send_body(conversation, "x", f"{function}-recorded", base))
            base += 1
            points = len(measured.calls(function=function))
            assert points, f"{function} has no crash point"
            for nth in range(1, points + 1):
                topology.faults.on(function=function, action=action, nth=nth)
                await persist(topology, sender, send_body(conversation, "x", f"{function}-{nth}", base))
                topology.faults.clear()
                base += 1

        for socket in sockets:
            assert [message["seq"] for message in await pulled(socket, conversation)] == list(range(1, base + 1))
        for socket in sockets[1:]:
            assert seqs_seen(socket)[-1] == base
            assert set(range(2, base + 1)) <= set(seqs_seen(socket))
        for socket in sockets:
            await socket.close()

    topology.run(work())


@pytest.mark.parametrize("action", ACTIONS)
def test_a_recall_ends_with_one_event_and_a_blank_message_wherever_it_is_cut(
    topology: Topology, action: Action
) -> None:
    async def work() -> None:
        alice, bob = user("alice"), user("bob")
        sender, receiver = await topology.socket(alice), await topology.socket(bob)
        to_bob, to_alice = {"type": 0, "target": bob}, {"type": 0, "target": alice}
        base = (await persist(topology, sender, send_body(to_bob, "secret", "c", 0)))["seq"]
        with topology.meter.measure() as measured:
            await persist(topology, sender, {"conversation": to_bob, "seq": base}, "recall")
        base += 1
        for nth in range(1, len(measured.calls(function="MessageWs")) + 1):
            sent = await persist(topology, sender, send_body(to_bob, "secret", f"c{nth}", base))
            topology.faults.on(function="MessageWs", action=action, nth=nth)
            event = await persist(topology, sender, {"conversation": to_bob, "seq": sent["seq"]}, "recall")
            topology.faults.clear()
            assert event["seq"] == sent["seq"] + 1
            base = event["seq"]

        messages = await pulled(receiver, to_alice)
        assert [message["seq"] for message in messages] == list(range(1, base + 1))
        assert "secret" not in json.dumps(messages)
        assert [message.get("ref") for message in messages] == [
            None if seq % 2 else seq - 1 for seq in range(1, base + 1)
        ]
        await sender.close()
        await receiver.close()

    topology.run(work())


async def found(topology: Topology, team: str, members: list[str]) -> None:
    info = {"target_id": team, "name": team, "type": 2, "owner": members[0]}
    group = {"group_info": info, "members": [{"member_id": member} for member in members[1:]]}
    answer = await topology.admin("/admin/group/create", {"operator": members[0], "group": group})
    assert answer["code"] == 0, answer


def test_many_senders_at_once_leave_no_hole_and_no_double(topology: Topology) -> None:
    async def work() -> None:
        team = user("team")
        members = [f"{team}-{number}" for number in range(4)]
        await found(topology, team, members)
        sockets = [await topology.socket(member) for member in members]
        conversation = {"type": 1, "target": team}

        frames = [
            sockets[number % 4].start("message", "send", send_body(conversation, "x", f"c{number}", 1))
            for number in range(40)
        ]
        await topology.settle()
        answers = [frame.result() for frame in frames]
        late = [number for number, answer in enumerate(answers) if answer["code"]]
        for number in late:
            body = send_body(conversation, "x", f"c{number}", 1)
            answers[number] = {"body": await persist(topology, sockets[number % 4], body)}

        assert sorted(answer["body"]["seq"] for answer in answers) == list(range(2, 42))
        messages = await pulled(sockets[0], conversation)
        assert [message["seq"] for message in messages] == list(range(1, 42))
        uids = [int(message["uid"]) for message in messages]
        assert uids == sorted(set(uids))
        for socket in sockets:
            await socket.close()

    topology.run(work())


def test_a_resend_that_races_its_original_is_stored_once(topology: Topology) -> None:
    async def work() -> None:
        alice, bob = user("alice"), user("bob")
        sender = await topology.socket(alice)
        body = send_body({"type": 0, "target": bob}, "x", "c", 0)

        frames = [sender.start("message", "send", body) for _ in range(6)]
        await topology.settle()

        assert {frame.result()["body"]["seq"] for frame in frames} == {1}
        assert len(await pulled(sender, {"type": 0, "target": bob})) == 1
        await sender.close()

    topology.run(work())


def test_a_410_in_the_middle_of_a_fan_out_touches_nobody_else(topology: Topology) -> None:
    async def work() -> None:
        team = user("team")
        members = [f"{team}-{number}" for number in range(4)]
        await found(topology, team, members)
        sockets = [await topology.socket(member) for member in members]
        topology.clock.advance(seconds=31)
        [dead] = topology.connections(members[2])
        topology.faults.lose_disconnects()
        topology.gateway.drop_silently(dead, 0)

        await persist(topology, sockets[0], send_body({"type": 1, "target": team}, "x", "c", 1))

        online = {}
        for member in members:
            answer = await topology.admin("/admin/user/onlinestatus", {"userId": member})
            online[member] = [session["status"] for session in answer["result"]["sessions"]]
        assert list(online.values()) == [[0], [0], [1], [0]]
        assert [2 in seqs_seen(sockets[number]) for number in (1, 3)] == [True, True]
        topology.faults.clear()
        for number in (0, 1, 3):
            await sockets[number].close()

    topology.run(work())


def test_queued_chunks_that_come_twice_and_out_of_order_change_nothing(topology: Topology) -> None:
    async def work() -> None:
        team = user("team")
        members = [f"{team}-{number}" for number in range(8)]
        await found(topology, team, members)
        sockets = [await topology.socket(member) for member in (members[0], members[6])]
        topology.faults.duplicate("Fanout")
        topology.faults.reorder("Fanout")

        for base in range(1, 6):
            await persist(topology, sockets[0], send_body({"type": 1, "target": team}, "x", f"c{base}", base))

        topology.faults.clear()
        assert set(range(2, 7)) <= set(seqs_seen(sockets[1]))
        for socket in sockets:
            await socket.close()

    topology.run(work())


def test_a_push_that_was_lost_is_found_by_the_heartbeat(topology: Topology) -> None:
    async def work() -> None:
        alice, bob = user("alice"), user("bob")
        sender, receiver = await topology.socket(alice), await topology.socket(bob)
        hello = await receiver.call("session", "hello", {})
        topology.faults.on(function="MessageWs", service="apigatewaymanagementapi", action="fail_before", times=10)
        await persist(topology, sender, send_body({"type": 0, "target": bob}, "x", "c", 0))
        topology.faults.clear()

        ping = await receiver.call("session", "ping", {"sync": hello["sync"]})

        assert seqs_seen(receiver) == []
        conversation = {"type": 0, "target": alice, "line": 0}
        assert [(state["conversation"], state["head"]) for state in ping["conversations"]] == [(conversation, 1)]
        await sender.close()
        await receiver.close()

    topology.run(work())


def test_overload_is_answered_and_never_closes_a_socket(topology: Topology) -> None:
    async def work() -> None:
        alice = user("alice")
        sender = await topology.socket(alice)
        topology.faults.on(function="MessageWs", service="dynamodb", action="throttle", times=100)
        frame = await sender.request("message", "send", send_body({"type": 0, "target": user("bob")}, "x", "c", 0))
        topology.faults.clear()

        assert (frame["code"], frame["retry"]) == (221, True)
        assert (await sender.request("session", "devices", {}))["code"] == 0
        await sender.close()

    topology.run(work())
