"""How the environment that answers is doing (server-api spec 2.7, health)."""

import os
import shutil

from im.wire.api.health import Cpu, Disk, Memory, NodeHealth

_SCRATCH = "/tmp"


def health() -> list[NodeHealth]:
    """One entry: with functions there is no fixed set of nodes, so the one that answers speaks for itself."""
    page = os.sysconf("SC_PAGE_SIZE")
    total, free = os.sysconf("SC_PHYS_PAGES") * page, os.sysconf("SC_AVPHYS_PAGES") * page
    disk = shutil.disk_usage(_SCRATCH)
    return [
        NodeHealth(
            node="1",
            cpu=Cpu(load=os.getloadavg()[0], cores=os.cpu_count() or 1),
            memory=Memory(free=free, max=total, avail=free),
            disk=Disk(space=disk.total, free=disk.free, usable=disk.free),
        )
    ]
