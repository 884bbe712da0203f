"""What is unusual and what is foreseen: ``[anomaly]`` and ``[forecast]`` of the configuration."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from signalscope.config._section import BelowOne, Limit, Part, PositiveRatio, Seconds, Section, Window


class Anomaly(Section):
    """Bands around what was usual at this time of day on earlier trading days.

    Attributes:
        lookback_days: Calendar days that are looked back on.
        least_days: Trading days of history that are needed; with fewer there is no band.
        recent_days: A level that at least three sessions of these last calendar days agree on is the new normal.
        width: Half the width of the band in spreads (a spread is a standard deviation where noise is Gaussian).
        relative_spread: The least spread, as a share of the level.
        latency_spread: The least spread of latency, in seconds.
        error_spread: The least spread of the error ratio.
        drop_share: A throughput below this share of the usual is a drop, however wide the band is.
        drop_events: Unless fewer events than this are usual in five minutes: then none may be chance.
        hold: Seconds that a level must be outside before AnomalyDetected fires.
        keep: Seconds that it goes on firing.

    Examples:
        >>> from signalscope.config import Anomaly
        >>> Anomaly().lookback_days
        21
    """

    lookback_days: int = Field(default=21, ge=7, le=60)
    least_days: int = Field(default=8, ge=3, le=40)
    recent_days: int = Field(default=5, ge=4, le=10)
    width: Limit = 3.0
    relative_spread: BelowOne = 0.05
    latency_spread: float = Field(default=0.02, ge=0)
    error_spread: BelowOne = 0.002
    drop_share: Part = 0.2
    drop_events: Limit = 30
    hold: Seconds = 600
    keep: Seconds = 900

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.least_days > self.lookback_days * 5 // 7:
            raise ValueError(
                f"least_days: {self.lookback_days} days to look back on (lookback_days) never have {self.least_days} "
                "trading days"
            )
        return self


class Forecast(Section):
    """What will be in use in 24 and 48 hours, when it will be all, and how many replicas are wanted.

    Attributes:
        exhausted_at: The share of a resource in use at which it counts as exhausted.
        growth_days: Calendar days over which growth against earlier weeks is measured.
        hold: Seconds that exhaustion must be foreseen before CapacityExhaustedWithin48h fires.
        keep: Seconds that it goes on firing.
        target_utilization: CPU of a replica, of what it has, that is aimed at.
        processes_per_replica: Processes (workers) in one replica.
        least_samples: Evaluations (every `pipeline.recording` seconds) that a capacity is measured in at least.
        least_utilization: Capacity is measured only while processes use more than this of a core.
        scale_ahead: Seconds that a replica is wanted before its load comes.
        drain: Seconds within which a backlog is to be worked off.
        least_replicas: Fewer are never recommended.
        most_replicas: More are never recommended.
        flapping: How often a breaker opens in `flapping_window` seconds when it flaps.
        flapping_window: Seconds.
        trend: Seconds that a dependency's trend is drawn out.
        memory_share: Growth of memory is watched above this share of the limit.

    Examples:
        >>> from signalscope.config import Forecast
        >>> Forecast().target_utilization
        0.6
    """

    exhausted_at: PositiveRatio = 0.9
    growth_days: int = Field(default=4, ge=1, le=7)
    hold: Seconds = 900
    keep: Seconds = 3_600
    target_utilization: PositiveRatio = 0.6
    processes_per_replica: int = Field(default=1, ge=1)
    least_samples: int = Field(default=12, ge=2)
    least_utilization: BelowOne = 0.05
    scale_ahead: Window = 1_800
    drain: Window = 300
    least_replicas: int = Field(default=2, ge=1)
    most_replicas: int = Field(default=50, ge=1)
    flapping: int = Field(default=3, ge=2)
    flapping_window: Window = 900
    trend: Window = 1_800
    memory_share: Part = 0.5

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.most_replicas < self.least_replicas:
            raise ValueError("most_replicas is less than least_replicas")
        return self
