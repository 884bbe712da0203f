"""The values that an answer is made of: one vector for each recorded series, from Prometheus or from this process."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

from signalscope import contract
from signalscope.config import Config, _environment
from signalscope.contract._model import OTHER
from signalscope.derived import _prometheus, _windows
from signalscope.derived._process import HISTORY, Process
from signalscope.derived._prometheus import Answer, PrometheusError, Sample
from signalscope.derived._rules import PROCESS
from signalscope.derived._vector import Labels, Vector
from signalscope.metrics import CPU_SECOND_PRICE, cpu_second_price
from signalscope.mixin import series
from signalscope.mixin._promql import Promql
from signalscope.recording import internal_error

__all__ = ["Fact", "Facts", "SourceName", "facts", "history"]

SourceName = Literal["prometheus", "process"]


class _Asked(NamedTuple):
    """What is asked of Prometheus beside recorded series.

    Attributes:
        query: Makes the expression.
        meaning: What a value means.
        labels: What each value must have, beside the job.
    """

    query: Callable[[Promql], str]
    meaning: str
    labels: tuple[str, ...] = ()


_BREAKER = "service_name, operation"
_ASKED: Mapping[str, _Asked] = {
    "REQUESTS_LAST_MINUTE": _Asked(
        lambda ask: ask.increase("signal_service.api.requests", over="1m"), "Requests of the last minute."
    ),
    "SIGNALS_LAST_MINUTE": _Asked(
        lambda ask: ask.increase("signal_service.signals.emitted", over="1m"), "Signals of the last minute."
    ),
    "BREAKER_STATES": _Asked(
        lambda ask: f"max by ({_BREAKER}, state) ({ask.raw('signal_service.circuit_breaker.state')})",
        "The state of each circuit breaker: the worst of all that report it.",
        ("service_name", "operation", "state"),
    ),
    "BREAKER_CALLS": _Asked(
        lambda ask: ask.increase("signal_service.circuit_breaker.calls", by=f"{_BREAKER}, outcome"),
        "Calls of the last hour through each breaker, by outcome.",
        ("service_name", "operation", "outcome"),
    ),
    "BREAKER_TRANSITIONS": _Asked(
        lambda ask: ask.increase("signal_service.circuit_breaker.transitions", by=f"{_BREAKER}, to"),
        "State changes of each breaker in the last hour, by the state entered.",
        ("service_name", "operation", "to"),
    ),
    "COMPONENT_AVAILABILITY": _Asked(
        lambda ask: f"avg_over_time({ask.of('HEALTH')}[1h])",
        "The mean health of each component: 1 healthy, 0.5 degraded, 0 unhealthy.",
        ("component",),
    ),
}
#: What is made of costs.
_OF_COSTS = ("COST", "COST_TIER", "COST_PER_CALCULATION", "COST_PER_USER", "PROFITABILITY")
#: What a process takes the mean of its looks for.
_MEANS_OF_LOOKS = ("COMPONENT_AVAILABILITY", "DEPENDENCY_SCORE")
_DAY = 86_400.0
#: How far recorded series look back that no process can have, in seconds.
_LOOKS_BACK: Mapping[str, Callable[[Config], float]] = {
    "SUBSCRIPTION_GROWTH": lambda _: _DAY,
    "CAPACITY_USED": lambda _: 900.0,
    "FORECAST": lambda _: 14 * _DAY,
    "REPLICA_CAPACITY": lambda config: config.forecast.growth_days * _DAY,
}


@dataclass(frozen=True, slots=True)
class Fact:
    """One series.

    Attributes:
        vector: Its values by labels; empty without data.
        source: Where they come from.
        series: What they are called there: a recorded series, or an expression.
        window_seconds: How far they look back; None for values of now.
        reason: Why there are none.
        meaning: What a value means.
    """

    vector: Vector
    source: SourceName
    series: str
    window_seconds: float | None = None
    reason: str | None = None
    meaning: str = ""


@dataclass(slots=True)
class Facts:
    """All of an answer's.

    Attributes:
        source: Where values come from.
        at: Unix time.
        problems: What clients should know of the source.
        degraded: Whether the source did not answer.
    """

    source: SourceName
    at: float = field(default_factory=time.time)
    problems: list[str] = field(default_factory=list)
    degraded: bool = False
    _found: dict[str, Fact] = field(default_factory=dict)

    def get(self, key: str) -> Fact:
        """A series that was asked for."""
        return self._found[key]

    def put(self, key: str, fact: Fact) -> None:
        """Keep a series."""
        self._found[key] = replace(fact, meaning=_meaning(key))

    def describe(self) -> str:
        """Where the values come from, in a sentence for people."""
        if self.source == "prometheus":
            return "The whole service, as Prometheus has recorded it."
        return (
            f"One process (pid {os.getpid()}) only: with several workers, what one of them has seen. "
            "Set SIGNALSCOPE_PROMETHEUS_URL for the whole service."
        )


async def facts(keys: Iterable[str]) -> Facts:
    """Some series: of Prometheus where SIGNALSCOPE_PROMETHEUS_URL is set, else of this process.

    Args:
        keys: Keys of `signalscope.mixin.series`, or of what is asked beside them.
    """
    wanted = list(dict.fromkeys(keys))
    url = _environment.prometheus_url()
    if url is not None:
        return await _from_prometheus(url, wanted)
    _windows.shared.start()
    return await asyncio.to_thread(_from_process, wanted)


async def history(
    keys: Iterable[str], seconds: float, points: int = 60
) -> dict[str, dict[Labels, list[tuple[float, float]]]]:
    """Recorded series over time, from Prometheus, in one query.

    Args:
        keys: Keys of `signalscope.mixin.series`.
        seconds: How far to look back.
        points: How many values of each, evenly spaced.

    Raises:
        PrometheusError: There is no Prometheus, or it gives no usable answer; the message is for clients.
    """
    url = _environment.prometheus_url()
    if url is None:
        raise PrometheusError(HISTORY)
    now = time.time()
    recorded = {series.get(key).name: key for key in keys}
    answer = await _prometheus.shared.range(
        url, _selector(recorded), start=now - seconds, end=now, step=max(seconds / points, 1.0),
        patience=_environment.prometheus_timeout(),
    )  # fmt: skip
    found: dict[str, dict[Labels, list[tuple[float, float]]]] = {}
    for each in answer.samples:
        if each.name in recorded:
            found.setdefault(recorded[each.name], {})[each.labels] = list(each.values)
    return found


def _selector(names: Iterable[str]) -> str:
    return f'{{__name__=~"{"|".join(sorted(names))}", job="{_quoted(_environment.job())}"}}'


def _from_process(keys: list[str]) -> Facts:
    found = Facts("process")
    process = Process(_windows.shared, _environment.config())
    for key in keys:
        found.put(key, _of_process(key, process))
    found.problems += [
        f"{contract.get(name).prometheus_name} has more series than are told apart: those beyond have "
        f"`{OTHER}` for each label"
        for name in sorted(process.overflowed())
    ]
    return found


def _of_process(key: str, process: Process) -> Fact:
    rule = PROCESS.get(key)
    name = _name(key)
    if rule is None:
        return Fact({}, "process", name, reason=HISTORY)
    seconds = rule.seconds(process.config)
    try:
        vector = rule.formula(process)
        if key in _MEANS_OF_LOOKS:
            window: float | None = process.watched(seconds)
        else:
            window = process.over(seconds).seconds if seconds else None
    except _windows.NoDataError as error:
        return Fact({}, "process", name, seconds or None, str(error))
    except Exception:  # a mistake of ours costs this one value
        internal_error("monitoring.process")
        return Fact({}, "process", name, seconds or None, "it could not be calculated")
    reason = None if vector else _nothing(key, window)
    return Fact(vector, "process", name, window, reason)


def _nothing(key: str, window: float | None) -> str:
    if key in _OF_COSTS and cpu_second_price() is None:
        return f"a CPU-second has no price ({CPU_SECOND_PRICE})"
    if window is None:
        return "nothing has reported it in this process"
    return f"this process has recorded nothing of it in the last {window:.3g} s"


async def _from_prometheus(url: str, keys: list[str]) -> Facts:
    found = Facts("prometheus")
    config, job, timeout = _environment.config(), _environment.job(), _environment.prometheus_timeout()
    recorded = {series.get(key).name: key for key in keys if key not in _ASKED}
    asked = {key: _ASKED[key].query(Promql(_quoted(job))) for key in keys if key in _ASKED}
    queries = {"": _selector(recorded)} if recorded else {}
    answers = await asyncio.gather(
        *(_prometheus.shared.instant(url, query, timeout) for query in (*queries.values(), *asked.values())),
        return_exceptions=True,
    )
    by_query = dict(zip([*queries, *asked], answers, strict=True))
    # Many series are no work for the event loop.
    return await asyncio.to_thread(_assembled, found, keys, asked, by_query, config)


def _assembled(
    found: Facts,
    keys: list[str],
    asked: Mapping[str, str],
    by_query: Mapping[str, Answer | BaseException],
    config: Config,
) -> Facts:
    if any(isinstance(each, Answer) and each.warned for each in by_query.values()):
        found.problems.append("Prometheus warns that what it answered may be incomplete")
    by_name: dict[str, list[Sample]] = {}
    several = by_query.get("", Answer([]))
    for each in several.samples if isinstance(several, Answer) else ():
        by_name.setdefault(each.name, []).append(each)
    for key in keys:
        answer = by_query[key] if key in asked else several
        window = _window(key, config)
        name = asked.get(key) or _name(key)
        if isinstance(answer, BaseException):
            found.put(key, Fact({}, "prometheus", name, window, _problem(answer, found)))
            continue
        needed = _labels_of(key)
        vector = {
            each.labels: each.values[0][1]
            for each in (answer.samples if key in asked else by_name.get(series.get(key).name, ()))
            if each.values and needed <= dict(each.labels).keys()
        }
        reason = None if vector else "Prometheus has no value for it"
        found.put(key, Fact(vector, "prometheus", name, window, reason))
    if not found.degraded and not any(found.get(key).vector for key in keys):
        found.problems.append(
            f"Prometheus has nothing of the job {_environment.job()!r}: is that its name there "
            "(SIGNALSCOPE_PROMETHEUS_JOB), and are signalscope's rules loaded?"
        )
    return found


def _labels_of(key: str) -> set[str]:
    """The labels that a series must have; one without them is not what was asked for."""
    found = _ASKED[key] if key in _ASKED else series.get(key)
    return set(found.labels) - {"job"}


def _problem(error: BaseException, found: Facts) -> str:
    if isinstance(error, asyncio.CancelledError):
        raise error
    text = str(error) if isinstance(error, PrometheusError) else "Prometheus could not be asked"
    if not isinstance(error, PrometheusError):
        internal_error("monitoring.prometheus")
    found.degraded = True
    if text not in found.problems:
        found.problems.append(text)
    return text


def _window(key: str, config: Config) -> float | None:
    if key == "COMPONENT_AVAILABILITY":
        return _windows.LONGEST
    if key in _LOOKS_BACK:
        return _LOOKS_BACK[key](config)
    rule = PROCESS.get(key)
    return (rule.seconds(config) or None) if rule is not None else None


def _name(key: str) -> str:
    if key in _ASKED:
        return _ASKED[key].query(Promql(_quoted(_environment.job())))
    return series.get(key).name


def _meaning(key: str) -> str:
    return _ASKED[key].meaning if key in _ASKED else series.get(key).description


def _quoted(text: str) -> str:
    """A text within the quotes of PromQL."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
