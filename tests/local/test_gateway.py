import asyncio
import json

import pytest
from websockets.frames import Opcode

from local.topology import Topology
from tests.local.raw import Dial, RawSocket


def only_connection(topology: Topology) -> str:
    [connection] = topology.gateway.sessions
    return connection


# The handshake


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 401),
        ("token=t&gate=unauthorized", 401),
        ("token=t&gate=deny", 403),
        ("token=t&gate=elsewhere", 403),
        ("token=t&gate=crash", 500),
        ("token=t&gate=object", 500),
        ("token=t&connect=crash", 502),
        ("token=t&connect=409", 409),
        ("token=t&connect=403", 403),
        ("token=t", 101),
    ],
)
async def test_authorizer_and_connect_route_decide_the_handshake(
    sample: Topology, dial: Dial, query: str, status: int
) -> None:
    raw = await dial(query)

    assert raw.status == status
    assert len(sample.gateway.sessions) == (status == 101)


async def test_an_unknown_stage_is_forbidden(dial: Dial) -> None:
    raw = await dial("token=t", stage="other")

    assert raw.status == 403


async def test_the_subprotocol_that_connect_chose_is_in_the_handshake(sample: Topology, dial: Dial) -> None:
    raw = await dial(headers={"Sec-WebSocket-Protocol": "wildfire.v1, secret"})
    plain = await dial()

    assert raw.response.headers["Sec-WebSocket-Protocol"] == "wildfire.v1"
    assert "Sec-WebSocket-Protocol" not in plain.response.headers


async def test_extensions_are_not_negotiated(sample: Topology, dial: Dial) -> None:
    raw = await dial(headers={"Sec-WebSocket-Extensions": "permessage-deflate"})

    assert raw.status == 101
    assert "Sec-WebSocket-Extensions" not in raw.response.headers


async def test_a_connection_is_gone_until_connect_has_returned(sample: Topology, dial: Dial) -> None:
    raw = await dial("token=t&connect=post")

    assert raw.status == 410


# Events


async def test_message_events_have_the_shape_of_api_gateway(sample: Topology, dial: Dial) -> None:
    raw = await dial()

    event = await raw.ask(do="event")

    context = event["requestContext"]
    assert json.loads(event["body"]) == {"route": "do", "do": "event"}
    assert event["isBase64Encoded"] is False
    assert context["connectionId"] == only_connection(sample)
    assert (context["routeKey"], context["eventType"], context["messageDirection"]) == ("do", "MESSAGE", "IN")
    assert (context["stage"], context["apiId"]) == ("live", sample.gateway.api.api_id)
    assert context["domainName"] == f"{context['apiId']}.execute-api.us-east-1.amazonaws.com"
    assert context["identity"]["sourceIp"] == "127.0.0.1"
    assert len(context["connectionId"]) == len(context["messageId"]) == 16
    assert context["connectedAt"] <= context["requestTimeEpoch"]
    latency = context["authorizer"].pop("integrationLatency")
    assert isinstance(latency, int)
    assert context["authorizer"] == {"principalId": "alice", "user": "alice", "level": "3", "admin": "true"}


async def test_disconnect_events_carry_code_reason_and_the_authorizers_context(sample: Topology, dial: Dial) -> None:
    raw = await dial()
    connection = only_connection(sample)

    await raw.leave(4001, "had enough")
    await sample.settle()

    [body] = sample.cloud.bodies("Api-Log")
    context = json.loads(body)["requestContext"]
    assert (context["eventType"], context["routeKey"]) == ("DISCONNECT", "$disconnect")
    assert (context["disconnectStatusCode"], context["disconnectReason"]) == (4001, "had enough")
    assert (context["connectionId"], context["authorizer"]["user"]) == (connection, "alice")


async def test_a_cut_connection_is_an_abnormal_disconnect(sample: Topology, dial: Dial) -> None:
    raw = await dial()

    raw.abort()
    await sample.settle()

    [body] = sample.cloud.bodies("Api-Log")
    assert json.loads(body)["requestContext"]["disconnectStatusCode"] == 1006


async def test_a_refused_handshake_has_no_disconnect(sample: Topology, dial: Dial) -> None:
    await dial("token=t&connect=403")
    await sample.settle()

    assert sample.cloud.bodies("Api-Log") == []


# Routes


@pytest.mark.parametrize(
    "text",
    ["not json", "[1, 2]", '"do"', '{"route": "unknown"}', '{"route": 7}', "{}", '{"route": "$connect"}'],
)
async def test_frames_that_fit_no_route_go_to_default(sample: Topology, dial: Dial, text: str) -> None:
    raw = await dial()

    raw.send(text)

    assert await raw.receive() == {"body": text}


async def test_a_route_without_route_response_does_not_answer(sample: Topology, dial: Dial) -> None:
    raw = await dial()

    raw.send({"route": "quiet", "do": "echo"})
    await sample.settle()

    assert await raw.nothing()


@pytest.mark.parametrize("route", ["do", "quiet"])
async def test_an_unhandled_error_is_answered_by_api_gateways_own_frame(
    sample: Topology, dial: Dial, route: str
) -> None:
    raw = await dial()

    raw.send({"route": route, "do": "raise"})
    frame = await raw.receive()

    assert frame.pop("requestId")
    assert frame == {"message": "Internal server error", "connectionId": only_connection(sample)}


@pytest.mark.parametrize("frame", [{"do": "malformed"}, {"do": "big", "size": 128 * 1024}])
async def test_an_answer_that_cannot_be_sent_is_an_internal_error(
    sample: Topology, dial: Dial, frame: dict[str, object]
) -> None:
    raw = await dial()

    answer = await raw.ask(**frame)

    assert answer["message"] == "Internal server error"


async def test_an_answer_of_128_kb_is_sent(sample: Topology, dial: Dial) -> None:
    raw = await dial()

    assert len(await raw.ask(do="big", size=128 * 1024 - 2)) == 128 * 1024 - 2


# Limits on frames


async def test_a_frame_of_32_kb_is_accepted_and_a_longer_one_closes_1009(sample: Topology, dial: Dial) -> None:
    raw = await dial()

    raw.send("x" * 32 * 1024)
    assert len((await raw.receive())["body"]) == 32 * 1024
    raw.send("x" * (32 * 1024 + 1))

    assert await raw.close_code() == 1009


def send_in_parts(raw: RawSocket, size: int) -> None:
    parts = [b"x" * 32_000] * (size // 32_000) + [b"x" * (size % 32_000)]
    for number, part in enumerate(parts):
        raw.send_frame(Opcode.CONT if number else Opcode.TEXT, part, fin=number == len(parts) - 1)


async def test_a_message_of_128_kb_in_frames_is_accepted_and_a_longer_one_closes_1009(
    sample: Topology, dial: Dial
) -> None:
    raw = await dial()

    send_in_parts(raw, 100_000)
    assert len((await raw.receive())["body"]) == 100_000
    send_in_parts(raw, 128 * 1024 + 1)

    assert await raw.close_code() == 1009


async def test_a_message_of_exactly_128_kb_reaches_its_function(sample: Topology, dial: Dial) -> None:
    raw = await dial()

    with sample.meter.measure() as costs:
        send_in_parts(raw, 128 * 1024)
        await raw.receive()

    assert costs.units("socket.message", resource="$default") == 4


async def test_a_binary_frame_closes_1003(sample: Topology, dial: Dial) -> None:
    raw = await dial()

    raw.send_frame(Opcode.BINARY, b"{}")

    assert await raw.close_code() == 1003
    await sample.settle()
    [body] = sample.cloud.bodies("Api-Log")
    assert json.loads(body)["requestContext"]["disconnectStatusCode"] == 1003


async def test_text_that_is_not_utf_8_closes_1007(sample: Topology, dial: Dial) -> None:
    raw = await dial()

    raw.send_frame(Opcode.TEXT, b'"\xff"')

    assert await raw.close_code() == 1007


async def test_a_character_may_be_split_between_frames(sample: Topology, dial: Dial) -> None:
    raw = await dial()
    data = "ü".encode()

    raw.send_frame(Opcode.TEXT, data[:1], fin=False)
    raw.send_frame(Opcode.CONT, data[1:])

    assert await raw.receive() == {"body": "ü"}


# Time


async def test_ten_idle_minutes_close_1001_and_traffic_prevents_it(sample: Topology, dial: Dial) -> None:
    raw = await dial()

    sample.clock.advance(minutes=9)
    await raw.ask(do="echo")
    sample.clock.advance(minutes=9)
    assert await raw.nothing()
    sample.clock.advance(minutes=1, seconds=1)

    assert await raw.close_code() == 1001
    assert not sample.gateway.sessions


async def test_what_is_sent_to_a_client_keeps_it_from_being_idle(sample: Topology, dial: Dial) -> None:
    raw = await dial()
    other = await dial()
    first, second = sample.gateway.sessions

    sample.clock.advance(minutes=9)
    await other.ask(do="post", to=[first], text='"hello"')
    assert await raw.receive() == "hello"
    sample.clock.advance(minutes=9)

    assert set(sample.gateway.sessions) == {first, second}


async def test_two_hours_close_even_a_busy_connection(sample: Topology, dial: Dial) -> None:
    raw = await dial()

    for _ in range(14):
        sample.clock.advance(minutes=8.5)
        await raw.ask(do="echo")
    sample.clock.advance(minutes=1, seconds=1)

    assert await raw.close_code() == 1001


# Order


async def test_frames_of_one_connection_are_handled_at_the_same_time(sample: Topology, dial: Dial) -> None:
    raw = await dial()

    raw.send({"route": "do", "do": "await", "key": "second"})
    raw.send({"route": "do", "do": "steps", "items": ["second"]})

    assert {await raw.receive(), await raw.receive()} == {"seen", "all"}


async def test_shuffled_frames_are_dispatched_in_an_order_that_the_seed_decides(sample: Topology, dial: Dial) -> None:
    dispatched: list[str] = []
    original = sample.gateway.message

    async def note(session, text):
        dispatched.append(text)
        await original(session, text)

    sample.gateway.message = note
    orders = []
    for seed in (1, 1, 2):
        dispatched.clear()
        sample.shuffle_frames(seed)
        raw = await dial()
        for number in range(10):
            raw.send(str(number))
        await sample.settle()
        orders.append(list(dispatched))

    assert sorted(orders[0]) == [str(number) for number in range(10)] != orders[0]
    assert orders[0] == orders[1] != orders[2]


# The connection management API


@pytest.mark.parametrize("call", ["post_to_connection", "get_connection", "delete_connection"])
async def test_an_unknown_connection_is_410_and_a_malformed_one_400(sample: Topology, dial: Dial, call: str) -> None:
    raw = await dial()

    unknown = await raw.ask(do="status", call=call, to="L0SM9cOFvHcCIhw=")
    malformed = await raw.ask(do="status", call=call, to="nonsense")

    assert unknown == {"status": 410, "code": "GoneException"}
    assert malformed == {"status": 400, "code": "BadRequestException"}


async def test_posting_describing_and_deleting_a_connection(sample: Topology, dial: Dial) -> None:
    raw = await dial()
    other = await dial()
    connection = list(sample.gateway.sessions)[1]

    assert await raw.ask(do="post", to=[connection], text='{"push": 1}') == "posted"
    assert await other.receive() == {"push": 1}
    described = await raw.ask(do="status", call="get_connection", to=connection)
    assert described["status"] == 200
    assert described["since"].startswith("20")
    assert (await raw.ask(do="status", call="delete_connection", to=connection))["status"] == 204
    assert await other.close_code() == 1000
    assert (await raw.ask(do="status", call="post_to_connection", to=connection))["status"] == 410


async def test_a_closed_connection_is_gone_at_once(sample: Topology, dial: Dial) -> None:
    raw = await dial()
    other = await dial()
    connection = list(sample.gateway.sessions)[1]

    await other.leave()

    assert (await raw.ask(do="status", call="post_to_connection", to=connection))["status"] == 410


async def test_a_silently_dropped_connection_swallows_posts_before_it_is_gone(sample: Topology, dial: Dial) -> None:
    raw = await dial()
    await dial()
    connection = list(sample.gateway.sessions)[1]
    sample.drop_silently(connection, swallowed_posts=2)

    statuses = [await raw.ask(do="status", call="post_to_connection", to=connection) for _ in range(3)]

    assert [status["status"] for status in statuses] == [200, 200, 410]
    await sample.settle()
    assert sample.cloud.bodies("Api-Log") == []


async def test_requests_with_a_wrong_signature_are_forbidden(sample: Topology, dial: Dial) -> None:
    await dial()
    url = sample.socket_url.replace("ws:", "http:") + f"/@connections/{only_connection(sample)}"

    reader, writer = await asyncio.open_connection("127.0.0.1", int(url.split(":")[2].split("/")[0]))
    path = "/" + url.split("/", 3)[3]
    writer.write(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi".encode())
    status = await reader.readline()
    writer.close()

    assert b"403" in status


async def test_a_lost_disconnect_reaches_nobody(sample: Topology, dial: Dial) -> None:
    sample.faults.lose_disconnects(times=1)
    first = await dial()
    second = await dial()

    await first.leave(4001)
    await second.leave(4002)
    await sample.settle()

    [body] = sample.cloud.bodies("Api-Log")
    assert json.loads(body)["requestContext"]["disconnectStatusCode"] == 4002
    assert [fault.action for fault in sample.faults.fired] == ["lose_disconnect"]
