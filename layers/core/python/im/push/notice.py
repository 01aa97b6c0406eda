"""What one device is shown of an alert, and the words for it."""

from msgspec import Struct

from im.delivery.model import Device, PushAddress
from im.message.model import ConversationType
from im.push.alert import CALLS, WITHDRAWALS, Alert, Kind


class Names(Struct, frozen=True):
    """Author and conversation as the receiver knows them: names, and portraits' URLs."""

    sender: str = ""
    sender_portrait: str = ""
    target: str = ""
    target_portrait: str = ""


class Notice(Struct, frozen=True):
    """A notification for one device.

    Attributes:
        alert: what it is about.
        user, device, address: whom it is for, and where he gets it.
        names: as he knows them.
        waiting: messages of the conversation that he has not read, at least 1.
        hidden: he does not want to be shown what was written.
        call_start: of a call that is over or was taken: the uid of the message that called this device, or 0.
    """

    alert: Alert
    user: str
    device: Device
    address: PushAddress
    names: Names = Names()
    waiting: int = 1
    hidden: bool = False
    call_start: int = 0

    @property
    def mention(self) -> int:
        """How the receiver is mentioned: 0 not, 1 himself, 2 with everybody."""
        return self.alert.mention_of(self.user)

    @property
    def target(self) -> str:
        """The conversation's target: in a single chat the receiver (satellites spec 1.2)."""
        if self.alert.type == ConversationType.CHANNEL:
            # A dialog is known outside by its channel.
            return self.alert.conversation.channel
        return self.user if self.alert.type == ConversationType.SINGLE else self.alert.target

    @property
    def thread(self) -> str:
        """What the device groups notifications by: the conversation as the receiver names it."""
        alert = self.alert
        named = alert.sender if alert.type == ConversationType.SINGLE else alert.target
        return f"{alert.type}-{alert.line}-{named}"

    @property
    def slot(self) -> str:
        """Notifications of one slot replace one another: a message and its withdrawal, a call from beginning to end."""
        alert = self.alert
        if alert.kind == Kind.FRIEND_REQUEST:
            return f"friend-{alert.sender}"
        if alert.kind in CALLS:
            return str(self.call_start or alert.uid)
        return str(alert.subject or alert.uid)

    @property
    def badge(self) -> int:
        """The number for the application's icon."""
        return self.address.badge + self.waiting

    @property
    def rings(self) -> bool:
        """Whether it makes a noise: whatever tells of an end does not."""
        return self.alert.kind in (Kind.MESSAGE, Kind.CALL_INVITE, Kind.FRIEND_REQUEST)


class Text(Struct, frozen=True):
    """What a notification says."""

    title: str
    body: str


class _Words(Struct, frozen=True):
    """The words of one language; ``kinds`` by kind, ``contents`` by content type."""

    message: str
    group: str
    someone: str
    hidden: str
    mention: str
    mention_all: str
    friend: str
    friend_unnamed: str
    kinds: dict[int, str]
    contents: dict[int, str]


_CHINESE = _Words(
    message="消息",
    group="群聊",
    someone="有人",
    hidden="你收到一条新消息",
    mention="{name}在群里@了你",
    mention_all="{name}在群里@了大家",
    friend="{name} 请求加您为好友",
    friend_unnamed="好友请求",
    kinds={
        Kind.CALL_INVITE: "通话邀请",
        Kind.CALL_ENDED: "通话结束",
        Kind.CALL_ANSWERED: "已被其他端接听",
        Kind.RECALLED: "消息已被撤回",
        Kind.DELETED: "消息已被删除",
    },
    contents={
        2: "[语音]",
        3: "[图片]",
        4: "[位置]",
        5: "[文件]",
        6: "[视频]",
        7: "[表情]",
        8: "[链接]",
        10: "[名片]",
    },
)
_ENGLISH = _Words(
    message="Message",
    group="Group chat",
    someone="Someone",
    hidden="You have a new message",
    mention="{name} mentioned you",
    mention_all="{name} mentioned everyone",
    friend="{name} wants to be your friend",
    friend_unnamed="Friend request",
    kinds={
        Kind.CALL_INVITE: "Incoming call",
        Kind.CALL_ENDED: "Call ended",
        Kind.CALL_ANSWERED: "Answered on another device",
        Kind.RECALLED: "Message recalled",
        Kind.DELETED: "Message deleted",
    },
    contents={
        2: "[Voice]",
        3: "[Image]",
        4: "[Location]",
        5: "[File]",
        6: "[Video]",
        7: "[Sticker]",
        8: "[Link]",
        10: "[Card]",
    },
)


def _words(language: str) -> _Words:
    return _CHINESE if language.lower().startswith("zh") else _ENGLISH


def content_of(alert: Alert, language: str) -> str:
    """What a message says, or what it is (client-semantics spec 8.2); empty if there is nothing to say."""
    return alert.text or _words(language).contents.get(alert.content, "")


def text_of(notice: Notice) -> Text:
    """Title and body in the language of the device (satellites spec 1.8)."""
    words, names, alert = _words(notice.address.language), notice.names, notice.alert
    in_group = alert.type == ConversationType.GROUP
    content = words.kinds.get(alert.kind) or content_of(alert, notice.address.language)
    if alert.kind == Kind.FRIEND_REQUEST:
        title = words.friend.format(name=names.sender) if names.sender else words.friend_unnamed
        return Text(title, content)
    if in_group:
        title = names.target or words.group
    elif alert.type == ConversationType.CHANNEL:
        title = names.target or words.message
    else:
        title = names.sender or words.message
    if in_group and alert.kind == Kind.MESSAGE and notice.mention:
        told = words.mention_all if notice.mention == 2 else words.mention
        return Text(title, told.format(name=names.sender or words.someone))
    if notice.hidden and alert.kind == Kind.MESSAGE:
        return Text(title, words.hidden)
    if in_group and names.sender and alert.kind not in WITHDRAWALS:
        return Text(title, f"{names.sender}:{content}")
    return Text(title, content or words.hidden)
