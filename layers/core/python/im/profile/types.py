"""What kind of account a user is, for domains that need to know nothing else of him."""

from collections.abc import Callable, Collection, Mapping

from im import keys
from im.platform.dynamo import Dynamo, Key

TypesOf = Callable[[Collection[str]], Mapping[str, int]]
"""Tells users' types by their ids; who is not registered, or was destroyed, is missing."""


class UserTypes:
    """Looks up users' types (server-api spec 4.8).

    Args:
        dynamo: DynamoDB.
        table: the Directory table.
    """

    def __init__(self, dynamo: Dynamo, table: str) -> None:
        self._dynamo = dynamo
        self._table = table

    def __call__(self, users: Collection[str]) -> dict[str, int]:
        """The types by user id; who is not registered, or was destroyed, is missing."""
        wanted = {Key(self._table, (("pk", keys.user(user)), ("sk", keys.PROFILE))): user for user in users}
        found = self._dynamo.batch_get(wanted)
        return {wanted[key]: item["type"] for key, item in found.items() if not item["deleted"]}
