"""Calculations: throughput, time, vectorised against individual, unusable results."""

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
#: For each class of batch size of more than one size: the boundaries of its buckets, and the middle of each bucket.
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
    """Options of a class of batch size: each bucket by its middle."""
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
            meaning="Options priced, by what was calculated and how.",
            expr=rate("signal_service.greeks.options", "calculation_type", "vectorized"),
        ),
        "GREEKS_OPTIONS": series(
            "job:signal_service_greeks_options:rate5m", unit="{option}/s", meaning="Options priced.",
            expr=_options(),
        ),
        "VECTORIZED_SHARE": series(
            "job:signal_service_greeks_vectorized_share:ratio5m", unit="",
            meaning="Options priced in array operations, of all options; of the service, and of each calculation.",
            expr=total_and_by(
                "calculation_type", lambda by: Ratio(_options(*by, vectorized="true"), _options(*by))
            ),
        ),
        "GREEKS_INVALID": series(
            "job_reason:signal_service_greeks_invalid_results:rate5m", unit="{result}/s",
            meaning="Results that cannot be used.",
            expr=rate("signal_service.greeks.invalid_results", "reason"),
        ),
        "GREEKS_INVALID_RATIO": series(
            "job:signal_service_greeks_invalid_results:ratio5m", unit="",
            meaning="Results that cannot be used, for each option priced.",
            expr=Ratio(Sum(Series("GREEKS_INVALID")), _options()),
        ),
    }),
    group("greeks-time", "recording", {
        "GREEKS_BUCKETS": series(
            "job_vectorized:signal_service_greeks_calculation_seconds_bucket:rate", unit="{call}/s",
            meaning="Calculation calls by duration; what the quantiles are made of.",
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
        # A call that failed priced nothing, and its time is not a price.
        "GREEKS_SECONDS": series(
            "job_vectorized_batch_size:signal_service_greeks_calculation_seconds:rate5m", unit="s/s",
            meaning="Seconds spent in calculations that priced something, each second.",
            expr=rate(_SECONDS, "vectorized", "batch_size", part="sum", outcome=one_of("success", "invalid")),
        ),
        "PER_OPTION": series(
            "job_vectorized:signal_service_greeks_seconds_per_option:mean5m", unit="s",
            meaning="Calculation time for each option, vectorised and individual.",
            expr=Per(Sum(Series("GREEKS_SECONDS"), "vectorized"), _options("vectorized")),
        ),
        "VECTORIZED_SPEEDUP": series(
            "job:signal_service_greeks_vectorized_speedup:ratio5m", unit="{times}",
            meaning="How many times less an option costs when vectorised than individually.",
            expr=Per(
                Sum(Series("PER_OPTION", vectorized="false")), Sum(Series("PER_OPTION", vectorized="true"))
            ),
        ),
        # How many options a class priced is known for the class of one. For the others it is estimated from the
        # histogram of batch sizes, each bucket by its middle, and scaled so that all classes together have exactly
        # the options that were priced: where only one of the other classes is in use, the estimate is exact.
        "BATCH_BUCKETS": series(
            "job_vectorized:signal_service_greeks_batch_options_bucket:rate5m", unit="{call}/s",
            meaning="Calculation calls by number of options.",
            expr=rate(_BATCH, "vectorized", "le", part="bucket"),
        ),
        "BATCH_OPTIONS_ROUGH": series(
            "job_vectorized_batch_size:signal_service_greeks_options:estimate5m", unit="{option}/s",
            meaning="Options priced by class of batch size, each bucket by its middle; what the next is made of.",
            expr=Union(*map(_estimate, _CLASSES)),
        ),
        "BATCH_OPTIONS": series(
            "job_vectorized_batch_size:signal_service_greeks_options:rate5m", unit="{option}/s",
            meaning="Options priced by class of batch size; estimated where several classes of more than one size "
            "are in use.",
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
            meaning="Calculation time for each option by class of batch size; estimated for classes of more than one "
            "size.", expr=Per(Series("GREEKS_SECONDS"), Series("BATCH_OPTIONS")),
        ),
        "BEST_BATCH": series(
            "job_batch_size:signal_service_greeks_best_batch_size:seconds_per_option", unit="s",
            meaning="The vectorised class of batch size with the least time for each option, and that time.",
            expr=Lowest(Sum(Series("PER_OPTION_BATCH", vectorized="true"), "batch_size")),
        ),
    }),
)  # fmt: skip
