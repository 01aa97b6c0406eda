"""What 小火 says. It answers everything in private, and in groups what mentions it."""

import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Protocol

Json = dict[str, Any]

SINGLE, GROUP = 0, 1
TEXT, GENERATING, GENERATED, CALL_START, CALL_END = 1, 14, 15, 400, 402
STORED, TRANSPARENT = 3, 4
MENTIONS_SOME = 1
CANNOT = {2: "listen", 3: "see pictures", 4: "read maps", 5: "open files", 6: "watch videos"}
HANG_UP = "eyJyIjo1fQ=="
"""``{"r":5}``: the other side has hung up."""
HELP = """\
/help (帮助) - this
/time (几点) - what time it is
/whoami (我是谁) - what I know of you
/stream (流式文本) - an answer that grows while you read it
Anything else comes back to you. In groups, mention me."""
STORY = (
    "This answer grows while you read it. Each step replaces the one before in the same bubble, and is stored nowhere. "
    "The last one is an ordinary message, which your other devices find later."
)


class Api(Protocol):
    """What it needs of the server."""

    @property
    def robot(self) -> str:
        """Its own user id."""

    def send(self, conversation: Json, payload: Json) -> Json:
        """Write into a conversation."""

    def reply(self, message_uid: int, payload: Json, *, only_to_sender: bool = False) -> Json:
        """Answer a message where it was written."""

    def user(self, user_id: str) -> Json:
        """A user's profile."""


class Fire:
    """The robot.

    Args:
        api: the server.
        pause: waits so many seconds between the steps of an answer that grows.
        now: the time.
        step: characters by which such an answer grows.
    """

    def __init__(
        self,
        api: Api,
        pause: Callable[[float], None] = time.sleep,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        step: int = 24,
    ) -> None:
        self._api = api
        self._pause = pause
        self._now = now
        self._step = step

    def hear(self, message: Json) -> None:
        """Answer a message (``OutputMessageData``), if it is for the robot; it may be told twice, answers then repeat."""
        payload = message["payload"]
        if message["sender"] == self._api.robot or not self._is_meant(message):
            return
        if payload["type"] == TEXT:
            self._answer(message, _without_mention(payload.get("searchableContent", "")))
        elif payload["type"] == CALL_START:
            end = {"type": CALL_END, "content": payload.get("content", ""), "base64edData": HANG_UP, "persistFlag": 0}
            self._api.send(_back(message), end)
            self._say(message, "I cannot take calls. Write to me!")
        elif payload["type"] in CANNOT:
            self._say(message, f"I cannot {CANNOT[payload['type']]} yet. Write to me! /help says what I can do.")

    def _is_meant(self, message: Json) -> bool:
        """In a group nobody wants an answer to everything; a mention of all does not mean the robot."""
        if message["conv"]["type"] == SINGLE:
            return True
        payload = message["payload"]
        return (
            message["conv"]["type"] == GROUP
            and payload.get("mentionedType") == MENTIONS_SOME
            and self._api.robot in payload.get("mentionedTarget", [])
        )

    def _answer(self, message: Json, text: str) -> None:
        wish = text.strip().lower().removeprefix("/")
        if wish in ("help", "list", "帮助", ""):
            self._say(message, HELP)
        elif wish in ("time", "几点", "几点了", "what time is it", "what time is it?"):
            self._say(message, f"{self._now():%Y-%m-%d %H:%M:%S} UTC")
        elif wish in ("whoami", "who am i", "who am i?", "我是谁"):
            user = self._api.user(message["sender"])
            self._say(message, f"You are {user.get('displayName') or user['userId']} ({user['userId']}).")
        elif wish.startswith(("stream", "流式文本")):
            self._stream(message, text.partition(" ")[2].strip() or STORY)
        else:
            self._say(message, text)

    def _say(self, message: Json, text: str) -> None:
        payload: Json = {"type": TEXT, "searchableContent": text, "persistFlag": STORED}
        if message["conv"]["type"] == SINGLE:
            self._api.send(_back(message), payload)
            return
        asker = message["sender"]
        name = self._api.user(asker).get("displayName") or asker
        payload |= {
            "searchableContent": f"@{name} {text}",
            "mentionedType": MENTIONS_SOME,
            "mentionedTarget": [asker],
        }
        self._api.reply(message["messageId"], payload)

    def _stream(self, message: Json, text: str) -> None:
        """Show a text step by step. Who is online sees it grow; the finished text is the only message that is stored."""
        stream = f"stream-{message['messageId']}"
        for part in self._steps(text):
            payload = {"type": GENERATING, "searchableContent": part, "content": stream, "persistFlag": TRANSPARENT}
            self._api.send(_back(message), payload)
            self._pause(0.3)
        done = {"type": GENERATED, "searchableContent": text, "content": stream, "persistFlag": STORED}
        self._api.send(_back(message), done)

    def _steps(self, text: str) -> Iterator[str]:
        # A callback must be answered within ten seconds, so a long text grows in larger steps.
        step = max(self._step, len(text) // 12 + 1)
        return (text[:end] for end in range(step, len(text), step))


def _back(message: Json) -> Json:
    """The conversation as the robot names it: a single chat is named by the other side."""
    conversation: Json = message["conv"]
    if conversation["type"] == SINGLE:
        return {**conversation, "target": message["sender"]}
    return conversation


def _without_mention(text: str) -> str:
    """A text without the name that it begins with: ``@小火 /time``."""
    return re.sub(r"^\s*@\S+\s*", "", text)
