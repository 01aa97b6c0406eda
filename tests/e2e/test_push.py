"""Notifications from end to end: what platform endpoints, browsers' push services and push servers are sent."""

import base64
import json
from collections.abc import Iterator
from itertools import count
from typing import Any

import moto.sns.models
import pytest

from local.client import SocketClient
from local.template import ACCOUNT, REGION
from local.topology import Options, Topology
from tests.e2e.receiver import Receiver
from tests.fakes.browser import Browser

pytestmark = pytest.mark.xdist_group("push")

SNS_PACKAGE = "com.example.sns"
APPLICATIONS = ("APNS", "APNS_SANDBOX", "APNS_VOIP", "GCM")
_names = count()


def application(platform: str) -> str:
    """The ARN of a platform application."""
    return f"arn:aws:sns:{REGION}:{ACCOUNT}:app/{platform}/chat"


@pytest.fixture(scope="module")
def server() -> Iterator[Receiver]:
    """A push server."""
    receiver = Receiver()
    yield receiver
    receiver.stop()


@pytest.fixture(scope="module")
def topology(server: Receiver) -> Iterator[Topology]:
    switches = {f"push.{platform}.server.address": server.url for platform in ("android", "ios", "harmony")}
    applications = {SNS_PACKAGE: {platform: application(platform) for platform in APPLICATIONS}}
    options = Options(
        switches={**switches, "im.inline_limit": 4, "server.multi_endpoint": True},
        variables={"IM_PUSH_APPLICATIONS": json.dumps(applications)},
    )
    with Topology.from_cdk(options) as running:
        for platform in APPLICATIONS:
            running.cloud.client("sns").create_platform_application(
                Name="chat", Platform=platform, Attributes={"PlatformCredential": "x", "PlatformPrincipal": "y"}
            )
        yield running


class People:
    """Ann, who writes from the web, and bob, whose phone sleeps."""

    def __init__(self, topology: Topology, server: Receiver) -> None:
        number = next(_names)
        self.topology, self.server = topology, server
        self.ann, self.bob, self.team = f"ann{number}", f"bob{number}", f"team{number}"
        self.sockets: list[SocketClient] = []
        server.got.clear()
        server.answers.clear()

    async def join(self, user: str, client: str = "", platform: int = 5) -> SocketClient:
        socket = await self.topology.socket(user, client or f"{user}-client", platform)
        self.sockets.append(socket)
        return socket

    async def asleep(self, user: str, platform: int = 1, **upload: Any) -> None:
        """Let a user have a phone that registers a token and goes to sleep."""
        phone = await self.join(user, f"{user}-phone", platform)
        body = {"token": f"token-of-{user}", "packageName": "com.example", "language": "en", **upload}
        await phone.call("push", "register", body)
        await phone.close()
        await self.topology.settle()

    async def say(self, socket: SocketClient, text: str = "hi", **content: Any) -> dict[str, Any]:
        """Send to bob, or to the team."""
        target = content.pop("to", {"type": 0, "target": self.bob})
        payload = {"type": 1, "searchableContent": text, "persistFlag": 3, **content}
        body = {"conversation": target, "content": payload, "cid": f"c{next(_names)}", "base": content.get("base", 0)}
        payload.pop("base", None)
        answer: dict[str, Any] = await socket.call("message", "send", body)
        await self.topology.settle()
        return answer

    async def profile(self, user: str, name: str) -> None:
        body = {"userId": user, "name": user, "displayName": name, "portrait": f"https://p/{user}"}
        assert (await self.topology.admin("/admin/user/create", body))["code"] == 0

    async def found(self, *others: str) -> dict[str, Any]:
        info = {"target_id": self.team, "name": "The team", "owner": self.ann}
        members = [{"member_id": user} for user in (self.bob, *others)]
        group = {"group_info": info, "members": members}
        assert (await self.topology.admin("/admin/group/create", {"operator": self.ann, "group": group}))["code"] == 0
        await self.topology.settle()
        self.server.got.clear()
        return {"type": 1, "target": self.team}

    async def close(self) -> None:
        for socket in self.sockets:
            await socket.close()


@pytest.fixture
def people(topology: Topology, server: Receiver) -> Iterator[People]:
    people = People(topology, server)
    yield people
    topology.run(people.close())


def test_a_push_server_gets_wildfires_fields_and_no_others(topology: Topology, people: People) -> None:
    async def work() -> tuple[dict[str, Any], list[tuple[dict[str, str], bytes]]]:
        await people.profile(people.ann, "Ann")
        await people.profile(people.bob, "Bob")
        await people.asleep(people.bob)
        answer = await people.say(await people.join(people.ann), "hello", pushData='{"a": 1}')
        return answer, people.server.got

    answer, [(headers, body)] = topology.run(work())

    assert headers["content-type"] == "application/json; charset=utf-8"
    assert json.loads(body) == {
        "sender": people.ann,
        "senderName": "Ann",
        "senderPortrait": f"https://p/{people.ann}",
        "convType": 0,
        "target": people.bob,
        "targetName": "Bob",
        "targetPortrait": f"https://p/{people.bob}",
        "userId": people.bob,
        "line": 0,
        "cntType": 1,
        "serverTime": answer["time"],
        "pushMessageType": 0,
        "pushType": 0,
        "pushContent": "hello",
        "pushData": '{"a": 1}',
        "unReceivedMsg": 1,
        "existBadgeNumber": 0,
        "mentionedType": 0,
        "packageName": "com.example",
        "deviceToken": f"token-of-{people.bob}",
        "isHiddenDetail": False,
        "language": "en",
        "messageId": int(answer["uid"]),
        "republish": False,
    }
    assert f'"messageId":{answer["uid"]},'.encode() in body or f'"messageId":{answer["uid"]}}}'.encode() in body


def test_nobody_is_notified_whose_socket_is_there_and_nothing_is_published(topology: Topology, people: People) -> None:
    async def work() -> int:
        await people.asleep(people.bob)
        await people.join(people.bob, f"{people.bob}-phone", 1)
        ann = await people.join(people.ann)
        with topology.meter.measure() as measured:
            await people.say(ann)
        return len(measured.calls(service="sns"))

    assert topology.run(work()) == 0
    assert people.server.got == []


def test_a_user_without_a_token_costs_no_publication(topology: Topology, people: People) -> None:
    async def work() -> int:
        ann = await people.join(people.ann)
        with topology.meter.measure() as measured:
            await people.say(ann)
        return len(measured.calls(service="sns"))

    assert topology.run(work()) == 0


def test_a_socket_that_died_unnoticed_is_found_out_and_its_device_notified(topology: Topology, people: People) -> None:
    async def work() -> None:
        phone = await people.join(people.bob, f"{people.bob}-phone", 1)
        await phone.call("push", "register", {"token": "t"})
        [connection] = topology.connections(people.bob)
        topology.clock.advance(seconds=60)
        await topology.inside(_drop(topology, connection))
        await people.say(await people.join(people.ann))

    topology.run(work())

    assert [body["userId"] for body in people.server.bodies()] == [people.bob]


async def _drop(topology: Topology, connection: str) -> None:
    topology.gateway.drop_silently(connection, 0)


def test_a_phone_is_quiet_while_the_computer_is_there_unless_its_user_wants_it_otherwise(
    topology: Topology, people: People
) -> None:
    async def work() -> tuple[list[Any], list[Any]]:
        await people.asleep(people.bob)
        computer = await people.join(people.bob, "pc", 3)
        ann = await people.join(people.ann)
        await people.say(ann, "one")
        before = people.server.bodies()
        await computer.call("profile", "setting", {"scope": 15, "key": "", "value": "1"})
        await people.say(ann, "two", base=1)
        return before, people.server.bodies()

    before, after = topology.run(work())

    assert before == []
    assert [body["pushContent"] for body in after] == ["two"]


def test_a_silenced_conversation_notifies_only_whom_it_mentions(topology: Topology, people: People) -> None:
    async def work() -> list[Any]:
        team = await people.found()
        phone = await people.join(people.bob, f"{people.bob}-phone", 1)
        await phone.call("push", "register", {"token": "t", "language": "zh-CN"})
        await phone.call("profile", "setting", {"scope": 1, "key": f"1-0-{people.team}", "value": "1"})
        await phone.close()
        ann = await people.join(people.ann)
        await people.say(ann, "one", to=team, base=1)
        await people.say(ann, "two", to=team, base=2, mentionedType=1, mentionedTarget=[people.bob])
        return people.server.bodies()

    [body] = topology.run(work())

    assert (body["pushContent"], body["mentionedType"], body["targetName"]) == ("two", 1, "The team")
    assert body["unReceivedMsg"] == 3


def test_one_publication_serves_a_whole_group_and_another_each_chunk_of_a_large_one(
    topology: Topology, people: People
) -> None:
    async def work(size: int) -> tuple[int, list[str]]:
        others = [f"{people.team}-{size}-{number}" for number in range(size)]
        for user in others:
            await people.asleep(user)
        people.team = f"{people.team}x{size}"
        team = await people.found(*others)
        ann = await people.join(people.ann, f"web{size}")
        with topology.meter.measure() as measured:
            await people.say(ann, "all", to=team, base=1)
        return len(measured.calls(service="sns")), sorted(body["userId"] for body in people.server.bodies())

    few, notified_few = topology.run(work(2))
    many, notified_many = topology.run(work(6))

    assert (few, len(notified_few)) == (1, 2)
    assert (many, len(notified_many)) == (1, 6)


def endpoint_messages(platform: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """What the endpoints of a platform were sent since the last look: payload and attributes."""
    found = []
    for endpoint in moto.sns.models.sns_backends[ACCOUNT][REGION].platform_endpoints.values():
        if f":endpoint/{platform}/" in endpoint.arn:
            for message in endpoint.messages.values():
                found.append((json.loads(json.loads(message)[platform]), {}))
            endpoint.messages.clear()
    return found


def test_an_iphone_gets_an_alert_from_apple_that_leads_to_the_conversation(topology: Topology, people: People) -> None:
    async def work() -> dict[str, Any]:
        await people.profile(people.ann, "Ann")
        await people.asleep(people.bob, packageName=SNS_PACKAGE, language="zh-Hans")
        return await people.say(await people.join(people.ann), "", type=3, mediaType=1)

    answer = topology.run(work())

    [(payload, _)] = endpoint_messages("APNS")
    assert payload["aps"] == {
        "alert": {"title": "Ann", "body": "[图片]"},
        "badge": 1,
        "sound": "default",
        "thread-id": f"0-0-{people.ann}",
        "mutable-content": 1,
    }
    assert payload["wfc"]["convTarget"] == people.bob
    assert payload["wfc"]["messageUid"] == str(answer["uid"])
    assert people.server.got == []


def test_a_token_that_apple_reports_dead_is_taken_from_the_device(topology: Topology, people: People) -> None:
    async def work() -> list[str]:
        await people.asleep(people.bob, packageName=SNS_PACKAGE)
        ann = await people.join(people.ann)
        await people.say(ann, "one")
        backend = moto.sns.models.sns_backends[ACCOUNT][REGION]
        [endpoint] = [each for each in backend.platform_endpoints.values() if each.token == f"token-of-{people.bob}"]
        endpoint.attributes["Enabled"] = "false"
        await people.say(ann, "two", base=1)
        item = topology.cloud.item(topology.template.tables["Presence"].name, {"u": {"S": people.bob}})
        assert item is not None
        with topology.meter.measure() as measured:
            await people.say(ann, "three", base=2)
        assert measured.calls(service="sns") == []
        return [name for name in item if name.startswith("p:")]

    assert topology.run(work()) == []


def test_a_token_that_was_dead_is_good_again_when_the_device_registers_it_again(
    topology: Topology, people: People
) -> None:
    async def work() -> list[Any]:
        await people.asleep(people.bob, packageName=SNS_PACKAGE)
        ann = await people.join(people.ann)
        await people.say(ann, "one")
        for endpoint in moto.sns.models.sns_backends[ACCOUNT][REGION].platform_endpoints.values():
            if endpoint.token == f"token-of-{people.bob}":
                endpoint.attributes["Enabled"] = "false"
        await people.asleep(people.bob, packageName=SNS_PACKAGE)
        endpoint_messages("APNS")
        await people.say(ann, "two", base=1)
        return endpoint_messages("APNS")

    [(payload, _)] = topology.run(work())

    assert payload["aps"]["alert"]["body"] == "two"


def test_android_gets_a_notification_from_google_and_a_call_as_data_alone(topology: Topology, people: People) -> None:
    async def work() -> None:
        await people.asleep(people.bob, platform=2, packageName=SNS_PACKAGE, pushType=6)
        ann = await people.join(people.ann)
        await people.say(ann, "one")
        await people.say(ann, "", type=400, content="call-1", persistFlag=1, base=1)

    topology.run(work())

    (text, _), (call, _) = endpoint_messages("GCM")
    message, ringing = text["fcmV1Message"]["message"], call["fcmV1Message"]["message"]
    assert message["notification"] == {"title": "Message", "body": "one"}
    assert message["android"]["priority"] == "HIGH"
    assert all(isinstance(value, str) for value in message["data"].values())
    assert "notification" not in ringing
    assert (ringing["data"]["body"], ringing["android"]["ttl"]) == ("Incoming call", "60s")


def test_a_call_rings_by_pushkit_and_its_end_replaces_it_by_an_alert(topology: Topology, people: People) -> None:
    async def work() -> None:
        await people.asleep(people.bob, packageName=SNS_PACKAGE)
        await people.asleep(people.bob, packageName=SNS_PACKAGE, token="voip", pushType=2)
        ann = await people.join(people.ann)
        await people.say(ann, "", type=400, content="call-2", persistFlag=1)
        await people.say(ann, "", type=402, content="call-2", persistFlag=0, pushData='{"r": 11}', base=1)
        await people.say(ann, "", type=402, content="call-2", persistFlag=0, pushData='{"r": 5}', base=2)

    topology.run(work())

    [(ringing, _)] = endpoint_messages("APNS_VOIP")
    [(ended, _)] = endpoint_messages("APNS")
    assert ringing["voip"] is True
    assert ended["aps"]["alert"]["body"] == "Call ended"
    assert "sound" not in ended["aps"]


def test_who_takes_a_call_silences_his_other_devices_and_nobody_else_is_told(
    topology: Topology, people: People
) -> None:
    async def work() -> list[Any]:
        await people.asleep(people.bob)
        await people.asleep(people.ann)
        tablet = await people.join(people.bob, "tablet", 8)
        body = {"conversation": {"type": 0, "target": people.ann}, "cid": "x", "base": 0}
        await tablet.call("message", "send", {**body, "content": {"type": 401, "content": "call-3"}})
        await topology.settle()
        return people.server.bodies()

    [body] = topology.run(work())

    assert (body["userId"], body["pushMessageType"]) == (people.bob, 4)


def test_a_browser_reads_what_nobody_else_can(topology: Topology, people: People) -> None:
    browser = Browser(people.server.url + "/browser")
    keys = {"p256dh": browser.subscription.p256dh, "auth": browser.subscription.auth}

    async def work() -> tuple[str, list[tuple[dict[str, str], bytes]]]:
        web = await people.join(people.bob, "web", 5)
        key = (await web.call("push", "webPushKey"))["key"]
        subscription = {"endpoint": browser.subscription.endpoint, "keys": keys, "expirationTime": None}
        await web.call("push", "register", {"subscription": subscription})
        await web.close()
        await people.say(await people.join(people.ann), "for your eyes only")
        return key, people.server.got

    key, [(headers, body)] = topology.run(work())

    shown = json.loads(browser.decrypt(body))
    assert (shown["title"], shown["body"]) == ("Message", "for your eyes only")
    assert headers["content-encoding"] == "aes128gcm"
    assert headers["ttl"] == "600"
    assert headers["authorization"].endswith(f"k={key}")
    assert len(headers["topic"]) == 32
    assert len(base64.urlsafe_b64decode(key + "=")) == 65


def test_a_browser_that_is_gone_is_forgotten(topology: Topology, people: People) -> None:
    browser = Browser(people.server.url + "/gone").subscription

    async def work() -> None:
        web = await people.join(people.bob, "web", 5)
        keys = {"p256dh": browser.p256dh, "auth": browser.auth}
        await web.call("push", "register", {"subscription": {"endpoint": browser.endpoint, "keys": keys}})
        await web.close()
        people.server.answers[:] = [410]
        ann = await people.join(people.ann)
        await people.say(ann, "one")
        await people.say(ann, "two", base=1)

    topology.run(work())

    assert len(people.server.got) == 1


def test_a_push_server_that_fails_is_asked_again_and_one_that_refuses_is_not(
    topology: Topology, people: People
) -> None:
    async def work(*answers: int) -> int:
        people.server.answers[:] = answers
        people.server.got.clear()
        await people.say(await people.join(people.ann, f"web{answers[0]}"), "x", base=len(people.sockets) - 2)
        return len(people.server.got)

    topology.run(people.asleep(people.bob))

    assert topology.run(work(503, 500)) == 3
    assert topology.run(work(400)) == 1


def test_a_publication_that_comes_twice_notifies_once(topology: Topology, people: People) -> None:
    async def work() -> None:
        await people.asleep(people.bob)
        topology.faults.duplicate("PushQueue")
        await people.say(await people.join(people.ann))

    topology.run(work())

    assert len(people.server.got) == 1


def test_a_recall_replaces_what_was_shown_and_nothing_else(topology: Topology, people: People) -> None:
    async def work() -> tuple[dict[str, Any], list[Any]]:
        ann = await people.join(people.ann)
        unseen = await people.say(ann, "before the token")
        await people.asleep(people.bob)
        seen = await people.say(ann, "shown", base=1)
        people.server.got.clear()
        for answer in (unseen, seen):
            chat = {"type": 0, "target": people.bob}
            await ann.call("message", "recall", {"conversation": chat, "seq": answer["seq"]})
            await topology.settle()
        return seen, people.server.bodies()

    seen, [body] = topology.run(work())

    assert (body["pushMessageType"], body["republish"]) == (5, True)
    assert body["messageId"] == int(seen["uid"])
    assert json.loads(body["pushData"]) == {"messageUid": int(seen["uid"])}


def test_a_channel_that_speaks_to_one_is_named_as_itself(topology: Topology, people: People) -> None:
    async def work() -> list[Any]:
        phone = await people.join(people.bob, f"{people.bob}-phone", 1)
        ann = await people.join(people.ann)
        made = await ann.call("channel", "create", {"name": "The news", "portrait": "https://p/news"})
        channel = made["channelId"]
        await phone.call("channel", "listen", {"channelId": channel, "on": True})
        await phone.call("push", "register", {"token": "t"})
        await phone.close()
        await topology.settle()
        content = {"type": 1, "searchableContent": "for you", "persistFlag": 3}
        body = {"conversation": {"type": 3, "target": channel}, "content": content, "cid": "c", "base": 0}
        await ann.call("message", "send", {**body, "to": [people.bob]})
        await topology.settle()
        return people.server.bodies()

    [body] = topology.run(work())

    assert (body["convType"], body["targetName"], body["targetPortrait"]) == (3, "The news", "https://p/news")


def test_a_friend_request_is_told_with_its_reason_and_without_a_message(topology: Topology, people: People) -> None:
    async def work() -> list[Any]:
        await people.profile(people.ann, "Ann")
        await people.asleep(people.bob)
        ann = await people.join(people.ann)
        await ann.call("profile", "friendRequest", {"userId": people.bob, "reason": "it is me"})
        await topology.settle()
        return people.server.bodies()

    [body] = topology.run(work())

    assert (body["pushMessageType"], body["pushContent"], body["senderName"]) == (3, "it is me", "Ann")
    assert "messageId" not in body


def test_a_kicked_device_is_not_notified(topology: Topology, people: People) -> None:
    async def work() -> None:
        await people.asleep(people.bob)
        await topology.admin("/admin/user/kickoff_client", {"first": people.bob})
        await people.say(await people.join(people.ann))

    topology.run(work())

    assert people.server.got == []


def test_nothing_that_was_written_gets_into_the_log(topology: Topology) -> None:
    log = topology.log_text()

    assert '"message":"push"' in log
    assert "for your eyes only" not in log
    assert "token-of-" not in log
