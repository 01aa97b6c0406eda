"""What the handlers of both designs stand on."""

import os
from collections.abc import Sequence
from functools import cache

from im.platform import aws
from im.platform.dynamo import Dynamo, make_client
from im.platform.poster import Credentials, Post, SocketPoster

CONNECTIONS = "yardstick-connections"
"""Both designs remember the sockets here."""


@cache
def dynamo() -> Dynamo:
    """DynamoDB, from inside a function."""
    return Dynamo(make_client(aws.session(), os.environ["AWS_REGION"]))


def post_to(connections: Sequence[str], frame: str) -> list[str]:
    """Send a frame to sockets; returns those that are gone."""
    poster = _poster(os.environ["IM_SOCKET_ENDPOINT"], os.environ["AWS_ACCESS_KEY_ID"])
    outcome = poster.post_many([Post("", "", connection, frame.encode()) for connection in connections])
    return [post.connection for post in outcome.gone]


@cache
def _poster(endpoint: str, access_key: str) -> SocketPoster:
    """The poster of one execution environment: its access key says which."""
    secret = os.environ["AWS_SECRET_ACCESS_KEY"]
    return SocketPoster(endpoint, os.environ["AWS_REGION"], lambda: Credentials(access_key, secret, None))
