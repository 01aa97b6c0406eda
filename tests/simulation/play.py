"""Devices on a stage, and the eight promises as checks of what they did and saw.

``Play`` performs one operation of a device at a time, as its function would; faults strike at the stage's border.
``check_logs`` holds after every operation, ``check_all`` once every device has said its heartbeat and pulled.
"""

import base64
import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

from im.errors import BusyError, Code, ImError
from im.group.model import GroupInfo, GroupMember
from im.message.events import Reaction, reaction_of
from im.message.model import ContentType, Conversation, Payload, Sender, payload_from_json
from im.message.reading import Range
from tests.simulation.device import Device, Draft, seen
from tests.simulation.stage import Stage
from tests.simulation.turns import Killed

ADDED, REMOVED = 105, 106
PAGE = 3
"""Small pages, so that paging is at work everywhere."""


def text_of(cid: str) -> Payload:
    """The content of a message: its cid can be searched for in whatever is stored or sent."""
    return Payload(type=1, searchableContent=f"text of {cid}", persistFlag=3)


class Play:
    """A stage with devices.

    Attributes:
        log_copies: by log, (sender, cid, uid) of each slot as it was first seen: the plain lists.
        acks: by log, what was acknowledged in which order: (sender, cid, seq, uid).
        added_at: by group and user, the log's length when his latest joining began.
        members: by group, who is in for certain.
        outside: (group, user) of all whose removal has begun and who were not added again.
        read_floor: by user and conversation, the highest read cursor that anybody was told.
        withdrawn: (log, seq) of every message whose recall or deletion for everybody was acknowledged.
        edited: (log, seq) of every message of which an edit was acknowledged.
        reacted: by log, seq, user and emoji, the last event of a reaction that was acknowledged.
        refused: (log, sender, cid) of messages that were refused for good.
        removed_by_last: with two removals of one member at once, the last notice counts.
        unclear: while a removal and a joining run side by side, nobody can say whether the member is in.
    """

    def __init__(self, seed: int, **switches: Any) -> None:
        self.stage = Stage(seed, **switches)
        self.stage.wire.watch = self._posted
        self.devices: list[Device] = []
        self.log_copies: dict[str, list[tuple[str, str, int]]] = defaultdict(list)
        self.acks: dict[str, list[tuple[str, str, int, int]]] = defaultdict(list)
        self.added_at: dict[tuple[str, str], int] = {}
        self.outside: set[tuple[str, str]] = set()
        self.members: dict[str, set[str]] = {}
        self.read_floor: dict[tuple[str, Conversation], int] = defaultdict(int)
        self.withdrawn: set[tuple[str, int]] = set()
        self.edited: set[tuple[str, int]] = set()
        self.reacted: dict[tuple[str, int, str, str], int] = {}
        self.refused: set[tuple[str, str, str]] = set()
        self.removed_by_last = False
        self.unclear = False
        self._first_payloads: dict[tuple[str, int], str] = {}
        self._owners: dict[str, str] = {}
        self._cids = 0

    # --- what happens on the client's side

    def device(self, user: str, client: str = "phone") -> Device:
        """A device that is connected and has said hello."""
        device = Device(user, client)
        self.devices.append(device)
        self.connect(device)
        self.hello(device)
        return device

    def connect(self, device: Device, number: int = 0) -> None:
        """Open a socket; it is open once ``$connect`` was answered."""
        connection = f"{device.user}-{device.client}-{self.stage.new_id()}"
        self._owners[connection] = device.user
        service = self.stage.environment(number).connect
        if service.connected(device.user, f"{device.user}-{device.client}", 1, connection, self.stage.world.now):
            self.stage.wire.frames[connection] = []
            device.connection = connection

    def drop(self, device: Device, *, silently: bool) -> str | None:
        """The device loses its socket. Silently: the gateway goes on taking posts for a while."""
        connection, device.connection = device.connection, None
        if connection and silently:
            self.stage.wire.silent.add(connection)
        if connection:
            self.stage.wire.frames.pop(connection, None)
        return connection

    def hello(self, device: Device, number: int = 0, *, lost: bool = False) -> None:
        """Hello or ping, page by page; afterwards what is behind is pulled."""
        if device.connection is None:
            return
        environment, client = self.stage.environment(number), f"{device.user}-{device.client}"
        environment.connect.renew(device.user, client, 1, device.connection, self.stage.world.now)
        for _ in range(50):
            changes = environment.connect.hello(device.user, device.sync, 2)
            if lost:
                return
            for state in changes.conversations:
                key = (device.user, state.conversation)
                device.note(state.conversation, state.head, state.read, state.first, state.last)
                self.read_floor[key] = max(self.read_floor[key], state.read)
            device.sync = changes.token
            if not changes.more:
                break
        for conversation in [each for each, talk in device.talks.items() if talk.behind]:
            self.pull(device, conversation, number)

    def pull(self, device: Device, conversation: Conversation, number: int = 0) -> None:
        """Pull until nothing is missing."""
        talk = device.talk(conversation)
        for _ in range(200):
            wanted = Range(conversation, talk.through, PAGE)
            try:
                [page] = self.stage.environment(number).messages.pull(device.user, [wanted])
            except ImError as error:
                if error.code is Code.NOT_IN_GROUP:
                    return
                raise
            for message in page.messages:
                mine = device.outbox.get(conversation)
                if mine and message.sender == device.user and message.cid == mine.cid:
                    self._acknowledged(device, mine, message.seq, message.uid)
                hidden = (message.log, message.seq) in self.withdrawn
                assert not (hidden and f"text of {message.cid}" in message.payload), "taken back, and served"
            stuck = page.through == talk.through
            talk.take_page([seen(message) for message in page.messages], page.through, page.head)
            if page.head <= talk.through or stuck:
                return

    def take_frame(self, device: Device, index: int, *, keep: bool = False, number: int = 0) -> None:
        """A frame reaches the device, whichever of those on their way; ``keep`` lets it come again."""
        frames = self.stage.wire.frames.get(device.connection or "", [])
        if not frames:
            return
        frame = frames[index % len(frames)] if keep else frames.pop(index % len(frames))
        gap = device.take_push(frame)
        if gap is not None:
            self.pull(device, gap, number)

    def send(self, device: Device, conversation: Conversation, number: int = 0, *, lost: bool = False) -> None:
        """Send the message that is under way, or a new one; ``lost`` is the acknowledgement."""
        draft = device.outbox.get(conversation)
        if draft is None:
            self._cids += 1
            draft = device.compose(conversation, f"m{self._cids}")
        self.transmit(device, draft, number, lost=lost)

    def transmit(self, device: Device, draft: Draft, number: int = 0, *, lost: bool = False) -> None:
        """One attempt of a message, on an environment."""
        sender = Sender(device.user, f"{device.user}-{device.client}", device.connection)
        log = draft.conversation.key(device.user)
        try:
            sent = self.stage.environment(number).messages.send(
                sender, draft.conversation, text_of(draft.cid), cid=draft.cid, base=draft.base
            )
        except BusyError:
            return
        except ImError as error:
            if not error.retry and not lost and device.outbox.pop(draft.conversation, None):
                self.refused.add((log, device.user, draft.cid))
            return
        if not lost:
            self._acknowledged(device, draft, sent.seq, sent.uid)

    def _acknowledged(self, device: Device, draft: Draft, seq: int, uid: int) -> None:
        log = draft.conversation.key(device.user)
        device.acknowledge(draft, seq, uid, "")
        entry = (device.user, draft.cid, seq, uid)
        if entry not in self.acks[log]:
            self.acks[log].append(entry)

    def read(self, device: Device, conversation: Conversation, seq: int, number: int = 0) -> None:
        """Raise the read cursor."""
        service = self.stage.environment(number).messages
        try:
            told = service.read(device.user, conversation, seq, skip=device.connection)
        except ImError:
            return
        floor = self.read_floor[device.user, conversation]
        self.read_floor[device.user, conversation] = max(floor, told)
        assert told <= len(self.stage.world.messages.logs[conversation.key(device.user)])

    def withdraw(self, device: Device, conversation: Conversation, seq: int, kind: str, number: int = 0) -> None:
        """Recall a message, or delete it for everybody or for oneself."""
        service = self.stage.environment(number).messages
        sender = Sender(device.user, f"{device.user}-{device.client}", device.connection)
        try:
            if kind == "recall":
                service.recall(sender, conversation, seq)
            else:
                service.delete(sender, conversation, seq, everybody=kind == "delete")
        except ImError:
            return
        if kind != "hide":
            self.withdrawn.add((conversation.key(device.user), seq))

    def edit(self, device: Device, conversation: Conversation, seq: int, number: int = 0) -> None:
        """Give a message another content."""
        service = self.stage.environment(number).messages
        sender = Sender(device.user, f"{device.user}-{device.client}", device.connection)
        place = (conversation.key(device.user), seq)
        slot = self.stage.world.messages.logs[place[0]].get(seq)
        self._cids += 1
        # What a message is by now can be told from its text, and what it was from its cid.
        text = f"edit {self._cids}, text of {slot.cid}" if slot else ""
        try:
            service.edit(sender, conversation, seq, Payload(type=1, searchableContent=text, persistFlag=3))
        except ImError:
            return
        self.edited.add(place)

    def react(
        self, device: Device, conversation: Conversation, seq: int, emoji: str, on: bool, number: int = 0
    ) -> None:
        """React to a message, or take the reaction away."""
        service = self.stage.environment(number).messages
        sender = Sender(device.user, f"{device.user}-{device.client}", device.connection)
        try:
            event = service.react(sender, conversation, seq, emoji, on)
        except ImError:
            return
        if event and event.seq:
            place = (conversation.key(device.user), seq, device.user, emoji)
            self.reacted[place] = max(self.reacted.get(place, 0), event.seq)

    # --- what the administrator does

    def found(self, group: str, *members: str) -> None:
        """A group; the first member owns it."""
        info = GroupInfo(group, name=group, owner=members[0], type=2)
        self.stage.environment().groups.create(members[0], info, [GroupMember(user) for user in members])
        self.members[group] = set(members)
        for user in members:
            self.added_at[group, user] = 0

    def add(self, group: str, user: str, number: int = 0) -> None:
        """Put a user into a group."""
        if (group, user) not in self.added_at or (group, user) in self.outside:
            self.added_at[group, user] = len(self.stage.world.messages.logs[group_log(group)])
            self.outside.discard((group, user))
        self.stage.environment(number).groups.add_members("admin", group, [GroupMember(user)])
        self.members[group].add(user)

    def remove(self, group: str, user: str, number: int = 0) -> None:
        """Put a user out of a group. From the first attempt on he is not promised anything."""
        self.members[group].discard(user)
        self.outside.add((group, user))
        self.stage.environment(number).groups.remove_members("admin", group, [user])

    def work(self, index: int, number: int = 0, *, keep: bool = False) -> None:
        """A worker serves a queued chunk; ``keep`` lets the queue bring it again."""
        jobs = self.stage.world.queue.jobs
        if jobs:
            job = jobs[index % len(jobs)]
            self.stage.environment(number).delivery.work(job)
            if not keep and job in jobs:
                jobs.remove(job)

    def cut(self, number: int, operation: Callable[[], None]) -> None:
        """Perform something that may die or fail; a dead environment is replaced."""
        try:
            operation()
        except Killed:
            self.stage.bury(number)
        except ImError as error:
            if not error.retry and error.code not in (Code.NOT_IN_GROUP, Code.NOT_EXIST, Code.KICKED_OFF):
                raise

    # --- the promises

    def _posted(self, connection: str, frame: dict[str, Any]) -> None:
        """Promise 8, at the moment of the post."""
        if frame["push"] != "message" or frame["body"]["conversation"]["type"] != 1:
            return
        user, body = self._owners[connection], frame["body"]
        self._check_after_removal(user, body["conversation"]["target"], body["seq"])

    def _check_after_removal(self, user: str, group: str, seq: int) -> None:
        added = self.added_at.get((group, user), 0)
        removals = [at for at in self._notices(REMOVED, user, group) if at > added]
        if not removals or self.unclear:
            return
        end = removals[-1] if self.removed_by_last else removals[0]
        assert seq <= end or seq in removals, f"{user} got {seq} of {group}, was removed at {end}"

    def _notices(self, kind: int, user: str, group: str) -> Iterator[int]:
        for seq, message in list(self.stage.world.messages.logs[group_log(group)].items()):
            payload = payload_from_json(self._first_payloads.get((message.log, seq), message.payload))
            if payload.type == kind and user in notice_of(payload)["ms"]:
                yield seq

    def _told_of_joining(self, user: str, group: str) -> int:
        """The seq from which on a member may miss nothing: of the notice that told of his joining."""
        added = self.added_at[group, user]
        return next(seq for seq in self._notices(ADDED, user, group) if seq > added) if added else 0

    def check_logs(self) -> None:
        """Promises 1, 2, 3, 5 and 7, which hold at every moment."""
        for log, slots in list(self.stage.world.messages.logs.items()):
            known = self.log_copies[log]
            assert sorted(slots) == list(range(1, len(slots) + 1)), f"{log} has holes: {sorted(slots)}"
            entries = [(slots[seq].sender, slots[seq].cid, slots[seq].uid) for seq in sorted(slots)]
            assert entries[: len(known)] == known, f"{log} has changed"
            self.log_copies[log] = entries
            for seq in range(len(known) + 1, len(entries) + 1):
                self._first_payloads[log, seq] = slots[seq].payload
            names = [entry[:2] for entry in entries]
            assert len(set(names)) == len(names), f"{log} holds a message twice: {names}"
            uids = [uid for _, _, uid in entries]
            assert uids == sorted(set(uids)), f"{log} has uids out of order"
            for sender, cid, seq, uid in self.acks[log]:
                assert seq <= len(entries), f"{log}: {seq} was acknowledged and does not exist"
                assert entries[seq - 1] == (sender, cid, uid), f"{log}: {cid} was acknowledged as {seq}"
        for log, sender, cid in self.refused:
            assert (sender, cid) not in [entry[:2] for entry in self.log_copies[log]], f"{cid} refused, and stored"
        for (user, conversation), floor in self.read_floor.items():
            row = self.stage.world.rows.get(user, conversation)
            assert (row.read if row else 0) >= floor, f"{user}'s cursor went back"

    def settle(self) -> None:
        """Everything that still can happens: no more faults, queued chunks, resends, frames, heartbeats."""
        self.stage.border.fate = lambda name: None
        self.stage.border.lag = None
        for device in self.devices:
            if device.connection not in self.stage.wire.frames:
                device.connection = None
            if device.connection is None:
                self.connect(device)
            self.hello(device)
        while self.stage.world.queue.jobs:
            self.work(0)
        for device in self.devices:
            for draft in list(device.outbox.values()):
                self.transmit(device, draft)
        self.stage.world.now += 240_000
        for device in self.devices:
            self.hello(device)
            self.stage.wire.frames[device.connection or ""].clear()

    def check_all(self) -> None:
        """Promises 1 to 8, once everything has settled."""
        self.check_logs()
        logs = self.stage.world.messages.logs
        for log, slot in self.withdrawn:
            events = [each for each in logs[log].values() if each.ref == slot and not each.to]
            types = [payload_from_json(each.payload).type for each in events]
            kinds = [kind for kind in types if kind in (ContentType.RECALL, ContentType.DELETE)]
            assert len(set(kinds)) == len(kinds) >= 1, f"{log}: {slot} has the events {kinds}"
            assert f"text of {logs[log][slot].cid}" not in logs[log][slot].payload
        for log, slot in self.edited - self.withdrawn:
            assert logs[log][slot].withdrawn or "edit " in logs[log][slot].payload, f"{log}: {slot} lost its edit"
        for (log, slot, user, emoji), acknowledged in self.reacted.items():
            told = [
                (each.seq, reaction_of(each)) for each in logs[log].values() if (each.ref, each.sender) == (slot, user)
            ]
            last = max(seq for seq, reaction in told if reaction and reaction.emoji == emoji)
            if last != acknowledged or logs[log][slot].withdrawn:
                continue  # What came later was never acknowledged, so it may or may not be in the sum.
            stands = user in logs[log][slot].reactions.get(emoji, {})
            assert (acknowledged, Reaction(emoji, stands)) in told, f"{log}: {slot} has {user}'s {emoji} wrong"
        for device in self.devices:
            assert not device.outbox, f"{device} still waits for {device.outbox}"
            for conversation, talk in device.talks.items():
                for seq, message in talk.shown.items():
                    slot = logs[conversation.key(device.user)][seq]
                    assert (slot.sender, slot.cid) == (message.sender, message.cid), f"{device} shows another {seq}"
                    if conversation.type == 1:
                        self._check_after_removal(device.user, conversation.target, seq)
            self._check_complete(device)

    def _check_complete(self, device: Device) -> None:
        logs = self.stage.world.messages.logs
        for log, slots in list(logs.items()):
            conversation = side_of(device.user, log)
            if conversation is None:
                continue
            start = 0
            if conversation.type == 1:
                if device.user not in self.members[conversation.target]:
                    continue
                start = self._told_of_joining(device.user, conversation.target)
            expected = [seq for seq in sorted(slots) if seq >= start and slots[seq].visible_to(device.user)]
            shown = [seq for seq in device.talk(conversation).shown if seq >= start]
            assert shown == expected, f"{device} shows {shown} of {log}, not {expected}"


def group_log(group: str) -> str:
    """The log of a group's line 0."""
    return Conversation(1, group).key("")


def side_of(user: str, log: str) -> Conversation | None:
    """A log as a user names it; None when it is a single chat of others."""
    for message_log, conversation in _sides(user, log):
        if message_log == log:
            return conversation
    return None


def _sides(user: str, log: str) -> Iterator[tuple[str, Conversation]]:
    for group in ("team", "duo"):
        yield group_log(group), Conversation(1, group)
    for other in USERS:
        conversation = Conversation(0, other)
        yield conversation.key(user), conversation


USERS = ("ann", "bob", "cem", "dia")
"""Everybody in these plays."""


def notice_of(payload: Payload) -> dict[str, Any]:
    """What a group notice says."""
    notice: dict[str, Any] = json.loads(base64.b64decode(payload.base64edData))
    return notice
