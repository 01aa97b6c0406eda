"""Registering, changing, finding and destroying users."""

from itertools import count
from typing import Any

import pytest
from msgspec.structs import replace

from im.errors import Code, ImError, InvalidError
from im.profile.model import Field, User, UserType
from im.profile.service import ProfileService
from im.settings import Switches
from tests.fakes.crash import Crash, CrashPoint
from tests.fakes.delivery import MemoryPresenceStore
from tests.fakes.items import Items
from tests.fakes.machine import MemoryMachineStore
from tests.fakes.profile import MemoryUserStore

NOW = 1_790_000_000_000


class Notes:
    """A domain that keeps something of users."""

    def __init__(self, office: "Office") -> None:
        self._office = office

    def forget(self, user: str) -> None:
        self._office.calls.append(("forget notes", user))


class Office:
    """A profile service that writes down whom it calls."""

    def __init__(self, **switches: Any) -> None:
        self.store = MemoryUserStore()
        self.machines = MemoryMachineStore(MemoryPresenceStore(Items()))
        self.notes = Notes(self)
        self.calls: list[tuple[Any, ...]] = []
        self.now = NOW
        self._switches = Switches(**switches)
        self.service = self.make(CrashPoint())

    def make(self, crash: CrashPoint) -> ProfileService:
        ids = count(1)
        return ProfileService(
            crash.guard(self.store),
            crash.guard(self.machines),
            crash.guard(self),
            crash.guard(self),
            [crash.guard(self.notes)],
            crash.guard(self),
            self._switches,
            lambda: self.now,
            lambda: f"new{next(ids)}",
        )

    def quit_all(self, user: str) -> None:
        self.calls.append(("quit_all", user))

    def kick(self, user: str, client: str | None) -> None:
        self.calls.append(("kick", user, client))

    def forget_user(self, user: str) -> None:
        self.calls.append(("forget", user))

    def push(self, users: list[str], frame_for: Any) -> None:
        self.calls += [("push", user, frame_for(user)) for user in users]


@pytest.fixture
def office() -> Office:
    return Office()


def refusal(code: Code) -> "pytest.RaisesExc[ImError]":
    return pytest.raises(ImError, check=lambda error: error.code is code)


def test_a_user_without_an_id_gets_one(office: Office) -> None:
    assert office.service.create(User("", name="ann")).id == "new1"


def test_creating_again_overwrites_everything_but_the_time_of_creation(office: Office) -> None:
    office.service.create(User("u1", name="ann", mobile="139", extra="x"))
    office.now += 1000

    again = office.service.create(User("u1", name="anna"))

    assert again == User("u1", name="anna", created=NOW, update_dt=NOW + 1000)
    with refusal(Code.NOT_EXIST):
        office.service.find(name="ann")
    with refusal(Code.NOT_EXIST):
        office.service.find(mobile="139")


def test_a_name_of_somebody_else_is_a_server_error_with_a_chinese_text(office: Office) -> None:
    office.service.create(User("u1", name="ann"))

    with refusal(Code.SERVER_ERROR) as caught:
        office.service.create(User("u2", name="ann"))
    assert "用户名" in caught.value.msg


@pytest.mark.parametrize(
    "user",
    [
        User("u1", name=""),
        User("u1", name="ann", type=UserType.ROBOT),
        User("u1", name="ann", type=UserType.DEVICE),
        User("u" * 65, name="ann"),
        User("u\x00", name="ann"),
        User("u1", name="n" * 65),
        User("u1", name="ann", display_name="d" * 65),
        User("u1", name="ann", portrait="p" * 1025),
        User("u1", name="ann", extra="e" * 16_385),
    ],
)
def test_what_cannot_be_a_user_is_refused(office: Office, user: User) -> None:
    with pytest.raises(InvalidError):
        office.service.create(user)


@pytest.mark.parametrize("kind", [0, 3, 100])
def test_persons_and_admins_can_be_registered(office: Office, kind: int) -> None:
    assert office.service.create(User("u1", name="ann", type=kind)).type == kind


def test_an_update_takes_the_chosen_fields_only_and_tells_his_devices(office: Office) -> None:
    office.service.create(User("u1", name="ann", display_name="Ann", portrait="p", gender=1, mobile="139"))
    office.now += 5

    new = User("u1", name="other", display_name="Annie", gender=2, mobile="140")
    office.service.update(new, Field.DISPLAY_NAME | Field.PORTRAIT | Field.MOBILE)

    assert office.service.find(mobile="140") == User(
        "u1", name="ann", display_name="Annie", portrait="", gender=1, mobile="140", created=NOW, update_dt=NOW + 5
    )
    assert office.calls == [("push", "u1", b'{"push":"profile","body":{"userId":"u1"}}')]


@pytest.mark.parametrize("field", list(Field))
def test_every_bit_of_the_mask_has_its_field(office: Office, field: Field) -> None:
    old = office.service.create(User("u1", name="ann"))
    texts = dict.fromkeys(
        ("name", "display_name", "portrait", "mobile", "email", "address", "company", "social"), "new"
    )
    new = User("u1", **texts, extra="new", gender=2)

    changed = office.service.update(new, field)

    name = str(field.name).lower()
    assert changed == replace(old, **{name: getattr(new, name)}, update_dt=changed.update_dt)


def test_an_update_needs_a_field_a_user_and_a_name(office: Office) -> None:
    office.service.create(User("u1", name="ann"))

    with pytest.raises(InvalidError):
        office.service.update(User(""), Field.DISPLAY_NAME)
    for mask in (0, 0x400):
        with pytest.raises(InvalidError):
            office.service.update(User("u1"), mask)
    with pytest.raises(InvalidError):
        office.service.update(User("u1", name=""), Field.NAME)
    with refusal(Code.NOT_EXIST):
        office.service.update(User("u2", display_name="x"), Field.DISPLAY_NAME)
    assert office.calls == []


def test_a_user_cannot_be_renamed_to_somebody_else(office: Office) -> None:
    office.service.create(User("u1", name="ann"))
    office.service.create(User("u2", name="bob"))

    with refusal(Code.SERVER_ERROR):
        office.service.update(User("u2", name="ann"), Field.NAME)


def test_changes_in_the_same_millisecond_are_told_apart(office: Office) -> None:
    created = office.service.create(User("u1", name="ann"))

    changed = office.service.update(User("u1", extra="x"), Field.EXTRA)

    assert changed.update_dt > created.update_dt


def test_a_change_that_came_in_between_is_not_lost(office: Office) -> None:
    office.service.create(User("u1", name="ann"))
    put = office.store.put

    def rival_first(new: User, old: User | None) -> bool:
        office.store.put = put  # type: ignore[method-assign]
        office.service.update(User("u1", extra="rival"), Field.EXTRA)
        return put(new, old)

    office.store.put = rival_first  # type: ignore[method-assign]
    office.service.update(User("u1", display_name="Ann"), Field.DISPLAY_NAME)

    found = office.service.find(user_id="u1")
    assert (found.extra, found.display_name) == ("rival", "Ann")


def test_users_are_found_by_id_before_name_before_mobile(office: Office) -> None:
    for number, name in ((1, "ann"), (2, "bob"), (3, "cem")):
        office.now += 1
        office.service.create(User(f"u{number}", name=name, mobile="139"))

    assert office.service.find(user_id="u1", name="bob", mobile="139").id == "u1"
    assert office.service.find(name="bob", mobile="139").id == "u2"
    assert office.service.find(mobile="139").id == "u1"
    with pytest.raises(InvalidError):
        office.service.find()
    with refusal(Code.NOT_EXIST):
        office.service.find(user_id="nobody", name="ann")


def test_a_destroyed_user_is_blank_and_found_only_on_request(office: Office) -> None:
    office.service.create(User("u1", name="ann", display_name="Ann", mobile="139", portrait="p"))
    office.now += 7

    office.service.destroy("u1")

    assert office.calls == [
        ("kick", "u1", None),
        ("quit_all", "u1"),
        ("forget notes", "u1"),
        ("forget", "u1"),
    ]
    for query in ({"user_id": "u1"}, {"name": "ann"}, {"mobile": "139"}):
        with refusal(Code.NOT_EXIST):
            office.service.find(**query)
    assert office.service.find(user_id="u1", deleted=True) == User(
        "u1", name="u1", display_name="Ann", deleted=True, created=NOW, update_dt=NOW + 7
    )
    assert office.service.create(User("u2", name="ann")).name == "ann"


def test_the_display_name_goes_too_when_the_switch_says_so() -> None:
    office = Office(keep_display_name_when_destroy=False)
    office.service.create(User("u1", name="ann", display_name="Ann"))

    office.service.destroy("u1")

    assert office.service.find(user_id="u1", deleted=True).display_name == ""


def test_destroying_an_unknown_or_destroyed_user_is_success(office: Office) -> None:
    office.service.create(User("u1", name="ann"))

    for user in ("nobody", "u1", "u1"):
        office.service.destroy(user)


def test_a_destruction_that_was_cut_anywhere_is_finished_by_repeating_it() -> None:
    for after in range(6):
        office = Office()
        office.service.create(User("u1", name="ann"))
        with pytest.raises(Crash):
            office.make(CrashPoint(after)).destroy("u1")

        office.service.destroy("u1")

        assert office.service.find(user_id="u1", deleted=True).deleted
        assert [call for call in office.calls if call[0] == "forget"]


def test_the_seeds_of_a_fresh_deployment_are_made_once(office: Office) -> None:
    office.service.ensure_seeds()
    office.service.destroy("admin")
    office.make(CrashPoint()).ensure_seeds()

    types = {user.id: user.type for user in office.store.get_many(["admin", "FireRobot", "wfc_file_transfer"]).values()}
    assert types == {"admin": UserType.ADMIN, "FireRobot": UserType.ROBOT, "wfc_file_transfer": UserType.ROBOT}
    with refusal(Code.NOT_EXIST):
        office.service.find(user_id="admin")


def test_seeding_that_was_cut_anywhere_is_finished_and_leaves_existing_users_alone() -> None:
    for after in range(9):
        office = Office()
        mine = office.service.create(User("admin", name="admin", display_name="Mine"))
        with pytest.raises(Crash):
            office.make(CrashPoint(after)).ensure_seeds()

        office.service.ensure_seeds()

        assert office.service.find(user_id="admin") == mine
        assert office.service.find(name="FireRobot").type == UserType.ROBOT
        assert office.machines.robots_of("FireRobot") == ["FireRobot"]


def test_a_process_looks_for_the_seeds_once_and_not_at_all_without_the_switch(office: Office) -> None:
    looks = CrashPoint()
    service = office.make(looks)
    for _ in range(3):
        service.ensure_seeds()
    seeded = looks.calls
    service.ensure_seeds()
    assert looks.calls == seeded

    bare = Office(seed_demo_objects=False)
    bare.service.ensure_seeds()
    assert bare.store.get_many(["admin"]) == {}


def test_a_user_is_found_by_mail_and_number_as_long_as_he_exists(office: Office) -> None:
    for number in (2, 1):
        office.now += 1
        office.service.create(User(f"u{number}", name=f"n{number}", mobile="139", email="a@b.c"))

    assert [user.id for user in office.service.find_by_mobile("139")] == ["u2", "u1"]
    assert [user.id for user in office.service.find_by_email("a@b.c")] == ["u2", "u1"]
    office.service.destroy("u2")
    assert [user.id for user in office.service.find_by_mobile("139")] == ["u1"]
    for nobody in (lambda: office.service.find_by_email("x@y.z"), lambda: office.service.find_by_mobile("0")):
        with refusal(Code.NOT_EXIST):
            nobody()


def test_a_batch_names_users_in_the_order_asked_for_and_skips_whom_nobody_knows(office: Office) -> None:
    for user in ("u1", "u2", "u3"):
        office.service.create(User(user, name=user))
    office.service.destroy("u3")

    assert [user.id for user in office.service.batch(["u2", "nobody", "u1", "u2", "u3"])] == ["u2", "u1"]
    for wrong in ([], [f"u{number}" for number in range(1_001)]):
        with pytest.raises(InvalidError):
            office.service.batch(wrong)


def test_users_are_listed_page_by_page_without_destroyed_ones(office: Office) -> None:
    for user in ("b", "a", "gone", "c"):
        office.now += 1
        office.service.create(User(user, name=user))
    office.service.destroy("gone")

    assert [user.id for user in office.service.page(0, 2)] == ["b", "a"]
    assert [user.id for user in office.service.page(2, 2)] == ["c"]
    assert office.service.page(3, 2) == []
    for offset, count_ in ((-1, 1), (0, 0), (0, 1_001)):
        with pytest.raises(InvalidError):
            office.service.page(offset, count_)


def test_where_profiles_are_not_hosted_nothing_about_them_is_answered() -> None:
    office = Office(host_profiles=False)
    calls = (
        lambda: office.service.create(User("u1", name="ann")),
        lambda: office.service.update(User("u1", display_name="x"), Field.DISPLAY_NAME),
        lambda: office.service.find(user_id="u1"),
        lambda: office.service.find_by_mobile("139"),
        lambda: office.service.find_by_email("a@b.c"),
        lambda: office.service.batch(["u1"]),
        lambda: office.service.page(0, 1),
    )
    for call in calls:
        with refusal(Code.NOT_IMPLEMENT):
            call()
    assert office.store.get("u1") is None
    office.service.destroy("u1")


def test_accounts_of_any_type_are_registered_for_other_domains_wherever_profiles_are_kept() -> None:
    office = Office(host_profiles=False)

    made = office.service.register(User("r1", name="robot", type=UserType.ROBOT))

    assert office.service.lookup(["r1", "nobody"]) == {"r1": made}
