"""Every operation cut at every AWS call in every way: by hand, ``make exhaustive-cuts``."""

import pytest

from tests.e2e.crash import Operation, cut_all_calls, every_operation

pytestmark = pytest.mark.xdist_group("topology")


@pytest.mark.exhaustive
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("operation", every_operation(), ids=lambda operation: operation.name)
def test_an_operation_cut_at_any_call_in_any_way_is_finished_by_its_repeat(operation: Operation) -> None:
    # A topology of its own: moto's transactions and scans take the longer, the more a table holds.
    with operation.system() as topology:
        cut_all_calls(topology, operation)
