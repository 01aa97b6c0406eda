"""What a function loads before it can serve: most of a cold start, so it is budgeted.

Counted in fresh processes as calls of functions, Python's and C's, against the least that any function needs: botocore
with pynamodb and one client. A count is the same on a busy machine; `make bench-speed` has the milliseconds.
"""

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

CLIENT = "import botocore.session; botocore.session.get_session().create_client('dynamodb', region_name='us-east-1')"
# Installed here for the tests' sake and absent from the functions' layer.
WITHOUT_CRYPTOGRAPHY = "import sys; sys.modules['cryptography'] = None"

# Times the calls of botocore with pynamodb and one client.
FUNCTIONS = {
    "functions.connect.authorizer": 1.2,
    "functions.connect.ws": 1.34,
    "functions.message.ws": 1.36,
    "functions.message.on_queue": 1.38,
    "functions.broadcast.on_queue": 1.4,
    "functions.group.ws": 1.35,
    "functions.profile.ws": 1.39,
    "functions.chatroom.ws": 1.3,
    "functions.callback.on_queue": 1.26,
    "functions.server_api.http": 1.52,
}
NEVER = {"boto3", "pydantic", "requests", "aws_xray_sdk", "jinja2", "moto", "cryptography", "aws_cdk", "yaml"}
ONLY_WHERE_TOKENS_ARE = {"jwt"}
ONLY_WHERE_MESSAGES_ARE_SENT = {"ahocorasick"}


def run(code: str) -> str:
    """What a fresh interpreter printed that ran the code."""
    return subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{ROOT / 'layers/core/python'}{os.pathsep}{ROOT}",
            "PYTHONHASHSEED": "0",
            "AWS_ACCESS_KEY_ID": "x",
            "AWS_SECRET_ACCESS_KEY": "x",
        },
    ).stdout


@cache
def calls(code: str) -> int:
    """Function calls and returns while the code runs."""
    return int(
        run(
            "import itertools, sys; count = itertools.count().__next__\n"
            "sys.setprofile(lambda frame, event, argument: count() and None)\n"
            f"{code}\n"
            "sys.setprofile(None); print(count())"
        )
    )


@pytest.mark.parametrize("module", FUNCTIONS)
@pytest.mark.xdist_group("imports")
def test_a_function_starts_with_little_more_work_than_its_client_alone(module: str) -> None:
    floor = calls(f"import pynamodb.models; {CLIENT}")

    start = calls(f"{WITHOUT_CRYPTOGRAPHY}; import {module}; {CLIENT}")

    assert start / floor <= FUNCTIONS[module], f"{module}: {start:,} calls, floor {floor:,}"


@pytest.mark.parametrize("module", FUNCTIONS)
@pytest.mark.xdist_group("imports")
def test_a_function_loads_no_module_that_it_does_not_need(module: str) -> None:
    loaded = run(f"{WITHOUT_CRYPTOGRAPHY}; import {module}; del sys.modules['cryptography']; print(*sys.modules)")
    forbidden = set(NEVER)
    if module not in ("functions.connect.authorizer", "functions.server_api.http"):
        forbidden |= ONLY_WHERE_TOKENS_ARE
    sending = ("message.ws", "broadcast.on_queue", "group.ws", "profile.ws", "server_api.http")
    if module.removeprefix("functions.") not in sending:
        forbidden |= ONLY_WHERE_MESSAGES_ARE_SENT

    assert forbidden & set(loaded.split()) == set()
    assert {name for name in loaded.split() if name.startswith("functions.")} <= {module, module.rpartition(".")[0]}
