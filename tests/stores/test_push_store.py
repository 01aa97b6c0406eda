"""The contract of push tokens and of what has been pushed."""

import pytest

from im.push.store import ClaimStore, DynamoClaimStore, DynamoTokenStore, Owner, TokenStore
from tests.fakes.push import MemoryClaimStore, MemoryTokenStore
from tests.stores.tables import DIRECTORY, EPHEMERA

NOW = 1_790_000_000_000
ALICE = Owner("al|ice", "phone")


@pytest.fixture(params=["memory", "dynamo"])
def tokens(request: pytest.FixtureRequest) -> TokenStore:
    if request.param == "memory":
        return MemoryTokenStore()
    return DynamoTokenStore(request.getfixturevalue("dynamo"), DIRECTORY)


@pytest.fixture(params=["memory", "dynamo"])
def claims(request: pytest.FixtureRequest) -> ClaimStore:
    if request.param == "memory":
        return MemoryClaimStore()
    return DynamoClaimStore(request.getfixturevalue("dynamo"), EPHEMERA)


def test_a_token_belongs_to_who_claimed_it_last(tokens: TokenStore) -> None:
    assert tokens.claim("d1", "al|ice", "phone") is None
    assert tokens.claim("d1", "bob", "phone") == ALICE

    assert tokens.owners(["d1", "d2"]) == {"d1": Owner("bob", "phone")}


def test_an_endpoint_is_kept_until_the_token_is_claimed_again(tokens: TokenStore) -> None:
    tokens.claim("d1", "al|ice", "phone")
    tokens.note_endpoint("d1", ALICE, "arn:1")
    assert tokens.owners(["d1"])["d1"].endpoint == "arn:1"

    assert tokens.claim("d1", "al|ice", "phone") == Owner("al|ice", "phone", "arn:1")
    assert tokens.owners(["d1"])["d1"].endpoint == ""


def test_only_the_owner_notes_an_endpoint_and_lets_go(tokens: TokenStore) -> None:
    tokens.claim("d1", "bob", "phone")

    tokens.note_endpoint("d1", ALICE, "arn:1")
    tokens.release("d1", "bob", "tablet")
    tokens.note_endpoint("d2", ALICE, "arn:1")
    assert tokens.owners(["d1", "d2"]) == {"d1": Owner("bob", "phone")}

    tokens.release("d1", "bob", "phone")
    tokens.release("d1", "bob", "phone")
    assert tokens.owners(["d1"]) == {}


def test_a_notification_is_claimed_once_on_each_device(claims: ClaimStore) -> None:
    assert claims.claim("alice", "phone", "17", NOW, "a")
    assert claims.claim("alice", "tablet", "17", NOW, "a")
    assert claims.claim("alice", "phone", "18", NOW, "a")
    assert not claims.claim("alice", "phone", "17", NOW, "b")

    claims.release("alice", "phone", "17", "b")
    assert not claims.claim("alice", "phone", "17", NOW, "b")
    claims.release("alice", "phone", "17", "a")
    assert claims.claim("alice", "phone", "17", NOW, "b")


def test_an_attempt_finds_its_own_claim_whose_answer_was_lost(claims: ClaimStore) -> None:
    assert claims.claim("alice", "phone", "17", NOW, "a")
    assert claims.claim("alice", "phone", "17", NOW, "a")

    claims.withdraw("alice", "phone", "17", NOW, "w")

    assert not claims.claim("alice", "phone", "17", NOW, "a")


def test_what_was_shown_is_withdrawn_once(claims: ClaimStore) -> None:
    claims.claim("alice", "phone", "17", NOW, "a")

    assert claims.withdraw("alice", "phone", "17", NOW, "w")
    assert claims.withdraw("alice", "phone", "17", NOW, "w"), "the answer may have been lost"
    assert not claims.withdraw("alice", "phone", "17", NOW, "x")

    claims.restore("alice", "phone", "17", "x")
    assert not claims.withdraw("alice", "phone", "17", NOW, "x")
    claims.restore("alice", "phone", "17", "w")
    assert claims.withdraw("alice", "phone", "17", NOW, "x")


def test_a_device_remembers_by_which_message_it_was_called(claims: ClaimStore) -> None:
    claims.note_call("alice", "phone", "c1", 17, NOW)

    assert claims.call_start("alice", "phone", "c1") == 17
    assert claims.call_start("alice", "phone", "c2") == claims.call_start("alice", "tablet", "c1") == 0


def test_what_was_withdrawn_first_is_never_shown(claims: ClaimStore) -> None:
    assert not claims.withdraw("alice", "phone", "17", NOW, "w")
    assert not claims.claim("alice", "phone", "17", NOW, "a")
