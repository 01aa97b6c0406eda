"""The newsroom as a server on this machine."""

from collections.abc import Iterator
from contextlib import contextmanager

from demo.channel.newsroom import ChannelApi, Newsroom
from demo.listen import listening
from demo.robot.handler import Callback

PORT = 8088
"""Where Wildfire's own channel platform listens."""


@contextmanager
def serving(server_api: str, channel: str, secret: str, port: int = PORT) -> Iterator[tuple[str, Newsroom]]:
    """Listen on the loopback as long as the context lasts; yields the channel's callback, and its newsroom.

    Args:
        server_api: the server API's address.
        channel: the channel's id.
        secret: what it signs with, and its callbacks are signed with.
        port: 0 for any.

    Raises:
        OSError: somebody listens there already.
    """
    newsroom = Newsroom(ChannelApi(server_api, channel, secret))
    callback = Callback(newsroom, secret)
    paths = {f"/{channel}/{name}": callback.take for name in ("message", "subscribe")}
    with listening(paths, port) as address:
        yield f"{address}/{channel}", newsroom
