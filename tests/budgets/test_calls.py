"""What an operation may cost, counted on the whole topology: dearer is a failure, cheaper moves the number here."""

from collections.abc import Iterator

import pytest

from bench.workloads import WORKLOADS, Workload, group, round_trips
from local.meter import Measurement
from local.topology import Topology
from tests.budgets.measuring import measure

pytestmark = pytest.mark.xdist_group("topology")


@pytest.fixture(scope="module")
def topology() -> Iterator[Topology]:
    with Topology.from_cdk() as running:
        yield running


def named(name: str) -> Workload:
    return next(workload for workload in WORKLOADS if workload.name == name)


INDEX_UNIT = 1


@pytest.mark.parametrize("size", [2, 100, 2_000])
def test_storing_a_message_takes_one_write_unit_whatever_the_number_of_members(topology: Topology, size: int) -> None:
    workload = Workload("", "MessageWs", None, group(size, 2))

    measured = measure(topology, workload)

    assert measured.units("dynamodb.write") == 1 + INDEX_UNIT


def test_a_one_to_one_message_takes_two_round_trips_before_it_is_durable(topology: Topology) -> None:
    measured = measure(topology, named("one-to-one, both online"))

    calls = [call.operation for call in measured.calls(function="MessageWs", service="dynamodb")]
    assert calls == ["BatchGetItem", "PutItem"]
    assert measured.units("dynamodb.write") == 1 + INDEX_UNIT
    assert measured.units("dynamodb.read") <= 2.5
    assert measured.units("socket.message") == 3


def test_a_group_message_takes_two_round_trips_before_it_is_durable(topology: Topology) -> None:
    measured = measure(topology, named("group of 100, 30 online"))

    calls = [call.operation for call in measured.calls(function="MessageWs", service="dynamodb")]
    assert calls[:2] == ["BatchGetItem", "PutItem"]
    assert round_trips(measured, "MessageWs") <= 4
    assert measured.units("dynamodb.read") <= 3
    assert measured.units("socket.message") == 31


@pytest.mark.parametrize(
    ("name", "reads", "writes", "dollars"),
    [
        ("one-to-one, both online", 2.5, 2, 4.85),
        ("one-to-one, recipient offline", 3, 2, 3.8),
        ("group of 100, 30 online", 3, 2, 35.9),
        ("group of 300, 10 online (queue)", 3, 2, 15.2),
        ("the same after somebody connected", 155, 2, 34.0),
        ("ping, 50 quiet conversations", 2, 0, 2.45),
        ("hello, 50 conversations", 53, 0, 9.2),
        ("connect and disconnect", 5.5, 4, 3.7),
    ],
)
def test_an_operation_stays_within_its_budget(
    topology: Topology, name: str, reads: float, writes: float, dollars: float
) -> None:
    measured = measure(topology, named(name))

    assert measured.units("dynamodb.read") <= reads
    assert measured.units("dynamodb.write") <= writes
    assert measured.counted_usd * 1e6 <= dollars, measured.table(1_000_000)


FRIENDS: list[tuple[str, str, dict[str, object], int, float, float]] = [
    # who, operation, body, and at most: calls, read units, write units
    ("ann", "friendRequest", {"userId": "bob", "reason": "hi"}, 9, 6, 6),
    ("bob", "friendRequests", {}, 1, 1, 0),
    ("bob", "friendRequestsRead", {"until": 5}, 4, 0.5, 2),
    ("bob", "friendAnswer", {"userId": "ann", "status": 1}, 30, 11, 27),
    ("bob", "friends", {}, 1, 1, 0),
    ("bob", "friendAlias", {"userId": "ann", "alias": "x"}, 5, 4.5, 2),
    ("bob", "blacklist", {"userId": "ann", "on": True}, 5, 4.5, 5),
    ("bob", "friendDelete", {"userId": "ann"}, 7, 5, 10),
]


def test_a_friendship_stays_within_its_budget_from_its_beginning_to_its_end(topology: Topology) -> None:
    async def work() -> list[tuple[str, Measurement]]:
        sockets = {user: await topology.socket(user, f"{user}s-phone", 1) for user in ("ann", "bob")}
        measured = []
        for who, op, body, *_ in FRIENDS:
            with topology.meter.measure() as each:
                await sockets[who].call("profile", op, body)
                await topology.settle()
            measured.append((op, each))
        return measured

    for (op, measured), (*_, calls, reads, writes) in zip(topology.run(work()), FRIENDS, strict=True):
        assert len(measured.calls(function="ProfileWs")) <= calls, op
        assert measured.units("dynamodb.read") <= reads, op
        assert measured.units("dynamodb.write") <= writes, op


GET, BATCH, QUERY, TRANSACT, UPDATE = "GetItem", "BatchGetItem", "Query", "TransactWriteItems", "UpdateItem"
FLO, ELI = {"type": 0, "target": "flo"}, {"type": 0, "target": "eli"}
SETTINGS: list[tuple[str, str, str, dict[str, object], list[str], float, float]] = [
    # who, route, operation, body, the calls to DynamoDB, and at most: read units, write units
    ("flo", "profile", "setting", {"scope": 26, "key": "team", "value": "x"}, [BATCH, TRANSACT, BATCH], 2.5, 4),
    ("flo", "profile", "setting", {"scope": 1, "key": "0-0-eli", "value": "1"}, [BATCH, TRANSACT, BATCH], 2.5, 6),
    ("flo", "profile", "settings", {"after": 0}, [BATCH, QUERY], 2, 0),
    ("flo", "profile", "settings", {"after": 2**52}, [BATCH], 1, 0),
    ("flo", "session", "ping", {"sync": None}, [GET, QUERY, QUERY], 2.5, 0),
    ("flo", "message", "read", {"conversation": ELI, "seq": 1}, [BATCH, QUERY, UPDATE, BATCH], 3, 1),
    ("eli", "message", "receipts", {"conversation": FLO}, [BATCH, BATCH, BATCH], 3, 0),
]


def test_settings_and_receipts_stay_within_their_budgets(topology: Topology) -> None:
    """Of what hello and ping tell of settings, nothing is read besides the conversation rows."""

    async def work() -> list[Measurement]:
        sockets = {user: await topology.socket(user, f"{user}s-phone", 1) for user in ("eli", "flo")}
        message = {"content": {"type": 1, "persistFlag": 3}, "cid": "c", "base": 0}
        await sockets["eli"].call("message", "send", {"conversation": FLO, **message})
        await topology.settle()
        measured = []
        for who, route, op, body, *_ in SETTINGS:
            with topology.meter.measure() as each:
                await sockets[who].call(route, op, body)
                await topology.settle()
            measured.append(each)
        return measured

    for (_, _, op, _, calls, reads, writes), measured in zip(SETTINGS, topology.run(work()), strict=True):
        assert [call.operation for call in measured.calls(service="dynamodb")] == calls, op
        assert measured.units("dynamodb.read") <= reads, op
        assert measured.units("dynamodb.write") <= writes, op


PROFILES: list[tuple[str, dict[str, object], int, float, float]] = [
    # operation, body, and at most: calls of the function, read units, write units
    ("users", {"users": [{"userId": "gil"}, {"userId": "nobody"}]}, 1, 2, 0),
    ("modify", {"entries": [{"type": 0, "value": "Gilbert"}]}, 4, 2, 24),
    ("modify", {"entries": [{"type": 0, "value": "Gilberta"}]}, 4, 2, 36),
    ("modify", {"entries": [{"type": 4, "value": "g@example.org"}]}, 4, 2, 6),
    ("search", {"keyword": "ilbert"}, 6, 5, 0),
    ("watch", {"users": ["hal"], "seconds": 60}, 2, 1, 1),
    ("presence", {}, 2, 1.5, 0),
    ("state", {"state": 2, "text": "busy"}, 3, 1.5, 1),
]


def test_profiles_and_presence_stay_within_their_budgets(topology: Topology) -> None:
    """A display name costs two write units a letter that is new to it, and two a letter that goes."""

    async def work() -> list[tuple[str, Measurement]]:
        created = await topology.admin("/admin/user/create", {"userId": "gil", "name": "gil", "displayName": ""})
        assert created["code"] == 0
        socket = await topology.socket("gil", "gils-phone", 1)
        measured = []
        for op, body, *_ in PROFILES:
            with topology.meter.measure() as each:
                await socket.call("profile", op, body)
                await topology.settle()
            measured.append((op, each))
        return measured

    found = topology.run(work())
    seen = [
        (op, len(each.calls(function="ProfileWs")), each.units("dynamodb.read"), each.units("dynamodb.write"))
        for op, each in found
    ]
    print(seen)  # noqa: T201
    for (op, calls, reads, writes), (_, _, most_calls, most_reads, most_writes) in zip(seen, PROFILES, strict=True):
        assert (calls <= most_calls, reads <= most_reads, writes <= most_writes) == (True, True, True), seen
        assert op
