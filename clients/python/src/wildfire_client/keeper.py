"""Keeps the client connected: back-off, heartbeat, planned rotation, and the states in which it gives up."""

import asyncio
import base64
import binascii
import json
import logging
import random
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from wildfire_client.clock import Clock, Pause, sleep
from wildfire_client.errors import ChatError, Code
from wildfire_client.link import Dial, HandshakeRefused, Link
from wildfire_client.model import ConnectionStatus

logger = logging.getLogger(__name__)

TokenProvider = Callable[[], Awaitable[str]]
"""Gives a fresh token for this user and client id."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Times in seconds.

    Attributes:
        request: an unanswered request means a dead link after this.
        backoff_base, backoff_cap: the n-th attempt waits a random time up to min(cap, base * 2^n).
        stable: a link that lived this long starts the back-off anew.
        rotation, rotation_jitter: a connection is replaced after this, plus or minus; API Gateway ends it after 7,200.
        gap_grace: how long a message waits for an earlier one that may be on its way, before the range is pulled.
        read_report: read cursors are gathered for this long before they are reported.
    """

    request: float = 20
    backoff_base: float = 1
    backoff_cap: float = 20
    stable: float = 30
    rotation: float = 6_600
    rotation_jitter: float = 300
    gap_grace: float = 0.3
    read_report: float = 3

    def backoff(self, attempt: int, rng: random.Random) -> float:
        """Full jitter: anything up to the cap of this attempt."""
        return rng.uniform(0, min(self.backoff_cap, self.backoff_base * 2 ** min(attempt, 16)))


def token_expiry(token: str) -> float | None:
    """The `exp` of a JWT in seconds since 1970, read without verifying; None when there is none to read."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return float(claims["exp"])
    except (IndexError, KeyError, TypeError, ValueError, binascii.Error):
        return None


class Keeper:
    """The supervisor of one login. `run` returns when a final state is reached; cancel it to stop.

    Args:
        url: where to connect.
        dial: opens a socket.
        session: brings a new link up to date; its failure ends the link. The flag says whether the link replaces
            another without a break.
        heartbeat: makes one ping on a link.
        heartbeat_interval: seconds between pings.
        on_push: called for each push of the current link.
        on_status: called for each change of state with a reason for people.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        dial: Dial,
        clock: Clock,
        rng: random.Random,
        timing: Timing,
        token_provider: TokenProvider | None,
        session: Callable[[Link], Awaitable[None]],
        heartbeat: Callable[[Link], Awaitable[None]],
        heartbeat_interval: Callable[[], float],
        on_push: Callable[[str, dict[str, Any]], None],
        on_status: Callable[[ConnectionStatus, str], None],
    ) -> None:
        self._url = url
        self.token = token
        self._dial = dial
        self._clock = clock
        self._rng = rng
        self._timing = timing
        self._token_provider = token_provider
        self._session = session
        self._heartbeat = heartbeat
        self._heartbeat_interval = heartbeat_interval
        self._on_push = on_push
        self._on_status = on_status
        self._pause: Pause | None = None
        self._heartbeat_pause: Pause | None = None
        self._final: tuple[ConnectionStatus, str] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._chores: set[asyncio.Task[None]] = set()
        self._lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._set_up = asyncio.Event()
        self.link: Link | None = None

    async def run(self) -> None:
        """Connect, and connect again, until a final state."""
        attempt = 0
        try:
            while self._final is None:
                self._on_status(ConnectionStatus.CONNECTING, "")
                started = self._clock.monotonic()
                reason = await self._live()
                if self._final is not None:
                    break
                self._on_status(ConnectionStatus.UNCONNECTED, reason)
                if self._clock.monotonic() - started >= self._timing.stable:
                    attempt = 0
                self._pause = Pause(self._clock, self._timing.backoff(attempt, self._rng))
                await self._pause.wait()
                attempt += 1
            self._on_status(*self._final)
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def request(self, route: str, op: str, body: dict[str, Any]) -> Any:
        """Make a request on the current link.

        Raises:
            ChatError: refused, or no link.
        """
        if self.link is None:
            raise ChatError.not_connected()
        try:
            return await self.link.request(route, op, body)
        except ChatError as error:
            if error.code != Code.KICKED_OFF:
                raise
            # The session is over, which says nothing about this request: it may be made in the next session.
            self.finish(ConnectionStatus.KICKED, error.msg)
            raise ChatError.not_connected() from error

    def wake(self) -> None:
        """Do not wait any longer: try to connect now, or look at once whether the link is alive."""
        if self._pause is not None:
            self._pause.end()
        if self._heartbeat_pause is not None:
            self._heartbeat_pause.end()

    def finish(self, status: ConnectionStatus, reason: str) -> None:
        """Stop in a final state."""
        if self._final is None:
            self._final = (status, reason)
        if self._pause is not None:
            self._pause.end()
        if self.link is not None:
            self._spawn(self.link.close(reason))

    async def _live(self) -> str:
        """One connection, with its planned successors, from the handshake to its loss; why it was lost."""
        try:
            link = await self._open()
        except HandshakeRefused as error:
            self._judge(error)
            return str(error)
        except OSError as error:
            return str(error) or type(error).__name__
        self._lost = asyncio.get_running_loop().create_future()
        self._set_up = asyncio.Event()
        self._on_status(ConnectionStatus.RECEIVING, "")
        self._take_up(link)
        self._chore(self._beat())
        self._chore(self._rotate())
        try:
            return await self._lost
        finally:
            current, self.link = self.link, None
            chores, self._chores = self._chores, set()
            for chore in chores:
                chore.cancel()
            await asyncio.gather(*chores, return_exceptions=True)
            if current is not None:
                await current.close()

    def _take_up(self, link: Link) -> None:
        """Make `link` the one that is used."""
        self.link = link
        self._chore(self._watch(link))
        self._chore(self._bring_up(link))

    async def _watch(self, link: Link) -> None:
        reason = await link.wait_closed()
        if link is self.link and not self._lost.done():
            self._lost.set_result(reason)

    async def _open(self) -> Link:
        refreshed = False
        while True:
            if self._expired() and not refreshed:
                refreshed = await self._refresh()
            try:
                socket = await self._dial(self._url, {"Authorization": f"Bearer {self.token}"})
            except HandshakeRefused as error:
                renewable = error.status == 401 or (error.status == 403 and self._expired())
                if renewable and not refreshed and await self._refresh():
                    refreshed = True
                    continue
                raise
            return Link(socket, self._clock, self._timing.request, self._take_push)

    async def _refresh(self) -> bool:
        """Ask the application for a new token; whether there is one."""
        if self._token_provider is None:
            return False
        try:
            fresh = await self._token_provider()
        except Exception as error:
            logger.exception("the token provider failed")
            raise ConnectionError("no token") from error
        renewed = bool(fresh) and fresh != self.token
        self.token = fresh or self.token
        return renewed

    def _judge(self, refusal: HandshakeRefused) -> None:
        if refusal.status == 401:
            self.finish(ConnectionStatus.TOKEN_INCORRECT, str(refusal))
        elif refusal.status == 403:
            status = ConnectionStatus.TOKEN_EXPIRED if self._expired() else ConnectionStatus.REJECTED
            self.finish(status, str(refusal))

    def _expired(self) -> bool:
        expiry = token_expiry(self.token)
        return expiry is not None and expiry <= self._clock.now()

    async def _bring_up(self, link: Link) -> None:
        try:
            await self._session(link)
        except ChatError as error:
            if error.code in _FINAL_CODES:
                self.finish(_FINAL_CODES[error.code], error.msg)
            else:
                await link.close(f"session could not be set up: {error}")
            return
        self._set_up.set()
        if link is self.link and self._final is None:
            self._on_status(ConnectionStatus.CONNECTED, "")

    async def _beat(self) -> None:
        # The interval is what hello says.
        await self._set_up.wait()
        while True:
            self._heartbeat_pause = Pause(self._clock, self._heartbeat_interval())
            await self._heartbeat_pause.wait()
            link = self.link
            if link is None:
                continue
            try:
                await self._heartbeat(link)
            except ChatError as error:
                # A link that does not answer has closed itself; a refusal is an answer.
                logger.info("heartbeat: %s", error)
                if error.code == Code.KICKED_OFF:
                    self.finish(ConnectionStatus.KICKED, error.msg)

    async def _rotate(self) -> None:
        """Replace the connection before its time is up: the new one first, then the old one goes."""
        jitter = self._timing.rotation_jitter
        while True:
            await sleep(self._clock, self._timing.rotation + self._rng.uniform(-jitter, jitter))
            fresh, attempt = None, 0
            while fresh is None:
                try:
                    fresh = await self._open()
                except (HandshakeRefused, OSError) as error:
                    logger.info("planned rotation: %s", error)
                    await sleep(self._clock, self._timing.backoff(attempt, self._rng))
                    attempt += 1
            old = self.link
            self._take_up(fresh)
            if old is not None:
                self._spawn(old.retire())

    def _take_push(self, link: Link, name: str, body: dict[str, Any]) -> None:
        if name != "kicked":
            self._on_push(name, body)
        elif link is self.link:
            # A predecessor that is being retired may be told to go by its own successor.
            self.finish(ConnectionStatus.KICKED, str(body.get("reason") or ""))

    def _chore(self, work: Coroutine[Any, Any, None]) -> None:
        """Work that ends with the connection."""
        task = self._spawn(work)
        self._chores.add(task)
        task.add_done_callback(self._chores.discard)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


_FINAL_CODES: dict[int, ConnectionStatus] = {
    Code.TOKEN_ERROR: ConnectionStatus.TOKEN_INCORRECT,
    Code.KICKED_OFF: ConnectionStatus.KICKED,
    Code.USER_FORBIDDEN: ConnectionStatus.REJECTED,
}
