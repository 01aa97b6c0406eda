"""What a function loads before it can serve: most of a cold start, so it is budgeted.

Measured in fresh processes against the least that any function needs, botocore with pynamodb and one client. CPU time, the
least of several tries: the machine may be busy with something else.
"""

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TRIES = 7

CLIENT = "import botocore.session; botocore.session.get_session().create_client('dynamodb', region_name='us-east-1')"
# Installed here for the tests' sake and absent from the functions' layer.
WITHOUT_CRYPTOGRAPHY = "import sys; sys.modules['cryptography'] = None"

SOCKET_CEILING, API_CEILING = 1.9, 2.3
FUNCTIONS = {
    "functions.connect.authorizer": SOCKET_CEILING,
    "functions.connect.ws": SOCKET_CEILING,
    "functions.message.ws": SOCKET_CEILING,
    "functions.message.on_queue": SOCKET_CEILING,
    "functions.broadcast.on_queue": SOCKET_CEILING,
    "functions.group.ws": SOCKET_CEILING,
    "functions.profile.ws": SOCKET_CEILING,
    "functions.chatroom.ws": SOCKET_CEILING,
    "functions.callback.on_queue": SOCKET_CEILING,
    "functions.server_api.http": API_CEILING,
}
NEVER = {"boto3", "pydantic", "requests", "aws_xray_sdk", "jinja2", "moto", "cryptography", "aws_cdk", "yaml"}
ONLY_WHERE_TOKENS_ARE = {"jwt"}
ONLY_WHERE_MESSAGES_ARE_SENT = {"ahocorasick"}


def run(code: str) -> tuple[float, str]:
    """CPU seconds of a fresh interpreter that runs the code, and what it printed."""
    before = os.times()
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{ROOT / 'layers/core/python'}{os.pathsep}{ROOT}",
            "AWS_ACCESS_KEY_ID": "x",
            "AWS_SECRET_ACCESS_KEY": "x",
        },
    )
    after = os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return used, done.stdout


@cache
def least(code: str) -> float:
    return min(run(code)[0] for _ in range(TRIES))


@pytest.mark.parametrize("module", FUNCTIONS)
@pytest.mark.xdist_group("imports")
def test_a_function_starts_little_slower_than_its_client_alone(module: str) -> None:
    bare = least("pass")
    floor = least(f"import pynamodb.models; {CLIENT}") - bare

    start = least(f"{WITHOUT_CRYPTOGRAPHY}; import {module}; {CLIENT}") - bare

    assert start / floor <= FUNCTIONS[module], f"{module}: {start * 1000:.0f} ms, floor {floor * 1000:.0f} ms"


@pytest.mark.parametrize("module", FUNCTIONS)
@pytest.mark.xdist_group("imports")
def test_a_function_loads_no_module_that_it_does_not_need(module: str) -> None:
    _, loaded = run(f"{WITHOUT_CRYPTOGRAPHY}; import {module}; del sys.modules['cryptography']; print(*sys.modules)")
    forbidden = set(NEVER)
    if module not in ("functions.connect.authorizer", "functions.server_api.http"):
        forbidden |= ONLY_WHERE_TOKENS_ARE
    sending = ("message.ws", "broadcast.on_queue", "group.ws", "profile.ws", "server_api.http")
    if module.removeprefix("functions.") not in sending:
        forbidden |= ONLY_WHERE_MESSAGES_ARE_SENT

    assert forbidden & set(loaded.split()) == set()
    assert {name for name in loaded.split() if name.startswith("functions.")} <= {module, module.rpartition(".")[0]}
