"""The SLOs in the answers of the monitoring API, with their error budgets."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, Field
from pydantic.fields import FieldInfo

from signalscope.derived._promql import duration
from signalscope.derived._reasons import DAY
from signalscope.fastapi.monitoring._answer import Number
from signalscope.fastapi.monitoring._binding import Binding, Builder, by_label


class Slo(BaseModel):
    """One SLO with its error budget."""

    objective: Number = Field(description="The objective of the configuration: the ratio of good events.")
    burn_rate: Number = Field(
        description="The burn rate over five minutes: 1 spends the budget in the period."
    )
    error_budget_remaining: Number = Field(
        description="The ratio of the error budget that is left; null before there is enough history."
    )
    seen_since: datetime = Field(description="The time of the first data, in UTC.")
    seen: str = Field(description="The time that the budget covers, or the reason why it is null.")


#: By field of an SLO: the series with its value, and its unit.
_NUMBERS = {
    "objective": ("SLO_OBJECTIVE", "ratio"),
    "burn_rate": ("SLO_BURN", "times"),
    "error_budget_remaining": ("SLO_REMAINING", "ratio"),
}
_SINCE = "SLO_SINCE"


def _every(builder: Builder, path: str, _: FieldInfo) -> dict[str, dict[str, Any]] | None:
    """Return each SLO that has data, by name."""
    since = by_label(builder.vector(_SINCE), "sloth_slo", min)
    builder.note(path, _SINCE, "", missing=not since)
    return {name: _one(builder, f"{path}.{name}", name, since[name]) for name in sorted(since)} or None


def _one(builder: Builder, path: str, name: str, since: float) -> dict[str, Any]:
    slos, began = builder.config.slos, datetime.fromtimestamp(since, UTC)
    age = builder.results.at - since
    covered = min(age, slos.period_days * DAY)
    slo: dict[str, Any] = {"seen_since": began}
    for field, (key, unit) in _NUMBERS.items():
        slo[field] = number = by_label(builder.vector(key), "sloth_slo", min).get(name)
        window, reason = None, f"Prometheus has no {builder.results.get(key).series} of this SLO now"
        if field == "error_budget_remaining":
            window = covered
            if age < slos.budget_seconds:
                after = duration(slos.budget_seconds)
                reason = f"not enough history yet, since {began:%Y-%m-%d %H:%M} UTC; shown after {after}"
            slo["seen"] = reason if number is None else f"over {covered / DAY:.1f} days seen"
        builder.note(f"{path}.{field}", key, unit, missing=number is None, reason=reason, window=window)
    return slo


#: Binds a field to all SLOs by name; None if there are none, as in one process.
EVERY_SLO = Binding(_every, *(key for key, _ in _NUMBERS.values()), _SINCE)
