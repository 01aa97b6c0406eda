"""Rosters in pages: whatever the pages look like, the members are those of a plain list."""

from itertools import count

from hypothesis import given, settings
from hypothesis import strategies as st

from im.group.roster import PAGE_BYTES, Roster, RosterPage

users = st.integers(0, 60).map(lambda number: f"user{number:02d}" + "x" * 250)
changes = st.lists(st.tuples(st.booleans(), st.lists(users, max_size=30)), max_size=12)


def test_a_small_roster_is_its_tail_and_counts_its_versions() -> None:
    roster = Roster(4, ("a", "b"))

    assert roster.with_added(["b", "c", "c"]) == Roster(5, ("a", "b", "c"))
    assert roster.with_removed({"a", "x"}) == Roster(5, ("b",))
    assert roster.ids == ("a", "b")
    assert roster.count == 2


@settings(max_examples=60, deadline=None)
@given(changes)
def test_any_history_gives_the_members_of_a_plain_set(history: list[tuple[bool, list[str]]]) -> None:
    roster, plain, names = Roster(0), set[str](), count()
    for added, ids in history:
        roster = (roster.with_added(ids) if added else roster.with_removed(ids)).named(lambda: f"page{next(names)}")
        plain = plain | set(ids) if added else plain - set(ids)

    assert sorted(roster.ids) == sorted(plain)
    assert roster.count == len(plain)
    assert roster.version == len(history)
    for part in (roster.tail, *(page.ids for page in roster.pages)):
        assert sum(len(user) + 1 for user in part) <= PAGE_BYTES


def test_one_more_member_of_a_large_group_leaves_every_page_as_it_is() -> None:
    roster = Roster(0).with_added(f"member-{number:015d}" for number in range(10_000)).named(lambda: "page")

    more = roster.with_added(["newcomer"])

    assert len(roster.pages) > 50
    assert more.pages[: len(roster.pages)] == roster.pages
    assert more.ids[-1] == "newcomer"


def test_one_member_less_makes_one_page_anew() -> None:
    roster = Roster(0).with_added(f"member-{number:015d}" for number in range(10_000)).named(lambda: "page")

    less = roster.with_removed(["member-000000000000200"])

    changed = [page for page in less.pages if page not in roster.pages]
    assert [(page.name, "member-000000000000200" in page.ids) for page in changed] == [("", False)]
    assert less.count == 9_999


def test_what_is_left_of_a_small_page_goes_to_the_tail() -> None:
    page = RosterPage(tuple(f"u{number}" for number in range(300)), "full")

    roster = Roster(7, ("last",), (page,)).with_removed(page.ids[2:])

    assert roster == Roster(8, ("u0", "u1", "last"))
