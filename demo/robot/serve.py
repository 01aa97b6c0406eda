"""The robot as a server on this machine."""

from collections.abc import Iterator
from contextlib import contextmanager

from demo.listen import listening
from demo.robot.api import RobotApi
from demo.robot.handler import Callback
from demo.robot.talk import Fire

PORT = 8883
"""Where Wildfire's own robot server listens."""
PATH = "/robot/recvmsg"


@contextmanager
def serving(server_api: str, robot: str, secret: str, port: int = PORT) -> Iterator[str]:
    """Listen on the loopback as long as the context lasts; yields the callback's address.

    Args:
        server_api: the server API's address.
        robot: the robot's user id.
        secret: what it signs with, and its callbacks are signed with.
        port: 0 for any.

    Raises:
        OSError: somebody listens there already.
    """
    callback = Callback(Fire(RobotApi(server_api, robot, secret)), secret)
    with listening({PATH: callback.take}, port) as address:
        yield address + PATH
