"""The use cases of users' settings (client-semantics spec 5.5; server-api spec 2.1)."""

from collections.abc import Sequence
from functools import partial
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from im.delivery.changes import Changes
from im.delivery.model import Change
from im.errors import BusyError, Code, ImError, InvalidError
from im.message.model import check_id
from im.platform.clock import Clock
from im.platform.parallel import run_all
from im.setting.model import (
    CLEARED_MS,
    MAX_BATCH,
    MAX_SETTINGS,
    Head,
    Scope,
    Setting,
    apply,
    check_setting,
    group_of,
    is_on,
    level,
)
from im.setting.store import SettingStore

_ATTEMPTS = 6
_MAX_DROPPED = 50


class Put(Struct, frozen=True):
    """What a put did to the version: a device that had ``previous`` has ``version`` now, any other asks."""

    previous: int
    version: int


class ReceiptSwitch(Protocol):
    """Where it is noted who gives no receipts."""

    def set_receipts(self, user: str, on: bool) -> None:
        """Note it."""


class CustomState(Protocol):
    """Whoever shows others what a user says of himself."""

    def say(self, user: str, value: str) -> None:
        """Show the value of setting 23."""


class SettingService:
    """Puts settings and tells the user's devices.

    Args:
        store: the settings.
        changes: tells devices.
        presence: where it is noted who gives no receipts.
        clock: the time.
        state: shows others the custom state.
    """

    def __init__(
        self,
        store: SettingStore,
        changes: Changes,
        presence: ReceiptSwitch,
        clock: Clock,
        state: CustomState | None = None,
    ) -> None:
        self._state = state
        self._store = store
        self._changes = changes
        self._presence = presence
        self._clock = clock

    def put(self, user: str, settings: Sequence[Setting], *, client: str | None = None) -> Put:
        """Store settings of a user and tell his other devices; the last one under a scope and key counts.

        One transaction holds all of it, so a crash leaves all or nothing; after it, the push is lost at the worst, and the
        next heartbeat shows the version. Repeating a put stores the same again under a newer version. Only who gives no
        receipts is noted elsewhere as well, and first: until the repeat he rather gives too few; and what he says of himself
        is shown to others, last.

        Args:
            user: whose; he need not be registered.
            settings: at most ``MAX_BATCH``; their versions are made here.
            client: the device that asks; None for the server, which may put what clients may not.

        Raises:
            InvalidError: a setting is not acceptable, or the user has too many.
            ImError: 248, a client may not write what the server keeps.
            BusyError: try again.
        """
        check_id(user, "userId")
        if not 1 <= len(settings) <= MAX_BATCH:
            raise InvalidError(f"settings must have 1 to {MAX_BATCH} entries")
        wanted = {each.name: check_setting(each, by_client=client is not None) for each in settings}
        return self._put(user, list(wanted.values()), client)

    def _put(self, user: str, settings: Sequence[Setting], client: str | None) -> Put:
        for each in settings:
            if each.name == (Scope.DISABLE_RECEIPT, ""):
                self._presence.set_receipts(user, not is_on(each.value))
        for _ in range(_ATTEMPTS):
            before, known = self._store.find(user, [each.name for each in settings])
            first = max(self._clock(), before.version + 1)
            stored = [replace(each, version=first + place) for place, each in enumerate(settings)]
            new = len(settings) - len(known)
            dropped = self._room(user, before, new) if before.count + new > MAX_SETTINGS else []
            after = Head(stored[-1].version, before.count + new - len(dropped), apply(before.rules, stored))
            if self._store.put(user, stored, before, after, dropped):
                self._changes.announce(user, Change.SETTINGS, after.version, except_client=client)
                self._show(user, stored)
                return Put(before.version, after.version)
        raise BusyError("the settings are being changed by another device")

    def _show(self, user: str, settings: Sequence[Setting]) -> None:
        for each in settings:
            if each.name == (Scope.CUSTOM_STATE, "") and self._state is not None:
                self._state.say(user, each.value)

    def _room(self, user: str, head: Head, new: int) -> list[Setting]:
        """Settings that were cleared long ago, to make room for new ones.

        Raises:
            InvalidError: there is no room.
        """
        forgotten = [
            each for each in self._store.of_user(user) if not each.value and each.version < self._clock() - CLEARED_MS
        ][:_MAX_DROPPED]
        if head.count + new - len(forgotten) > MAX_SETTINGS:
            raise InvalidError(f"a user may have {MAX_SETTINGS} settings")
        return forgotten

    def since(self, user: str, after: int) -> tuple[list[Setting], int]:
        """The settings that are newer than a version, in the order of their versions, and the version that this reaches.

        The version is read before the settings: whatever it covers was stored by then. What comes in between is left for
        the next time. A device that has nothing yet is spared the cleared ones.
        """
        version = self._store.head(user).version
        if version <= after:
            return [], version
        newer = [
            each for each in self._store.of_user(user) if after < each.version <= version and (after or each.value)
        ]
        return sorted(newer, key=lambda each: each.version), version

    def get(self, user: str, scope: int, key: str) -> Setting:
        """One setting.

        Raises:
            ImError: 253, it was never put.
        """
        check_id(user, "userId")
        found = self._store.find(user, [check_setting(Setting(scope, key, ""), by_client=False).name])[1]
        if not found:
            raise ImError(Code.NOT_EXIST)
        return found[scope, key]

    def search_masks(self, users: Sequence[str]) -> dict[str, int]:
        """By what users must not be found (scope 27); who has set nothing is missing. 0.5 RRU a user."""
        found = self._store.get_many((user, Scope.PRIVACY, "") for user in users)
        return {user: level(setting.value) for (user, *_), setting in found.items() if setting.value}

    def accepts_friends(self, user: str) -> bool:
        """Whether everybody who asks may be the user's friend at once (scope 28). 0.5 RRU."""
        found = self._store.get_many([(user, Scope.ADD_FRIEND_FREELY, "")])
        return any(is_on(setting.value) for setting in found.values())

    def end_membership(self, users: Sequence[str], group: str) -> None:
        """Clear what users who are out of a group had set for it (client-semantics spec 4.5). It can be repeated."""
        run_all([partial(self._clear, user, group) for user in users])

    def _clear(self, user: str, group: str) -> None:
        left = [replace(each, value="") for each in self._store.of_user(user) if each.value and group_of(each) == group]
        for start in range(0, len(left), MAX_BATCH):
            self._put(user, left[start : start + MAX_BATCH], None)

    def forget(self, user: str) -> None:
        """Remove all settings of a destroyed user."""
        self._store.forget(check_id(user, "userId"))
