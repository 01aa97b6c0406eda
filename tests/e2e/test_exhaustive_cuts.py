"""Every operation cut at many AWS calls, and by hand (``make exhaustive-cuts``) at every one of them in every way."""

import pytest

from tests.e2e.crash import MANY_CUTS, Operation, cut_all_calls, cut_some_calls, every_operation

pytestmark = pytest.mark.xdist_group("topology")


@pytest.mark.slow
@pytest.mark.parametrize("operation", every_operation(), ids=lambda operation: operation.name)
def test_an_operation_cut_at_many_calls_is_finished_by_its_repeat(operation: Operation) -> None:
    with operation.system() as topology:
        cut_some_calls(topology, operation, MANY_CUTS)


@pytest.mark.exhaustive
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("operation", every_operation(), ids=lambda operation: operation.name)
def test_an_operation_cut_at_any_call_in_any_way_is_finished_by_its_repeat(operation: Operation) -> None:
    # A topology of its own: moto's transactions and scans take the longer, the more a table holds.
    with operation.system() as topology:
        cut_all_calls(topology, operation)
