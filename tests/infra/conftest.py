"""Each environment is synthesized once for the whole session."""

import pytest

from tests.infra.templates import Synthesis, synthesize

EVERY_OPTION = {
    "dev": {
        "protect": False,
        "stage_name": "chat",
        "log_level": "DEBUG",
        "memory_mb": {"ServerApi": 1024},
        "snap_start": True,
        "media_cdn": True,
        "media_origins": ["https://chat.example.com"],
        "server_api_origins": ["https://console.example.com"],
        "fanout_batch_size": 5,
        "fanout_max_concurrency": 7,
        "push_applications": {"com.example.chat": {"APNS": "arn:aws:sns:eu-central-1:111122223333:app/APNS/chat"}},
        "alarm_email": "operators@example.com",
        "api_gateway_log_role": False,
        "switches": {"server.multi_endpoint": True},
    }
}


@pytest.fixture(scope="session")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Synthesis:
    """The default environment."""
    return synthesize(tmp_path_factory.mktemp("dev"))


@pytest.fixture(scope="session")
def prod(tmp_path_factory: pytest.TempPathFactory) -> Synthesis:
    """The protected environment, checked against the AwsSolutions rules."""
    return synthesize(tmp_path_factory.mktemp("prod"), "env=prod", "nag=true")


@pytest.fixture(scope="session")
def emulated(tmp_path_factory: pytest.TempPathFactory) -> Synthesis:
    """The default environment for a local emulator."""
    return synthesize(tmp_path_factory.mktemp("emulated"), "emulator=true", "architecture=x86_64", validate=False)


@pytest.fixture(scope="session")
def full(tmp_path_factory: pytest.TempPathFactory) -> Synthesis:
    """An environment that sets every option."""
    return synthesize(tmp_path_factory.mktemp("full"), environments=EVERY_OPTION, validate=False)


@pytest.fixture(scope="session", params=["dev", "prod"])
def deployed(request: pytest.FixtureRequest) -> Synthesis:
    """Each environment that is deployed."""
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Synthesis)
    return found
