"""Empties the media bucket of a deployment that does not protect its data, because CloudFormation deletes empty ones only.

python -m stacks.teardown dev
"""

import json
import sys

import boto3

from stacks import ROOT
from stacks.config import Environment


def empty_media(name: str) -> None:
    """Delete every object of an environment's media bucket, after the person at the keyboard has said so.

    Raises:
        SystemExit: the environment is unknown or protects its data, or he has not.
    """
    blocks = json.loads((ROOT / "cdk.json").read_text())["context"]["environments"]
    if name not in blocks:
        raise SystemExit(f"cdk.json has no environment {name!r}; it has {', '.join(sorted(blocks))}")
    environment = Environment.parse(name, blocks[name])
    if environment.protect:
        raise SystemExit(f"{name} protects its data: change that in cdk.json and deploy before you destroy it")
    if _asked(f"This deletes all media of {name}, then its stacks. Type {name} to go on: ") != name:
        raise SystemExit("nothing was deleted")
    stack = boto3.resource("cloudformation").Stack(environment.stack_name("storage"))
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack.outputs or []}
    boto3.resource("s3").Bucket(outputs["MediaBucketName"]).objects.all().delete()


def _asked(question: str) -> str:
    try:
        return input(question)
    except EOFError:
        return ""


if __name__ == "__main__":
    empty_media(sys.argv[1])
