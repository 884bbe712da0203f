"""Metric names and durations for expressions, taken from the contract so that none can be misspelt."""

from __future__ import annotations

from signalscope import contract
from signalscope._contract_model import ContractError

__all__ = ["duration", "metric"]


def metric(name: str, *labels: str, suffix: str = "") -> str:
    """The Prometheus name of an instrument.

    Args:
        name: Its OpenTelemetry name.
        labels: Labels that the expression uses.
        suffix: ``_bucket``, ``_sum`` or ``_count`` of a histogram.

    Raises:
        ContractError: There is no such instrument, label or suffix.
    """
    instrument = contract.get(name)
    unknown = set(labels) - {*instrument.attribute_names, "le"}
    if unknown:
        raise ContractError(f"{name} has no label {', '.join(sorted(unknown))}")
    full = f"{instrument.prometheus_name}{suffix}"
    if full not in instrument.series_names:
        raise ContractError(f"{name} has no series {full}")
    return full


def duration(seconds: int) -> str:
    """A duration as Prometheus writes it: the largest unit that gives a whole number."""
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
