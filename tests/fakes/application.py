"""Auth codes in memory."""

from im.application.model import Permission


class MemoryPermissionStore:
    """``PermissionStore`` in a dictionary."""

    def __init__(self) -> None:
        self.permissions: dict[str, Permission] = {}

    def put(self, code: str, permission: Permission) -> None:
        self.permissions[code] = permission

    def get(self, code: str) -> Permission | None:
        return self.permissions.get(code)
