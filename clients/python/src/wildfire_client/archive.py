"""What the server finds in one's conversations, also in those parts of them that this device does not hold."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Self, TypeVar

from wildfire_client.contents import decode
from wildfire_client.model import Conversation, Message, MessageStatus
from wildfire_client.payload import Payload
from wildfire_client.store import Store

Call = Callable[[str, str, dict[str, Any]], Awaitable[Any]]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class FileRecord:
    """A file that somebody sent. `size` is in bytes, as the sender's device said; `time` in milliseconds since 1970."""

    conversation: Conversation
    seq: int
    uid: str
    sender: str
    time: int
    name: str
    url: str
    size: int

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> Self:
        """Read the JSON object."""
        return cls(
            conversation=Conversation.from_wire(wire["conversation"]),
            seq=int(wire["seq"]),
            uid=str(wire["uid"]),
            sender=str(wire["from"]),
            time=int(wire["time"]),
            name=str(wire.get("name") or ""),
            url=str(wire.get("url") or ""),
            size=int(wire.get("size") or 0),
        )


@dataclass(frozen=True, slots=True)
class Finds(Generic[T]):
    """One step of a search.

    Attributes:
        found: newest first within each conversation; may be empty while there is a `next`.
        next: where the next step goes on; None at the end.
        searched, of: conversations that are done with, and that there are.
    """

    found: list[T]
    next: str | None
    searched: int
    of: int


class Archive:
    """Searches at the server, step by step: it reads what was written, so each step looks at some conversations only."""

    def __init__(self, store: Store, call: Call) -> None:
        self._store = store
        self._call = call

    async def search(
        self, keyword: str, conversation: Conversation | None = None, *, after: str | None = None, limit: int = 20
    ) -> Finds[Message]:
        """Messages whose text holds a keyword.

        Args:
            keyword: 1 to 64 characters; the case of letters does not matter.
            conversation: where; None: in all of one's own.
            after: `next` of the step before.
            limit: at most so many, 1 to 100.

        Raises:
            ChatError: refused, or no link.
        """
        answer = await self._ask("search", {"keyword": keyword}, conversation, after, limit)
        return _finds(answer, [self._message(wire) for wire in answer["messages"]])

    async def files(
        self,
        keyword: str = "",
        conversation: Conversation | None = None,
        *,
        own: bool = False,
        after: str | None = None,
        limit: int = 20,
    ) -> Finds[FileRecord]:
        """Files whose name holds a keyword; with `own`, those that one has sent oneself.

        Raises:
            ChatError: refused, or no link.
        """
        answer = await self._ask("files", {"keyword": keyword, "own": own}, conversation, after, limit)
        return _finds(answer, [FileRecord.from_wire(wire) for wire in answer["files"]])

    async def _ask(
        self, op: str, what: dict[str, Any], conversation: Conversation | None, after: str | None, limit: int
    ) -> Any:
        where = None if conversation is None else conversation.to_wire()
        return await self._call("message", op, {**what, "conversation": where, "next": after, "limit": limit})

    def _message(self, wire: Mapping[str, Any]) -> Message:
        sender, me = str(wire["from"]), self._store.user_id
        edited = wire.get("edited")
        return Message(
            id=0,
            conversation=Conversation.from_wire(wire["conversation"]),
            sender=sender,
            content=decode(Payload.from_wire(wire.get("content") or {})),
            time=int(wire["time"]),
            status=MessageStatus.SENT if sender == me else MessageStatus.RECEIVED,
            mine=sender == me,
            cid=str(wire.get("cid") or ""),
            seq=int(wire["seq"]),
            uid=str(wire["uid"]),
            to=tuple(wire.get("to") or ()),
            edited=None if edited is None else int(edited),
            reactions={each["emoji"]: tuple(each["users"]) for each in wire.get("reactions") or ()},
        )


def _finds(answer: Mapping[str, Any], found: list[T]) -> Finds[T]:
    return Finds(found, answer.get("next"), int(answer["searched"]), int(answer["of"]))
