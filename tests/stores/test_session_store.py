"""The contract of sessions and of what is ephemeral."""

from typing import Protocol

import pytest

from im.connect.model import Session
from im.connect.store import DynamoSessionStore, SessionStore
from im.limits import Buckets
from im.platform.ephemera import Ephemera
from im.platform.uids import NodeLeases
from tests.fakes.connect import MemoryEphemera, MemorySessionStore
from tests.stores.tables import DIRECTORY, EPHEMERA


class Signs(Protocol):
    """Remembers used signatures."""

    def remember(self, family: str, sign: str, now_ms: int, until_ms: int) -> bool: ...


class AnyEphemera(NodeLeases, Buckets, Signs, Protocol):
    """All that is ephemeral."""


@pytest.fixture(params=["memory", "dynamo"])
def store(request: pytest.FixtureRequest) -> SessionStore:
    if request.param == "memory":
        return MemorySessionStore()
    return DynamoSessionStore(request.getfixturevalue("dynamo"), DIRECTORY)


@pytest.fixture(params=["memory", "dynamo"])
def ephemera(request: pytest.FixtureRequest) -> AnyEphemera:
    if request.param == "memory":
        return MemoryEphemera()
    return Ephemera(request.getfixturevalue("dynamo"), EPHEMERA)


PHONE = Session("alice", "phone", 1, 3, 1_000)


def test_a_session_comes_back_whole(store: SessionStore) -> None:
    store.put(PHONE)

    assert store.get("alice", "phone") == PHONE
    assert store.get("alice", "tablet") is None
    assert store.of_user("alice") == [PHONE]


def test_an_ended_session_stays_ended(store: SessionStore) -> None:
    store.put(PHONE)

    assert store.mark_deleted("alice", "phone")
    assert not store.mark_deleted("alice", "tablet")
    session = store.get("alice", "phone")
    assert session is not None
    assert (session.deleted, session.generation) == (True, 3)
    assert store.get("alice", "tablet") is None


def test_a_client_id_belongs_to_one_user_at_a_time(store: SessionStore) -> None:
    assert [store.claim("phone", user) for user in ("alice", "alice", "bob")] == [None, None, "alice"]


def test_the_gate_reads_session_and_status_together(store: SessionStore) -> None:
    store.put(PHONE)
    store.set_status("alice", 2)

    assert store.gate("alice", "phone") == (PHONE, 2)
    assert store.gate("bob", "phone") == (None, 0)


def test_only_users_with_a_status_are_listed(store: SessionStore) -> None:
    for user, status in (("alice", 1), ("bob", 2), ("carol", 1), ("carol", 0)):
        store.set_status(user, status)

    assert store.blocked() == [("alice", 1), ("bob", 2)]


def test_a_forgotten_user_leaves_nothing(store: SessionStore) -> None:
    store.put(PHONE)
    store.set_status("alice", 1)

    store.forget("alice")

    assert (store.of_user("alice"), store.status("alice")) == ([], 0)


def test_a_node_number_is_leased_to_one_holder_until_its_time_is_over(ephemera: AnyEphemera) -> None:
    assert ephemera.acquire(7, "me", 1_000, 5_000)
    assert not ephemera.acquire(7, "you", 2_000, 6_000)
    assert ephemera.acquire(7, "me", 3_000, 7_000)
    assert ephemera.acquire(7, "you", 7_001, 9_000)


def test_a_signature_is_good_once(ephemera: AnyEphemera) -> None:
    assert ephemera.remember("admin", "abc", 1_000, 5_000)
    assert not ephemera.remember("admin", "abc", 2_000, 6_000)
    assert ephemera.remember("robot", "abc", 2_000, 6_000)
    assert ephemera.remember("admin", "abc", 5_001, 9_000)


def test_a_bucket_counts_by_owner_and_window(ephemera: AnyEphemera) -> None:
    assert ephemera.spend("send", "alice", 20, 5, 1_000) == 20
    assert ephemera.spend("send", "alice", 20, 5, 1_000) == 40
    assert ephemera.spend("send", "alice", 20, 6, 1_000) == 20
    assert ephemera.spend("send", "bob", 20, 5, 1_000) == 20
