"""What one reader of the SDK wants."""

from __future__ import annotations

from collections.abc import Mapping

from opentelemetry.sdk.metrics.export import AggregationTemporality

from signalscope.contract._model import Kind

__all__ = ["Reader"]


class Reader:
    """What one reader of the SDK wants, and when it last collected.

    Args:
        temporality: What it wants of each kind of instrument.
        limits: Its cardinality limit for each kind.
        keeps_exemplars: Whether it shows an exemplar until another one replaces it, rather than once.

    Attributes:
        joined: When it was added to a provider that was recording already, in nanoseconds since the epoch.
        previous: When it last collected each instrument.
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
        self.joined: int | None = None
        self.previous: dict[str, int] = {}

    def wants_delta(self, kind: Kind) -> bool:
        """Whether it wants differences since its last collection."""
        return self.temporality[kind] is AggregationTemporality.DELTA
