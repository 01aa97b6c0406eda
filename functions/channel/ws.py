"""The ``channel`` route: making and changing channels, finding them, and listening to them."""

from typing import Annotated, Any

from msgspec import Meta

from im.channel import model
from im.channel.model import Channel
from im.message.model import Origin
from im.routing import Answer, Call, Router
from im.wire import frames
from im.wire.objects import ChannelOut, page
from im.wiring.base import client_limiter
from im.wiring.channel import channel_service

router = Router("channel", client_limiter)

ChannelId = Annotated[str, Meta(min_length=1, max_length=64)]
Text = Annotated[str, Meta(max_length=model.MAX_TEXT)]
Url = Annotated[str, Meta(max_length=model.MAX_URL)]
Page = Annotated[int, Meta(ge=0, le=model.MAX_SEARCH_PAGE)]
MINE_PER_PAGE = 200


class CreateBody(frames.Strict, frozen=True):
    """A channel to make; an id of one's own makes it safe to ask again."""

    name: Annotated[str, Meta(min_length=1, max_length=model.MAX_NAME)]
    channelId: Annotated[str, Meta(max_length=64)] = ""  # noqa: N815
    portrait: Url = ""
    desc: Text = ""
    extra: Text = ""
    secret: Annotated[str, Meta(max_length=model.MAX_SECRET)] = ""
    callback: Url = ""
    automatic: Annotated[int, Meta(ge=0, le=1)] = 0


class KnownChannel(frames.Strict, frozen=True):
    """A channel, and the ``updateDt`` that the client has of it; 0 if none."""

    channelId: ChannelId  # noqa: N815
    updateDt: Annotated[int, Meta(ge=0)] = 0  # noqa: N815


class InfoBody(frames.Strict, frozen=True):
    """Channels to look up."""

    channels: Annotated[tuple[KnownChannel, ...], Meta(min_length=1, max_length=model.MAX_SHOWN)]


class ModifyBody(frames.Strict, frozen=True):
    """One field of a channel and its new value."""

    channelId: ChannelId  # noqa: N815
    type: int
    value: Annotated[str, Meta(max_length=model.MAX_MENUS_BYTES)]


class TransferBody(frames.Strict, frozen=True):
    """A channel, and who is to own it."""

    channelId: ChannelId  # noqa: N815
    newOwner: frames.Id  # noqa: N815


class ChannelBody(frames.Strict, frozen=True):
    """A channel."""

    channelId: ChannelId  # noqa: N815


class ListenBody(frames.Strict, frozen=True):
    """A channel, and whether one subscribes to it from now on."""

    channelId: ChannelId  # noqa: N815
    on: bool


class SearchBody(frames.Strict, frozen=True):
    """A part of a name, and which page of results."""

    keyword: Annotated[str, Meta(min_length=1, max_length=model.MAX_NAME)]
    page: Page = 0


class MineBody(frames.Strict, frozen=True):
    """One's channels after an id."""

    after: Annotated[str, Meta(max_length=64)] = ""


@router.op("create", CreateBody)
def create(call: Call, body: CreateBody) -> dict[str, Any]:
    """Make a channel of one's own."""
    wanted = Channel(
        body.channelId,
        body.name,
        call.user,
        portrait=body.portrait,
        desc=body.desc,
        extra=body.extra,
        secret=body.secret,
        callback=body.callback,
        automatic=body.automatic,
    )
    made = channel_service().create(call.user, wanted, Origin.USER)
    return {"channelId": made.id, "secret": made.secret, "updateDt": made.update_dt}


@router.op("info", InfoBody)
def info(call: Call, body: InfoBody) -> dict[str, Any]:
    """Channels that are newer than the client's; ``unknown`` do not exist, ``rest`` must be asked again."""
    known = {each.channelId: each.updateDt for each in body.channels}
    found = channel_service().infos(call.user, list(known))
    newer = [found[name] for name in known if name in found and found[name].update_dt > known[name]]
    shown = page(newer, ChannelOut.of)
    return {
        "channels": shown,
        "unknown": [name for name in known if name not in found],
        "rest": [channel.id for channel in newer[len(shown) :]],
    }


@router.op("modify", ModifyBody)
def modify(call: Call, body: ModifyBody) -> dict[str, Any]:
    """Change one field of one's channel."""
    channel_service().modify(call.user, body.channelId, body.type, body.value, Origin.USER)
    return {}


@router.op("transfer", TransferBody)
def transfer(call: Call, body: TransferBody) -> dict[str, Any]:
    """Give one's channel to somebody else."""
    channel_service().transfer(call.user, body.channelId, body.newOwner)
    return {}


@router.op("destroy", ChannelBody)
def destroy(call: Call, body: ChannelBody) -> dict[str, Any]:
    """End one's channel."""
    channel_service().destroy(call.user, body.channelId, Origin.USER)
    return {}


@router.op("listen", ListenBody)
def listen(call: Call, body: ListenBody) -> dict[str, Any]:
    """Subscribe to a channel, or end that."""
    channel_service().listen(call.user, body.channelId, on=body.on)
    return {}


@router.op("search", SearchBody)
def search(call: Call, body: SearchBody) -> dict[str, Any]:
    """Public channels by a part of their names."""
    return {"channels": page(channel_service().search(body.keyword, body.page), ChannelOut.of)}


@router.op("mine", MineBody)
def mine(call: Call, body: MineBody) -> dict[str, Any]:
    """The channels that one owns or listens to, in the order of their ids."""
    later = [each for each in channel_service().mine(call.user) if each.channel > body.after]
    shown = later[:MINE_PER_PAGE]
    return {
        "channels": [{"channelId": each.channel, "owned": each.owned, "listened": each.listened} for each in shown],
        "more": len(shown) < len(later),
    }


def handler(event: dict[str, Any], context: object) -> Answer:
    """Answer one frame."""
    return router.handle(event)
