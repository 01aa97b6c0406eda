"""The process's AWS session and clients, each made once and only when it is needed."""

from functools import cache
from typing import Any

import botocore.config
import botocore.session

from im.errors import BusyError
from im.platform.poster import Credentials


@cache
def session() -> Any:
    """The one botocore session: a second one would parse the endpoint data again."""
    return botocore.session.get_session()


@cache
def client(service: str, region: str) -> Any:
    """A client with timeouts that fit into a function's own."""
    config = botocore.config.Config(
        connect_timeout=1,
        read_timeout=3,
        retries={"mode": "standard", "total_max_attempts": 3},
        parameter_validation=False,
        signature_version="s3v4" if service == "s3" else None,
    )
    return session().create_client(service, region_name=region, config=config)


@cache
def _credentials() -> Any:
    return session().get_credentials()


def credentials() -> Credentials:
    """What the process signs with at present; temporary credentials are renewed by botocore.

    Raises:
        BusyError: there are none, which on AWS passes.
    """
    source = _credentials()
    if source is None:
        raise BusyError("no AWS credentials")
    frozen = source.get_frozen_credentials()
    return Credentials(frozen.access_key, frozen.secret_key, frozen.token)
