"""The gate: who may open a socket. Apart from the service, because the authorizer needs no more and must start quickly."""

from im.connect.model import Claims
from im.connect.store import SessionStore
from im.connect.tokens import Tokens
from im.delivery.model import FORBIDDEN
from im.errors import Code, ImError


class Gate:
    """Decides who may connect.

    Args:
        sessions: the logins.
        tokens: reads tokens.
    """

    def __init__(self, sessions: SessionStore, tokens: Tokens) -> None:
        self._sessions = sessions
        self._tokens = tokens

    def admit(self, token: str, client: str) -> Claims:
        """The claims of a token that may connect now as this client.

        Raises:
            ImError: 6 for a token that is not ours, has expired (``TokenExpired``) or is another client's; 7 kicked or
                logged out; 245 forbidden.
        """
        claims = self._tokens.read(token)
        if claims.client != client:
            raise ImError(Code.TOKEN_ERROR, "the token is another client's")
        session, status = self._sessions.gate(claims.user, claims.client)
        if status == FORBIDDEN:
            raise ImError(Code.USER_BLOCKED)
        if session is None or session.deleted or session.generation != claims.generation:
            raise ImError(Code.KICKED_OFF)
        return claims
