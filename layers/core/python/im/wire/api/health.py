"""What the health path answers (server-api spec 2.8)."""

from msgspec import Struct

from im.wire.api.fields import Int


class Cpu(Struct, frozen=True):
    """Processor load of the last minute, and cores."""

    load: float
    cores: Int


class Memory(Struct, frozen=True):
    """Main memory in bytes."""

    free: int
    max: int
    avail: int


class Disk(Struct, frozen=True):
    """Scratch space in bytes."""

    space: int
    free: int
    usable: int


class NodeHealth(Struct, frozen=True):
    """How the environment that answers is doing."""

    node: str
    cpu: Cpu
    memory: Memory
    disk: Disk
