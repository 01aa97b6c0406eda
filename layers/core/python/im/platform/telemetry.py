"""Structured logs and CloudWatch embedded metrics, by Powertools.

What is logged is chosen field by field: ids, codes and counts, never message text, tokens or request bodies.
"""

from functools import cache

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

_NAMESPACE = "WildfireIM"
_UNITS = {"DeliveryLag": MetricUnit.Milliseconds, "CallbackLag": MetricUnit.Milliseconds}

logger = Logger()
"""The process's logger. Logs and metrics are named after ``POWERTOOLS_SERVICE_NAME``, which the stacks set per deployment."""


@cache
def _metrics() -> EphemeralMetrics:
    return EphemeralMetrics(namespace=_NAMESPACE)


def count(name: str, value: float) -> None:
    """Add a value to this invocation's metrics."""
    _metrics().add_metric(name=name, unit=_UNITS.get(name, MetricUnit.Count), value=value)


def flush() -> None:
    """Print what this invocation counted, if anything, in the embedded metric format."""
    if _metrics().metric_set:
        _metrics().flush_metrics()
