"""Calculations of Greeks: throughput, time, vectorised and individual calls, results that cannot be used."""

from __future__ import annotations

import functools

from signalscope.derived._expressions import Expr, Label, Quantile, Series, Setting, one_of
from signalscope.derived._operators import (
    Lowest,
    Minus,
    On,
    Per,
    Plus,
    Ratio,
    Scale,
    Sum,
    Times,
    Union,
    total_and_by,
)
from signalscope.derived._rows import group, series
from signalscope.derived.table import rate

_SECONDS = "signal_service.greeks.calculation"
_BATCH = "signal_service.greeks.batch_options"
#: Lower boundary, upper boundary and middle of each bucket, by class of batch size; only classes of several sizes.
_CLASSES: dict[str, tuple[tuple[float, float, float], ...]] = {
    "2-10": ((1, 2, 2), (2, 5, 4), (5, 10, 8)),
    "11-100": ((10, 25, 18), (25, 50, 38), (50, 100, 75.5)),
    "101-1000": ((100, 250, 175.5), (250, 500, 375.5), (500, 1000, 750.5)),
    "1001+": ((1000, 2500, 1750), (2500, 5000, 3750), (5000, 10_000, 7500), (10_000, 100_000, 55_000)),
}
_ROUGH = Series("BATCH_OPTIONS_ROUGH")


def _options(*by: str, **matchers: str) -> Expr:
    return Sum(Series("GREEKS_OPTIONS_TYPE", **matchers), *by)


def _up_to(boundary: float) -> Expr:
    return Sum(Series("BATCH_BUCKETS", le=boundary), "vectorized")


def _estimate(name: str) -> Expr:
    """Return the estimated options of a class of batch size: the middle of each bucket, times the calls in it."""
    buckets = (Scale(Minus(_up_to(high), _up_to(low)), middle) for low, high, middle in _CLASSES[name])
    return Label(functools.reduce(Plus, buckets), batch_size=name)


GROUPS = (
    group("greeks", "recording", {
        "GREEKS_CALLS": series(
            "job_outcome:signal_service_greeks_calculations:rate5m", unit="{call}/s",
            meaning="Calculation calls by outcome.", expr=rate(_SECONDS, "outcome", part="count"),
        ),
        "GREEKS_OPTIONS_TYPE": series(
            "job_calculation_type_vectorized:signal_service_greeks_options:rate5m", unit="{option}/s",
            meaning="Options priced, by calculation, vectorised and individual.",
            expr=rate("signal_service.greeks.options", "calculation_type", "vectorized"),
        ),
        "GREEKS_OPTIONS": series(
            "job:signal_service_greeks_options:rate5m", unit="{option}/s", meaning="Options priced.",
            expr=_options(),
        ),
        "VECTORIZED_SHARE": series(
            "job:signal_service_greeks_vectorized_share:ratio5m", unit="",
            meaning="Ratio of options priced in array operations, of the service and of each calculation.",
            expr=total_and_by(
                "calculation_type", lambda by: Ratio(_options(*by, vectorized="true"), _options(*by))
            ),
        ),
        "GREEKS_INVALID": series(
            "job_reason:signal_service_greeks_invalid_results:rate5m", unit="{result}/s",
            meaning="Results that cannot be used, by reason.",
            expr=rate("signal_service.greeks.invalid_results", "reason"),
        ),
        "GREEKS_INVALID_RATIO": series(
            "job:signal_service_greeks_invalid_results:ratio5m", unit="",
            meaning="Results that cannot be used, as a ratio of the results that were checked.",
            expr=Ratio(Sum(Series("GREEKS_INVALID")), rate("signal_service.greeks.checked_results")),
        ),
    }),
    group("greeks-time", "recording", {
        "GREEKS_BUCKETS": series(
            "job_vectorized:signal_service_greeks_calculation_seconds_bucket:rate", unit="{call}/s",
            meaning="Calculation calls by duration, for quantiles.",
            expr=rate(_SECONDS, "vectorized", "le", part="bucket", over=Setting("windows.latency")),
        ),
        "GREEKS_P90": series(
            "job_vectorized:signal_service_greeks_calculation_seconds:p90", unit="s",
            meaning="90th percentile of the time of a calculation call, vectorised and individual.",
            expr=Quantile(0.9, Series("GREEKS_BUCKETS")),
        ),
        "VECTORIZED_P90": series(
            "job:signal_service_greeks_calculation_seconds_vectorized:p90", unit="s",
            meaning="90th percentile of the time of a vectorised calculation call.",
            expr=Sum(Series("GREEKS_P90", vectorized="true")),
        ),
        # Without failed calls, which priced no option.
        "GREEKS_SECONDS": series(
            "job_vectorized_batch_size:signal_service_greeks_calculation_seconds:rate5m", unit="s/s",
            meaning="Seconds in calculation calls that priced options, each second.",
            expr=rate(_SECONDS, "vectorized", "batch_size", part="sum", outcome=one_of("success", "invalid")),
        ),
        "PER_OPTION": series(
            "job_vectorized:signal_service_greeks_seconds_per_option:mean5m", unit="s",
            meaning="Mean calculation time for one option, vectorised and individual.",
            expr=Per(Sum(Series("GREEKS_SECONDS"), "vectorized"), _options("vectorized")),
        ),
        "VECTORIZED_SPEEDUP": series(
            "job:signal_service_greeks_vectorized_speedup:ratio5m", unit="{times}",
            meaning="Speedup: calculation time for one option individually over that when vectorised.",
            expr=Per(
                Sum(Series("PER_OPTION", vectorized="false")), Sum(Series("PER_OPTION", vectorized="true"))
            ),
        ),
        # The number of priced options is known exactly only for calls with one option. For other classes it is
        # estimated from the histogram of batch sizes, with the middle of each bucket. The estimates are scaled so
        # that their sum is exact. If only one of these classes is in use, its estimate is exact.
        "BATCH_BUCKETS": series(
            "job_vectorized:signal_service_greeks_batch_options_bucket:rate5m", unit="{call}/s",
            meaning="Calculation calls by number of options.",
            expr=rate(_BATCH, "vectorized", "le", part="bucket"),
        ),
        "BATCH_OPTIONS_ROUGH": series(
            "job_vectorized_batch_size:signal_service_greeks_options:estimate5m", unit="{option}/s",
            meaning="Options priced by class of batch size, estimated from the middle of each bucket, not scaled.",
            expr=Union(*map(_estimate, _CLASSES)),
        ),
        "BATCH_OPTIONS": series(
            "job_vectorized_batch_size:signal_service_greeks_options:rate5m", unit="{option}/s",
            meaning="Options priced by class of batch size; estimated if several classes of more than one size are "
            "in use.",
            expr=Union(
                Label(_up_to(1), batch_size="1"),
                Times(
                    _ROUGH,
                    Per(
                        Minus(rate(_BATCH, "vectorized", part="sum"), _up_to(1)),
                        Sum(_ROUGH, "vectorized"),
                    ),
                    On(("vectorized",), "left"),
                ),
            ),
        ),
        "PER_OPTION_BATCH": series(
            "job_vectorized_batch_size:signal_service_greeks_seconds_per_option:mean5m", unit="s",
            meaning="Mean calculation time for one option by class of batch size; estimated for classes of more "
            "than one size.", expr=Per(Series("GREEKS_SECONDS"), Series("BATCH_OPTIONS")),
        ),
        "BEST_BATCH": series(
            "job_batch_size:signal_service_greeks_best_batch_size:seconds_per_option", unit="s",
            meaning="Time for one option in the vectorised class of batch size where it is shortest.",
            expr=Lowest(Sum(Series("PER_OPTION_BATCH", vectorized="true"), "batch_size")),
        ),
    }),
)  # fmt: skip
