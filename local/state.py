"""Keeps what the tables, secrets and buckets hold from one run to the next.

One JSON file names everything by logical id; the content of objects is in files named by its hash. Both are written
beside their places and renamed, so a crash leaves the previous state.
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from local.cloud import Cloud, StoredObject
from local.template import Template

_FILE = "state.json"
_OBJECTS = "objects"


class StateError(Exception):
    """The saved state cannot be used."""


def save_state(directory: Path, cloud: Cloud, template: Template) -> None:
    """Write what the cloud holds."""
    objects = directory / _OBJECTS
    objects.mkdir(parents=True, exist_ok=True)
    with cloud.lock:
        state: dict[str, Any] = {
            "tables": {name: list(cloud.items(table.name)) for name, table in template.tables.items()},
            "secrets": {name: cloud.secret_versions(secret.name) for name, secret in template.secrets.items()},
        }
        stored = {name: cloud.objects(bucket.name) for name, bucket in template.buckets.items()}
    state["buckets"] = {
        name: [
            {"key": item.key, "content": _write_object(objects, item.content), "headers": dict(item.headers)}
            for item in items
        ]
        for name, items in stored.items()
    }
    _write(directory / _FILE, json.dumps(state).encode())
    used = {item["content"] for items in state["buckets"].values() for item in items}
    for file in objects.iterdir():
        if file.name not in used:
            file.unlink()


def _write_object(directory: Path, content: bytes) -> str:
    name = hashlib.sha256(content).hexdigest()
    if not (directory / name).exists():
        _write(directory / name, content)
    return name


def _write(path: Path, content: bytes) -> None:
    temporary = path.with_name(f"{path.name}.new")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def _read(directory: Path) -> Any:
    path = directory / _FILE
    if not path.exists():
        return {"tables": {}, "secrets": {}, "buckets": {}}
    try:
        return json.loads(path.read_bytes())
    except ValueError as error:
        raise StateError(f"{path} cannot be read ({error}); delete it to start empty") from error


def saved_secrets(directory: Path) -> dict[str, list[str]]:
    """The values of the saved secrets by id, the previous one before the present one.

    Raises:
        StateError: the state is not readable.
    """
    stages = ("AWSPREVIOUS", "AWSCURRENT")
    saved = _read(directory)["secrets"].items()
    return {name: [versions[stage] for stage in stages if stage in versions] for name, versions in saved}


def load_state(directory: Path, cloud: Cloud, template: Template) -> None:
    """Put the saved items and objects, if any, into the provisioned cloud; what the template no longer has is left out.

    Raises:
        StateError: the state is not readable.
    """
    state = _read(directory)
    for name, table in template.tables.items():
        cloud.put_items(table.name, state["tables"].get(name, []))
    for name, bucket in template.buckets.items():
        for item in state["buckets"].get(name, []):
            content = (directory / _OBJECTS / item["content"]).read_bytes()
            cloud.put_object(bucket.name, StoredObject(item["key"], content, item["headers"]))
