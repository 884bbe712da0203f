"""The preferences of one reader of the SDK."""

from __future__ import annotations

from collections.abc import Mapping

from opentelemetry.sdk.metrics.export import AggregationTemporality

from signalscope.contract._model import Kind


class Reader:
    """The preferences of one reader of the SDK, and when it last collected.

    Args:
        temporality: Its temporality for each kind of instrument.
        limits: Its cardinality limit for each kind.
        keeps_exemplars: Whether it exports an exemplar until another one replaces it, rather than once.

    Attributes:
        added_at: When it was added to a provider that was recording already, in nanoseconds since the epoch.
        collected_at: When it last collected each instrument.
    """

    def __init__(
        self,
        temporality: Mapping[Kind, AggregationTemporality],
        limits: Mapping[Kind, int] | None = None,
        *,
        keeps_exemplars: bool = False,
    ) -> None:
        self.temporality = dict(temporality)
        self.limits = dict(limits or {})
        self.keeps_exemplars = keeps_exemplars
        self.added_at: int | None = None
        self.collected_at: dict[str, int] = {}

    def wants_delta(self, kind: Kind) -> bool:
        """Return True if it collects differences since its last collection."""
        return self.temporality[kind] is AggregationTemporality.DELTA
