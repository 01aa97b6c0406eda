"""What users ask of profiles over their sockets: others' and their own (client-semantics spec 2.2, 5).

Apart from ``ProfileService``, because the ``profile`` route must start quickly and needs neither groups nor sessions.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Protocol

from im.callback.back_end import NOBODY, BackEnd
from im.errors import BusyError, Code, ImError, InvalidError, not_hosted
from im.platform.clock import Clock
from im.platform.parallel import run_all
from im.profile.model import User, modified, without
from im.profile.search import (
    INDEXED,
    MAX_PAGE,
    PAGE,
    SAME_MOBILE,
    SCANNED,
    Audience,
    By,
    Found,
    allowed_by,
    check_keyword,
    folded,
    is_findable,
    matched_by,
)
from im.profile.store import UserStore
from im.settings import Switches

_ATTEMPTS = 4

Tell = Callable[[str], object]
"""Tells a user's devices that his profile changed."""


class Privacy(Protocol):
    """What users set about being found."""

    def search_masks(self, users: Sequence[str]) -> Mapping[str, int]:
        """By what each user must not be found (``By``); users who have set nothing are missing."""


class ProfileReader:
    """Answers users about users.

    Args:
        store: users.
        privacy: how users may be found.
        tell: tells a user's devices.
        switches: the deployment's behaviour.
        clock: the time.
        back_end: the business, which is told of changes.
    """

    def __init__(
        self,
        store: UserStore,
        privacy: Privacy | None,
        tell: Tell,
        switches: Switches,
        clock: Clock,
        back_end: BackEnd = NOBODY,
    ) -> None:
        self._back_end = back_end
        self._store = store
        self._privacy = privacy
        self._tell = tell
        self._switches = switches
        self._clock = clock

    def _need_hosting(self) -> None:
        if not self._switches.host_profiles:
            raise not_hosted("profiles")

    def profiles(self, reader: str, user_ids: Iterable[str]) -> dict[str, User]:
        """Users by id, without what the deployment hides from all but themselves; unknown ones are missing.

        Raises:
            ImError: 254 profiles are not hosted.
        """
        self._need_hosting()
        found = self._store.get_many(user_ids)
        return {user.id: self.shown(reader, user) for user in found.values()}

    def modify(self, user_id: str, entries: Sequence[tuple[int, str]]) -> User:
        """Change one's own profile and tell one's own devices; nobody else is told. Repeating it is a success.

        Args:
            entries: what (``MyInfo``) and its new value; the last of a kind counts.

        Raises:
            InvalidError: a value is not acceptable.
            ImError: 5 nothing that one may change; 253 one is not registered; 254 profiles are not hosted.
        """
        self._need_hosting()
        for _ in range(_ATTEMPTS):
            old = self._store.get(user_id, consistent=True)
            if old is None or old.deleted:
                raise ImError(Code.NOT_EXIST)
            new = modified(old, entries, max(self._clock(), old.update_dt + 1))
            if new is old or self._store.put(new, old):
                # Also after a change that was made before: its caller may have died before he told anybody.
                self._tell(user_id)
                self._back_end.user_changed(new)
                return new
        raise BusyError("the user is being changed by somebody else")

    def search(self, reader: str, keyword: str, kind: int, page: int, audience: int = Audience.ALL) -> Found:
        """Users whom a user may find, without what the deployment hides (client-semantics spec 5.4, appendix B 28).

        Raises:
            InvalidError: no keyword, or a type that does not exist.
            ImError: 254 profiles are not hosted.
        """
        self._need_hosting()
        switches = self._switches
        looks_at = allowed_by(
            kind, no_display_names=switches.disable_nick_name_search, no_user_ids=switches.disable_user_id_search
        )
        keyword = check_keyword(keyword)
        if switches.disable_search or not looks_at:
            return Found()
        found = self._find(keyword, looks_at, page, audience, masked=True)
        return Found(tuple(self.shown(reader, user) for user in found.users), found.more)

    def search_all(self, keyword: str, kind: int, page: int, audience: int = Audience.ALL) -> Found:
        """Users as the server API finds them: no switch and no mask hides anybody.

        Raises:
            InvalidError: no keyword, or a type that does not exist.
            ImError: 254 profiles are not hosted.
        """
        self._need_hosting()
        return self._find(check_keyword(keyword), matched_by(kind), page, audience, masked=False)

    def _find(self, keyword: str, looks_at: By, page: int, audience: int, *, masked: bool) -> Found:
        """Exact hits come first and only on page 0; each page has 20 of both, less those who must not be found.

        Two round trips: where the keyword leads, then the profiles and masks of those who are on the page.
        """
        if page < 0:
            raise InvalidError("page must be 0 or more")
        if page > MAX_PAGE:
            return Found()
        text = folded(keyword)
        finds: list[Callable[[], dict[str, By]]] = []
        if looks_at & By.USER_ID:
            finds.append(lambda: {keyword: By.USER_ID})
        if looks_at & By.NAME:
            finds.append(partial(self._by_name, keyword))
        if looks_at & By.MOBILE:
            finds.append(partial(self._by_mobile, keyword))
        if looks_at & By.DISPLAY_NAME and text:
            finds.append(partial(self._by_display_name, text[:INDEXED]))
        exact: dict[str, By] = {}
        similar: dict[str, By] = {}
        for hits in run_all(finds):
            for user, by in hits.items():
                into = similar if by is By.DISPLAY_NAME else exact
                into[user] = into.get(user, By(0)) | by
        users = self._store.get_many(exact)
        exact = {
            user: by | similar.get(user, By(0)) for user, by in exact.items() if is_findable(users.get(user), audience)
        }
        others = [user for user in similar if user not in exact]
        start = page * PAGE - len(exact) if page else 0
        end = (page + 1) * PAGE - len(exact)
        wanted = others[max(0, start) : max(0, end)]
        shown = [*exact, *wanted] if page == 0 else wanted
        users |= self._store.get_many(wanted)
        masks = self._privacy.search_masks(shown) if masked and self._privacy else {}
        results = [
            users[user]
            for user in shown
            if is_findable(users.get(user), audience)
            and (user in exact or text in folded(users[user].display_name))
            and (exact.get(user, By.DISPLAY_NAME) & ~By(masks.get(user, 0)))
        ]
        return Found(tuple(results), more=len(others) > max(0, end) and page < MAX_PAGE)

    def _by_name(self, name: str) -> dict[str, By]:
        owner = self._store.id_of_name(name)
        return {owner: By.NAME} if owner else {}

    def _by_mobile(self, mobile: str) -> dict[str, By]:
        return dict.fromkeys(self._store.ids_of_mobile(mobile, SAME_MOBILE), By.MOBILE)

    def _by_display_name(self, text: str) -> dict[str, By]:
        return dict.fromkeys(self._store.ids_of_display_name(text, SCANNED), By.DISPLAY_NAME)

    def shown(self, reader: str, user: User) -> User:
        """A user as another one sees him."""
        return user if user.id == reader else without(user, self._switches.hide_properties)
