"""Who may open a socket: exact policies and refusals of the authorizer."""

from typing import Any

import pytest

from functions.connect.authorizer import handler
from im.connect.model import Claims, Session
from im.wiring import gate
from im.wiring.sessions import sessions
from tests.fakes.delivery import RecordingPoster
from tests.handlers import recorded

ARN = "arn:aws:execute-api:us-east-1:123456789012:abcdefghij/dev/$connect"


def token(generation: int = 1, platform: int = 1) -> str:
    return gate.tokens().issue(Claims("ann", "phone", platform, generation))


def handshake(bearer: str | None = None, protocols: str | None = None, **query: str) -> dict[str, Any]:
    """A recorded handshake with the token in the header, in the subprotocols or nowhere."""
    event = recorded.event("websocket_authorizer")
    del event["headers"]["Authorization"], event["multiValueHeaders"]["Authorization"]
    if bearer is not None:
        event["headers"]["Authorization"] = f"Bearer {bearer}"
    if protocols is not None:
        event["headers"]["Sec-WebSocket-Protocol"] = protocols
    event["queryStringParameters"] |= query
    return event


def policy(effect: str, principal: str) -> dict[str, Any]:
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": ARN}
    return {"principalId": principal, "policyDocument": {"Version": "2012-10-17", "Statement": [statement]}}


@pytest.fixture
def session(deployed: RecordingPoster) -> Session:
    """ann has logged in on her phone."""
    session = Session("ann", "phone", 1)
    sessions().put(session)
    return session


def test_a_good_token_opens_this_connection_and_names_its_user(session: Session) -> None:
    vouched = {"userId": "ann", "clientId": "phone", "platform": "1"}

    assert handler(handshake(token()), None) == {**policy("Allow", "ann"), "context": vouched}


def test_browsers_bring_the_token_as_a_subprotocol(session: Session) -> None:
    answer = handler(handshake(protocols=f"wildfire.v1, {token()}"), None)

    assert answer == handler(handshake(token()), None)


def test_the_url_names_the_platform_only_where_the_token_does_not(session: Session) -> None:
    assert handler(handshake(token(platform=2), platform="5"), None)["context"]["platform"] == "2"
    assert handler(handshake(token(platform=0), platform="5"), None)["context"]["platform"] == "5"


@pytest.mark.parametrize(
    "event",
    [
        handshake(),
        handshake("abc"),
        handshake("abc.def.ghi"),
        handshake(protocols="wildfire.v1"),
        handshake("abc", clientId=""),
        handshake("abc", platform="web"),
    ],
    ids=["no token", "no JWT", "a bad JWT", "no token behind the subprotocol", "no client", "a bad platform"],
)
def test_without_a_good_token_it_is_401(session: Session, event: dict[str, Any]) -> None:
    with pytest.raises(Exception, match=r"^Unauthorized$"):
        handler(event, None)


def test_another_clients_token_is_401(session: Session) -> None:
    with pytest.raises(Exception, match=r"^Unauthorized$"):
        handler(handshake(token(), clientId="tablet"), None)


def test_an_expired_token_is_403(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IM_SWITCHES", '{"token.expire_time": 1}')
    expired = token()
    monkeypatch.setattr(gate.tokens(), "_clock", lambda: 4_000_000_000_000)

    assert handler(handshake(expired), None) == policy("Deny", "nobody")


def test_a_session_that_was_ended_is_403_and_a_new_login_is_another_one(session: Session) -> None:
    old = token()
    sessions().mark_deleted("ann", "phone")
    assert handler(handshake(old), None) == policy("Deny", "nobody")

    sessions().put(Session("ann", "phone", 1, generation=2))
    assert handler(handshake(old), None) == policy("Deny", "nobody")
    assert handler(handshake(token(generation=2)), None)["principalId"] == "ann"


def test_a_forbidden_user_is_403_and_a_muted_one_may_connect(session: Session) -> None:
    sessions().set_status("ann", 2)
    assert handler(handshake(token()), None) == policy("Deny", "nobody")

    sessions().set_status("ann", 1)
    assert handler(handshake(token()), None)["principalId"] == "ann"
