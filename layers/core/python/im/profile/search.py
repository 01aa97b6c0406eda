"""Finding users by what one knows of them (client-semantics spec 5.4): the rules, without storage.

Names, numbers and ids are matched whole. A display name is found by any part of it: it is indexed under each of its
endings (``endings``), so that a part of it is the beginning of one of them, which is a range that storage can read without
looking at any other user.
"""

import unicodedata
from enum import IntEnum, IntFlag

import msgspec

from im.errors import InvalidError
from im.profile.model import User, UserType

PAGE = 20
"""Users in a page of results."""
MAX_PAGE = 9
"""The last page: whoever needs more than 200 results types another letter."""
MAX_KEYWORD = 64
INDEXED = 24
"""How many characters of a display name are found. It bounds the index to as many items a user."""
SCANNED = 600
"""Entries of the index that one search looks at: enough for all pages unless names repeat the keyword again and again."""
SAME_MOBILE = 3
"""How many users with one mobile number are found."""


class SearchType(IntEnum):
    """By what a user is looked for (client-semantics spec 0.2)."""

    GENERAL = 0
    NAME_OR_MOBILE = 1
    NAME = 2
    MOBILE = 3
    USER_ID = 4
    NAME_MOBILE_OR_ID = 5
    NAME_MOBILE_OR_DISPLAY_NAME = 100


class By(IntFlag):
    """What matched, with the numbers of the privacy mask: a set bit there forbids being found that way."""

    DISPLAY_NAME = 1
    NAME = 2
    MOBILE = 4
    USER_ID = 8


class Audience(IntEnum):
    """Which users the server API looks for (server-api spec 4.8)."""

    ALL = 0
    USERS = 1
    ROBOTS = 2


class Found(msgspec.Struct, frozen=True):
    """One page of results; with ``more`` the next page may have some too."""

    users: tuple[User, ...] = ()
    more: bool = False


_MATCHED = {
    SearchType.GENERAL: By.NAME | By.MOBILE | By.USER_ID | By.DISPLAY_NAME,
    SearchType.NAME_OR_MOBILE: By.NAME | By.MOBILE,
    SearchType.NAME: By.NAME,
    SearchType.MOBILE: By.MOBILE,
    SearchType.USER_ID: By.USER_ID,
    SearchType.NAME_MOBILE_OR_ID: By.NAME | By.MOBILE | By.USER_ID,
    SearchType.NAME_MOBILE_OR_DISPLAY_NAME: By.NAME | By.MOBILE | By.DISPLAY_NAME,
}


def matched_by(kind: int) -> By:
    """What a search of a type looks at.

    Raises:
        InvalidError: there is no such type.
    """
    try:
        return _MATCHED[SearchType(kind)]
    except ValueError:
        raise InvalidError("type must be 0 to 5 or 100") from None


def allowed_by(kind: int, *, no_display_names: bool, no_user_ids: bool) -> By:
    """What a client's search of a type may look at, where the deployment hides display names or ids from searches.

    Raises:
        InvalidError: there is no such type.
    """
    hidden = By(0)
    if no_display_names:
        hidden |= By.DISPLAY_NAME
    if no_user_ids:
        hidden |= By.USER_ID
    return matched_by(kind) & ~hidden


def check_keyword(keyword: str) -> str:
    """A keyword without the blanks around it.

    Raises:
        InvalidError: nothing is left, or it is longer than anything that could match.
    """
    text = keyword.strip()
    if not 1 <= len(text) <= MAX_KEYWORD:
        raise InvalidError(f"keyword must have 1 to {MAX_KEYWORD} characters")
    return text


def folded(text: str) -> str:
    """A text as display names are compared: without regard to case and width."""
    return unicodedata.normalize("NFKC", text).casefold().strip()


def endings(user: User) -> frozenset[str]:
    """The texts under which a user's display name is indexed; none of a device and of one who was destroyed.

    They are cut to ``INDEXED`` characters, as the name is.
    """
    if user.deleted or user.type == UserType.DEVICE:
        return frozenset()
    name = folded(user.display_name)[:INDEXED]
    return frozenset(name[start:] for start in range(len(name)) if not name[start].isspace())


def is_findable(user: User | None, audience: int = Audience.ALL) -> bool:
    """Whether a user may be a result at all: not destroyed, no device, of the kind that is looked for."""
    if user is None or user.deleted or user.type == UserType.DEVICE:
        return False
    match audience:
        case Audience.USERS:
            return user.type != UserType.ROBOT
        case Audience.ROBOTS:
            return user.type == UserType.ROBOT
    return True
