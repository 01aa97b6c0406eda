"""Keeps what the tables, secrets and buckets hold from one run to the next.

One JSON file names everything by logical id; the content of objects is in files named by its hash. Both are written
beside their places and renamed, so a crash leaves the previous state.
"""

import hashlib
import json
import os
from collections.abc import Collection
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


def load_state(directory: Path, cloud: Cloud, template: Template, given_secrets: Collection[str]) -> None:
    """Put what was saved, if anything, into the provisioned cloud; what the template no longer has is left out.

    ``given_secrets`` are ids of secrets that keep the values they have now.

    Raises:
        StateError: the file is not readable.
    """
    path = directory / _FILE
    if not path.exists():
        return
    try:
        state = json.loads(path.read_bytes())
    except ValueError as error:
        raise StateError(f"{path} cannot be read ({error}); delete it to start empty") from error
    for name, table in template.tables.items():
        cloud.put_items(table.name, state["tables"].get(name, []))
    for name, secret in template.secrets.items():
        versions = state["secrets"].get(name, {})
        if name not in given_secrets:
            for stage in ("AWSPREVIOUS", "AWSCURRENT"):
                if stage in versions:
                    cloud.set_secret(secret.name, versions[stage])
    for name, bucket in template.buckets.items():
        for item in state["buckets"].get(name, []):
            content = (directory / _OBJECTS / item["content"]).read_bytes()
            cloud.put_object(bucket.name, StoredObject(item["key"], content, item["headers"]))
