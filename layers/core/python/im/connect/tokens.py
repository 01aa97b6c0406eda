"""The token that an app server obtains for a user's client: a JWT signed with the deployment's secret.

Pinned algorithm, audience and issuer (RFC 8725). Wildfire's own token is fixed-key DES and bound to no device; ours is bound
to user, client id and login. Two secrets are valid at a time, so the secret can be rotated.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jwt

from im.connect.model import Claims
from im.errors import Code, ImError
from im.platform.clock import Clock

_ALGORITHM = "HS256"
_AUDIENCE = "im-socket"
_ISSUER = "im"


class TokenExpired(ImError):
    """The token was good once."""

    def __init__(self) -> None:
        super().__init__(Code.TOKEN_ERROR, "token expired")


class Tokens:
    """Issues and reads tokens.

    Args:
        secrets: returns the valid secrets, the one to sign with first.
        clock: the time.
        life_ms: how long a token is good, 0 for ever (Wildfire's ``token.expire_time``).
    """

    def __init__(self, secrets: Callable[[], Sequence[str]], clock: Clock, life_ms: int) -> None:
        self._secrets = secrets
        self._clock = clock
        self._life_ms = life_ms

    def issue(self, claims: Claims) -> str:
        """A token for these claims."""
        now = self._clock()
        body: dict[str, Any] = {
            "sub": claims.user,
            "cid": claims.client,
            "plt": claims.platform,
            "gen": claims.generation,
            "iat": now // 1000,
            "aud": _AUDIENCE,
            "iss": _ISSUER,
        }
        if self._life_ms > 0:
            body["exp"] = (now + self._life_ms) // 1000
        return jwt.encode(body, self._secrets()[0], algorithm=_ALGORITHM)

    def read(self, token: str) -> Claims:
        """The claims of a token.

        Raises:
            TokenExpired: it was good once.
            ImError: 6, it is not ours.
        """
        for secret in self._secrets():
            try:
                body = jwt.decode(
                    token,
                    secret,
                    algorithms=[_ALGORITHM],
                    audience=_AUDIENCE,
                    issuer=_ISSUER,
                    options={"require": ["sub", "cid", "plt", "gen"], "verify_exp": False, "verify_iat": False},
                )
            except jwt.InvalidTokenError:
                continue
            if "exp" in body and body["exp"] * 1000 <= self._clock():
                raise TokenExpired
            return Claims(body["sub"], body["cid"], body["plt"], body["gen"])
        raise ImError(Code.TOKEN_ERROR)
