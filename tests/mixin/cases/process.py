"""A late event loop, and thread pools without a free thread."""

from __future__ import annotations

from tests.mixin.cases._case import Case, series

_LAG = "signal_service_event_loop_lag_seconds_bucket"
_QUEUED, _IDLE = (
    series(f"signal_service_executor_{name}", f'executor="default"{state}')
    for name, state in (("queued_tasks", ""), ("threads", ', state="idle"'))
)


def _lag(
    *by_second: tuple[float, float, float, int], instance: str = "a", process: str = "", **more: str
) -> dict[str, str]:
    """Return the buckets of 50 values in five seconds.

    Args:
        by_second: How many of the 50 are at most 0.1 s, 0.5 s and 2 s, and for how many steps of five seconds.
        instance: The process, or the service that shows its workers on one page.
        process: The worker.
        more: Series beside them.
    """
    bounds = ("0.1", "0.5", "2", "5", "+Inf")
    running, values = dict.fromkeys(bounds, 0.0), {bound: ["0"] for bound in bounds}
    for *inside, steps in by_second:
        for _ in range(steps):
            for bound, number in zip(bounds, (*inside, 50, 50), strict=True):
                running[bound] += number
                values[bound].append(f"{running[bound]:g}")
    worker = f', process="{process}"' if process else ""
    named = {
        series(_LAG, f'le="{bound}"{worker}', instance=instance): " ".join(values[bound]) for bound in bounds
    }
    return {**named, **more}


def _times(values: str, factor: int) -> str:
    return " ".join(f"{factor * float(value):g}" for value in values.split())


def _of_worker(name: str, process: str) -> str:
    return name.replace("}", f', process="{process}"}}')


_WELL = (50, 50, 50)

CASES = [
    Case(
        "EventLoopLagHigh", "stands still from the first minute on for two minutes: warning and critical",
        _lag((*_WELL, 12), (0, 3, 10, 24), (*_WELL, 24)), {"1m": 0, "1m30s": 0, "1m45s": 2, "3m": 2, "4m": 0},
        every="5s",
    ),
    Case(
        "EventLoopLagHigh", "is a second late with most timers: a warning only, and of this process only",
        {
            **_lag((*_WELL, 12), (10, 20, 50, 24), (*_WELL, 24)),
            **_lag((*_WELL, 60), instance="b"),
        },
        {"1m": 0, "1m45s": 1, "3m": 1, "4m": 0}, every="5s",
    ),
    Case(
        "EventLoopLagHigh", "one of 200 workers on one page is late: all timers together would be well",
        {
            **_lag((*_WELL, 12), (10, 20, 50, 24), (*_WELL, 24), process="1"),
            **{name: _times(values, 199) for name, values in _lag((*_WELL, 60), process="2").items()},
        },
        {"1m": 0, "1m45s": 1, "3m": 1, "4m": 0}, every="5s",
    ),
    Case(
        "EventLoopLagHigh", "is late once, for four seconds, and another time five minutes later",
        _lag((*_WELL, 12), (12, 16, 30, 1), (*_WELL, 60), (12, 16, 30, 1), (*_WELL, 12)),
        {"1m15s": 0, "1m30s": 0, "1m45s": 0, "6m30s": 0, "6m45s": 0}, every="5s",
    ),
    Case(
        "EventLoopLagHigh", "is up to half a second late all the time, and restarts",
        {name: f"{values} {values}" for name, values in _lag((10, 50, 50, 30)).items()},
        {"2m": 0, "2m45s": 0, "5m": 0}, every="5s", reset=True,
    ),
    Case(
        "ExecutorSaturated", "every thread is busy and tasks wait, until the calls return",
        {_QUEUED: "0x11 7x36 0x24", _IDLE: "4x11 0x36 3x24"}, {"1m": 0, "1m50s": 0, "2m15s": 1, "5m": 0}, every="5s",
    ),
    Case(
        "ExecutorSaturated", "every thread is busy and no task waits; tasks that a free thread takes at once",
        {
            _QUEUED: "0x60", _IDLE: "0x60",
            _QUEUED.replace("default", "pricing"): "3x60", _IDLE.replace("default", "pricing"): "1x60",
        },
        {"3m": 0, "5m": 0}, every="5s",
    ),
    Case(
        "ExecutorSaturated", "one of two workers on one page has no free thread, until its calls return",
        {
            _of_worker(_QUEUED, "1"): "0x11 7x36 0x24", _of_worker(_IDLE, "1"): "4x11 0x36 3x24",
            _of_worker(_QUEUED, "2"): "0x71", _of_worker(_IDLE, "2"): "4x71",
        },
        {"1m": 0, "1m50s": 0, "2m15s": 1, "5m": 0}, every="5s",
    ),
    Case(
        "ExecutorSaturated", "tasks wait in one worker, and only another one has no free thread",
        {
            _of_worker(_QUEUED, "1"): "7x71", _of_worker(_IDLE, "1"): "1x71",
            _of_worker(_QUEUED, "2"): "0x71", _of_worker(_IDLE, "2"): "0x71",
        },
        {"2m": 0, "5m": 0}, every="5s",
    ),
    Case(
        "ScrapeTimingOut", "/metrics fails and the probe answers, until it does so again",
        {series("up"): "1x11 0x24 1x24", series("up", 'probe="live"'): "1x60"},
        {"1m": 0, "1m50s": 0, "2m15s": 1, "4m": 0}, every="5s",
    ),
    Case(
        "ScrapeTimingOut", "both fail: the process is down",
        {series("up"): "1x11 0x60", series("up", 'probe="live"'): "1x11 0x60"}, {"2m15s": 0, "5m": 0}, every="5s",
    ),
    Case(
        "SignalServiceDown", "/metrics fails and the light probe answers",
        {series("up"): "1x11 0x60", series("up", 'probe="live"'): "1x71"}, {"2m": 0, "5m": 0}, every="5s",
    ),
    Case(
        "SignalServiceDown", "both fail for more than half a minute, until the light probe answers",
        {series("up"): "1x11 0x60", series("up", 'probe="live"'): "1x11 0x12 1x48"},
        {"1m25s": 0, "1m35s": 1, "2m": 1, "2m15s": 0, "5m": 0}, every="5s",
    ),
]  # fmt: skip
