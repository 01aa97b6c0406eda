"""One-line texts for messages, in English and Chinese: conversation lists, notices, quotes.

The texts are keyed, so an application can add a language with `add_language` or replace single texts.
"""

from collections.abc import Callable, Iterable, Mapping

_TEXTS: dict[str, dict[str, str]] = {
    "en": {
        "you": "You",
        "you_object": "you",
        "somebody": "Somebody",
        "and": ", ",
        "unknown": "[Message of an unknown type]",
        "voice": "[Voice]",
        "image": "[Image]",
        "location": "[Location] {title}",
        "file": "[File] {name}",
        "video": "[Video]",
        "sticker": "[Sticker]",
        "link": "[Link] {title}",
        "articles": "[Article] {title}",
        "channel_entered": "{who} looks at the channel",
        "channel_left": "{who} looks elsewhere",
        "channel_menu": "{who} chose {name}",
        "composite": "[Chat history] {title}",
        "card_user": "[Contact card] {name}",
        "card_group": "[Group card] {name}",
        "card_chatroom": "[Chatroom card] {name}",
        "card_channel": "[Channel card] {name}",
        "typing": "{who} is typing …",
        "recall": "{who} recalled a message",
        "delete": "{who} deleted a message",
        "edit": "{who} edited a message",
        "reaction": "{who} reacted to a message",
        "greeting": "You are friends now and can chat",
        "friend_added": "You added each other as friends",
        "streaming": "{text} …",
        "on": "on",
        "off": "off",
        "group_created": "{who} created the group {value}",
        "members_added": "{who} invited {members} to the group",
        "member_joined": "{who} joined the group",
        "members_removed": "{who} removed {members} from the group",
        "member_quit": "{who} left the group",
        "group_dismissed": "{who} dismissed the group",
        "owner_changed": "{who} made {member} the owner of the group",
        "name_changed": "{who} renamed the group to {value}",
        "alias_changed": "{who} changed the group nickname of {member} to {value}",
        "own_alias_changed": "{who} changed their group nickname to {value}",
        "portrait_changed": "{who} changed the group portrait",
        "mute_on": "{who} muted the group",
        "mute_off": "{who} unmuted the group",
        "join_open": "{who} opened the group to everybody",
        "join_invite": "{who} allows members to invite",
        "join_managers": "{who} allows only managers to invite",
        "private_chat_on": "{who} allowed private chats between members",
        "private_chat_off": "{who} forbade private chats between members",
        "searchable_on": "{who} made the group searchable",
        "searchable_off": "{who} made the group not searchable",
        "manager_on": "{who} made {members} manager",
        "manager_off": "{who} took the manager role from {members}",
        "member_muted": "{who} muted {members}",
        "member_unmuted": "{who} unmuted {members}",
        "member_allowed": "{who} allowed {members} to speak while the group is muted",
        "member_disallowed": "{who} no longer allows {members} to speak while the group is muted",
        "extra_changed": "{who} changed the group's data",
        "member_extra_changed": "{who} changed the data of {member}",
        "settings_changed": "{who} changed the group settings",
        "not_added": "{members} could not be added to the group",
    },
    "zh": {
        "you": "你",
        "you_object": "你",
        "somebody": "有人",
        "and": "、",
        "unknown": "[未知类型消息]",
        "voice": "[语音]",
        "image": "[图片]",
        "location": "[位置] {title}",
        "file": "[文件] {name}",
        "video": "[视频]",
        "sticker": "[表情]",
        "link": "[链接] {title}",
        "articles": "[文章] {title}",
        "channel_entered": "{who}进入了频道",
        "channel_left": "{who}离开了频道",
        "channel_menu": "{who}选择了{name}",
        "composite": "[聊天记录] {title}",
        "card_user": "[个人名片] {name}",
        "card_group": "[群组名片] {name}",
        "card_chatroom": "[聊天室名片] {name}",
        "card_channel": "[频道名片] {name}",
        "typing": "{who}正在输入……",
        "recall": "{who}撤回了一条消息",
        "delete": "{who}删除了一条消息",
        "edit": "{who}编辑了一条消息",
        "reaction": "{who}回应了一条消息",
        "greeting": "你们已经是好友了，可以开始聊天了",
        "friend_added": "你们互相添加为好友",
        "streaming": "{text}……",
        "on": "开启",
        "off": "关闭",
        "group_created": "{who}创建了群组 {value}",
        "members_added": "{who}邀请{members}加入了群组",
        "member_joined": "{who}加入了群组",
        "members_removed": "{who}把{members}移出了群组",
        "member_quit": "{who}退出了群组",
        "group_dismissed": "{who}解散了群组",
        "owner_changed": "{who}把群组转让给了{member}",
        "name_changed": "{who}把群名修改为 {value}",
        "alias_changed": "{who}把{member}的群昵称修改为 {value}",
        "own_alias_changed": "{who}把自己的群昵称修改为 {value}",
        "portrait_changed": "{who}更新了群头像",
        "mute_on": "{who}开启了全员禁言",
        "mute_off": "{who}关闭了全员禁言",
        "join_open": "{who}开放了加入群组",
        "join_invite": "{who}允许群成员邀请加入",
        "join_managers": "{who}只允许群管理邀请加入",
        "private_chat_on": "{who}允许了群成员私聊",
        "private_chat_off": "{who}禁止了群成员私聊",
        "searchable_on": "{who}允许搜索本群",
        "searchable_off": "{who}禁止搜索本群",
        "manager_on": "{who}把{members}设为管理员",
        "manager_off": "{who}取消了{members}的管理员",
        "member_muted": "{who}禁言了{members}",
        "member_unmuted": "{who}取消了{members}的禁言",
        "member_allowed": "{who}允许{members}在全员禁言时发言",
        "member_disallowed": "{who}取消了{members}在全员禁言时的发言权限",
        "extra_changed": "{who}修改了群附加信息",
        "member_extra_changed": "{who}修改了{member}的附加信息",
        "settings_changed": "{who}修改了群设置",
        "not_added": "{members}无法加入群组",
    },
}


def add_language(language: str, texts: Mapping[str, str]) -> None:
    """Add a language or replace texts of one; keys that it lacks fall back to English."""
    _TEXTS.setdefault(language, {}).update(texts)


class Digester:
    """Words for one reader.

    Args:
        language: "en", "zh", or one given to `add_language`.
        me: the reader's user id: he is called "you".
        name: gives the name to show for a user id; the id itself by default.
    """

    def __init__(self, language: str = "en", me: str = "", name: Callable[[str], str] = str) -> None:
        self._texts = _TEXTS["en"] | _TEXTS[language]
        self._me = me
        self._name = name

    def text(self, key: str, **values: str) -> str:
        """The text of `key` with its places filled."""
        return self._texts[key].format(**values).strip()

    def person(self, user_id: str, *, subject: bool = False) -> str:
        """The name of one user, as the subject of the sentence or elsewhere in it."""
        if not user_id:
            return self._texts["somebody"]
        if user_id == self._me:
            return self._texts["you" if subject else "you_object"]
        return self._name(user_id)

    def people(self, user_ids: Iterable[str]) -> str:
        """The names of several users."""
        return self._texts["and"].join(self.person(user_id) for user_id in user_ids)
