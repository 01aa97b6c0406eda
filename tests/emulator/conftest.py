import sys
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from tests.emulator.cdk import Account, install_cli
from tests.emulator.ministack import ministack

_LOG_TAIL = 5_000
_RUNNING = pytest.StashKey[tuple[Account, Path]]()


@pytest.fixture(scope="session")
def account(request: pytest.FixtureRequest) -> Iterator[Account]:
    """An account of an emulator that runs until the tests are over; its logs are printed with a test that fails."""
    if sys.platform != "linux":
        pytest.skip("the functions' compiled packages are Linux's")
    install_cli()
    with tempfile.TemporaryDirectory(prefix="wildfire-emulator-", ignore_cleanup_errors=True) as name:
        directory = Path(name)
        with ministack(directory) as url:
            account = Account(url, directory)
            request.config.stash[_RUNNING] = (account, directory / "ministack.log")
            yield account
            del request.config.stash[_RUNNING]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    running = item.config.stash.get(_RUNNING, None)
    if report.failed and running is not None:
        account, log = running
        report.sections.append(("MiniStack", log.read_text()[-_LOG_TAIL:]))
        try:
            report.sections.append(("Errors of functions", account.errors()))
        except Exception as error:
            report.sections.append(("Errors of functions", f"MiniStack does not tell: {error!r}"))
    return report
