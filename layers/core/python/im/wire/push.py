"""What a Wildfire push server is posted (satellites spec 1.2): one object per device."""

import json

import msgspec
from msgspec import Struct

from im.push.alert import WITHDRAWALS
from im.push.notice import Notice, content_of


class PushMessage(Struct, frozen=True, omit_defaults=True, rename="camel"):
    """The body, under Wildfire's names. Numbers and switches are always there, texts that are null are left out."""

    sender: str
    conv_type: int
    target: str
    user_id: str
    line: int
    cnt_type: int
    server_time: int
    push_message_type: int
    push_type: int
    un_received_msg: int
    exist_badge_number: int
    mentioned_type: int
    is_hidden_detail: bool
    republish: bool
    sender_name: str | None = None
    sender_portrait: str | None = None
    target_name: str | None = None
    target_portrait: str | None = None
    push_content: str | None = None
    push_data: str | None = None
    package_name: str | None = None
    device_token: str | None = None
    voip_device_token: str | None = None
    language: str | None = None
    message_id: int | None = None
    call_start_uid: int | None = None


_encode = msgspec.json.Encoder().encode


def push_message(notice: Notice) -> bytes:
    """The body for one device.

    A withdrawal is told as the newer servers do: under the uid of the message that is taken back, which stands in the data
    as well.
    """
    alert, names, address = notice.alert, notice.names, notice.address
    data = json.dumps({"messageUid": alert.subject}) if alert.kind in WITHDRAWALS else alert.data
    return _encode(
        PushMessage(
            sender=alert.sender,
            sender_name=names.sender or None,
            sender_portrait=names.sender_portrait or None,
            conv_type=alert.type,
            target=notice.target,
            target_name=names.target or None,
            target_portrait=names.target_portrait or None,
            user_id=notice.user,
            line=alert.line,
            cnt_type=alert.content,
            server_time=alert.time,
            push_message_type=alert.kind,
            push_type=address.type,
            push_content=content_of(alert, address.language) or None,
            push_data=data or None,
            un_received_msg=notice.waiting,
            exist_badge_number=address.badge,
            mentioned_type=notice.mention,
            package_name=address.package or None,
            device_token=address.token or None,
            voip_device_token=address.voip or None,
            is_hidden_detail=notice.hidden,
            language=address.language or None,
            message_id=alert.subject or alert.uid or None,
            call_start_uid=notice.call_start or None,
            republish=alert.kind in WITHDRAWALS,
        )
    )
