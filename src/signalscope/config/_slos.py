"""Service level objectives (SLOs): ``[slos]`` of the configuration."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from signalscope.config._section import (
    ApiSeconds,
    Count,
    PositiveRatio,
    Ratio,
    Section,
    SignalSeconds,
    Window,
)
from signalscope.config.defaults import BURN_RATES, SLO_PERIOD_DAYS


class Slo(Section):
    """One SLO.

    Attributes:
        objective: The ratio of good events to all events that is aimed at, between 0 and 1.
        alert: ``burn-rate`` for alerts on the burn rate of the error budget, ``threshold`` for an alert on the ratio.
        min_events: Least number of events in the long window; with fewer, no alert fires.
        min_bad_events: Least number of bad events in the long window; with fewer, no alert fires.

    Examples:
        >>> from signalscope.config import Slo
        >>> Slo(objective=0.999).alert
        'burn-rate'
    """

    objective: float = Field(gt=0, lt=1)
    alert: Literal["burn-rate", "threshold"] = "burn-rate"
    min_events: Count = 50
    min_bad_events: Count = 5

    @property
    def budget(self) -> float:
        """The error budget: the ratio of bad events to all events that is allowed."""
        return round(1 - self.objective, 9)

    @model_validator(mode="after")
    def _can_fire(self) -> Self:
        if not 0 < self.budget < 1:
            raise ValueError(
                f"an objective of {self.objective:.12g} is too close to 0 or 1; use for example 0.999 [SS113]"
            )
        fastest = max(BURN_RATES.values())
        if self.alert == "burn-rate" and fastest * self.budget >= 1:
            raise ValueError(
                f"with an objective of {self.objective:g} an alert at a burn rate of {fastest:g} can never fire: "
                f'{fastest:g} x {self.budget:g} is not below 1. Use alert = "threshold", or an objective '
                f"above {1 - 1 / fastest:.4f} [SS113]"
            )
        return self


class ApiLatencySlo(Slo):
    """The SLO of API latency.

    Attributes:
        seconds: A request within this time is a good event. A bucket boundary of API latency.
    """

    seconds: ApiSeconds = 0.5


class SignalLatencySlo(Slo):
    """The SLO of the time to generate signals.

    Attributes:
        seconds: A generation within this time is a good event. A bucket boundary of signal generation.
    """

    seconds: SignalSeconds = 2.0


class Slos(Section):
    """All SLOs. They have the same period.

    Attributes:
        period_days: Days of the period. Fixed, because names of series contain it.
        covered: Ratio of the long window of a burn rate that must have passed since the first data before its alert
            can fire. A gap in the data counts as covered.
        young_seconds: Seconds since the first data after which the highest burn rate can page, although its long
            window is not covered yet.
        budget_seconds: Seconds since the first data after which the error budget is shown.
        hysteresis: A threshold alert ends when the ratio is better than the objective by this ratio of the budget.
        availability: The service answers its scrape.
        errors: Requests succeed.
        api_latency: Requests are quick.
        signal_latency: Signals are generated quickly.
        vectorized: Options are priced in array operations.
        cache_hits_greeks: Greeks come from the cache.
        cache_hits_indicators: Indicators come from the cache.
        dependencies: External services are healthy.
        critical_backlog: No critical items wait.

    Examples:
        >>> from signalscope.config import Slos
        >>> Slos().errors.objective
        0.999
    """

    period_days: int = Field(default=SLO_PERIOD_DAYS, ge=SLO_PERIOD_DAYS, le=SLO_PERIOD_DAYS)
    covered: PositiveRatio = 0.9
    young_seconds: Window = 900
    budget_seconds: Window = 86_400
    hysteresis: Ratio = 0.1
    availability: Slo = Slo(objective=0.9995)
    errors: Slo = Slo(objective=0.999)
    api_latency: ApiLatencySlo = ApiLatencySlo(objective=0.95)
    signal_latency: SignalLatencySlo = SignalLatencySlo(objective=0.95)
    vectorized: Slo = Slo(objective=0.9, alert="threshold")
    cache_hits_greeks: Slo = Slo(objective=0.85, alert="threshold")
    cache_hits_indicators: Slo = Slo(objective=0.80, alert="threshold")
    dependencies: Slo = Slo(objective=0.95)
    critical_backlog: Slo = Slo(objective=0.99)

    @model_validator(mode="before")
    @classmethod
    def _over_defaults(cls, values: Any) -> Any:
        """Add the default values of an SLO to the keys that the file gives."""
        if not isinstance(values, dict):
            return values
        fields = cls.model_fields
        return {
            name: fields[name].default.model_dump() | given
            if name in fields and isinstance(given, dict) and isinstance(fields[name].default, Slo)
            else given
            for name, given in values.items()
        }
