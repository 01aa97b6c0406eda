"""Auth codes on the Ephemera table."""

import hashlib
from typing import Protocol

from im import keys
from im.application.model import Application, Permission
from im.platform.dynamo import Dynamo, Key, translated_errors


class PermissionStore(Protocol):
    """Permissions by their codes."""

    def put(self, code: str, permission: Permission) -> None:
        """Keep a permission under a code that nobody has."""

    def get(self, code: str) -> Permission | None:
        """The permission under a code; an expired one may be there still."""


class DynamoPermissionStore:
    """``PermissionStore`` on one item per code. Only a digest of the code is kept: who reads the table can use none."""

    def __init__(self, dynamo: Dynamo, table: str) -> None:
        self._dynamo = dynamo
        self._table = table

    def put(self, code: str, permission: Permission) -> None:
        application = permission.application
        with translated_errors():
            self._dynamo.client.put_item(
                TableName=self._table,
                Item={
                    "k": {"S": _key(code)},
                    "o": {"S": permission.user},
                    "y": {"N": str(application.kind)},
                    "a": {"S": application.id},
                    "u": {"N": str(permission.until)},
                    "ttl": {"N": str(permission.until // 1000 + 1)},
                },
                ReturnConsumedCapacity="TOTAL",
            )

    def get(self, code: str) -> Permission | None:
        key = Key(self._table, (("k", _key(code)),), consistent=True)
        item = self._dynamo.batch_get([key]).get(key)
        return Permission(item["o"], Application(item["y"], item["a"]), item["u"]) if item else None


def _key(code: str) -> str:
    return keys.auth_code(hashlib.sha256(code.encode()).hexdigest())
