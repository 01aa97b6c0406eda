"""The server API's two calls about users' settings."""

import pytest

from tests.unit.server_api.test_api import Backend

SETTING = {"userId": "alice", "scope": 26, "key": "team", "value": "our team"}


@pytest.fixture
def backend() -> Backend:
    return Backend()


def test_a_setting_is_put_and_got_and_the_users_devices_are_told(backend: Backend) -> None:
    phone = backend.world.online("alice")

    assert backend.ok("/admin/user/put_setting", SETTING) is None

    assert backend.ok("/admin/user/get_setting", {**SETTING, "value": None}) == SETTING
    assert backend.world.pushes(phone, "settings") == [{"version": backend.world.now}]


def test_a_value_that_is_missing_clears(backend: Backend) -> None:
    backend.ok("/admin/user/put_setting", SETTING)
    backend.ok("/admin/user/put_setting", {"userId": "alice", "scope": 26, "key": "team"})

    assert backend.ok("/admin/user/get_setting", SETTING) == {**SETTING, "value": ""}


def test_a_key_without_the_shape_of_its_scope_is_kept(backend: Backend) -> None:
    setting = {"userId": "alice", "scope": 1, "key": "test_key", "value": "test_value"}

    backend.ok("/admin/user/put_setting", setting)

    assert backend.ok("/admin/user/get_setting", {"userId": "alice", "scope": 1, "key": "test_key"}) == setting


def test_a_setting_that_is_unset_does_not_exist(backend: Backend) -> None:
    assert backend.call("/admin/user/get_setting", {"userId": "alice", "scope": 26, "key": "x"})["code"] == 253


@pytest.mark.parametrize(
    "wrong",
    [{"userId": ""}, {"scope": -1}, {"scope": "x"}, {"scope": 2**31}, {"key": "k" * 129}, {"value": "v" * 4_097}],
)
def test_what_is_beyond_the_limits_is_refused(backend: Backend, wrong: dict[str, object]) -> None:
    assert backend.call("/admin/user/put_setting", {**SETTING, **wrong})["code"] == 251
    assert backend.call("/admin/user/get_setting", SETTING)["code"] == 253


def test_a_destroyed_user_leaves_no_settings(backend: Backend) -> None:
    backend.ok("/admin/user/create", {"userId": "alice", "name": "alice"})
    backend.ok("/admin/user/put_setting", SETTING)

    backend.ok("/admin/user/destroy", {"userId": "alice"})

    assert backend.call("/admin/user/get_setting", SETTING)["code"] == 253


def test_users_decide_by_what_they_are_found(backend: Backend) -> None:
    backend.ok("/admin/user/create", {"userId": "alice", "name": "alice77", "displayName": "Alice"})
    assert backend.world.settings.search_masks(["alice"]) == {}

    backend.ok("/admin/user/put_setting", {"userId": "alice", "scope": 27, "key": "", "value": "2"})

    assert backend.world.settings.search_masks(["alice"]) == {"alice": 2}
