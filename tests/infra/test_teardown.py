"""Emptying the media bucket before a deployment is destroyed."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from stacks import ROOT, teardown


@pytest.fixture
def deleted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the buckets that were emptied, on an AWS with the dev stack only."""
    names: list[str] = []

    def bucket(name: str) -> Any:
        everything = SimpleNamespace(delete=lambda: names.append(name))
        return SimpleNamespace(objects=SimpleNamespace(all=lambda: everything))

    def stack(name: str) -> Any:
        assert name == "wildfire-dev-storage"
        return SimpleNamespace(outputs=[{"OutputKey": "MediaBucketName", "OutputValue": "the-bucket"}])

    services = {"s3": SimpleNamespace(Bucket=bucket), "cloudformation": SimpleNamespace(Stack=stack)}
    monkeypatch.setattr("boto3.resource", services.__getitem__)
    return names


def test_the_bucket_of_an_unprotected_environment_is_emptied(
    deleted: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("builtins.input", lambda question: "dev")

    teardown.empty_media("dev")

    assert deleted == ["the-bucket"]


@pytest.mark.parametrize("said", ["", "yes", "prod"])
def test_without_the_environments_name_nothing_is_deleted(
    deleted: list[str], monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    monkeypatch.setattr("builtins.input", lambda question: said)

    with pytest.raises(SystemExit, match="nothing was deleted"):
        teardown.empty_media("dev")

    assert deleted == []


def test_a_protected_environment_keeps_its_media(deleted: list[str]) -> None:
    assert json.loads((ROOT / "cdk.json").read_text())["context"]["environments"]["prod"]["protect"]

    with pytest.raises(SystemExit, match="prod protects its data"):
        teardown.empty_media("prod")

    assert deleted == []


def test_an_unknown_environment_is_named(deleted: list[str]) -> None:
    with pytest.raises(SystemExit, match="no environment 'test'; it has dev, prod"):
        teardown.empty_media("test")
