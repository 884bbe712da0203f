"""Cases of SLO alerts: burn rates, and ratios below their objective.

Fast alerts fire at a burn rate of 14.4 (windows 1h and 5m) or 6 (6h and 30m). Slow alerts fire at a burn rate of 3
(1d and 2h) or 1 (3d and 6h). A constant ratio is equal over all windows. Between 1 and 6 the slow alert fires, and
above 6 both alerts fire.
"""

from __future__ import annotations

from tests.mixin.cases._case import Case, series

_UP = 'up{job="signal-service", instance="a"}'
_OK, _FAILED = (
    series("signal_service_api_requests_total", f'endpoint="/a", status_code="{code}", user_tier="free"')
    for code in (200, 500)
)
_API = "signal_service_api_request_duration_seconds"
_API_LABELS = 'endpoint="/a", user_tier="free", status_code="200"'
_SIGNAL = "signal_service_signal_generation_seconds"
_SIGNAL_LABELS = 'signal_type="momentum", outcome="success"'
#: The number of samples in half an hour, at an interval of 30 seconds.
_HALF_HOUR = 60


def _errors(ok: str, failed: str) -> dict[str, str]:
    return {_OK: ok, _FAILED: failed}


def _latency(name: str, labels: str, bound: str, every: str, quick: str) -> dict[str, str]:
    return {
        series(f"{name}_count", labels): every,
        series(f"{name}_bucket", f'{labels}, le="{bound}"'): quick,
    }


def _quantiles(stem: str, name: str, labels: str, bound: str) -> list[Case]:
    """Return cases of an objective of 95 %, for which 30 % of slow events are a burn rate of 6."""

    def case(alert: str, title: str, quick: int, firing: int) -> Case:
        values = (f"0+1000x{_HALF_HOUR}", f"0+{quick}x{_HALF_HOUR}")
        series = _latency(name, labels, bound, *values)
        return Case(f"{stem}BudgetBurn{alert}", title, series, {"25m": firing}, every="30s")

    again = _latency(name, labels, bound, "0+1000x30 0+1000x30", "0+951x30 0+951x30")
    mended = _latency(name, labels, bound, "0+1000x200", f"0+600x{_HALF_HOUR} 36000+1000x140")
    return [
        case("Fast", "31 of 100 are slow", 690, 1),
        case("Fast", "29.9 of 100 are slow", 701, 0),
        Case(f"{stem}BudgetBurnFast", "40 of 100 are slow for half an hour", mended,
             {"10m": 1, "30m": 1, "1h10m": 0}, every="30s"),
        case("Slow", "5.1 of 100 are slow", 949, 1),
        case("Slow", "4.9 of 100 are slow", 951, 0),
        Case(f"{stem}BudgetBurnSlow", "the slow requests were so long ago that the burn rate is low again",
             _latency(name, labels, bound, "0+1000x900", "0+940x30 28200+1000x870"), {"15m": 1, "7h": 0},
             every="30s"),
        *(Case(f"{stem}BudgetBurn{speed}", "4.9 of 100 are slow, and a restart", again, {"16m": 0, "29m": 0},
               every="30s", reset=True) for speed in ("Fast", "Slow")),
    ]  # fmt: skip


def _ratios(alert: str, good: str, bad: str, limit: float) -> list[Case]:
    """Return cases of a threshold alert; ``limit`` is the number of allowed bad events of 1000."""

    def mixed(title: str, bad_per_mille: float, firing: dict[str, int]) -> Case:
        return Case(
            alert, title,
            {good: f"0+{1000 - bad_per_mille:g}x60", bad: f"0+{bad_per_mille:g}x60"}, firing, every="30s",
        )  # fmt: skip

    inside, better = limit * 0.95, limit * 0.85
    return [
        mixed("just over the limit, for more than five minutes", limit + 2, {"5m": 0, "6m": 1}),
        mixed("just under the limit", limit - 2, {"20m": 0}),
        Case(
            alert, "fires while the ratio is only slightly better, and ends when it is much better",
            {
                good: f"0+{990 - limit:g}x20 {20 * (990 - limit):g}+{1000 - inside:g}x40 "
                f"{20 * (990 - limit) + 40 * (1000 - inside):g}+{1000 - better:g}x40",
                bad: f"0+{limit + 10:g}x20 {20 * (limit + 10):g}+{inside:g}x40 "
                f"{20 * (limit + 10) + 40 * inside:g}+{better:g}x40",
            },
            {"10m": 1, "20m": 1, "29m": 1, "40m": 0}, every="30s",
        ),
        Case(alert, "all events are bad, but there are few", {good: "0x60", bad: "0+4x60"}, {"20m": 0}, every="30s"),
        Case(
            alert, "just under the limit, and a restart",
            {good: f"0+{1002 - limit:g}x20 0+{1002 - limit:g}x20", bad: f"0+{limit - 2:g}x20 0+{limit - 2:g}x20"},
            {"10m30s": 0, "19m": 0}, every="30s", reset=True,
        ),
    ]  # fmt: skip


def _cache(kind: str, result: str) -> str:
    return series(
        "signal_service_cache_operations_total", f'cache_type="{kind}", operation="get", result="{result}"'
    )


def _options(vectorized: str) -> str:
    labels = f'calculation_type="delta", vectorized="{vectorized}", model_type="black_scholes"'
    return series("signal_service_greeks_options_total", labels)


def _healths(number: int, down: int, values: str = "0x60") -> dict[str, str]:
    return {
        series("signal_service_external_service_health", f'service_name="s{index}", criticality="high"'): (
            values if index < down else "1x60"
        )
        for index in range(number)
    }


_CRITICAL = series("signal_service_queue_size", 'queue_type="work", priority="critical"')


CASES = [
    # The budget is 0.05 %, or 1.8 s per hour; 14.4 times as much is 26 s.
    Case("AvailabilityBudgetBurnFast", "down for 40 s of an hour, after six good hours",
         {_UP: "1x1080 0x1 1x200"}, {"6h1m": 0, "6h6m": 1, "6h20m": 0}, every="20s"),
    Case("AvailabilityBudgetBurnFast", "down for 20 s of an hour, after six good hours",
         {_UP: "1x1080 0 1x30"}, {"6h2m": 0, "6h6m": 0, "6h9m": 0}, every="20s"),
    Case("AvailabilityBudgetBurnFast", "the target disappears",
         {_UP: "1x120 stale"}, {"44m": 1}, every="20s"),
    Case("AvailabilityBudgetBurnSlow", "down for 150 s of three days; the limit is 130 s",
         {_UP: "1x720 0x4 1x900"}, {"6h1m": 0, "6h9m": 1, "13h": 0}, every="30s"),
    Case("AvailabilityBudgetBurnSlow", "down for 120 s of three days", {_UP: "1x720 0x3 1x40"},
         {"6h5m": 0, "6h10m": 0, "6h20m": 0}, every="30s"),
    Case("AvailabilityBudgetBurnSlow", "down for 60 s, ten minutes after the first start", {_UP: "1x19 0x1 1x60"},
         {"11m": 0, "15m": 0, "30m": 0}, every="30s"),
    # The budget is 0.1 % of requests.
    Case("ErrorBudgetBurnFast", "0.61 %, burn rate 6.1", _errors("0+9939x60", "0+61x60"),
         {"25m": 1}, every="30s"),
    Case("ErrorBudgetBurnFast", "0.59 %, burn rate 5.9", _errors("0+9941x60", "0+59x60"), {"25m": 0}, every="30s"),
    Case("ErrorBudgetBurnFast", "1.6 % of an hour, after six without an error",
         _errors("0+10000x720 7200000+9840x120 8380800+10000x60", "0x719 0+160x121 19360x60"),
         {"6h20m": 0, "6h59m": 1, "7h20m": 0}, every="30s"),
    Case("ErrorBudgetBurnFast", "1.4 % of an hour, after six without an error",
         _errors("0+10000x720 7200000+9860x120", "0x719 0+140x121"), {"6h30m": 0, "7h": 0}, every="30s"),
    Case("ErrorBudgetBurnFast", "one request fails in a night with few requests",
         _errors("0+1x120", "0x60 1x60"), {"31m": 0, "32m": 0, "59m": 0}, every="30s"),
    Case("ErrorBudgetBurnFast", "few errors of few requests", _errors("0+1x20", "0+2x20"), {"9m": 0}, every="30s"),
    Case("ErrorBudgetBurnFast", "0.59 %, and a restart", _errors("0+9941x30 0+9941x30", "0+59x30 0+59x30"),
         {"16m": 0, "25m": 0}, every="30s", reset=True),
    Case("ErrorBudgetBurnSlow", "0.101 %", _errors("0+99899x60", "0+101x60"), {"25m": 1}, every="30s"),
    Case("ErrorBudgetBurnSlow", "0.099 %", _errors("0+99901x60", "0+99x60"), {"25m": 0}, every="30s"),
    Case("ErrorBudgetBurnSlow", "half an hour of errors was so long ago that the burn rate is low again",
         _errors("0+9960x60 597600+10000x840", "0+40x60 2400x840"), {"29m": 1, "7h": 0}, every="30s"),
    Case("ErrorBudgetBurnSlow", "0.099 %, and a restart", _errors("0+99901x30 0+99901x30", "0+99x30 0+99x30"),
         {"16m": 0, "25m": 0}, every="30s", reset=True),
    *_quantiles("ApiLatency", _API, _API_LABELS, "0.5"),
    *_quantiles("SignalLatency", _SIGNAL, _SIGNAL_LABELS, "2"),
    *_ratios("VectorizedShareLow", _options("true"), _options("false"), 100),
    *_ratios("GreeksCacheHitRatioLow", _cache("greeks", "hit"), _cache("greeks", "miss"), 150),
    *_ratios("IndicatorsCacheHitRatioLow", _cache("indicators", "hit"), _cache("indicators", "miss"), 200),
    # The budget is 5 % of the time of all services.
    Case("DependencyHealthBudgetBurnFast", "all are down for 47 minutes, then recover; the limit is 43 minutes",
         _healths(3, 3, "1x20 0x94 1x100"), {"40m": 0, "57m": 1, "1h20m": 0}, every="30s"),
    Case("DependencyHealthBudgetBurnFast", "all are down for 42 minutes", _healths(3, 3, "1x20 0x84 1x100"),
         {"40m": 0, "53m": 0, "54m": 0, "1h": 0}, every="30s"),
    Case("DependencyHealthBudgetBurnSlow", "all are down for 217 minutes; the limit is 216 minutes",
         _healths(1, 1, "1x20 0x434 1x800"), {"3h30m": 0, "3h51m": 1, "10h25m": 0}, every="30s"),
    Case("DependencyHealthBudgetBurnSlow", "all are down for 215 minutes", _healths(1, 1, "1x20 0x429 1x40"),
         {"3h45m": 0, "3h50m": 0, "4h": 0}, every="30s"),
    # The budget is 1 % of the time.
    Case("CriticalBacklogBudgetBurnFast", "items wait for nine minutes of an hour", {_CRITICAL: "0x20 1x17 0x100"},
         {"15m": 0, "23m": 1, "1h": 0}, every="30s"),
    Case("CriticalBacklogBudgetBurnFast", "items wait for eight minutes of an hour", {_CRITICAL: "0x20 1x15 0x100"},
         {"18m": 0, "20m": 0, "23m": 0, "1h": 0}, every="30s"),
    Case("CriticalBacklogBudgetBurnSlow", "items wait for 44 minutes of three days; the limit is 43.2",
         {_CRITICAL: "0x20 1x87 0x900"}, {"50m": 0, "57m30s": 1, "8h": 0}, every="30s"),
    Case("CriticalBacklogBudgetBurnSlow", "items wait for 42.5 minutes", {_CRITICAL: "0x20 1x84 0x60"},
         {"53m": 0, "56m": 0, "1h10m": 0}, every="30s"),
]  # fmt: skip
