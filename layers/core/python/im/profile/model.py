"""Users' profiles (client-semantics spec, section 5). Hosting them is optional: any id can chat without one."""

import re
from collections.abc import Iterable
from enum import IntEnum, IntFlag
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from im.errors import Code, ImError, InvalidError
from im.message.model import check_id

MAX_TEXT = 64
MAX_PORTRAIT = 1_024
MAX_EXTRA = 16_384

NAME_TAKEN = "用户名必须唯一"
"""What the caller is told, with code 4, when a login name belongs to somebody else (server-api spec 2.1)."""


class UserType(IntEnum):
    """What kind of account a user is (server-api spec 4.8)."""

    NORMAL = 0
    ROBOT = 1
    DEVICE = 2
    ADMIN = 3
    SUPER_ADMIN = 100


class Field(IntFlag):
    """Which fields an update takes over (server-api spec 4.11)."""

    DISPLAY_NAME = 0x1
    PORTRAIT = 0x2
    GENDER = 0x4
    MOBILE = 0x8
    EMAIL = 0x10
    ADDRESS = 0x20
    COMPANY = 0x40
    SOCIAL = 0x80
    EXTRA = 0x100
    NAME = 0x200


class MyInfo(IntEnum):
    """What a user may say of himself (server-api spec 4.10); the mobile number is there to be ignored."""

    DISPLAY_NAME = 0
    PORTRAIT = 1
    GENDER = 2
    MOBILE = 3
    EMAIL = 4
    ADDRESS = 5
    COMPANY = 6
    SOCIAL = 7
    EXTRA = 8


class User(Struct, frozen=True):
    """A registered user.

    Attributes:
        id: the user id.
        name: the login name; no two users have the same.
        type: see ``UserType``.
        deleted: he was destroyed; his id lives on in old messages, so a blanked record stays.
        created, update_dt: ms.
    """

    id: str
    name: str = ""
    display_name: str = ""
    portrait: str = ""
    gender: int = 0
    mobile: str = ""
    email: str = ""
    address: str = ""
    company: str = ""
    social: str = ""
    extra: str = ""
    type: int = UserType.NORMAL
    deleted: bool = False
    created: int = 0
    update_dt: int = 0


def check_user(user: User) -> User:
    """A profile that can be stored.

    Raises:
        InvalidError: the name is missing, or a text is too long.
    """
    check_id(user.id, "userId")
    check_id(user.name, "name")
    limits = {"portrait": MAX_PORTRAIT, "extra": MAX_EXTRA}
    for name in user.__struct_fields__:
        value: Any = getattr(user, name)
        limit = limits.get(name, MAX_TEXT)
        if isinstance(value, str) and len(value) > limit:
            raise InvalidError(f"{name} may have {limit} characters")
    return user


def check_creatable(user_type: int) -> None:
    """Only persons are made here; robots and devices have their own calls (server-api spec 2.1).

    Raises:
        InvalidError: the type is not 0, 3 or 100.
    """
    if user_type not in (UserType.NORMAL, UserType.ADMIN, UserType.SUPER_ADMIN):
        raise InvalidError("type must be 0, 3 or 100")


def updated(old: User, new: User, chosen: int, now_ms: int) -> User:
    """The old profile with the chosen fields of the new one.

    Raises:
        InvalidError: no field is chosen, or the name would become empty.
    """
    known = [field for field in Field if chosen & field]
    if not known:
        raise InvalidError("flag must choose a field")
    changes: dict[str, Any] = {str(field.name).lower(): getattr(new, str(field.name).lower()) for field in known}
    return check_user(replace(old, **changes, update_dt=now_ms))


def destroyed(user: User, *, keep_display_name: bool, now_ms: int) -> User:
    """What stays of a user who is destroyed: a blank record under his id, which is now also his name."""
    return User(
        id=user.id,
        name=user.id,
        display_name=user.display_name if keep_display_name else "",
        type=user.type,
        deleted=True,
        created=user.created,
        update_dt=now_ms,
    )


def name_taken() -> ImError:
    """The refusal of a login name that belongs to another user."""
    return ImError(Code.SERVER_ERROR, NAME_TAKEN)


def modified(user: User, entries: Iterable[tuple[int, str]], now_ms: int) -> User:
    """A profile with what its user says of himself; the same object when that changes nothing (client-semantics 2.2, MMI).

    The mobile number is left alone: whoever could set it could be found under somebody else's.

    Raises:
        InvalidError: a kind that does not exist, a gender that is no number, or a text that is too long.
        ImError: 5, there is nothing that he may change.
    """
    changes: dict[str, Any] = {}
    for kind, value in entries:
        try:
            info = MyInfo(kind)
        except ValueError:
            raise InvalidError("an entry's type must be 0 to 8") from None
        if info is not MyInfo.MOBILE:
            changes[info.name.lower()] = _gender(value) if info is MyInfo.GENDER else value
    if not changes:
        raise ImError(Code.NOT_MODIFIED)
    if all(getattr(user, name) == value for name, value in changes.items()):
        return user
    return check_user(replace(user, **changes, update_dt=now_ms))


def _gender(text: str) -> int:
    if not re.fullmatch(r"-?[0-9]{1,10}", text) or not -(2**31) <= int(text) < 2**31:
        raise InvalidError("gender must be a number of 32 bits")
    return int(text)


def without(user: User, hidden: Iterable[int]) -> User:
    """A profile without the properties that other clients must not see, by their ``MyInfo`` numbers."""
    blank: dict[str, Any] = {}
    for number in hidden:
        if MyInfo.GENDER <= number <= MyInfo.EXTRA:
            blank[MyInfo(number).name.lower()] = 0 if number == MyInfo.GENDER else ""
    return replace(user, **blank) if blank else user
