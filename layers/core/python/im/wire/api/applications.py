"""Bodies of the calls by which applications learn who opened their pages (server-api spec 2.1, 2.9, 2.10)."""

# ruff: noqa: N815  the members' names are Wildfire's
from typing import Annotated

from msgspec import Meta, Struct

from im.profile.model import User

AuthCode = Annotated[str, Meta(min_length=1, max_length=256)]


class AuthCodeQuery(Struct, frozen=True):
    """A code that a client got for the caller."""

    authCode: AuthCode


class ApplicationUser(Struct, frozen=True, omit_defaults=True):
    """The user behind a code; the names of one who is not registered are left out."""

    userId: str
    displayName: str = ""
    portraitUrl: str = ""

    @classmethod
    def of(cls, user_id: str, user: User | None) -> "ApplicationUser":
        """From the profile, if there is one."""
        return cls(user_id, user.display_name, user.portrait) if user else cls(user_id)
