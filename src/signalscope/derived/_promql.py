"""The text of PromQL: names of the contract's instruments and of derived series, checked and noted."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from signalscope import contract
from signalscope.config import Config
from signalscope.config.defaults import RATE_SECONDS
from signalscope.contract import ContractError
from signalscope.derived._registry import get

_ALWAYS = {"le", "job", "instance"}


def metric(name: str, *labels: str, suffix: str = "") -> str:
    """Return the Prometheus name of an instrument.

    Args:
        name: Its OpenTelemetry name.
        labels: Labels that the expression uses.
        suffix: ``_bucket``, ``_sum`` or ``_count`` of a histogram.

    Raises:
        ContractError: There is no such instrument, label or suffix.
    """
    instrument = contract.get(name)
    unknown = set(labels) - {*instrument.attribute_names} - _ALWAYS
    if unknown:
        raise ContractError(f"{name} has no label {', '.join(sorted(unknown))}")
    full = f"{instrument.prometheus_name}{suffix}"
    if full not in instrument.series_names:
        raise ContractError(f"{name} has no series {full}")
    return full


def native_part(histogram: str, suffix: str = "", le: float | None = None) -> str:
    """Return what a series of a classic histogram has, from a native histogram.

    Args:
        histogram: An expression of native histograms.
        suffix: ``_sum`` or ``_count``; else the result is the histogram, or its bucket.
        le: The boundary of a bucket.
    """
    if suffix in ("_sum", "_count"):
        return f"histogram{suffix}({histogram})"
    if le is None:
        return histogram
    # A fraction of no measurements is not a number, where a classic bucket has 0.
    count = f"histogram_count({histogram})"
    return f"(histogram_fraction(-Inf, {le:.12g}, {histogram}) * ({count} > 0) or 0 * {count})"


class Promql:
    """Expressions about the series of one service.

    Args:
        config: The configuration: the job, the kind of histogram, and what settings say.
        job: Another job than the configuration's.
        matchers: More matchers of every series.

    Attributes:
        config: The configuration.
        job: The service's job.
        native: True if histograms are native.
        series: Keys of the derived series that were rendered.
        instruments: OpenTelemetry names of the instruments that were rendered.
        over: The longest window that was rendered, in seconds.
    """

    def __init__(self, config: Config, job: str | None = None, matchers: Iterable[str] = ()) -> None:
        self.config = config
        self._everywhere = tuple(matchers)
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
        """Return the series of an instrument, of every process.

        Args:
            name: Its OpenTelemetry name.
            matchers: Such as ``outcome="success"``.
            suffix: As for `metric`.
            le: The boundary of a bucket.
            around: Writes an expression around the selector, such as a rate and its sum. A part of a native
                histogram is read from the whole of it.

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
        """Return what happens each second in the whole service: rates of every process, then their sum.

        Args:
            name: As for `raw`.
            matchers: As for `raw`.
            over: How many seconds to look back.
            suffix: As for `metric`.
            le: As for `raw`.

        Raises:
            ContractError: As for `metric`.
        """
        window = self.window(over)

        def summed(series: str) -> str:
            return f"sum {self.by()} (rate({series}[{window}]))"

        return self.raw(name, *matchers, suffix=suffix, le=le, around=summed)

    def name(self, key: str) -> str:
        """Return the name of a derived series, without matchers.

        Raises:
            ContractError: There is no such series.
        """
        self.series.add(key)
        return get(key).name

    def of(
        self, key: str, *matchers: str, le: float | None = None, around: Callable[[str], str] = str
    ) -> str:
        """Return a derived series of this service.

        Args:
            key: Its key, such as ``API_P95``.
            matchers: Such as ``user_tier="free"``.
            le: As for `raw`.
            around: As for `raw`.

        Raises:
            ContractError: There is no such series, or it has no such label.
        """
        row = get(key)
        unknown = {*map(_label, matchers)} - row.all_labels
        if unknown:
            raise ContractError(f"{row.name} has no label {', '.join(sorted(unknown))}")
        return self._read(self.name(key), matchers, "", le, around)

    def by(self, *labels: str) -> str:
        """Return the clause of an aggregation that keeps the job, the labels of the scope and these labels."""
        return f"by ({', '.join(('job', *self.config.scope.labels, *labels))})"

    def on(self, *labels: str) -> str:
        """Return the clause of a join on the job, the labels of the scope and these labels."""
        return f"on ({', '.join(('job', *self.config.scope.labels, *labels))})"

    def window(self, seconds: float) -> str:
        """Return a window as PromQL writes it, for a range or an offset, and note it in `over`."""
        self.over = max(self.over, seconds)
        return duration(seconds)

    def _read(
        self, name: str, matchers: Iterable[str], suffix: str, le: float | None, around: Callable[[str], str]
    ) -> str:
        is_part = self.native and (suffix or le is not None)
        bucket = () if le is None or is_part else (_bucket(le),)
        shown = ", ".join((f'job="{self.job}"', *self._everywhere, *bucket, *matchers))
        if is_part:
            return native_part(around(f"{name}{{{shown}}}"), suffix, le)
        return around(f"{name}{suffix}{{{shown}}}")


def ratio(part: str, whole: str) -> str:
    """Return a ratio: absent while there is no whole, 0 while there is a whole and no part."""
    return f"({part} or 0 * {whole}) / ({whole} > 0)"


def named(expression: str, **labels: str) -> str:
    """Return an expression whose series get labels that they did not have."""
    for name, value in labels.items():
        expression = label_replace(expression, name, value)
    return expression


def label_replace(expression: str, label: str, value: str, source: str = "", pattern: str = "") -> str:
    """Return an expression in which a label gets a value where the source label matches the pattern."""
    return f'label_replace({expression}, "{label}", "{value}", "{source}", "{pattern}")'


def literal(text: str) -> str:
    """Return a text escaped for a regular expression in the quotes of PromQL."""
    return re.sub(r"([.+*?()|\[\]{}^$])", r"\\\\\1", text)


def duration(seconds: float) -> str:
    """Return a duration as Prometheus writes it: in the largest unit that gives a whole number."""
    whole = int(seconds)
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if whole and whole % size == 0:
            return f"{whole // size}{unit}"
    return f"{whole}s"


def _bucket(le: float) -> str:
    """Return the matcher of a bucket, as Prometheus 2 and 3 write its boundary."""
    return f'le="{le:g}"' if le != int(le) else f'le=~"{le:g}|{le:g}[.]0"'


def _label(matcher: str) -> str:
    match = re.match(r"[a-z_]+", matcher)
    if match is None:
        raise ContractError(f'{matcher!r} is not a matcher; write for example outcome="success"')
    return match.group()
