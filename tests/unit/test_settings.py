"""Switches: lists come as JSON or as Wildfire's comma separated text, and what does not fit is named."""

from typing import Any

import pytest

from im.settings import SettingsError, Switches

STRANGERS = "message.allow_stranger_chat_list"
TYPES = "message.blacklist_exception_types"


@pytest.mark.parametrize("value", ["admin, help", ["admin", "help"], ("admin", "help")])
def test_a_list_of_users_is_read_in_both_forms(value: Any) -> None:
    assert Switches.parse({STRANGERS: value}).allow_stranger_chat_list == ("admin", "help")


def test_an_empty_text_is_an_empty_list() -> None:
    switches = Switches.parse({STRANGERS: "", TYPES: ""})

    assert (switches.allow_stranger_chat_list, switches.blacklist_exception_types) == ((), ())


@pytest.mark.parametrize("value", [7, ["admin", 7], None])
def test_what_is_no_list_of_users_is_refused_by_name(value: Any) -> None:
    with pytest.raises(SettingsError, match=STRANGERS):
        Switches.parse({STRANGERS: value})


def test_a_switch_goes_through_the_environment_and_back() -> None:
    switches = Switches.parse({STRANGERS: ["help"], TYPES: [1], "im.host_friends": False})

    assert Switches.parse(switches.dump()) == switches
