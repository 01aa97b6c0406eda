"""Group notices (Wildfire types 104 to 125): what happened in a group, as messages of its own log."""

from dataclasses import dataclass
from typing import Any, ClassVar

from wildfire_client.contents.base import Content, pack, register_builtin, unpack
from wildfire_client.digest import Digester
from wildfire_client.payload import Payload, PersistFlag


@dataclass(frozen=True)
class GroupNotice(Content):
    """What all group notices share. `KEY` names the digest text; `BY_VALUE` chooses it by the value where that matters.

    Attributes:
        group: the group's id.
        operator: who did it.
        value: the new name, alias, switch ("1" or "0"), ... depending on the notice.
        member: the one member concerned.
        members: the members concerned.
    """

    FLAG: ClassVar[PersistFlag] = PersistFlag.STORED
    KEY: ClassVar[str] = ""
    BY_VALUE: ClassVar[tuple[str, ...]] = ()

    group: str
    operator: str
    value: str = ""
    member: str = ""
    members: tuple[str, ...] = ()

    def digest(self, words: Digester) -> str:
        """The sentence of this notice."""
        key = self.KEY
        if self.BY_VALUE:
            index = int(self.value) if self.value.isdecimal() else 0
            key = self.BY_VALUE[min(index, len(self.BY_VALUE) - 1)]
        return words.text(
            key,
            who=words.person(self.operator, subject=True),
            value=self.value,
            member=words.person(self.member),
            members=words.people(self.members),
        )

    def _fields(self) -> dict[str, Any]:
        body = {"g": self.group, "o": self.operator, "n": self.value or None, "m": self.member}
        return {"binary": pack(body | ({"ms": list(self.members)} if self.members else {}))}

    @classmethod
    def _parse(cls, payload: Payload) -> dict[str, Any]:
        body = unpack(payload.binary)
        return {
            "group": str(body.get("g") or ""),
            "operator": str(body.get("o") or ""),
            "value": str(body.get("n") or ""),
            "member": str(body.get("m") or ""),
            "members": tuple(str(member) for member in body.get("ms") or ()),
        }


@register_builtin
@dataclass(frozen=True)
class GroupCreated(GroupNotice):
    """`value` is the group's name."""

    TYPE: ClassVar[int] = 104
    KEY: ClassVar[str] = "group_created"


@register_builtin
@dataclass(frozen=True)
class MembersAdded(GroupNotice):
    """`members` were added; one who joined by himself is operator and only member."""

    TYPE: ClassVar[int] = 105
    KEY: ClassVar[str] = "members_added"

    def digest(self, words: Digester) -> str:
        """Somebody joined, or somebody invited others."""
        if self.members == (self.operator,):
            return words.text("member_joined", who=words.person(self.operator, subject=True))
        return super().digest(words)


@register_builtin
@dataclass(frozen=True)
class MembersRemoved(GroupNotice):
    """`members` were removed."""

    TYPE: ClassVar[int] = 106
    KEY: ClassVar[str] = "members_removed"


@register_builtin
@dataclass(frozen=True)
class MemberQuit(GroupNotice):
    """The operator left."""

    TYPE: ClassVar[int] = 107
    KEY: ClassVar[str] = "member_quit"


@register_builtin
@dataclass(frozen=True)
class GroupDismissed(GroupNotice):
    """The group is no more."""

    TYPE: ClassVar[int] = 108
    KEY: ClassVar[str] = "group_dismissed"


@register_builtin
@dataclass(frozen=True)
class OwnerTransferred(GroupNotice):
    """`member` is the new owner."""

    TYPE: ClassVar[int] = 109
    KEY: ClassVar[str] = "owner_changed"


@register_builtin
@dataclass(frozen=True)
class GroupRenamed(GroupNotice):
    """`value` is the new name."""

    TYPE: ClassVar[int] = 110
    KEY: ClassVar[str] = "name_changed"


@register_builtin
@dataclass(frozen=True)
class MemberAliasChanged(GroupNotice):
    """`value` is the new alias of `member`, or of the operator when there is none."""

    TYPE: ClassVar[int] = 111
    KEY: ClassVar[str] = "alias_changed"

    def digest(self, words: Digester) -> str:
        """One's own alias or another's."""
        if self.member in ("", self.operator):
            who = words.person(self.operator, subject=True)
            return words.text("own_alias_changed", who=who, value=self.value)
        return super().digest(words)


@register_builtin
@dataclass(frozen=True)
class GroupPortraitChanged(GroupNotice):
    """`value` is the address of the new portrait."""

    TYPE: ClassVar[int] = 112
    KEY: ClassVar[str] = "portrait_changed"


@register_builtin
@dataclass(frozen=True)
class GroupMuteChanged(GroupNotice):
    """`value` "1": only owner and managers may speak."""

    TYPE: ClassVar[int] = 113
    BY_VALUE: ClassVar[tuple[str, ...]] = ("mute_off", "mute_on")


@register_builtin
@dataclass(frozen=True)
class GroupJoinTypeChanged(GroupNotice):
    """`value` "0" everybody may join, "1" members may invite, "2" only managers may invite."""

    TYPE: ClassVar[int] = 114
    BY_VALUE: ClassVar[tuple[str, ...]] = ("join_open", "join_invite", "join_managers")


@register_builtin
@dataclass(frozen=True)
class GroupPrivateChatChanged(GroupNotice):
    """`value` "0" allowed, "1" forbidden."""

    TYPE: ClassVar[int] = 115
    BY_VALUE: ClassVar[tuple[str, ...]] = ("private_chat_on", "private_chat_off")


@register_builtin
@dataclass(frozen=True)
class GroupSearchableChanged(GroupNotice):
    """`value` "0" found by search (Wildfire's default), "1" not."""

    TYPE: ClassVar[int] = 116
    BY_VALUE: ClassVar[tuple[str, ...]] = ("searchable_on", "searchable_off")


@register_builtin
@dataclass(frozen=True)
class ManagersChanged(GroupNotice):
    """`value` "1": `members` became managers."""

    TYPE: ClassVar[int] = 117
    BY_VALUE: ClassVar[tuple[str, ...]] = ("manager_off", "manager_on")


@register_builtin
@dataclass(frozen=True)
class MembersMuted(GroupNotice):
    """`value` "1": `members` may not speak."""

    TYPE: ClassVar[int] = 118
    BY_VALUE: ClassVar[tuple[str, ...]] = ("member_unmuted", "member_muted")


@register_builtin
@dataclass(frozen=True)
class MembersAllowed(GroupNotice):
    """`value` "1": `members` may speak while the group is muted."""

    TYPE: ClassVar[int] = 119
    BY_VALUE: ClassVar[tuple[str, ...]] = ("member_disallowed", "member_allowed")


@register_builtin
@dataclass(frozen=True)
class MembersRemovedVisible(GroupNotice):
    """The copy of a removal for the people concerned."""

    TYPE: ClassVar[int] = 120
    KEY: ClassVar[str] = "members_removed"


@register_builtin
@dataclass(frozen=True)
class MemberQuitVisible(GroupNotice):
    """The copy of a leave for the people concerned."""

    TYPE: ClassVar[int] = 121
    KEY: ClassVar[str] = "member_quit"


@register_builtin
@dataclass(frozen=True)
class GroupExtraChanged(GroupNotice):
    """`value` is the new extra of the group."""

    TYPE: ClassVar[int] = 122
    FLAG: ClassVar[PersistFlag] = PersistFlag.NONE
    KEY: ClassVar[str] = "extra_changed"


@register_builtin
@dataclass(frozen=True)
class MemberExtraChanged(GroupNotice):
    """`value` is the new extra of `member`."""

    TYPE: ClassVar[int] = 123
    FLAG: ClassVar[PersistFlag] = PersistFlag.NONE
    KEY: ClassVar[str] = "member_extra_changed"


@register_builtin
@dataclass(frozen=True)
class GroupSettingsChanged(GroupNotice):
    """`value` is the number of the setting, `member` its new value (Wildfire's own use of the two fields)."""

    TYPE: ClassVar[int] = 124
    FLAG: ClassVar[PersistFlag] = PersistFlag.NONE
    KEY: ClassVar[str] = "settings_changed"


@register_builtin
@dataclass(frozen=True)
class MembersNotAdded(Content):
    """Some users could not be added: their privacy settings or blacklists forbid it.

    `reasons` pairs each user id with the number of the reason.
    """

    TYPE: ClassVar[int] = 125
    FLAG: ClassVar[PersistFlag] = PersistFlag.STORED

    reasons: tuple[tuple[str, int], ...]

    def digest(self, words: Digester) -> str:
        """Who could not be added."""
        return words.text("not_added", members=words.people(user_id for user_id, _ in self.reasons))

    def _fields(self) -> dict[str, Any]:
        return {"binary": pack({"mi": dict(self.reasons)})}

    @classmethod
    def _parse(cls, payload: Payload) -> dict[str, Any]:
        reasons = unpack(payload.binary).get("mi") or {}
        return {"reasons": tuple((str(user_id), int(reason)) for user_id, reason in reasons.items())}


def joins(content: Content, user_id: str) -> bool:
    """Whether `content` is the notice that makes this user a member: a new group, or an addition that names him."""
    return isinstance(content, GroupCreated) or (isinstance(content, MembersAdded) and user_id in content.members)


def leaves(content: Content, user_id: str) -> bool:
    """Whether `content` is the last thing that this user sees of the group: removed, left, or the group is no more."""
    if isinstance(content, MembersRemoved):
        return user_id in content.members
    if isinstance(content, MemberQuit):
        return user_id == content.operator
    return isinstance(content, GroupDismissed)
