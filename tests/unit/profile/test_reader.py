"""What users see of others, find, and say of themselves."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from im.errors import Code, ImError, InvalidError
from im.profile.model import User, UserType
from im.profile.reader import ProfileReader
from im.profile.search import PAGE, Audience, endings
from im.settings import Switches
from tests.fakes.profile import MemoryUserStore

NOW = 1_790_000_000_000


class Town:
    """Users, what they set about being found, and who was told what."""

    def __init__(self, *users: User, **switches: Any) -> None:
        self.store = MemoryUserStore()
        for user in users:
            assert self.store.put(user, None)
        self.masks: dict[str, int] = {}
        self.told: list[str] = []
        self.reader = ProfileReader(self.store, self, self.told.append, Switches(**switches), lambda: NOW)

    def search_masks(self, users: Sequence[str]) -> Mapping[str, int]:
        return {user: self.masks[user] for user in users if user in self.masks}

    def found(self, keyword: str, kind: int = 0, page: int = 0) -> list[str]:
        return [user.id for user in self.reader.search("me", keyword, kind, page).users]


ANN = User("u1", name="ann", display_name="Ann Lee", mobile="139", email="a@b.c", gender=2, extra="x")
BOB = User("u2", name="bob", display_name="Bob Annand", mobile="140")


def refusal(code: Code) -> "pytest.RaisesExc[ImError]":
    return pytest.raises(ImError, check=lambda error: error.code is code)


def test_hidden_properties_are_blank_to_everybody_else() -> None:
    town = Town(ANN, hide_properties=(2, 3, 4, 5, 6, 7, 8))

    [seen] = town.reader.profiles("u2", ["u1"]).values()
    [own] = town.reader.profiles("u1", ["u1"]).values()

    assert (seen.display_name, seen.gender, seen.mobile, seen.email, seen.extra) == ("Ann Lee", 0, "", "", "")
    assert own == ANN


def test_hiding_what_cannot_be_hidden_hides_nothing() -> None:
    assert Town(ANN, hide_properties=(0, 1, 9, -1)).reader.profiles("u2", ["u1"]) == {"u1": ANN}


def test_one_changes_what_is_ones_own_and_ones_devices_are_told() -> None:
    town = Town(ANN)

    changed = town.reader.modify("u1", [(0, "Annie"), (1, "p"), (2, "-1"), (3, "666"), (4, "m"), (8, "e")])

    assert (changed.display_name, changed.portrait, changed.gender, changed.email, changed.extra) == (
        ("Annie", "p", -1, "m", "e")
    )
    assert (changed.mobile, changed.name, changed.update_dt) == ("139", "ann", NOW)
    assert town.store.get("u1") == changed
    assert town.told == ["u1"]


def test_saying_the_same_again_succeeds_without_a_write_and_tells_again() -> None:
    town = Town(ANN)
    first = town.reader.modify("u1", [(0, "Annie")])

    assert town.reader.modify("u1", [(0, "Annie")]) is first
    assert town.told == ["u1", "u1"]


@pytest.mark.parametrize(
    "entries", [[(2, "one")], [(2, "")], [(2, "2147483648")], [(9, "x")], [(-1, "x")], [(0, "d" * 65)]]
)
def test_what_cannot_be_a_profile_is_refused_and_nothing_changes(entries: list[tuple[int, str]]) -> None:
    town = Town(ANN)

    with pytest.raises(InvalidError):
        town.reader.modify("u1", [(1, "new"), *entries])
    assert (town.store.get("u1"), town.told) == (ANN, [])


def test_a_mobile_number_alone_modifies_nothing_and_a_stranger_has_no_profile() -> None:
    town = Town(ANN, User("gone", name="gone", deleted=True))

    with refusal(Code.NOT_MODIFIED):
        town.reader.modify("u1", [(3, "1")])
    for nobody in ("nobody", "gone"):
        with refusal(Code.NOT_EXIST):
            town.reader.modify(nobody, [(0, "x")])


@pytest.mark.parametrize(
    ("keyword", "kind", "by_default", "with_ids", "without_names"),
    [
        ("ann", 0, ["u1", "u2"], ["u1", "u2"], ["u1"]),
        ("LEE", 0, ["u1"], ["u1"], []),
        ("n l", 0, ["u1"], ["u1"], []),
        ("u1", 0, [], ["u1"], []),
        ("139", 0, ["u1"], ["u1"], ["u1"]),
        ("ann", 1, ["u1"], ["u1"], ["u1"]),
        ("139", 1, ["u1"], ["u1"], ["u1"]),
        ("ann", 2, ["u1"], ["u1"], ["u1"]),
        ("139", 2, [], [], []),
        ("139", 3, ["u1"], ["u1"], ["u1"]),
        ("ann", 3, [], [], []),
        ("u1", 4, [], ["u1"], []),
        ("u1", 5, [], ["u1"], []),
        ("ann", 5, ["u1"], ["u1"], ["u1"]),
        ("ann", 100, ["u1", "u2"], ["u1", "u2"], ["u1"]),
        ("nobody", 0, [], [], []),
    ],
)
def test_the_type_and_the_switches_say_what_is_looked_at(
    keyword: str, kind: int, by_default: list[str], with_ids: list[str], without_names: list[str]
) -> None:
    assert Town(ANN, BOB).found(keyword, kind) == by_default
    assert Town(ANN, BOB, disable_user_id_search=False).found(keyword, kind) == with_ids
    assert Town(ANN, BOB, disable_nick_name_search=True).found(keyword, kind) == without_names
    assert Town(ANN, BOB, disable_search=True).found(keyword, kind) == []


def test_a_search_by_the_api_heeds_no_switch_and_no_mask() -> None:
    town = Town(ANN, BOB, disable_search=True, hide_properties=(3,))
    town.masks["u1"] = 15

    assert town.reader.search_all("u1", 4, 0).users == (ANN,)


def test_the_api_finds_users_or_robots_or_both() -> None:
    robot = User("r1", name="robot", display_name="Annbot", type=UserType.ROBOT)
    town = Town(ANN, robot)

    by_audience = {who: [user.id for user in town.reader.search_all("ann", 0, 0, who).users] for who in Audience}

    assert by_audience == {Audience.ALL: ["u1", "r1"], Audience.USERS: ["u1"], Audience.ROBOTS: ["r1"]}


@pytest.mark.parametrize(
    ("mask", "found_by"),
    [(0, {"ann", "139", "lee"}), (1, {"ann", "139"}), (2, {"ann", "139", "lee"}), (4, {"ann", "lee"}), (7, set())],
)
def test_one_is_not_found_by_what_one_forbids(mask: int, found_by: set[str]) -> None:
    town = Town(ANN)
    town.masks["u1"] = mask

    # "ann" is both the login name and a part of the display name: one of them suffices.
    assert {keyword for keyword in ("ann", "139", "lee") if town.found(keyword)} == found_by


def test_devices_and_destroyed_users_are_not_found() -> None:
    town = Town(
        User("d1", name="fridge", display_name="Fridge", mobile="1", type=UserType.DEVICE),
        User("gone", name="gone", display_name="Gone", mobile="2", deleted=True),
        disable_user_id_search=False,
    )

    assert [town.found(keyword) for keyword in ("fridge", "1", "d1", "gone", "2")] == [[]] * 5


def test_pages_hold_exact_hits_first_and_no_one_twice() -> None:
    crowd = [User(f"u{number:02}", name=f"name{number}", display_name=f"Kim {number:02}") for number in range(45)]
    town = Town(*crowd, User("kim", name="kim", display_name="Kim"))

    pages = [town.reader.search("me", "kim", 0, page) for page in range(4)]

    assert [len(page.users) for page in pages] == [PAGE, PAGE, 6, 0]
    assert [page.more for page in pages] == [True, True, False, False]
    assert pages[0].users[0].id == "kim"
    ids = [user.id for page in pages for user in page.users]
    assert sorted(ids) == sorted({user.id for user in crowd} | {"kim"})


@pytest.mark.parametrize(
    ("keyword", "kind", "page"), [("", 0, 0), ("  ", 0, 0), ("k" * 65, 0, 0), ("k", 6, 0), ("k", 0, -1)]
)
def test_what_cannot_be_searched_for_is_refused(keyword: str, kind: int, page: int) -> None:
    with pytest.raises(InvalidError):
        Town(ANN).found(keyword, kind, page)


def test_a_search_beyond_the_last_page_is_empty() -> None:
    assert Town(ANN).found("ann", page=10) == []


def test_every_part_of_a_display_name_begins_an_ending_of_it() -> None:
    found = endings(User("u", name="u", display_name="\uff21\u00df \u738b"))

    assert found == {"ass \u738b", "ss \u738b", "s \u738b", "\u738b"}
    assert max(map(len, endings(User("u", name="u", display_name="n" * 64)))) == 24


def test_where_profiles_are_not_hosted_nothing_is_answered() -> None:
    reader = Town(ANN, host_profiles=False).reader
    for call in (
        lambda: reader.profiles("u1", ["u1"]),
        lambda: reader.modify("u1", [(0, "x")]),
        lambda: reader.search("u1", "ann", 0, 0),
        lambda: reader.search_all("ann", 0, 0),
    ):
        with refusal(Code.NOT_IMPLEMENT):
            call()
