"""Sends notifications on their ways. Each sender returns why it did not work, or nothing; what may work later is raised."""

import hashlib
from typing import Protocol

from msgspec import Struct

from im.errors import BusyError
from im.platform.sns import EndpointDeadError, RefusedError, Sns
from im.platform.webhooks import WebhookFailed, WebhookRefused, Webhooks
from im.push import payloads
from im.push.alert import CALLS
from im.push.model import Reason
from im.push.notice import Notice
from im.push.store import Owner, TokenStore
from im.push.ways import Way
from im.push.webpush import MAX_PLAIN_BYTES, Vapid, encrypt
from im.wire.push import push_message

_GONE = frozenset({404, 410})
_TIMEOUT_S = 5.0
_LATER = 429
_SERVER_ERROR = 500


class Sending(Struct, frozen=True):
    """A notification on its way: what, how, and whose the token is."""

    notice: Notice
    way: Way
    owner: Owner


class Sender(Protocol):
    """Sends on one kind of way."""

    def send(self, sending: Sending) -> Reason | None:
        """Send; None when it was taken.

        Raises:
            BusyError: it was not, and may be the next time.
        """


class EndpointSender:
    """To Apple's and Google's services, through SNS platform endpoints.

    An endpoint is made when something is sent to a token for the first time after its registration, and enabled: a device
    that uploads a token says that it is good, whatever the vendor said of it before. When the vendor reports it dead, it
    is removed.

    Args:
        sns: SNS.
        tokens: remembers endpoints.
    """

    def __init__(self, sns: Sns, tokens: TokenStore) -> None:
        self._sns = sns
        self._tokens = tokens

    def send(self, sending: Sending) -> Reason | None:
        notice, way, owner = sending.notice, sending.way, sending.owner
        if way.platform == "GCM":
            payload = payloads.fcm(notice)
        elif way.platform.startswith("APNS_VOIP"):
            payload = payloads.apns_voip(notice, way.platform)
        else:
            payload = payloads.apns(notice, way.platform)
        endpoint = owner.endpoint
        try:
            if not endpoint:
                endpoint = self._sns.endpoint(way.address, way.token)
                self._tokens.note_endpoint(way.digest, owner, endpoint)
            self._sns.push(endpoint, payload.message, payload.attributes)
        except RefusedError:
            return Reason.REFUSED
        except EndpointDeadError:
            self._sns.delete(endpoint)
            return Reason.DEAD_TOKEN
        return None


class WebSender:
    """To browsers.

    Args:
        webhooks: asks push services, whose addresses the browsers name.
        vapid: who this server is.
    """

    def __init__(self, webhooks: Webhooks, vapid: Vapid) -> None:
        self._webhooks = webhooks
        self._vapid = vapid

    def send(self, sending: Sending) -> Reason | None:
        notice = sending.notice
        browser = notice.address.subscription
        assert browser is not None
        headers = {
            "Authorization": self._vapid.authorization(browser.endpoint),
            "Content-Type": "application/octet-stream",
            "Content-Encoding": "aes128gcm",
            "TTL": str(payloads.ttl_s(notice)),
            "Urgency": "high" if notice.alert.kind in CALLS else "normal",
            "Topic": hashlib.sha256(notice.slot.encode()).hexdigest()[:32],
        }
        try:
            body = encrypt(browser, payloads.web(notice, MAX_PLAIN_BYTES))
        except ValueError:
            return Reason.DEAD_TOKEN
        return _posted(self._webhooks, browser.endpoint, body, sending, headers)


class ServerSender:
    """To Wildfire's push server, which serves the vendors.

    Args:
        webhooks: asks it.
    """

    def __init__(self, webhooks: Webhooks) -> None:
        self._webhooks = webhooks

    def send(self, sending: Sending) -> Reason | None:
        # What a server does not find belongs to the server, not to the token.
        reason = _posted(self._webhooks, sending.way.address, push_message(sending.notice), sending, {})
        return Reason.REFUSED if reason else None


def _posted(webhooks: Webhooks, url: str, body: bytes, sending: Sending, headers: dict[str, str]) -> Reason | None:
    notice = sending.notice
    name = f"push-{sending.way.digest}-{notice.alert.kind}-{notice.slot}"
    try:
        webhooks.post(url, body, message_id=name, secret=None, timeout_s=_TIMEOUT_S, headers=headers)
    except WebhookRefused:
        return Reason.REFUSED
    except WebhookFailed as error:
        if error.status in _GONE:
            return Reason.DEAD_TOKEN
        if error.status is None or error.status == _LATER or error.status >= _SERVER_ERROR:
            raise BusyError("the push service did not take it") from error
        return Reason.REFUSED
    return None
