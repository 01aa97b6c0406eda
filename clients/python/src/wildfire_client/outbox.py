"""Sends what is in the outbox: in order, one message at a time in each conversation, each exactly once.

A message is identified by its `cid` and the `base` that it got at its first transmission; both are in the store before the
first byte leaves and are repeated on every resend, so that the server recognises it however often it comes.
"""

import asyncio
import logging
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from wildfire_client.clock import Clock, Pause
from wildfire_client.errors import ChatError, Code
from wildfire_client.events import UploadProgress
from wildfire_client.keeper import Timing
from wildfire_client.media import Uploader
from wildfire_client.payload import MediaType
from wildfire_client.store import Changes, Outgoing, Store
from wildfire_client.sync import Call, Sync

logger = logging.getLogger(__name__)

PARALLEL_SENDS = 8
PARALLEL_UPLOADS = 2
MAX_SERVER_FAULTS = 10
"""A message at which the server breaks down so many times in a row fails, so that it holds up the others no longer."""
MAX_REFUSED_UPLOADS = 5
"""A file that the media store refuses so many times in a row fails its message."""


class Outbox:
    """The sending half of the client.

    Args:
        call: makes requests on the current link.
        report: told of conversations and messages that changed.
        progress: told how far uploads are.
    """

    def __init__(
        self,
        store: Store,
        call: Call,
        sync: Sync,
        uploader: Uploader,
        clock: Clock,
        rng: random.Random,
        timing: Timing,
        report: Callable[[Changes], None],
        progress: Callable[[UploadProgress], object],
    ) -> None:
        self._store = store
        self._call = call
        self._sync = sync
        self._uploader = uploader
        self._clock = clock
        self._rng = rng
        self._timing = timing
        self._report = report
        self._progress = progress
        self._session = 0
        self._up = asyncio.Event()
        self._workers: dict[int, asyncio.Task[None]] = {}
        self._uploads: dict[int, asyncio.Task[None]] = {}
        self._pauses: set[Pause] = set()
        self._send_slots = asyncio.Semaphore(PARALLEL_SENDS)
        self._upload_slots = asyncio.Semaphore(PARALLEL_UPLOADS)

    def link_up(self) -> None:
        """There is a new link: go on, and send again what was not acknowledged on the one before."""
        self._session += 1
        self._up.set()
        for pause in self._pauses:
            pause.end()
        self.wake()

    def wake(self) -> None:
        """Look for work."""
        loop = asyncio.get_running_loop()
        for row_id in self._store.outbox_rows():
            if row_id not in self._workers:
                self._workers[row_id] = loop.create_task(self._work(row_id))
        for outgoing in self._store.uploads():
            if outgoing.id not in self._uploads:
                self._uploads[outgoing.id] = loop.create_task(self._upload(outgoing))

    def cancel(self, message_id: int) -> bool:
        """Take back a message that was never transmitted; whether it was one."""
        withdrawn = self._store.withdraw(message_id)
        if withdrawn and (upload := self._uploads.get(message_id)):
            upload.cancel()
        return withdrawn

    async def stop(self) -> None:
        """Stop working; the store keeps what is left."""
        tasks = [*self._workers.values(), *self._uploads.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _work(self, row_id: int) -> None:
        attempt = faults = 0
        try:
            while outgoing := self._store.next_outgoing(row_id):
                await self._up.wait()
                session = self._session
                try:
                    async with self._send_slots:
                        await self._transmit(outgoing)
                    attempt = faults = 0
                except ChatError as error:
                    faults += error.code == Code.SERVER_ERROR
                    if error.offline:
                        self._link_down(session)
                    elif faults >= MAX_SERVER_FAULTS:
                        self._fail(outgoing, error)
                        attempt = faults = 0
                    else:
                        logger.info("message %s: %s", outgoing.cid, error)
                        await self._rest(error.after, attempt)
                        attempt += 1
        finally:
            del self._workers[row_id]

    def _fail(self, outgoing: Outgoing, error: ChatError) -> None:
        self._store.refused(outgoing.id, error.code)
        self._report(Changes({outgoing.row_id}, [outgoing.id]))

    def _link_down(self, session: int) -> None:
        """The link of this session is gone; wait for the next one, unless it is there already."""
        if session == self._session:
            self._up.clear()

    async def _transmit(self, outgoing: Outgoing) -> None:
        """One try. Returns when the message is settled or has a new base.

        Raises:
            ChatError: it is not settled and should be tried again later.
        """
        base = self._store.fix_base(outgoing.id)
        body: dict[str, Any] = {
            "conversation": outgoing.conversation.to_wire(),
            "content": outgoing.payload,
            "cid": outgoing.cid,
            "base": base,
        }
        if outgoing.to:
            body["to"] = outgoing.to
        try:
            answer = await self._call("message", "send", body)
        except ChatError as error:
            if (
                not error.offline
                and self._store.has_seq(outgoing.id)
                and (not error.retry or error.code == Code.USER_NOT_PREPARED)
            ):
                # It is in the log, and cannot be repeated any more; its base must not move, or it would be stored twice.
                self._store.refused(outgoing.id, error.code)
                return
            if error.code == Code.USER_NOT_PREPARED and error.retry:
                await self._sync.clear_up(outgoing, base)
                if self._store.fix_base(outgoing.id) == base and self._store.is_waiting(outgoing.id):
                    raise
                return
            if error.retry:
                raise
            if error.code == Code.INVALID_PARAMETER and base and await self._sync.verify(outgoing.row_id):
                self._sync.request_pull()
                return
            self._fail(outgoing, error)
            return
        settled = self._store.acknowledged(
            outgoing.id, int(answer.get("seq") or 0), str(answer.get("uid") or ""), int(answer.get("time") or 0)
        )
        if settled is None:
            return
        self._report(Changes({settled}, [outgoing.id]))
        row = self._store.row(settled)
        if row.high < row.end:
            self._sync.request_pull()

    async def _upload(self, outgoing: Outgoing) -> None:
        attempt = refused = 0
        try:
            while self._store.is_waiting(outgoing.id):
                await self._up.wait()
                session = self._session
                try:
                    async with self._upload_slots:
                        url = await self._put(outgoing)
                except ChatError as error:
                    refused += error.code == Code.UPLOAD_FAILED
                    if error.offline:
                        self._link_down(session)
                    elif error.retry and refused < MAX_REFUSED_UPLOADS:
                        await self._rest(error.after, attempt)
                        attempt += 1
                    else:
                        self._fail(outgoing, error)
                else:
                    self._store.uploaded(outgoing.id, url)
                    self.wake()
                    return
        finally:
            del self._uploads[outgoing.id]

    async def _put(self, outgoing: Outgoing) -> str:
        def progress(sent: int, total: int) -> None:
            if message := self._store.message(outgoing.id):
                self._progress(UploadProgress(message, sent, total))

        media = MediaType(int(outgoing.payload.get("mediaType") or 0))
        return await self._uploader.upload(outgoing.file, media, Path(outgoing.file).name, progress)

    async def _rest(self, after: float | None, attempt: int) -> None:
        """Wait as the server asked, and a little more, so that not all clients come back at once."""
        pause = Pause(self._clock, (after or 0) + self._timing.backoff(attempt, self._rng))
        self._pauses.add(pause)
        try:
            await pause.wait()
        finally:
            self._pauses.discard(pause)
