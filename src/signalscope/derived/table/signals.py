"""Signals: number, time to generate them, and accuracy."""

from __future__ import annotations

from signalscope.derived._expressions import Instrument, Quantile, Series, Setting
from signalscope.derived._operators import Avg, Per, Sum
from signalscope.derived._rows import asked, group, series
from signalscope.derived.table import increase, rate

_SECONDS = "signal_service.signal.generation"
_EMITTED = "signal_service.signals.emitted"
_LATENCY = Setting("windows.latency")

GROUPS = (
    group("signals", "recording", {
        "SIGNALS_TYPE": series(
            "job_signal_type_direction:signal_service_signals_emitted:rate5m", unit="{signal}/s",
            meaning="Signals emitted, by kind and direction.",
            expr=rate(_EMITTED, "signal_type", "direction"),
        ),
        "SIGNALS": series(
            "job:signal_service_signals_emitted:rate5m", unit="{signal}/s", meaning="Signals emitted.",
            expr=Sum(Series("SIGNALS_TYPE")),
        ),
        "SIGNAL_BUCKETS": series(
            "job_signal_type:signal_service_signal_generation_seconds_bucket:rate", unit="{call}/s",
            meaning="Generations by duration, for quantiles.",
            expr=rate(_SECONDS, "signal_type", "le", part="bucket", over=_LATENCY),
        ),
        "SIGNAL_P95": series(
            "job:signal_service_signal_generation_seconds:p95", unit="s",
            meaning="95th percentile of the time to generate signals.",
            expr=Quantile(0.95, Sum(Series("SIGNAL_BUCKETS"), "le")),
        ),
        "SIGNAL_P95_TYPE": series(
            "job_signal_type:signal_service_signal_generation_seconds:p95", unit="s",
            meaning="95th percentile of the time to generate signals of each kind.",
            expr=Quantile(0.95, Series("SIGNAL_BUCKETS")),
        ),
        "SIGNAL_MEAN": series(
            "job:signal_service_signal_generation_seconds:mean", unit="s",
            meaning="Mean time to generate signals, over the window of the quantiles.",
            expr=Per(rate(_SECONDS, part="sum", over=_LATENCY), rate(_SECONDS, part="count", over=_LATENCY)),
        ),
        "SIGNAL_ACCURACY": series(
            "job_signal_type_time_horizon:signal_service_signal_accuracy_ratio:mean", unit="",
            meaning="Ratio of signals that were right; the mean of all instances.",
            expr=Avg(Instrument("signal_service.signal.accuracy_ratio"), "signal_type", "time_horizon"),
        ),
    }),
)  # fmt: skip

ASKED = {
    "SIGNALS_LAST_MINUTE": asked(
        unit="{signal}", meaning="Signals emitted in the last minute.", expr=increase(_EMITTED, over=60),
    ),
}  # fmt: skip
