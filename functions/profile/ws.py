"""The ``profile`` route: what a client asks about users."""

from typing import Annotated, Any

from msgspec import Meta

from im.routing import Answer, Call, Router
from im.wire import frames
from im.wire.objects import UserOut, page
from im.wiring.base import client_limiter
from im.wiring.profile import users as user_store

MAX_USERS = 100

router = Router("profile", client_limiter)


class KnownUser(frames.Strict, frozen=True):
    """A user, and the ``updateDt`` that the client has of him; 0 if none."""

    userId: Annotated[str, Meta(min_length=1, max_length=64)]  # noqa: N815
    updateDt: Annotated[int, Meta(ge=0)] = 0  # noqa: N815


class UsersBody(frames.Strict, frozen=True):
    """Users to look up."""

    users: Annotated[tuple[KnownUser, ...], Meta(min_length=1, max_length=MAX_USERS)]


@router.op("users", UsersBody)
def users(call: Call, body: UsersBody) -> dict[str, Any]:
    """Profiles that are newer than the client's; ``unknown`` are not registered, ``rest`` must be asked again."""
    known = {each.userId: each.updateDt for each in body.users}
    found = user_store().get_many(known)
    newer = [found[user] for user, at in known.items() if user in found and found[user].update_dt > at]
    fitting = page(newer, UserOut.of)
    return {
        "users": fitting,
        "unknown": [user for user in known if user not in found],
        "rest": [each.id for each in newer[len(fitting) :]],
    }


def handler(event: dict[str, Any], context: object) -> Answer:
    """Answer one frame."""
    return router.handle(event)
