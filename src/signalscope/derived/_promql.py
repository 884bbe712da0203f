"""Writing PromQL: selectors of instruments and derived series, whose names and labels are checked.

Example:
    >>> from signalscope.config import Config
    >>> ask = Promql(Config())
    >>> print(f"sum {ask.by()} ({ask.of('QUEUE_RATE')})")
    sum by (job) (signal_service_queue_processing_rate_per_second{job="signal-service"})
    >>> ask.series
    {'QUEUE_RATE'}
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable

from signalscope import contract
from signalscope.config import Config
from signalscope.config.defaults import RATE_SECONDS
from signalscope.contract import ContractError
from signalscope.derived._registry import get

_ALWAYS = {"le", "job", "instance", "process"}


def metric(name: str, *labels: str, suffix: str = "") -> str:
    """Return the Prometheus name of an instrument.

    Args:
        name: The OpenTelemetry name.
        labels: Labels that the expression uses.
        suffix: ``_bucket``, ``_sum`` or ``_count`` for a histogram; empty for other instruments.

    Raises:
        ContractError: The instrument, the label or the suffix does not exist.

    Example:
        >>> metric("signal_service.api.requests", "endpoint")
        'signal_service_api_requests_total'
    """
    instrument = contract.get(name)
    _check_labels(name, set(labels) - _ALWAYS, instrument.attribute_names)
    full, names = f"{instrument.prometheus_name}{suffix}", instrument.series_names
    if full not in names:
        raise ContractError(f"{name} has no series {full}; use {' or '.join(names)} [SS252]")
    return full


def _check_labels(owner: str, labels: set[str], known: Iterable[str]) -> None:
    if unknown := ", ".join(sorted(labels.difference(known))):
        raise ContractError(f"{owner} has no label {unknown}; it has: {', '.join(sorted(known))} [SS251]")


def native_part(histogram: str, suffix: str = "", le: float | None = None) -> str:
    """Return the value that a series of the classic histogram would have, from a native histogram.

    Args:
        histogram: An expression whose values are native histograms.
        suffix: ``_sum`` or ``_count``. Without one of them the result is the histogram, or one bucket.
        le: The upper boundary of the bucket; infinity is the count.

    Example:
        >>> native_part("rate(request_seconds[5m])", "_count")
        'histogram_count(rate(request_seconds[5m]))'
    """
    if le == math.inf:
        suffix = "_count"
    if suffix in ("_sum", "_count"):
        return f"histogram{suffix}({histogram})"
    if le is None:
        return histogram
    # The fraction of an empty histogram is NaN; a classic bucket would be 0.
    count = f"histogram_count({histogram})"
    return f"(histogram_fraction(-Inf, {le:.12g}, {histogram}) * ({count} > 0) or 0 * {count})"


class Promql:
    """A renderer of expressions about the series of one service; it records the names that it writes.

    Args:
        config: The configuration: the job, the kind of histogram, the labels of the scope, and the settings.
        job: The job; by default the job of the configuration.
        matchers: More matchers for every selector.

    Attributes:
        config: The configuration.
        job: The job of the service.
        native: True if histograms are native.
        series: The keys of the derived series that it wrote.
        instruments: The OpenTelemetry names of the instruments that it wrote.
        over: The longest window that it wrote, in seconds.
    """

    def __init__(self, config: Config, job: str | None = None, matchers: Iterable[str] = ()) -> None:
        self.config = config
        self._matchers = tuple(matchers)
        self.job = config.selectors.job if job is None else job
        self.native = config.histograms.kind == "native"
        self.series: set[str] = set()
        self.instruments: set[str] = set()
        self.over = 0.0

    def raw(
        self,
        name: str,
        *matchers: str,
        suffix: str = "",
        le: float | None = None,
        around: Callable[[str], str] = str,
    ) -> str:
        """Return a selector of an instrument: one series for each process and each combination of labels.

        Args:
            name: The OpenTelemetry name.
            matchers: Conditions on labels, such as ``outcome="success"``.
            suffix: As for `metric`.
            le: The upper boundary of the bucket to select.
            around: Writes an expression around the selector, such as the sum of a rate. The count, the sum or a
                bucket of a native histogram is extracted outside of this expression.

        Raises:
            ContractError: As for `metric`.
        """
        metric(name, *map(_label, matchers), suffix=suffix)
        self.instruments.add(name)
        return self._read(contract.get(name).prometheus_name, matchers, suffix, le, around)

    def rate(
        self,
        name: str,
        *matchers: str,
        over: float = RATE_SECONDS,
        suffix: str = "",
        le: float | None = None,
    ) -> str:
        """Return the rate of the whole service per second: the sum of the rates of all processes.

        Args:
            name: As for `raw`.
            matchers: As for `raw`.
            over: The length of the window in seconds.
            suffix: As for `metric`.
            le: As for `raw`.

        Raises:
            ContractError: As for `metric`.

        Example:
            >>> from signalscope.config import Config
            >>> print(Promql(Config()).rate("signal_service.api.requests", over=60))
            sum by (job) (rate(signal_service_api_requests_total{job="signal-service"}[1m]))
        """
        window = self.window(over)

        def summed(series: str) -> str:
            return f"sum {self.by()} (rate({series}[{window}]))"

        return self.raw(name, *matchers, suffix=suffix, le=le, around=summed)

    def name(self, key: str) -> str:
        """Return the name of a derived series, without matchers.

        Raises:
            ContractError: The table has no row with this key.
        """
        self.series.add(key)
        return get(key).name

    def of(
        self, key: str, *matchers: str, le: float | None = None, around: Callable[[str], str] = str
    ) -> str:
        """Return a selector of a derived series.

        Args:
            key: The key of the row, such as ``API_P95``.
            matchers: Conditions on labels, such as ``user_tier="free"``.
            le: As for `raw`.
            around: As for `raw`.

        Raises:
            ContractError: The table has no row with this key, or the series do not have a label.
        """
        row = get(key)
        _check_labels(row.name, set(map(_label, matchers)), row.all_labels)
        return self._read(self.name(key), matchers, "", le, around)

    def by(self, *labels: str) -> str:
        """Return the clause of an aggregation that keeps the job, the labels of the scope and these labels."""
        return f"by ({', '.join(('job', *self.config.scope.labels, *labels))})"

    def on(self, *labels: str) -> str:
        """Return the clause of a join on the job, the labels of the scope and these labels."""
        return f"on ({', '.join(('job', *self.config.scope.labels, *labels))})"

    def window(self, seconds: float) -> str:
        """Return a window as PromQL writes it, for a range or an offset, and record it in `over`.

        Args:
            seconds: The length of the window.
        """
        self.over = max(self.over, seconds)
        return duration(seconds)

    def measured(self, expression: str, seconds: float) -> str:
        """Return an expression without the values that rest on generated history.

        Args:
            expression: An expression.
            seconds: How far it looks back, also through the series that it reads.

        Example:
            >>> from signalscope.config import Config, Selectors
            >>> ask = Promql(Config(selectors=Selectors(generated_until="generated_end")))
            >>> print(ask.measured("growth", 86_400))
            (growth) unless on () (generated_end > time() - 86400)
        """
        until = self.config.selectors.generated_until
        return f"({expression}) unless on () ({until} > time() - {seconds:.0f})" if until else expression

    def _read(
        self, name: str, matchers: Iterable[str], suffix: str, le: float | None, around: Callable[[str], str]
    ) -> str:
        is_part = self.native and (suffix or le is not None)
        bucket = () if le is None or is_part else (_bucket(le),)
        selector = ", ".join((f'job="{self.job}"', *self._matchers, *bucket, *matchers))
        if is_part:
            return native_part(around(f"{name}{{{selector}}}"), suffix, le)
        return around(f"{name}{suffix}{{{selector}}}")


def ratio(part: str, whole: str) -> str:
    """Return a ratio from 0 to 1: absent while the whole is absent or 0, and 0 while only the part is absent.

    Example:
        >>> ratio("failed", "requests")
        '(failed or 0 * requests) / (requests > 0)'
    """
    return f"({part} or 0 * {whole}) / ({whole} > 0)"


def named(expression: str, **labels: str) -> str:
    """Return an expression that adds labels to series.

    Example:
        >>> print(named("up", kind="target"))
        label_replace(up, "kind", "target", "", "")
    """
    for name, value in labels.items():
        expression = label_replace(expression, name, value)
    return expression


def label_replace(expression: str, label: str, value: str, source: str = "", pattern: str = "") -> str:
    """Return an expression that sets a label to a value where the source label matches the pattern."""
    return f'label_replace({expression}, "{label}", "{value}", "{source}", "{pattern}")'


def literal(text: str) -> str:
    """Return a text, escaped for a regular expression within the quotes of PromQL."""
    return re.sub(r"([.+*?()|\[\]{}^$])", r"\\\\\1", text)


def duration(seconds: float) -> str:
    """Return a duration as Prometheus writes it: in the largest unit that gives a whole number.

    Example:
        >>> [duration(seconds) for seconds in (90, 300, 86_400)]
        ['90s', '5m', '1d']
    """
    whole = int(seconds)
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if whole and whole % size == 0:
            return f"{whole // size}{unit}"
    return f"{whole}s"


def _bucket(le: float) -> str:
    """Return the matcher of a bucket: Prometheus 3 writes the boundary 1 as ``1.0``, Prometheus 2 as ``1``."""
    if le == math.inf:
        return 'le="+Inf"'
    return f'le="{le:g}"' if le != int(le) else f'le=~"{le:g}|{le:g}[.]0"'


def _label(matcher: str) -> str:
    match = re.match(r"[a-z_]+", matcher)
    if match is None:
        raise ContractError(f'{matcher!r} is not a matcher; write for example outcome="success" [SS253]')
    return match.group()
