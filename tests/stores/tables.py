"""The four tables, as far as the stores depend on them: keys, index and nothing else."""

from typing import Any

MESSAGES, DIRECTORY, PRESENCE, EPHEMERA = "Messages", "Directory", "Presence", "Ephemera"


def _table(name: str, keys: dict[str, str], index: dict[str, dict[str, str]] | None = None) -> dict[str, Any]:
    definition: dict[str, Any] = {
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": _schema(keys),
        "AttributeDefinitions": [
            {"AttributeName": attribute, "AttributeType": kind}
            for attribute, kind in {
                **keys,
                **{k: v for each in (index or {}).values() for k, v in each.items()},
            }.items()
        ],
    }
    if index:
        definition["GlobalSecondaryIndexes"] = [
            {"IndexName": name, "KeySchema": _schema(parts), "Projection": {"ProjectionType": "KEYS_ONLY"}}
            for name, parts in index.items()
        ]
    return definition


def _schema(keys: dict[str, str]) -> list[dict[str, str]]:
    return [{"AttributeName": name, "KeyType": kind} for name, kind in zip(keys, ("HASH", "RANGE"), strict=False)]


DEFINITIONS = [
    _table(MESSAGES, {"c": "S", "s": "N"}, {"by_uid": {"i": "N"}}),
    _table(DIRECTORY, {"pk": "S", "sk": "S"}, {"by_type": {"gt": "S", "gs": "S"}}),
    _table(PRESENCE, {"u": "S"}, {"online": {"o": "N", "u": "S"}}),
    _table(EPHEMERA, {"k": "S"}),
]
