"""Long lists of writes, and transactions: what the service leaves undone, and what its refusals become."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from pynamodb.attributes import UnicodeAttribute
from pynamodb.models import Model

from im.errors import BusyError
from im.platform.dynamo import ConditionFailed, ContendedError, Dynamo


class Service:
    """Takes at most ``takes`` entries of a request, and remembers what it took."""

    def __init__(self, takes: int) -> None:
        self._takes = takes
        self.taken: list[Any] = []
        self.sizes: list[int] = []

    def batch_write_item(self, **request: Any) -> dict[str, Any]:
        [(table, entries)] = request["RequestItems"].items()
        self.sizes.append(len(entries))
        self.taken += entries[: self._takes]
        left = entries[self._takes :]
        return {"UnprocessedItems": {table: left} if left else {}}


def test_a_long_list_goes_in_requests_of_25() -> None:
    service = Service(25)

    Dynamo(service).batch_put("T", ({"pk": str(number), "gone": None} for number in range(60)))

    assert service.sizes == [25, 25, 10]
    assert service.taken[59] == {"PutRequest": {"Item": {"pk": {"S": "59"}}}}


def test_an_empty_list_is_no_request() -> None:
    service = Service(25)

    Dynamo(service).batch_put("T", [])
    Dynamo(service).batch_delete("T", [])

    assert service.sizes == []


def test_what_was_left_is_sent_again_after_growing_pauses() -> None:
    service, pauses = Service(10), list[float]()

    Dynamo(service, pauses.append).batch_delete("T", ({"pk": str(number)} for number in range(25)))

    assert service.sizes == [25, 15, 5]
    assert [entry["DeleteRequest"]["Key"]["pk"]["S"] for entry in service.taken] == [str(n) for n in range(25)]
    assert len(pauses) == 2
    assert all(0 <= pause <= 0.05 * 2**attempt for attempt, pause in enumerate(pauses))


def test_a_service_that_takes_nothing_is_busy() -> None:
    service = Service(0)

    with pytest.raises(BusyError):
        Dynamo(service, lambda seconds: None).batch_put("T", [{"pk": "1"}])
    assert len(service.sizes) == 6


class Thing(Model):
    """An item to be written in a transaction."""

    class Meta:
        table_name = "T"

    pk = UnicodeAttribute(hash_key=True)


@pytest.fixture
def things() -> Iterator[type[Thing]]:
    yield Thing
    Thing._connection = None


def canceled(*codes: str) -> ClientError:
    response: Any = {
        "Error": {"Code": "TransactionCanceledException", "Message": "canceled"},
        "CancellationReasons": [{"Code": code} for code in codes],
    }
    return ClientError(response, "TransactWriteItems")


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        (("None", "ConditionalCheckFailed"), ConditionFailed),
        (("TransactionConflict", "ConditionalCheckFailed"), ConditionFailed),
        (("TransactionConflict", "None"), ContendedError),
        (("ThrottlingError",), BusyError),
    ],
)
def test_a_canceled_transaction_is_a_condition_or_worth_a_repeat(
    things: type[Thing], codes: tuple[str, ...], expected: type[Exception]
) -> None:
    class Refusing:
        """Cancels every transaction; looks like a botocore client to pynamodb."""

        _request_signer = None

        def _make_api_call(self, operation: str, request: Any, **how: Any) -> Any:
            raise canceled(*codes)

    dynamo = Dynamo(Refusing())
    dynamo.bind(things, "T")

    with pytest.raises(expected), dynamo.transaction(things) as writes:
        writes.save(things("1"))
