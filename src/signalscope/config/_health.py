"""Limits of the built-in health checks: ``[health]`` of the configuration."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from signalscope.config._section import Section
from signalscope.config.defaults import HEALTH

__all__ = ["HealthLimits"]

_PAIRS = ("error_rate_percent", "failed_work", "backpressure", "memory", "loop_delay_seconds")


class HealthLimits(Section):
    """From when on a component is degraded, and from when on unhealthy."""

    error_rate_percent_degraded: float = Field(
        default=HEALTH.error_rate_percent_degraded, gt=0, description="Failed requests."
    )
    error_rate_percent_unhealthy: float = Field(default=HEALTH.error_rate_percent_unhealthy, gt=0)
    failed_work_degraded: float = Field(
        default=HEALTH.failed_work_degraded,
        gt=0,
        description="Share of calculations and generations that fail or are unusable.",
    )
    failed_work_unhealthy: float = Field(default=HEALTH.failed_work_unhealthy, gt=0)
    backpressure_degraded: float = Field(default=HEALTH.backpressure_degraded, gt=0)
    backpressure_unhealthy: float = Field(default=HEALTH.backpressure_unhealthy, gt=0)
    memory_degraded: float = Field(
        default=HEALTH.memory_degraded, gt=0, description="Share of thresholds.memory_bytes."
    )
    memory_unhealthy: float = Field(default=HEALTH.memory_unhealthy, gt=0)
    loop_delay_seconds_degraded: float = Field(
        default=HEALTH.loop_delay_seconds_degraded,
        gt=0,
        description="How late the event loop is with what is due.",
    )
    loop_delay_seconds_unhealthy: float = Field(default=HEALTH.loop_delay_seconds_unhealthy, gt=0)
    least_events: int = Field(
        default=HEALTH.least_events, ge=1, description="Fewer requests or calls say nothing about a share."
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        for name in _PAIRS:
            if getattr(self, f"{name}_degraded") > getattr(self, f"{name}_unhealthy"):
                raise ValueError(f"{name}_degraded is above {name}_unhealthy")
        return self
