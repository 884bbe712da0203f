"""The shape of a contract entry, and the rules every entry obeys."""

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
    """A contract entry, or a use of one, that cannot be right; the message says what to change.

    Examples:
        >>> from signalscope import ContractError, contract
        >>> try:
        ...     contract.get("orders.unknown")
        ... except ContractError as error:
        ...     print("refused")
        refused
    """


class Kind(StrEnum):
    """The OpenTelemetry instrument kinds the contract uses.

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
        name: The attribute key; also the Prometheus label.
        description: What it tells, in one sentence.
        values: Every allowed value. None means an open set, limited by ``cap``.
        cap: How many distinct values of an open set one process keeps; later ones become ``other``.

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
            raise ContractError(f"attribute {self.name!r}: use lower-case letters, digits and underscores")
        if self.values is not None and not self.values:
            raise ContractError(f"attribute {self.name!r}: values is empty; leave it out for an open set")
        if self.values is None and self.cap < 1:
            raise ContractError(f"attribute {self.name!r}: cap must be at least 1, not {self.cap}")


@dataclass(frozen=True, slots=True)
class Instrument:
    """One instrument: the row that emission, rules, dashboards and docs are made from.

    Args:
        name: The OpenTelemetry name, dotted (``signal_service.greeks.calculation``).
        kind: Counter, up-down counter, histogram or gauge.
        unit: A UCUM unit: ``s``, ``By``, an annotation such as ``{option}``, or empty for a ratio.
            ``1`` is refused: the Collector would append ``_ratio`` to gauges and nothing else would.
        description: What one measurement means.
        emitted_by: Who records it, as a reader would look for it in the code.
        attributes: The attributes, in the order documents show them.
        buckets: Bucket boundaries of a histogram, ascending; None for other kinds.
        section: The heading under which documents list it.
        unused: Why no rule, panel or endpoint reads it, when that is so on purpose.

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
            raise ContractError(f"{where}: use dotted lower-case words, such as my_service.orders.placed")
        if self.unit == "1":
            raise ContractError(
                f"{where}: leave the unit of a ratio empty (the Collector appends _ratio to 1)"
            )
        if (self.kind is Kind.HISTOGRAM) != (self.buckets is not None):
            raise ContractError(f"{where}: buckets belong to histograms, and each histogram needs them")
        if self.buckets is not None and list(self.buckets) != sorted(set(self.buckets)):
            raise ContractError(f"{where}: bucket bounds must ascend without repeats")
        if len(set(self.attribute_names)) != len(self.attributes):
            raise ContractError(f"{where}: an attribute is listed twice")
        object.__setattr__(self, "prometheus_name", _prometheus_name(self.name, self.kind, self.unit))

    @property
    def attribute_names(self) -> tuple[str, ...]:
        """The attribute keys, in the contract's order."""
        return tuple(attribute.name for attribute in self.attributes)

    @property
    def series_names(self) -> tuple[str, ...]:
        """The Prometheus series names: one, or ``_bucket``, ``_sum`` and ``_count`` for a histogram."""
        if self.kind is Kind.HISTOGRAM:
            return tuple(f"{self.prometheus_name}{suffix}" for suffix in ("_bucket", "_sum", "_count"))
        return (self.prometheus_name,)


def _prometheus_name(name: str, kind: Kind, unit: str) -> str:
    """The name both the Collector (UnderscoreEscapingWithSuffixes) and ``/metrics`` give an instrument."""
    result = name.replace(".", "_")
    suffix = _UNIT_SUFFIX.get(unit)
    if suffix and not result.endswith(f"_{suffix}"):
        result = f"{result}_{suffix}"
    if kind is Kind.COUNTER and not result.endswith("_total"):
        result = f"{result}_total"
    return result


def index(instruments: Iterable[Instrument]) -> dict[str, Instrument]:
    """Instruments by OpenTelemetry name.

    Raises:
        ContractError: Two of them would be one series family in Prometheus.
    """
    by_name: dict[str, Instrument] = {}
    by_prometheus: dict[str, str] = {}
    for instrument in instruments:
        owner = by_prometheus.setdefault(instrument.prometheus_name, instrument.name)
        if owner != instrument.name or instrument.name in by_name:
            raise ContractError(
                f"instrument {instrument.name!r} becomes {instrument.prometheus_name!r} in Prometheus, "
                f"and so does {owner!r}; rename one of them"
            )
        by_name[instrument.name] = instrument
    return by_name
