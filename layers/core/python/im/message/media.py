"""Uploads: a presigned POST lets a client put one file into the media bucket, and nothing else."""

import re
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

from im.errors import Code, ImError, InvalidError
from im.platform.clock import Clock

LIFE_S = 900
_MEDIA_TYPES = range(13)
_CONTENT_TYPE = re.compile(r"[\w.+-]{1,64}/[\w.+-]{1,64}(; ?[\w-]+=[\w.-]+)?", re.ASCII)
_UNSAFE = re.compile(r"[^\w.\-]", re.ASCII)


class Upload(Struct, frozen=True):
    """Where and how to put a file: POST ``fields`` and the file to ``url``; then it is found at ``remote_url``.

    ``expires`` is when the permission ends, ms.
    """

    url: str
    fields: dict[str, str]
    remote_url: str
    expires: int


class Media:
    """Permissions to upload.

    Args:
        client: returns the S3 client.
        bucket: the media bucket.
        base_url: where its objects are read from.
        max_bytes: the largest file.
        clock: the time.
    """

    def __init__(self, client: Callable[[], Any], bucket: str, base_url: str, max_bytes: int, clock: Clock) -> None:
        self._client = client
        self._bucket = bucket
        self._base_url = base_url.rstrip("/")
        self._max_bytes = max_bytes
        self._clock = clock

    def permit(self, media_type: int, name: str, size: int, content_type: str) -> Upload:
        """A permission to upload one file of at most ``size`` bytes under a key that nobody can guess.

        Args:
            media_type: Wildfire's media type (server-api spec 4.6), 0 to 12.
            name: the file's name, of which the last part is kept.
            size: in bytes.
            content_type: its MIME type.

        Raises:
            InvalidError: one of them is not acceptable.
            ImError: 35, the file is too large.
        """
        if size < 1:
            raise InvalidError("size must be 1 or more")
        if size > self._max_bytes:
            raise ImError(Code.MESSAGE_TOO_LARGE, f"a file may have {self._max_bytes} bytes")
        now = self._clock()
        key = self._key(media_type, name, content_type, now)
        post = self._client().generate_presigned_post(
            Bucket=self._bucket,
            Key=key,
            Fields={"Content-Type": content_type},
            Conditions=[{"Content-Type": content_type}, ["content-length-range", 1, size]],
            ExpiresIn=LIFE_S,
        )
        return Upload(post["url"], post["fields"], f"{self._base_url}/{key}", now + LIFE_S * 1000)

    def permit_put(self, media_type: int, name: str, content_type: str) -> Upload:
        """A permission to PUT one file of any size, for callers of the server API (server-api spec 2.7).

        The one field that comes with it is the object's ``key``. Arguments and errors as for ``permit``.
        """
        now = self._clock()
        key = self._key(media_type, name, content_type, now)
        url = self._client().generate_presigned_url(
            "put_object",
            Params={"Bucket": self._bucket, "Key": key, "ContentType": content_type},
            ExpiresIn=LIFE_S,
        )
        return Upload(url, {"key": key}, f"{self._base_url}/{key}", now + LIFE_S * 1000)

    def _key(self, media_type: int, name: str, content_type: str, now: int) -> str:
        if media_type not in _MEDIA_TYPES:
            raise InvalidError("mediaType must be 0 to 12")
        if not _CONTENT_TYPE.fullmatch(content_type):
            raise InvalidError("contentType is not a MIME type")
        day = datetime.fromtimestamp(now / 1000, UTC).strftime("%Y/%m/%d")
        safe = _UNSAFE.sub("_", name.replace("\\", "/").rsplit("/", 1)[-1])[-80:] or "file"
        return f"m/{media_type}/{day}/{uuid.uuid4().hex}/{safe}"
