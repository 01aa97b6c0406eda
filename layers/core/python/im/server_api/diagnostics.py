"""What people may look at without a signature: what this is, and why a client cannot connect (server-api spec 2.7)."""

from collections.abc import Mapping
from typing import Protocol
from urllib.parse import parse_qs

import msgspec

from im.connect.model import Claims
from im.connect.tokens import TokenExpired
from im.errors import Code, ImError
from im.limits import RateLimiter

VERSION = "/api/version"
VERIFY_TOKEN = "/api/verify_token"  # noqa: S105  a path
WINDOW_MS = 10_000
"""A token is looked at once in this time: whoever guesses tokens needs more."""

_SCOPE = "verify_token"
_ABOUT = {"name": "wildfire-serverless", "api": "Wildfire IM server API"}
_REASONS: Mapping[Code, str] = {
    Code.TOKEN_ERROR: "The token is not one of this deployment, or it is for another client id.",
    Code.KICKED_OFF: "The login of this token has ended: kicked, logged out, or replaced by a later token.",
    Code.USER_BLOCKED: "The user is forbidden: his block status is 2.",
}


class Admits(Protocol):
    """Decides who may connect."""

    def admit(self, token: str, client: str) -> Claims:
        """The claims of a token that may connect now as this client, or an ``ImError``."""


def version() -> bytes:
    """What this is, as JSON for people."""
    return msgspec.json.format(msgspec.json.encode(_ABOUT))


class TokenCheck:
    """Says of a token whether its user may connect with it.

    Args:
        gate: decides it, as for sockets.
        limiter: bounds how often anybody may ask.
    """

    def __init__(self, gate: Admits, limiter: RateLimiter) -> None:
        self._gate = gate
        self._limiter = limiter

    def explain(self, query: str) -> str:
        """The answer as a sentence.

        Args:
            query: ``userId``, ``clientId`` and ``token`` as a URL has them.

        Raises:
            ImError: 250, somebody asked just now.
        """
        given = {name: values[-1] for name, values in parse_qs(query).items()}
        user, client, token = (given.get(name, "") for name in ("userId", "clientId", "token"))
        if not (user and client and token):
            return "Give userId, clientId and token."
        self._limiter.take(_SCOPE, _SCOPE)
        try:
            claims = self._gate.admit(token, client)
        except TokenExpired:
            return "The token has expired."
        except ImError as error:
            if error.code not in _REASONS:
                raise
            return _REASONS[error.code]
        return "The token is another user's." if claims.user != user else "The token is good: the user may connect."
