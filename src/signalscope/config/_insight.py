"""Anomaly detection and forecast: ``[anomaly]`` and ``[forecast]`` of the configuration."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from signalscope.config._section import BelowOne, Limit, Part, PositiveRatio, Seconds, Section, Window


class Anomaly(Section):
    """Settings of the prediction interval: the usual level at this time of day on earlier trading days.

    Attributes:
        lookback_days: Calendar days of history that the interval is calculated from, 7 to 60.
        least_days: Trading days of history that the interval needs, 3 to 40.
        recent_days: Calendar days, 4 to 10. A level at which at least three sessions of these days agree is the new
            normal level.
        width: Half the width of the interval, in spreads. A spread is a standard deviation if noise is Gaussian.
        relative_spread: The least spread, as a ratio of the level.
        latency_spread: The least spread of latency, in seconds.
        error_spread: The least spread of the error ratio.
        drop_share: A throughput below this ratio of the usual level is a drop, even within a wide interval.
        drop_events: The least number of usual events in five minutes for a drop. With fewer, zero events can be
            chance.
        hold: The `for` of AnomalyDetected: seconds for which a level must be outside of the interval.
        keep: The `keep_firing_for` of AnomalyDetected, in seconds.

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
                f"least_days = {self.least_days} is too high: {self.lookback_days} days (lookback_days) have at most "
                f"{self.lookback_days * 5 // 7} trading days [SS111]"
            )
        return self


class Forecast(Section):
    """Settings of the forecast for 24 and 48 hours, of predictive alerts and of the scaling recommendation.

    Attributes:
        exhausted_at: A resource is exhausted when this ratio of it is in use.
        growth_days: Calendar days over which growth against earlier weeks is measured, 1 to 7.
        hold: The `for` of CapacityExhaustedWithin48h: seconds for which the forecast must predict exhaustion.
        keep: The `keep_firing_for` of CapacityExhaustedWithin48h, in seconds.
        target_utilization: CPU utilization at which a replica should run, as a ratio.
        processes_per_replica: Processes (workers) in one replica.
        least_samples: Least number of measurements of a capacity; there is one each `pipeline.recording` seconds.
        least_utilization: Capacity is measured only while the CPU utilization of the processes is above this ratio.
        scale_ahead: Seconds from the start of a replica to the load that it is for.
        drain: Seconds within which the replicas should process a backlog.
        least_replicas: Least number of replicas that is recommended.
        most_replicas: Highest number of replicas that is recommended.
        flapping: A breaker is flapping when it opens and closes again this often within `flapping_window`.
        flapping_window: Length of the window for `flapping`, in seconds.
        trend: Seconds by which the trend of a dependency is extrapolated.
        memory_share: Growth of memory is evaluated only above this ratio of the memory limit.

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
            raise ValueError("most_replicas must not be less than least_replicas [SS111]")
        return self
