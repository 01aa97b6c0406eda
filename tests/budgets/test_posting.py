"""A fan-out is bound by the CPU of its posts: measured against the SDK's here and now, so it holds anywhere."""

import pytest

from bench.posting import measured
from bench.stub import running


@pytest.mark.xdist_group("imports")
def test_a_post_takes_less_than_a_quarter_of_the_cpu_that_the_sdk_needs() -> None:
    with running() as stub:
        ours, sdk = measured("ours", 2_000, stub), measured("boto3", 400, stub)

    assert ours.cpu_us <= sdk.cpu_us / 4, f"{ours.cpu_us:.0f} us, SDK {sdk.cpu_us:.0f} us"
