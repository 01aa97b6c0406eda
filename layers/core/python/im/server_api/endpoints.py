"""All endpoints, and Wildfire's paths that have none here."""

from im.server_api import (
    applications,
    channel_services,
    channels,
    chatrooms,
    files,
    friends,
    groups,
    machines,
    messages,
    receipts,
    robot_groups,
    robots,
    system,
    user_settings,
    users,
    words,
)
from im.server_api.registry import ENDPOINTS

FAMILIES = (
    *(users, user_settings, machines, messages, receipts, files, groups, friends, chatrooms, system, words),
    *(robots, robot_groups, channels, channel_services, applications),
)
"""The modules whose functions are endpoints: importing them fills the table."""

HEALTH = "/admin/health"

_WILDFIRE = {
    "/admin": {
        "user": "get_info_by_mobile get_info_by_email batch_get_infos all search_user get_robot_info get_all_robots"
        " get_user_robots online_count online_list session_list app_get_user_info put_setting get_setting",
        "robot": "create",
        "device": "create get user_devices",
        "message": "publish broadcast multicast recall_broadcast recall_multicast delete_broadcast delete_multicast update"
        " clear_by_user conv_read delivery import",
        "conversation": "delete",
        "mesh": "group_sync",
        "friend": "status list set_alias get_alias set_extra send_request handle_send_request get_requests",
        "blacklist": "status list",
        "relation": "get",
        "channel": "create destroy get list subscribe batch_subscribe is_subscribed list_subscriber",
        "chatroom": "create del info members user_chatroom set_black_status get_black_status set_manager get_manager_list"
        " mute_all",
        "system": "get_setting put_setting",
        "file": "conversation_files user_files message_file",
        "oss": "get_upload_url",
        "conference": "list exist list_participant create destroy recording rtp_forward stop_rtp_forward"
        " list_rtp_forward user_request user_event",
        "moments": "feed/post",
        "domain": "create get destroy list ping",
        "": "customer",
    },
    "/robot": {
        "message": "send reply recall update",
        "user": "get_info_by_email batch_get_infos search get_user_robots",
        "friend": "list",
        "application": "get_user_info",
        "oss": "get_upload_url",
        "group": "create del transfer get_info modify member/list member/get member/add member/del member/quit"
        " member/set_alias member/set_extra manager/set manager/mute manager/allow",
        "conference": "request",
        "moments": "feed/post feed/update feed/pull feed/pull_one feed/recall comment/post comment/pull comment/recall"
        " profiles/pull profiles/value/push profiles/list/push",
        "": "user_info profile update_profile set_callback get_callback delete_callback",
    },
    "/channel": {
        "message": "send recall republish",
        "application": "get_user_info",
        "": "user_info get_profile update_profile subscribe subscriber_list is_subscriber",
    },
}

NOT_IMPLEMENTED = frozenset(
    path
    for family, sections in _WILDFIRE.items()
    for section, names in sections.items()
    for name in names.split()
    if (path := "/".join(filter(None, (family, section, name)))) not in ENDPOINTS
)
"""Wildfire's paths that are known and not built: they answer 254 (server-api spec 2.8)."""
