"""PromQL for panels, with names from the contract and the variables of the dashboard."""

from __future__ import annotations

import re
from collections.abc import Iterator, Set
from contextlib import contextmanager
from contextvars import ContextVar

from signalscope import contract, derived
from signalscope.config import Config
from signalscope.contract._model import ContractError
from signalscope.derived._promql import metric, native_part

#: Grafana's range for rates: at least four scrape intervals.
INTERVAL = "$__rate_interval"
#: The variable of the dashboard for each label.
_VARIABLES = {"job": "job", "instance": "instance", "user_tier": "tier"}
#: Labels of every series, in addition to those of the contract.
_RESOURCE = {"job", "instance", "process"}
#: The digits of a UUID that name it, and the others.
_SHORT, _OTHERS = "[0-9a-f]{8}", "(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
#: A filter of the values of a variable: Grafana shows the group `text`, and queries with the group `value`.
SHORT_INSTANCE = f"/^(?<value>(?<text>{_SHORT}){_OTHERS}|.+)$/"
#: True while panels of native histograms are made: a panel names its instrument, not the configuration.
_native: ContextVar[bool] = ContextVar("_native", default=False)


@contextmanager
def histograms_of(config: Config) -> Iterator[None]:
    """Write expressions for the configuration's kind of histogram."""
    token = _native.set(config.histograms.kind == "native")
    try:
        yield
    finally:
        _native.reset(token)


def selector(name: str, *where: str, suffix: str = "", labels: tuple[str, ...] = ()) -> str:
    """Return a selector for an instrument, filtered by the job, instance and tier variables that it has labels for.

    Args:
        name: The instrument's OpenTelemetry name.
        where: More matchers, such as ``outcome="success"``.
        suffix: ``_bucket``, ``_sum`` or ``_count`` of a histogram.
        labels: Labels that the surrounding expression uses.

    Raises:
        ContractError: The contract has no such instrument, label or suffix.
    """
    used = {*map(_label, where), *labels} - _RESOURCE
    full = metric(name, *used, suffix=suffix)
    if _native.get():
        full = full.removesuffix(suffix)
    return _chosen(full, {*contract.get(name).attribute_names, *_RESOURCE}, where)


def rate(name: str, *where: str, by: tuple[str, ...] = (), suffix: str = "") -> str:
    """Return PromQL for the rate of a counter per second, summed over instances."""
    return _part(suffix, f"{_sum(by)}(rate({selector(name, *where, suffix=suffix, labels=by)}[{INTERVAL}]))")


def grown(name: str, *where: str, by: tuple[str, ...] = (), suffix: str = "", over: str = "$__range") -> str:
    """Return PromQL for the increase of a counter in a range (default: the displayed time), summed over instances."""
    return _part(suffix, f"{_sum(by)}(increase({selector(name, *where, suffix=suffix, labels=by)}[{over}]))")


def gauge_of(name: str, *where: str, by: tuple[str, ...] = (), how: str = "sum") -> str:
    """Return PromQL for a gauge, aggregated over instances.

    Args:
        name: The instrument's OpenTelemetry name.
        where: More matchers.
        by: The labels of the result.
        how: ``sum`` if each instance reports its own part; ``max`` or ``min`` if all report the same value.
    """
    return f"{_sum(by, how)}({selector(name, *where, labels=by)})"


def quantile(q: float, name: str, *where: str, by: tuple[str, ...] = ()) -> str:
    """Return PromQL for a quantile (0 to 1) of a histogram, over all instances."""
    return f"histogram_quantile({q:g}, {rate(name, *where, by=(*by, 'le'), suffix='_bucket')})"


def mean(name: str, *where: str, by: tuple[str, ...] = ()) -> str:
    """Return PromQL for the mean of a histogram."""
    total, count = (rate(name, *where, by=by, suffix=suffix) for suffix in ("_sum", "_count"))
    return f"{total} / ({count} > 0)"


def heat_of(name: str, *where: str) -> str:
    """Return PromQL for the number of measurements in each bucket."""
    return grown(name, *where, by=("le",), suffix="_bucket", over=INTERVAL)


def recorded(key: str, *where: str) -> str:
    """Return a selector for a recorded series, filtered by the job, instance and tier variables it has labels for.

    Args:
        key: The key in the table of series.
        where: More matchers.

    Raises:
        ContractError: The series does not exist, or has no such label.
    """
    row = derived.get(key)
    unknown = set(map(_label, where)) - row.all_labels
    if unknown:
        raise ContractError(f"recorded series {key} has no label {', '.join(sorted(unknown))} [SS620]")
    return _chosen(row.name, {*row.labels, "job"}, where)


def _chosen(name: str, labels: Set[str], where: tuple[str, ...]) -> str:
    """Return a selector with a matcher for each variable whose label the series has."""
    chosen = (f'{label}=~"${variable}"' for label, variable in _VARIABLES.items() if label in labels)
    return f"{name}{{{', '.join((*chosen, *where))}}}"


def whole(key: str) -> str:
    """Return a selector for the total of a recorded series that also has values by an optional label."""
    return recorded(key, *(f'{label}=""' for label in derived.get(key).optional))


def _label(matcher: str) -> str:
    match = re.match(r"\w+", matcher)
    if match is None:
        raise ContractError(f'{matcher!r} is not a matcher; write for example outcome="success" [SS621]')
    return match[0]


def _part(suffix: str, expr: str) -> str:
    return native_part(expr, suffix) if _native.get() else expr


def _sum(by: tuple[str, ...], how: str = "sum") -> str:
    kept = [label for label in by if label != "le" or not _native.get()]
    return f"{how} by ({', '.join(kept)}) " if kept else how


def short_instance(expr: str) -> str:
    """Return PromQL for an expression whose label `instance` is cut to eight digits if it is a UUID.

    Example:
        >>> short_instance("up")
        'label_replace(up, "instance", "$1", "instance", "([0-9a-f]{8})(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")'
    """
    return f'label_replace({expr}, "instance", "$1", "instance", "({_SHORT}){_OTHERS}")'
