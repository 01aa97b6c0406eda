"""Ids that the server makes up, as an argument: services take a ``NewId`` so that tests can foresee them."""

import secrets
import string
from collections.abc import Callable

NewId = Callable[[], str]
"""Returns an id that nobody has."""

_ALPHABET = string.ascii_letters + string.digits
_LENGTH = 16


def short_id() -> str:
    """A random id of 16 letters and digits (95 bits), for users and groups that came without one."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
