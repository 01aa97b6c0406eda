"""Requests to be let into a group, for groups that one cannot simply join."""

from collections.abc import Sequence

from im.errors import Code, ImError
from im.group.membership import Membership
from im.group.model import JoinRequest, Notice, Operation, RequestStatus, check_request, refusal, role_of
from im.group.steps import BUILT_IN, check_number
from im.message.model import Origin

MAX_REQUESTS = 100
"""Requests on one page."""


class Requests(Membership):
    """Takes, lists and answers requests.

    A request is one item for each user who shall be let in, so asking again replaces it and it is answered once. Whom it
    concerns is told by a push, which may get lost: owner and managers see it when they look at the list.
    """

    def ask(
        self,
        operator: str,
        group: str,
        users: Sequence[str],
        reason: str = "",
        extra: str = "",
        *,
        origin: Origin = Origin.ADMIN,
    ) -> None:
        """Ask that users be let in, oneself when none is named; the owner and the managers are told.

        Raises:
            ImError: 253 no such group, 9 or 248 no right, 12 all of them are in.
            InvalidError: a text is too long.
        """
        info = self.info(group)
        wanted = list(dict.fromkeys(users)) or [operator]
        check_number(wanted, origin, "users")
        operation = Operation.REQUEST if wanted == [operator] else Operation.REQUEST_OTHERS
        self._check_request(operator, BUILT_IN, origin, operation)
        self._authorise(operator, info, operation, origin)
        known = self._store.get_members(group, wanted)
        outside = [user for user in wanted if user not in known or not known[user].present]
        if not outside and origin is not Origin.ADMIN:
            raise ImError(Code.ALREADY_IN_GROUP)
        now = self._clock()
        requests = [check_request(JoinRequest(user, operator, reason, extra, update_dt=now)) for user in outside]
        for request in requests:
            self._store.put_request(group, request)
        if requests:
            self._tell(self._leaders(info), group)

    def requests(self, reader: str, group: str, after: str = "") -> list[JoinRequest]:
        """Requests by user id, after one, at most ``MAX_REQUESTS``: all for owner and managers, else the reader's own.

        Raises:
            ImError: 253 no such group.
        """
        info = self.info(group)
        own = self._store.get_member(group, reader, consistent=True)
        if refusal(Operation.ANSWER, info, role_of(info, own), Origin.USER) is None:
            return self._store.page_requests(group, after, MAX_REQUESTS)
        request = self._store.get_request(group, reader)
        return [request] if request and reader > after else []

    def answer(self, operator: str, group: str, user: str, accept: bool, reason: int = 0) -> None:
        """Let the user of a request in, or reject him.

        Accepting adds him first and notes the answer afterwards, so a repeat after a crash finishes what is missing.
        A rejection is noted, then told to owner and managers by notice 125.

        Args:
            operator: the owner or a manager.
            group: the group id.
            user: whose request it is.
            accept: whether he may come in.
            reason: of a rejection, a number that means something to the clients.

        Raises:
            ImError: 253 no such group, or no request that waits; 9 or 248 no right; 240 the group is full.
        """
        info = self.info(group)
        self._authorise(operator, info, Operation.ANSWER, Origin.USER)
        request = self._store.get_request(group, user)
        if request is None or request.status != RequestStatus.WAITING:
            raise ImError(Code.NOT_EXIST, "no request waits for an answer")
        if accept:
            self.let_in(operator, group, user)
        status = RequestStatus.ACCEPTED if accept else RequestStatus.REJECTED
        answered = self._store.answer_request(group, user, status, operator, self._clock())
        if not accept and answered:
            data = {"g": group, "o": operator, "mi": {user: reason}}
            self._announce(group, operator, Notice.JOIN_REJECTED, data, BUILT_IN, to=self._leaders(info))
        self._tell(list({user, request.requester}), group)
