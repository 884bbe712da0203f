"""Limits of the built-in health checks: ``[health]`` of the configuration."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from signalscope.config._section import Limit, Section
from signalscope.config.defaults import HEALTH


class HealthLimits(Section):
    """From when on a component is degraded, and from when on unhealthy.

    Attributes:
        error_rate_percent_degraded: Failed requests.
        error_rate_percent_unhealthy: The same.
        failed_work_degraded: Ratio of calculations and generations that fail or are unusable.
        failed_work_unhealthy: The same.
        backpressure_degraded: Of a queue: 0 is empty, 1 full or refusing items.
        backpressure_unhealthy: The same.
        memory_degraded: Ratio of thresholds.memory_bytes.
        memory_unhealthy: The same.
        loop_delay_seconds_degraded: How late the event loop is with what is due.
        loop_delay_seconds_unhealthy: The same.
        least_events: Fewer requests or calls say nothing about a ratio.

    Examples:
        >>> from signalscope.config import HealthLimits
        >>> HealthLimits().error_rate_percent_degraded
        1.0
    """

    error_rate_percent_degraded: Limit = HEALTH.error_rate_percent_degraded
    error_rate_percent_unhealthy: Limit = HEALTH.error_rate_percent_unhealthy
    failed_work_degraded: Limit = HEALTH.failed_work_degraded
    failed_work_unhealthy: Limit = HEALTH.failed_work_unhealthy
    backpressure_degraded: Limit = HEALTH.backpressure_degraded
    backpressure_unhealthy: Limit = HEALTH.backpressure_unhealthy
    memory_degraded: Limit = HEALTH.memory_degraded
    memory_unhealthy: Limit = HEALTH.memory_unhealthy
    loop_delay_seconds_degraded: Limit = HEALTH.loop_delay_seconds_degraded
    loop_delay_seconds_unhealthy: Limit = HEALTH.loop_delay_seconds_unhealthy
    least_events: int = Field(default=HEALTH.least_events, ge=1)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        for unhealthy in type(self).model_fields:
            degraded = unhealthy.replace("_unhealthy", "_degraded")
            if getattr(self, degraded) > getattr(self, unhealthy):
                raise ValueError(f"{degraded} is above {unhealthy}")
        return self
