"""Robots and devices (server-api spec 2.1)."""

from msgspec.structs import replace

from im.errors import Code
from im.profile.service import check_page
from im.server_api.registry import Services, endpoint
from im.wire.api import machines as wire
from im.wire.api.users import Page, UserRef


@endpoint("/admin/robot/create", wire.RobotBody, wire.CreatedRobot, codes=(Code.SERVER_ERROR,))
def create_robot(services: Services, body: wire.RobotBody) -> wire.CreatedRobot:
    """Register a robot, or overwrite it with exactly these values; without a secret it gets a new one."""
    user = body.model()
    if body.displayName == "":
        user = replace(user, display_name=user.name)
    robot = services.machines.create_robot(user, body.robot())
    return wire.CreatedRobot(robot.id, robot.secret)


@endpoint("/admin/user/get_robot_info", wire.RobotRef, wire.RobotOut, codes=(Code.NOT_EXIST,))
def get_robot(services: Services, body: wire.RobotRef) -> wire.RobotOut:
    """A robot with its secret."""
    user, robot = services.machines.robot(body.robotId)
    return wire.RobotOut.of(user, robot, secret=True)


@endpoint("/admin/user/get_all_robots", Page, wire.RobotPage)
def list_robots(services: Services, body: Page) -> wire.RobotPage:
    """Robots in the order of their creation, without their secrets."""
    check_page(body.offset, body.count)
    found = services.machines.robots(body.offset, body.count)
    return wire.RobotPage([wire.RobotOut.of(user, robot, secret=False) for user, robot in found])


@endpoint("/admin/user/get_user_robots", UserRef, wire.RobotIds)
def list_robots_of_user(services: Services, body: UserRef) -> wire.RobotIds:
    """The ids of the robots that belong to a user."""
    return wire.RobotIds(services.machines.robots_of(body.userId))


@endpoint("/admin/device/create", wire.DeviceBody, wire.CreatedDevice, codes=(Code.SERVER_ERROR,))
def create_device(services: Services, body: wire.DeviceBody) -> wire.CreatedDevice:
    """Register a device, or change its owners and its extra; it gets a token."""
    device = services.machines.create_device(body.deviceId, body.owners, body.extra)
    return wire.CreatedDevice(device.id, device.token, device.secret)


@endpoint("/admin/device/get", wire.DeviceRef, wire.DeviceOut, codes=(Code.NOT_EXIST,))
def get_device(services: Services, body: wire.DeviceRef) -> wire.DeviceOut:
    """A device with its credentials."""
    return wire.DeviceOut.of(services.machines.device(body.deviceId))


@endpoint("/admin/device/user_devices", UserRef, wire.Devices)
def list_devices_of_user(services: Services, body: UserRef) -> wire.Devices:
    """The devices that belong to a user."""
    return wire.Devices([wire.DeviceOut.of(device) for device in services.machines.devices_of(body.userId)])
