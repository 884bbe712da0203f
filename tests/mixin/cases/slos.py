"""Cases of SLO alerts: burn rates, and ratios below their objective.

Fast alerts fire at a burn rate of 14.4 (windows 1h and 5m) or 6 (6h and 30m). Slow alerts fire at a burn rate of 3
(1d and 2h) or 1 (3d and 6h). A burn rate is judged when nine tenths of its long window have passed since the first
data: after 15 minutes for the first, then after 5h24m, 21h36m and 64h48m. A constant ratio is equal over all windows.
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


def _errors(ok: str, failed: str) -> dict[str, str]:
    return {_OK: ok, _FAILED: failed}


def _latency(name: str, labels: str, bound: str, every: str, quick: str) -> dict[str, str]:
    return {
        series(f"{name}_count", labels): every,
        series(f"{name}_bucket", f'{labels}, le="{bound}"'): quick,
    }


def _quantiles(stem: str, name: str, labels: str, bound: str) -> list[Case]:
    """Return cases of an objective of 95 %: a burn rate of 1 is 5 slow events of 100."""

    def case(alert: str, title: str, values: tuple[str, str], firing: dict[str, int], every: str) -> Case:
        series = _latency(name, labels, bound, *values)
        return Case(f"{stem}BudgetBurn{alert}", title, series, firing, every, reset="restart" in title)

    return [
        case("Fast", "31 of 100 are slow", ("0+1000x660", "0+690x660"), {"5h20m": 0, "5h29m": 1}, "30s"),
        case("Fast", "29.9 of 100 are slow", ("0+1000x660", "0+701x660"), {"5h29m": 0}, "30s"),
        case("Fast", "80 of 100 are slow in the first half hour", ("0+1000x120", "0+200x60 12000+1000x60"),
             {"14m": 0, "16m": 1, "29m": 1, "45m": 0}, "30s"),
        case("Fast", "71 of 100 are slow, and a restart", ("0+1000x30 0+1000x30", "0+290x30 0+290x30"),
             {"16m": 0, "29m": 0}, "30s"),
        case("Slow", "5.1 of 100 are slow", ("0+1000x2000", "0+949x2000"), {"64h": 0, "66h": 1}, "2m"),
        case("Slow", "4.9 of 100 are slow", ("0+1000x2000", "0+951x2000"), {"66h": 0}, "2m"),
        case("Slow", "16 of 100 are slow on the first day", ("0+1000x900", "0+840x675 567000+1000x225"),
             {"21h": 0, "22h": 1, "26h": 0}, "2m"),
        case("Slow", "14.9 of 100 are slow, and a restart", ("0+1000x660 0+1000x60", "0+851x660 0+851x60"),
             {"22h4m": 0, "23h": 0}, "2m"),
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
    Case("AvailabilityBudgetBurnSlow", "down for 150 s, after 22 good hours; the limit is 130 s",
         {_UP: "1x2640 0x4 1x900"}, {"22h1m": 0, "22h9m": 1, "29h": 0}, every="30s"),
    Case("AvailabilityBudgetBurnSlow", "down for 120 s, after 22 good hours", {_UP: "1x2640 0x3 1x40"},
         {"22h5m": 0, "22h10m": 0, "22h20m": 0}, every="30s"),
    Case("AvailabilityBudgetBurnSlow", "down for ten minutes, half an hour after the first start",
         {_UP: "1x60 0x20 1x240"}, {"35m": 0, "45m": 0, "2h": 0}, every="30s"),
    # The budget is 0.1 % of requests.
    Case("ErrorBudgetBurnFast", "0.61 %, burn rate 6.1", _errors("0+9939x660", "0+61x660"),
         {"5h20m": 0, "5h29m": 1}, every="30s"),
    Case("ErrorBudgetBurnFast", "0.59 %, burn rate 5.9", _errors("0+9941x660", "0+59x660"), {"5h29m": 0},
         every="30s"),
    Case("ErrorBudgetBurnFast", "2 % in the first half hour, then none",
         _errors("0+980x60 58800+1000x60", "0+20x60 1200x60"), {"14m": 0, "16m": 1, "29m": 1, "45m": 0}, every="30s"),
    Case("ErrorBudgetBurnFast", "half of the requests fail in the first two minutes, then none",
         _errors("0+500x4 2000+1000x120", "0+500x4 2000x120"), {"5m": 0, "15m": 0, "16m": 0, "1h": 0}, every="30s"),
    Case("ErrorBudgetBurnFast", "no requests since some failed at the start", _errors("100x700", "30x700"),
         {"16m": 0, "1h": 0, "5h30m": 0}, every="30s"),
    Case("ErrorBudgetBurnFast", "2 % after a gap of five and a half hours, which counts as covered",
         _errors("0+1000x59 _x660 60000+980x40 99200+1000x90", "0x59 _x660 0+20x40 800x90"),
         {"5h59m": 0, "6h8m": 1, "6h19m": 1, "6h59m": 0}, every="30s"),
    Case("ErrorBudgetBurnFast", "1.6 % of an hour, after six without an error",
         _errors("0+10000x720 7200000+9840x120 8380800+10000x60", "0x719 0+160x121 19360x60"),
         {"6h20m": 0, "6h59m": 1, "7h20m": 0}, every="30s"),
    Case("ErrorBudgetBurnFast", "1.4 % of an hour, after six without an error",
         _errors("0+10000x720 7200000+9860x120", "0x719 0+140x121"), {"6h30m": 0, "7h": 0}, every="30s"),
    Case("ErrorBudgetBurnFast", "one request fails in a night with few requests",
         _errors("0+1x120", "0x60 1x60"), {"31m": 0, "32m": 0, "59m": 0}, every="30s"),
    Case("ErrorBudgetBurnFast", "few errors of few requests", _errors("0+0.2x60", "0+0.4x60"),
         {"16m": 0, "29m": 0}, every="30s"),
    Case("ErrorBudgetBurnFast", "1.4 %, and a restart", _errors("0+9860x30 0+9860x30", "0+140x30 0+140x30"),
         {"16m": 0, "25m": 0}, every="30s", reset=True),
    Case("ErrorBudgetBurnSlow", "0.101 %", _errors("0+99899x2000", "0+101x2000"), {"64h": 0, "66h": 1}, every="2m"),
    Case("ErrorBudgetBurnSlow", "0.099 %", _errors("0+99901x2000", "0+99x2000"), {"66h": 0}, every="2m"),
    Case("ErrorBudgetBurnSlow", "0.4 % on the first day, then none",
         _errors("0+9960x675 6723000+10000x225", "0+40x675 27000x225"), {"21h": 0, "22h": 1, "26h": 0}, every="2m"),
    Case("ErrorBudgetBurnSlow", "0.29 %, and a restart", _errors("0+9971x660 0+9971x60", "0+29x660 0+29x60"),
         {"22h4m": 0, "23h": 0}, every="2m", reset=True),
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
    Case("DependencyHealthBudgetBurnSlow", "all are down for 217 minutes of a day; the limit is 216 minutes",
         _healths(1, 1, "1x2600 0x434 1x800"), {"25h": 0, "25h21m30s": 1, "31h30m": 0}, every="30s"),
    Case("DependencyHealthBudgetBurnSlow", "all are down for 215 minutes", _healths(1, 1, "1x2600 0x429 1x40"),
         {"25h14m": 0, "25h20m": 0, "25h30m": 0}, every="30s"),
    # The budget is 1 % of the time.
    Case("CriticalBacklogBudgetBurnFast", "items wait for nine minutes of an hour", {_CRITICAL: "0x20 1x17 0x100"},
         {"15m": 0, "23m": 1, "1h": 0}, every="30s"),
    Case("CriticalBacklogBudgetBurnFast", "items wait for eight minutes of an hour", {_CRITICAL: "0x20 1x15 0x100"},
         {"18m": 0, "20m": 0, "23m": 0, "1h": 0}, every="30s"),
    Case("CriticalBacklogBudgetBurnSlow", "items wait for 44 minutes of a day; the limit is 43.2",
         {_CRITICAL: "0x2640 1x87 0x900"}, {"22h40m": 0, "22h47m30s": 1, "30h": 0}, every="30s"),
    Case("CriticalBacklogBudgetBurnSlow", "items wait for 42.5 minutes", {_CRITICAL: "0x2640 1x84 0x60"},
         {"22h43m": 0, "22h46m": 0, "23h": 0}, every="30s"),
]  # fmt: skip
