"""Instruments and attributes of the contract, and the checks of each."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

OTHER = "other"
"""The overflow value: it replaces an attribute value that is not allowed, or is beyond the limit."""

_UNIT_SUFFIX = {"s": "seconds", "By": "bytes"}
_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*\Z")
_LABEL = re.compile(r"[a-z][a-z0-9_]*\Z")


class ContractError(ValueError):
    """An instrument or attribute that is not valid, or not in the contract; the message says what to change.

    Examples:
        >>> from signalscope import ContractError, contract
        >>> try:
        ...     contract.get("orders.unknown")
        ... except ContractError as error:
        ...     print("refused")
        refused
    """


class Kind(StrEnum):
    """The kinds of OpenTelemetry instruments in the contract.

    Examples:
        >>> from signalscope.contract import Kind
        >>> Kind("histogram") is Kind.HISTOGRAM
        True
    """

    COUNTER = "counter"
    UPDOWNCOUNTER = "updowncounter"
    HISTOGRAM = "histogram"
    GAUGE = "gauge"


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute of an instrument, with a limited set of values.

    Args:
        name: The key of the attribute, which is also the Prometheus label: lower-case letters, digits, underscores.
        description: The meaning of the attribute, in one sentence.
        values: All allowed values of a closed attribute. None means an open attribute, limited by ``cap``.
        cap: The cardinality limit: the number of distinct values of an open attribute in one process, at least 1.
            Later values become ``other``.

    Raises:
        ContractError: The name, ``values`` or ``cap`` is not allowed.

    Examples:
        >>> from signalscope.contract import Attribute
        >>> Attribute("venue", "Where the order was sent.", cap=20).values is None
        True
    """

    name: str
    description: str
    values: tuple[str, ...] | None = None
    cap: int = 100

    def __post_init__(self) -> None:
        if not _LABEL.match(self.name):
            raise ContractError(f"attribute {self.name!r}: use lower-case letters, digits and _ [SS201]")
        if self.values is not None and not self.values:
            raise ContractError(f"attribute {self.name!r}: values is empty; use None for any value [SS202]")
        if self.values is None and self.cap < 1:
            raise ContractError(f"attribute {self.name!r}: cap must be at least 1, not {self.cap} [SS202]")


@dataclass(frozen=True, slots=True)
class Instrument:
    """One instrument: metrics, rules, dashboards and documents are made from it.

    Args:
        name: The OpenTelemetry name, lower-case words with dots (``signal_service.greeks.calculation``).
        kind: Counter, up-down counter, histogram or gauge.
        unit: A UCUM unit: ``s``, ``By``, an annotation such as ``{option}``, or empty for a ratio. It is not ``1``:
            only the Collector would append ``_ratio`` to the Prometheus name of a gauge.
        description: The meaning of one measurement.
        emitted_by: The function, decorator or class that records the instrument.
        attributes: The attributes, in the order of the documents.
        buckets: The bucket boundaries of a histogram, ascending, in the unit of the instrument; None for other kinds.
        section: The heading in documents.
        unused: The reason why no rule, panel or endpoint reads the instrument; empty if one does.

    Attributes:
        prometheus_name: The name in Prometheus.

    Raises:
        ContractError: A name, the unit, the buckets or the attributes are not allowed.

    Examples:
        >>> from signalscope.contract import Instrument, Kind
        >>> Instrument("orders.placed", Kind.COUNTER, "{order}", "Orders sent.", "orders.desk").prometheus_name
        'orders_placed_total'
    """

    name: str
    kind: Kind
    unit: str
    description: str
    emitted_by: str
    attributes: tuple[Attribute, ...] = ()
    buckets: tuple[float, ...] | None = None
    section: str = "Extended"
    unused: str = ""
    prometheus_name: str = field(init=False)

    def __post_init__(self) -> None:
        where = f"instrument {self.name!r}"
        if not _NAME.match(self.name):
            raise ContractError(f"{where}: use dotted lower-case words: my_service.orders.placed [SS203]")
        if self.unit == "1":
            raise ContractError(
                f"{where}: leave the unit of a ratio empty (the Collector appends _ratio to 1) [SS204]"
            )
        if (self.kind is Kind.HISTOGRAM) != (self.buckets is not None):
            raise ContractError(f"{where}: each histogram needs buckets, and no other kind has them [SS205]")
        if self.buckets is not None and list(self.buckets) != sorted(set(self.buckets)):
            raise ContractError(f"{where}: bucket boundaries must ascend without repeats [SS205]")
        if len(set(self.attribute_names)) != len(self.attributes):
            raise ContractError(f"{where}: an attribute is listed twice; remove one [SS206]")
        object.__setattr__(self, "prometheus_name", _prometheus_name(self.name, self.kind, self.unit))

    @property
    def attribute_names(self) -> tuple[str, ...]:
        """The keys of the attributes, in the order of the contract."""
        return tuple(attribute.name for attribute in self.attributes)

    @property
    def series_names(self) -> tuple[str, ...]:
        """The names of the series in Prometheus: one, or ``_bucket``, ``_sum`` and ``_count`` for a histogram."""
        if self.kind is Kind.HISTOGRAM:
            return tuple(f"{self.prometheus_name}{suffix}" for suffix in ("_bucket", "_sum", "_count"))
        return (self.prometheus_name,)


def _prometheus_name(name: str, kind: Kind, unit: str) -> str:
    """Return the name of an instrument in Prometheus.

    The Collector (UnderscoreEscapingWithSuffixes) and ``/metrics`` use the same name.
    """
    result = name.replace(".", "_")
    suffix = _UNIT_SUFFIX.get(unit)
    if suffix and not result.endswith(f"_{suffix}"):
        result = f"{result}_{suffix}"
    if kind is Kind.COUNTER and not result.endswith("_total"):
        result = f"{result}_total"
    return result


def index(instruments: Iterable[Instrument]) -> dict[str, Instrument]:
    """Map instruments by OpenTelemetry name.

    Raises:
        ContractError: Two instruments would have the same name in Prometheus.
    """
    by_name: dict[str, Instrument] = {}
    by_prometheus: dict[str, str] = {}
    for instrument in instruments:
        owner = by_prometheus.setdefault(instrument.prometheus_name, instrument.name)
        if owner != instrument.name or instrument.name in by_name:
            raise ContractError(
                f"instrument {instrument.name!r} becomes {instrument.prometheus_name!r} in Prometheus, "
                f"and so does {owner!r}; rename one of them [SS207]"
            )
        by_name[instrument.name] = instrument
    return by_name
