"""The preferences of one reader of the SDK."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from opentelemetry.sdk.metrics.export import AggregationTemporality

from signalscope.contract._model import Kind


@dataclass(eq=False, slots=True)
class Reader:
    """The preferences of one reader of the SDK, and the times of its last collections.

    Attributes:
        temporality: The temporality for each kind of instrument.
        limits: The cardinality limit for each kind of instrument that has one.
        keeps_exemplars: True if the reader exports an exemplar until another one replaces it, False if once.
        added_at: When the reader was added to a provider that had started to record, in nanoseconds since the epoch.
        collected_at: When the reader last collected each instrument, in nanoseconds since the epoch.
    """

    temporality: Mapping[Kind, AggregationTemporality]
    limits: Mapping[Kind, int] = field(default_factory=dict)
    keeps_exemplars: bool = field(default=False, kw_only=True)
    added_at: int | None = field(default=None, init=False)
    collected_at: dict[str, int] = field(default_factory=dict, init=False)
