"""The history checker on small histories made by hand: what is right counts nothing, each broken promise its own name."""

from collections.abc import Mapping, Sequence

import pytest

from bench.chaos.checker import VIOLATIONS, Counts, check
from bench.chaos.history import (
    REPLAYED,
    Acked,
    Adding,
    Began,
    Delivered,
    Due,
    Entry,
    Event,
    History,
    Pushed,
    Refused,
    Removing,
    Restarted,
    Sent,
)

LOG = "team"
TEXTS = ("a", "b", "c")


def counted(
    events: Sequence[Event],
    entries: Sequence[Entry] | None = None,
    *,
    devices: Mapping[str, str] | None = None,
    start: int = 0,
) -> Counts:
    """The counts of a run in which ann's phone sends to ben's."""
    log = tuple(entries if entries is not None else stored(*TEXTS))
    names = devices or {"ann-phone": "ann", "ben-phone": "ben"}
    history = History(tuple(events), {LOG: log}, {LOG: ("ann", "ben")}, names, {LOG: start})
    return check(history).total


def stored(*bodies: str) -> list[Entry]:
    return [Entry(seq, "ann", body) for seq, body in enumerate(bodies, 1)]


def sends(*bodies: str) -> list[Event]:
    """Each was sent and acknowledged, one after the other."""
    return [event for seq, body in enumerate(bodies, 1) for event in (sent(body), Acked(LOG, body, seq))]


def sent(body: str) -> Sent:
    return Sent("ann-phone", LOG, body)


def shown(*seqs: int, bodies: Sequence[str] = TEXTS, device: str = "ben-phone") -> list[Event]:
    return [Delivered(device, LOG, seq, bodies[seq - 1]) for seq in seqs]


def broken(counts: Counts) -> dict[str, int]:
    return {name: value for name in VIOLATIONS if (value := getattr(counts, name))}


def test_a_perfect_run_breaks_nothing_and_counts_everything() -> None:
    counts = counted([Began("none"), *sends(*TEXTS), *shown(1, 2, 3), Due()])

    assert broken(counts) == {}
    assert (counts.sent, counts.acked, counts.expected, counts.received) == (3, 3, 3, 3)


def test_a_delivery_that_never_happens_is_lost() -> None:
    counts = counted([*sends(*TEXTS), *shown(1, 2)])

    assert broken(counts) == {"lost": 1}
    assert (counts.expected, counts.received) == (3, 2)


def test_an_acknowledged_message_that_is_in_no_log_is_lost() -> None:
    assert broken(counted([*sends("a", "b"), *shown(1)], stored("a"))) == {"lost": 1}


def test_a_message_nobody_acknowledged_is_expected_when_it_is_in_the_log() -> None:
    counts = counted([Sent("stranger", LOG, "a")], stored("a"), devices={"ben-phone": "ben"})

    assert broken(counts) == {"lost": 1}


def test_who_is_led_past_a_message_has_a_gap_even_if_it_comes_later() -> None:
    assert broken(counted([*sends(*TEXTS), *shown(1, 3, 2)])) == {"gaps": 1, "reordered": 1}


def test_a_delivery_made_twice_is_duplicated() -> None:
    assert broken(counted([*sends(*TEXTS), *shown(1, 2, 2, 3)])) == {"duplicated": 1}


def test_a_text_stored_twice_is_duplicated() -> None:
    bodies = ("a", "a")
    counts = counted([*sends("a"), *shown(1, 2, bodies=bodies)], stored(*bodies))

    assert broken(counts) == {"duplicated": 1}


def test_a_log_with_a_hole_has_gaps_as_many_as_there_are_slots_missing() -> None:
    entries = [Entry(1, "ann", "a"), Entry(4, "ann", "b")]
    events = [sent("a"), Acked(LOG, "a", 1), sent("b"), Acked(LOG, "b", 4)]
    told = [Delivered("ben-phone", LOG, 1, "a"), Delivered("ben-phone", LOG, 4, "b")]

    assert broken(counted([*events, *told], entries)) == {"gaps": 2}


def test_two_acknowledgements_with_different_seqs_are_a_change() -> None:
    assert broken(counted([*sends(*TEXTS), Acked(LOG, "c", 4), *shown(1, 2, 3)])) == {"changed": 1}


def test_an_acknowledged_seq_where_another_message_stands_is_a_change() -> None:
    events = [sent("a"), Acked(LOG, "a", 2), sent("b"), Acked(LOG, "b", 3), sent("c"), Acked(LOG, "c", 3)]

    assert broken(counted([*events, *shown(1, 2, 3)])) == {"changed": 2}


def test_a_delivery_that_shows_what_is_not_at_its_seq_is_a_change() -> None:
    wrong = Delivered("ben-phone", LOG, 2, "c")

    assert broken(counted([*sends(*TEXTS), *shown(1), wrong, *shown(3)])) == {"changed": 1}


def test_acknowledgements_out_of_the_order_of_sending_are_reordered() -> None:
    events = [sent("a"), sent("b"), Acked(LOG, "a", 2), Acked(LOG, "b", 1)]
    entries = stored("b", "a")

    assert broken(counted([*events, *shown(1, 2, bodies=("b", "a"))], entries)) == {"reordered": 1}


def test_what_comes_after_it_was_due_is_late() -> None:
    assert broken(counted([*sends(*TEXTS), *shown(1, 2), Due(), *shown(3)])) == {"late": 1}


@pytest.mark.parametrize(("logs", "late"), [(frozenset({LOG}), 3), (frozenset({"other"}), 0)])
def test_a_time_may_be_set_for_some_logs_only(logs: frozenset[str], late: int) -> None:
    assert counted([*sends(*TEXTS), Due(logs), *shown(1, 2, 3)]).late == late


def test_what_is_sent_after_a_due_time_is_not_late() -> None:
    assert broken(counted([Due(), *sends(*TEXTS), *shown(1, 2, 3)])) == {}


def test_after_a_kill_the_last_deliveries_may_come_again() -> None:
    counts = counted([*sends(*TEXTS), *shown(1, 2), Restarted("ben-phone"), *shown(2, 3)])

    assert broken(counts) == {}
    assert counts.repeated == 1


def test_after_a_kill_nothing_comes_again_behind_something_new() -> None:
    events = [*sends(*TEXTS), *shown(1, 2), Restarted("ben-phone"), *shown(3, 2)]

    assert broken(counted(events)) == {"duplicated": 1}


def test_after_a_kill_no_more_than_the_last_few_may_come_again() -> None:
    bodies = [str(number) for number in range(1, REPLAYED + 2)]
    seqs = range(1, len(bodies) + 1)
    again = shown(*seqs, bodies=bodies)

    counts = counted([*sends(*bodies), *again, Restarted("ben-phone"), *again], stored(*bodies))

    assert broken(counts) == {"duplicated": 1}
    assert counts.repeated == REPLAYED


def test_a_message_of_a_device_must_end_somehow() -> None:
    assert broken(counted([sent("x")], [])) == {"unsettled": 1}


def test_a_sender_that_is_no_device_may_leave_his_message_open() -> None:
    assert broken(counted([Sent("stranger", LOG, "x")], [])) == {}


def test_a_member_is_not_to_be_refused_but_a_removed_one_may_be() -> None:
    refusal: list[Event] = [sent("x"), Refused(LOG, "x")]

    assert broken(counted(refusal, [])) == {"refused_wrongly": 1}
    assert broken(counted([Removing("ann", LOG), *refusal], [])) == {}


def test_the_own_other_device_expects_what_the_sending_one_does_not() -> None:
    devices = {"ann-phone": "ann", "ann-laptop": "ann"}

    counts = counted([*sends(*TEXTS), *shown(1, 2, 3, device="ann-laptop")], devices=devices)

    assert broken(counts) == {}
    assert counts.expected == 3


def test_what_was_there_before_the_run_is_not_expected() -> None:
    assert broken(counted([*sends(*TEXTS), *shown(3)], start=2)) == {}
    assert broken(counted([*sends(*TEXTS), *shown(1, 2, 3)], start=2)) == {}


def test_each_violation_is_counted_for_the_faults_under_which_the_message_was_sent() -> None:
    events = [Began("rain"), sent("a"), Acked(LOG, "a", 1), Began("snow"), sent("b"), Acked(LOG, "b", 2)]
    history = History(
        tuple(events),
        {LOG: tuple(stored("a", "b"))},
        {LOG: ("ann", "ben")},
        {"ann-phone": "ann", "ben-phone": "ben"},
        {},
    )

    classes = check(history).classes

    assert {name: counts.lost for name, counts in classes.items()} == {"rain": 1, "snow": 1}


# --- members who come and go: 1 a, 2 notice "ben is out", 3 c, 4 notice "ben is in", 5 e


CHANGES = [
    Entry(1, "ann", "a"),
    Entry(2, "desk", left=("ben",)),
    Entry(3, "ann", "c"),
    Entry(4, "desk", joined=("ben",)),
    Entry(5, "ann", "e"),
]
BODIES = ("a", "", "c", "", "e")


def membership(*seen: int, frames: Sequence[int] = ()) -> list[Event]:
    """Ben is removed and added again; his phone shows these seqs, and gets these frames besides."""
    steps: dict[int, list[Event]] = {
        1: [sent("a"), Acked(LOG, "a", 1)],
        2: [Removing("ben", LOG), Pushed("other", LOG, 2)],
        3: [sent("c"), Acked(LOG, "c", 3)],
        4: [Adding("ben", LOG), Pushed("other", LOG, 4)],
        5: [sent("e"), Acked(LOG, "e", 5)],
    }
    events: list[Event] = []
    for seq, step in steps.items():
        events += step
        events += [Pushed("ben-phone", LOG, seq)] if seq in frames else []
        events += shown(seq, bodies=BODIES) if seq in seen else []
    return events


def judged(*seen: int, frames: Sequence[int] = ()) -> dict[str, int]:
    return broken(counted(membership(*seen, frames=frames), CHANGES, devices={"ben-phone": "ben"}))


def test_a_removed_member_sees_his_notice_and_what_comes_from_his_return_on() -> None:
    assert judged(1, 2, 4, 5, frames=[1, 2, 4, 5]) == {}


def test_a_message_shown_to_a_removed_member_is_seen_after_removal() -> None:
    assert judged(1, 2, 3, 4, 5) == {"seen_after_removal": 1}


def test_a_frame_that_reaches_a_removed_member_is_seen_after_removal_even_if_it_is_not_shown() -> None:
    assert judged(1, 2, 4, 5, frames=[3]) == {"seen_after_removal": 1}


def test_what_was_known_before_the_removal_is_expected_of_the_removed_too() -> None:
    assert judged(2, 4, 5) == {"lost": 1, "gaps": 1}


def test_what_came_while_the_removal_was_under_way_may_be_seen_or_not() -> None:
    entries = [Entry(1, "ann", "a"), Entry(2, "desk", left=("ben",))]
    # The message is acknowledged after the server was asked to remove him, and is in front of his notice.
    events = [sent("a"), Removing("ben", LOG), Acked(LOG, "a", 1)]
    notice = Delivered("ben-phone", LOG, 2, "")

    assert broken(counted([*events, notice], entries, devices={"ben-phone": "ben"})) == {}
    assert broken(counted([*events, *shown(1), notice], entries, devices={"ben-phone": "ben"})) == {}


def test_the_notice_of_the_return_and_all_behind_it_is_expected() -> None:
    assert judged(1, 2, 5) == {"lost": 1, "gaps": 1}


def test_what_came_while_the_return_was_under_way_may_be_seen_or_not() -> None:
    events = membership(1, 2, 4, 5)
    late = events.index(Adding("ben", LOG))
    # The third message is acknowledged after the server was asked to add him.
    ack = events.index(Acked(LOG, "c", 3))
    events.insert(late, events.pop(ack))

    assert broken(counted(events, CHANGES, devices={"ben-phone": "ben"})) == {}
    seen = [*events[: late + 1], *shown(3, bodies=BODIES), *events[late + 1 :]]
    assert broken(counted(seen, CHANGES, devices={"ben-phone": "ben"})) == {}


def test_a_removal_that_is_told_twice_reaches_the_removed_twice() -> None:
    entries = [*CHANGES[:3], Entry(4, "desk", left=("ben",))]
    events = [
        *[sent("a"), Acked(LOG, "a", 1), *shown(1), Removing("ben", LOG)],
        *[Delivered("ben-phone", LOG, 2, ""), Pushed("ben-phone", LOG, 4)],
        *[sent("c"), Acked(LOG, "c", 3)],
    ]

    assert broken(counted(events, entries, devices={"ben-phone": "ben"})) == {}


def test_a_removed_author_may_get_his_own_last_message_back() -> None:
    entries = [Entry(1, "desk", left=("ben",)), Entry(2, "ben", "x")]
    events: list[Event] = [Removing("ben", LOG), Sent("ben-phone", LOG, "x"), Acked(LOG, "x", 2)]

    told = [*events, Pushed("ben-laptop", LOG, 2)]

    assert broken(counted(told, entries, devices={"ben-phone": "ben", "ben-laptop": "ben"})) == {}
