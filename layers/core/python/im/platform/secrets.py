"""Secrets Manager: the current version of a secret and the one before, both valid while it is being rotated."""

from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from im.errors import BusyError
from im.platform.clock import Clock

_FRESH_MS = 300_000
_STAGES = ("AWSCURRENT", "AWSPREVIOUS")


class Secret:
    """A secret, read at first use and again every five minutes.

    Args:
        client: returns the botocore client.
        secret_id: its name or ARN.
        clock: the time.
    """

    def __init__(self, client: Callable[[], Any], secret_id: str, clock: Clock) -> None:
        self._client = client
        self._id = secret_id
        self._clock = clock
        self._values: tuple[str, ...] = ()
        self._read_at = 0

    def values(self) -> tuple[str, ...]:
        """The valid values without surrounding blanks, the current one first.

        Raises:
            BusyError: it cannot be read at present.
        """
        now = self._clock()
        if not self._values or now - self._read_at > _FRESH_MS:
            self._values = tuple(value for stage in _STAGES if (value := self._read(stage)))
            self._read_at = now
        return self._values

    def _read(self, stage: str) -> str:
        try:
            answer = self._client().get_secret_value(SecretId=self._id, VersionStage=stage)
        except ClientError as error:
            if stage != _STAGES[0] and error.response["Error"]["Code"] == "ResourceNotFoundException":
                return ""
            raise BusyError("the secret cannot be read") from error
        except BotoCoreError as error:
            raise BusyError("the secret cannot be read") from error
        value: str = answer["SecretString"]
        return value.strip()
