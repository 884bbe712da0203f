"""Recording rules: series of the whole service that alerts and dashboards share."""

from __future__ import annotations

from dataclasses import dataclass

from signalscope.mixin._promql import duration, metric
from signalscope.mixin.config import Config

__all__ = ["API_P95", "ERROR_RATE", "VECTORIZED_P90", "Recording", "recordings"]

ERROR_RATE = "signal_service_error_rate_percentage"
API_P95 = "job:signal_service_api_request_duration_seconds:p95"
VECTORIZED_P90 = "job:signal_service_greeks_calculation_seconds_vectorized:p90"


@dataclass(frozen=True, slots=True)
class Recording:
    """One recording rule.

    Attributes:
        record: The name of the series.
        expr: The PromQL expression.
    """

    record: str
    expr: str


def recordings(config: Config) -> list[Recording]:
    """Every recording rule."""
    windows = config.windows
    return [
        # Of the whole service, without an endpoint; and of each endpoint.
        Recording(
            ERROR_RATE,
            f"({_error_rate('job', windows.error_rate, config)})"
            f" or ({_error_rate('job, endpoint', windows.error_rate, config)})",
        ),
        Recording(
            API_P95,
            _quantile(
                0.95, metric("signal_service.api.request.duration", suffix="_bucket"), config, windows.latency
            ),
        ),
        Recording(
            VECTORIZED_P90,
            _quantile(
                0.90,
                metric("signal_service.greeks.calculation", "vectorized", suffix="_bucket"),
                config,
                windows.latency,
                ', vectorized="true"',
            ),
        ),
    ]


def _error_rate(by: str, window: int, config: Config) -> str:
    """Failed requests in percent; absent while there are no requests, zero while none of them fails."""
    requests = metric("signal_service.api.requests", "status_code", "endpoint")
    job, over = config.selectors.job, duration(window)
    failed = f'sum by ({by}) (rate({requests}{{job="{job}", status_code=~"5.."}}[{over}]))'
    everything = f'sum by ({by}) (rate({requests}{{job="{job}"}}[{over}]))'
    return f"100 * ({failed} or 0 * {everything}) / ({everything} > 0)"


def _quantile(quantile: float, buckets: str, config: Config, window: int, more: str = "") -> str:
    rate = f'rate({buckets}{{job="{config.selectors.job}"{more}}}[{duration(window)}])'
    return f"histogram_quantile({quantile:g}, sum by (job, le) ({rate}))"
