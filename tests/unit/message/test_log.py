"""The log: contiguous seqs, and each message once, whatever is repeated."""

import pytest
from msgspec.structs import replace

from im.errors import Code, ImError
from im.message.log import Head, Log, Walk
from im.message.model import Message
from im.platform.uids import Uids
from tests.fakes.connect import MemoryEphemera
from tests.fakes.items import Items
from tests.fakes.message import MemoryMessageStore


@pytest.fixture
def store() -> MemoryMessageStore:
    return MemoryMessageStore(Items())


@pytest.fixture
def log(store: MemoryMessageStore) -> Log:
    return Log(store, Uids(MemoryEphemera(), lambda: 1_790_000_000_000), index_uids=True)


def draft(cid: str, sender: str = "alice") -> Message:
    return Message("0|0|alice|bob", 0, 0, cid, sender, 0, '{"type":1}')


def test_seqs_begin_at_one_and_have_no_holes(log: Log) -> None:
    heads = [Head()]
    for cid in "abcde":
        message = log.append(draft(cid), heads[-1]).message
        heads.append(Head(message.seq, message.uid))

    assert [head.seq for head in heads] == [0, 1, 2, 3, 4, 5]


def test_a_resend_with_the_same_base_finds_the_first_one(log: Log, store: MemoryMessageStore) -> None:
    first = log.append(draft("a"), Head())
    for cid in "bcdefg":
        log.append(draft(cid, "bob"), Head())

    again = log.append(draft("a"), Head())

    assert (again.fresh, again.message) == (False, first.message)
    assert len(store.logs["0|0|alice|bob"]) == 7


def test_a_resend_is_found_when_the_log_is_read_instead_of_probed(log: Log) -> None:
    first = log.append(draft("a"), Head())
    for cid in "bcdefg":
        log.append(draft(cid, "bob"), Head(), behind=True)

    again = log.append(draft("a"), Head(), behind=True)

    assert (again.fresh, again.message.seq) == (False, first.message.seq)


def test_the_same_cid_of_another_sender_is_another_message(log: Log) -> None:
    mine = log.append(draft("a", "alice"), Head())
    his = log.append(draft("a", "bob"), Head())

    assert (mine.message.seq, his.message.seq) == (1, 2)
    assert his.fresh


def test_a_put_that_took_effect_but_was_answered_late_counts_as_done(log: Log, store: MemoryMessageStore) -> None:
    lost = replace(draft("a"), seq=1, uid=128, time=1)
    store.put(lost, indexed=True)

    again = log.append(draft("a"), Head())

    assert (again.fresh, again.message) == (False, lost)


def test_uids_grow_along_a_conversation_even_from_a_slow_clock(store: MemoryMessageStore) -> None:
    fast = Log(store, Uids(MemoryEphemera(), lambda: 1_790_000_060_000), index_uids=True)
    slow = Log(store, Uids(MemoryEphemera(), lambda: 1_790_000_000_000), index_uids=True)

    uids = [each.append(draft(cid), Head()).message.uid for each, cid in ((fast, "a"), (slow, "b"), (fast, "c"))]

    assert uids == sorted(set(uids))


def test_every_uid_is_exact_as_a_double(log: Log) -> None:
    uid = log.append(draft("a"), Head()).message.uid

    assert int(float(uid)) == uid
    assert uid % 128 == 0


def test_a_base_too_far_behind_is_told_to_sync_first(log: Log) -> None:
    for number in range(12):
        log.append(draft(str(number), "bob"), Head(), behind=True)

    with pytest.raises(ImError) as refused:
        log.append(draft("late"), Head(), walk=Walk(10, 10**6))

    assert (refused.value.code, refused.value.retry) == (Code.USER_NOT_PREPARED, True)


def test_a_base_behind_much_text_is_told_to_sync_first_and_a_resend_before_it_is_found(log: Log) -> None:
    mine = log.append(draft("mine"), Head()).message
    for number in range(12):
        log.append(replace(draft(str(number), "bob"), payload="x" * 1_000), Head(), behind=True)

    with pytest.raises(ImError) as refused:
        log.append(draft("late"), Head(), walk=Walk(100, 10_000))

    assert refused.value.code == Code.USER_NOT_PREPARED
    assert log.append(draft("mine"), Head(), walk=Walk(100, 10_000)).message == mine


def test_a_busy_conversation_costs_few_puts(log: Log, store: MemoryMessageStore) -> None:
    for number in range(100):
        log.append(draft(str(number), "bob"), Head(), behind=True)
    store.puts = 0

    log.append(draft("late"), Head())

    assert store.puts == 3
