"""Events: messages of the log that tell of a change to another one, their ``ref``. What they hold needs no storage."""

import base64
import json
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from im.errors import InvalidError
from im.message.model import ContentType, Message, Payload, PersistFlag, Reactions, payload_from_json, payload_to_json

MAX_EMOJI = 32
"""Characters of a reaction's emoji."""
MAX_EMOJIS = 20
"""Different emoji on one message."""
MAX_REACTIONS_BYTES = 16_384
"""All reactions to one message as JSON: with its content and readers they must fit into one answer."""


class Reaction(Struct, frozen=True):
    """A reaction given or, with ``on`` false, taken away."""

    emoji: str
    on: bool


_encode = msgspec.json.Encoder().encode
_decode_reaction = msgspec.json.Decoder(Reaction).decode


def original_json(message: Message) -> str:
    """What Wildfire keeps of a recalled message, so that its author can edit it again (server-api spec 2.2, recall)."""
    payload = payload_from_json(message.payload)
    original: dict[str, Any] = {
        "s": message.sender,
        "ts": message.time,
        "t": payload.type,
        "sc": payload.searchableContent,
        "c": payload.content,
        "e": payload.extra,
    }
    if payload.base64edData:
        original["b"] = payload.base64edData
        original["mb"] = payload.base64edData
    if payload.mediaType:
        original["mt"] = payload.mediaType
    if payload.remoteMediaUrl:
        original["mu"] = payload.remoteMediaUrl
    return json.dumps(original, ensure_ascii=False, separators=(",", ":"))


def event_payload(kind: ContentType, operator: str, message: Message, extra: str = "") -> Payload:
    """The content of an event about a message (server-api spec 4.14): who did it, to which uid.

    Args:
        kind: one of ``EVENT_TYPES``.
        operator: who did it.
        message: the message it is about.
        extra: a recall's original as JSON, a reaction's as JSON; else empty.
    """
    return Payload(
        type=int(kind),
        content=operator,
        base64edData=base64.b64encode(str(message.uid).encode()).decode(),
        persistFlag=int(PersistFlag.PERSIST if kind is ContentType.RECALL else PersistFlag.NONE),
        pushData=json.dumps({"messageUid": message.uid}) if kind is ContentType.RECALL else "",
        extra=extra,
    )


def is_edit(event: Message) -> bool:
    """Whether a message of the log tells of an edit."""
    return bool(event.ref) and payload_from_json(event.payload).type == ContentType.EDIT


def hides_original(payload: Payload) -> Payload:
    """A recall's content without the original, which is for its author alone; any other event as it is."""
    if payload.type != ContentType.RECALL or not payload.extra:
        return payload
    return msgspec.structs.replace(payload, extra="")


def check_emoji(emoji: str) -> str:
    """The emoji of a reaction: any short text.

    Raises:
        InvalidError: it is empty, too long, or holds control characters.
    """
    if not 1 <= len(emoji) <= MAX_EMOJI or any(ord(character) < 32 for character in emoji):
        raise InvalidError(f"emoji must have 1 to {MAX_EMOJI} characters and no control characters")
    return emoji


def reaction_payload(user: str, message: Message, reaction: Reaction) -> str:
    """The content of a reaction's event as JSON."""
    return payload_to_json(event_payload(ContentType.REACTION, user, message, _encode(reaction).decode()))


def reaction_of(event: Message) -> Reaction | None:
    """The reaction that an event tells of; None for any other message."""
    if not event.ref:
        return None
    payload = payload_from_json(event.payload)
    return _decode_reaction(payload.extra) if payload.type == ContentType.REACTION else None


def with_reaction(reactions: Reactions, user: str, emoji: str, seq: int | None) -> dict[str, dict[str, int]]:
    """The reactions after a user's reaction by the event with that seq; None: without it.

    Raises:
        InvalidError: there would be too many.
    """
    changed = {each: dict(users) for each, users in reactions.items()}
    if seq is None:
        changed.get(emoji, {}).pop(user, None)
    else:
        changed.setdefault(emoji, {})[user] = seq
    changed = {each: users for each, users in changed.items() if users}
    if seq is not None and (len(changed) > MAX_EMOJIS or len(_encode(changed)) > MAX_REACTIONS_BYTES):
        raise InvalidError(f"a message may have {MAX_EMOJIS} emoji, and {MAX_REACTIONS_BYTES} bytes of reactions")
    return changed


def reactions_to_json(reactions: Mapping[str, Mapping[str, int]]) -> str:
    """Reactions as they are stored."""
    return _encode(reactions).decode()
