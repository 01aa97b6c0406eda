"""The server API's two questions about receipts."""

import pytest

from im.message.model import Conversation
from tests.unit.server_api.test_api import Backend


@pytest.fixture
def backend() -> Backend:
    """Alice has sent bob a message that he has read."""
    made = Backend()
    made.world.say("alice", "one", to="bob")
    made.world.service.read("bob", Conversation(0, "alice"), 1)
    return made


@pytest.mark.parametrize("named", [{"conversationType": 0}, {"type": 0}, {}])
def test_until_when_a_conversation_was_read(backend: Backend, named: dict[str, int]) -> None:
    body = {"userId": "bob", "target": "alice", "line": 0, **named}

    assert backend.ok("/admin/message/conv_read", body) == {"timestamp": backend.world.now}
    assert backend.ok("/admin/message/conv_read", {**body, "userId": "alice"}) == {"timestamp": 0}


def test_until_when_messages_have_reached_a_user(backend: Backend) -> None:
    assert backend.ok("/admin/message/delivery", {"userId": "bob"}) == {"timestamp": 0}
    backend.world.online("bob")

    assert backend.ok("/admin/message/delivery", {"userId": "bob"}) == {"timestamp": backend.world.now}


@pytest.mark.parametrize(
    ("wrong", "code"),
    [({"userId": ""}, 251), ({"target": ""}, 251), ({"line": -1}, 251), ({"conversationType": 4}, 254)],
)
def test_what_names_no_conversation_is_refused(backend: Backend, wrong: dict[str, object], code: int) -> None:
    body = {"userId": "bob", "conversationType": 0, "target": "alice", "line": 0, **wrong}

    assert backend.call("/admin/message/conv_read", body)["code"] == code
