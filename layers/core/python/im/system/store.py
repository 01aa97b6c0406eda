"""Settings of a deployment in the Directory table."""

from typing import Protocol

from pynamodb.attributes import UnicodeAttribute
from pynamodb.expressions.update import Action
from pynamodb.models import Model

from im import keys
from im.platform.dynamo import ConditionFailed, Dynamo, Key, translated_errors
from im.system.model import SystemSetting


class SystemSettingItem(Model):
    """A setting."""

    class Meta:
        table_name = ""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    value = UnicodeAttribute()
    desc = UnicodeAttribute()


class SystemSettingStore(Protocol):
    """The settings of a deployment."""

    def get(self, number: int) -> SystemSetting | None:
        """A setting, strongly consistent."""

    def put(self, setting: SystemSetting, *, only_new: bool = False) -> None:
        """Write what is not empty of a setting; with ``only_new`` only if there is none of its number."""


class DynamoSystemSettingStore:
    """``SystemSettingStore`` on the Directory table."""

    def __init__(self, dynamo: Dynamo, table: str) -> None:
        self._dynamo = dynamo
        self._table = table
        dynamo.bind(SystemSettingItem, table)

    def get(self, number: int) -> SystemSetting | None:
        key = Key(self._table, (("pk", keys.SYSTEM), ("sk", keys.system_setting(number))), consistent=True)
        item = self._dynamo.batch_get([key]).get(key)
        return SystemSetting(number, item["value"], item["desc"]) if item else None

    def put(self, setting: SystemSetting, *, only_new: bool = False) -> None:
        value, desc = SystemSettingItem.value, SystemSettingItem.desc
        actions: list[Action] = [
            value.set(setting.value if setting.value else value | setting.value),
            desc.set(setting.desc if setting.desc else desc | setting.desc),
        ]
        item = SystemSettingItem(keys.SYSTEM, keys.system_setting(setting.id))
        try:
            with translated_errors():
                item.update(actions=actions, condition=SystemSettingItem.pk.does_not_exist() if only_new else None)
        except ConditionFailed:
            return
