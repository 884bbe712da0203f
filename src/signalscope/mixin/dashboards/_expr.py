"""Expressions for panels: of the contract's instruments, for the dashboard's variables."""

from __future__ import annotations

import re
from collections.abc import Iterator, Set
from contextlib import contextmanager
from contextvars import ContextVar

from signalscope import contract, derived
from signalscope.config import Config
from signalscope.contract._model import ContractError
from signalscope.derived._promql import metric, native_part

#: Grafana's window for rates: never shorter than four scrapes.
INTERVAL = "$__rate_interval"
#: The dashboards' variables, by the label that each chooses the values of.
_VARIABLES = {"job": "job", "instance": "instance", "user_tier": "tier"}
#: What every series has, whatever the contract says of its instrument.
_RESOURCE = {"job", "instance"}
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
    """A selector of an instrument's series, for the chosen job, instances and, where it has them, tiers.

    Args:
        name: The instrument's OpenTelemetry name.
        where: More matchers, such as ``outcome="success"``.
        suffix: ``_bucket``, ``_sum`` or ``_count`` of a histogram.
        labels: Labels that the expression around it uses.

    Raises:
        ContractError: There is no such instrument, label or suffix.
    """
    used = {*map(_label, where), *labels} - _RESOURCE
    full = metric(name, *used, suffix=suffix)
    if _native.get():
        full = full.removesuffix(suffix)
    return _chosen(full, {*contract.get(name).attribute_names, *_RESOURCE}, where)


def rate(name: str, *where: str, by: tuple[str, ...] = (), suffix: str = "") -> str:
    """How fast a counter grows, per second, of all instances together."""
    return _part(suffix, f"{_sum(by)}(rate({selector(name, *where, suffix=suffix, labels=by)}[{INTERVAL}]))")


def grown(name: str, *where: str, by: tuple[str, ...] = (), suffix: str = "", over: str = "$__range") -> str:
    """By how much a counter grew in the shown time, of all instances together."""
    return _part(suffix, f"{_sum(by)}(increase({selector(name, *where, suffix=suffix, labels=by)}[{over}]))")


def gauge_of(name: str, *where: str, by: tuple[str, ...] = (), how: str = "sum") -> str:
    """A gauge, of all instances together.

    Args:
        name: The instrument's OpenTelemetry name.
        where: More matchers.
        by: Labels to keep.
        how: ``sum`` of what each instance has its own share of; ``max`` or ``min`` of what all see alike.
    """
    return f"{_sum(by, how)}({selector(name, *where, labels=by)})"


def quantile(q: float, name: str, *where: str, by: tuple[str, ...] = ()) -> str:
    """A quantile of a histogram, of all instances together."""
    return f"histogram_quantile({q:g}, {rate(name, *where, by=(*by, 'le'), suffix='_bucket')})"


def mean(name: str, *where: str, by: tuple[str, ...] = ()) -> str:
    """The mean of a histogram's measurements."""
    total, count = (rate(name, *where, by=by, suffix=suffix) for suffix in ("_sum", "_count"))
    return f"{total} / ({count} > 0)"


def heat_of(name: str, *where: str) -> str:
    """How many measurements fell into each bucket."""
    return grown(name, *where, by=("le",), suffix="_bucket", over=INTERVAL)


def recorded(key: str, *where: str) -> str:
    """A selector of a recorded series, for the chosen job and, where it has them, instances and tiers.

    Args:
        key: Its key in the table of series.
        where: More matchers.

    Raises:
        ContractError: There is no such series or label.
    """
    row = derived.get(key)
    unknown = set(map(_label, where)) - row.all_labels
    if unknown:
        raise ContractError(f"{key} has no label {', '.join(sorted(unknown))}")
    return _chosen(row.name, {*row.labels, "job"}, where)


def _chosen(name: str, labels: Set[str], where: tuple[str, ...]) -> str:
    """Return a selector of a series with these labels, for the chosen values of the dashboard's variables."""
    chosen = (f'{label}=~"${variable}"' for label, variable in _VARIABLES.items() if label in labels)
    return f"{name}{{{', '.join((*chosen, *where))}}}"


def whole(key: str) -> str:
    """The total among the series of a name that some of have a label more."""
    return recorded(key, *(f'{label}=""' for label in derived.get(key).optional))


def _label(matcher: str) -> str:
    match = re.match(r"\w+", matcher)
    if match is None:
        raise ContractError(f'{matcher!r} is no matcher; write for example outcome="success"')
    return match[0]


def _part(suffix: str, expr: str) -> str:
    return native_part(expr, suffix) if _native.get() else expr


def _sum(by: tuple[str, ...], how: str = "sum") -> str:
    kept = [label for label in by if label != "le" or not _native.get()]
    return f"{how} by ({', '.join(kept)}) " if kept else how
