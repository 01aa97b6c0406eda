"""Serves the robot beside a system that runs elsewhere: ``python -m demo.robot``.

Environment: ``SERVER_API_URL`` (http://127.0.0.1:18080), ``ROBOT_ID`` (FireRobot), ``ROBOT_SECRET`` (123456), ``PORT``
(8883).
"""

import os
from threading import Event

from demo.robot.serve import PORT, serving


def main() -> None:
    """Run until Ctrl-C."""
    url = os.environ.get("SERVER_API_URL", "http://127.0.0.1:18080")
    robot, secret = os.environ.get("ROBOT_ID", "FireRobot"), os.environ.get("ROBOT_SECRET", "123456")
    with serving(url, robot, secret, int(os.environ.get("PORT", PORT))) as address:
        print(f"{robot} listens at {address}; Ctrl-C stops.")
        try:
            Event().wait()
        except KeyboardInterrupt:
            print()


if __name__ == "__main__":
    main()
