"""Series of calculations: throughput, time, vectorised against individual, unusable results."""

from __future__ import annotations

from signalscope.config import Config
from signalscope.mixin._promql import Promql, duration, le, quantile, ratio
from signalscope.mixin.rules import Group, Recording

__all__ = ["groups"]

_SECONDS = "signal_service.greeks.calculation"
_OPTIONS = "signal_service.greeks.options"
_BATCH = "signal_service.greeks.batch_options"
_INVALID = "signal_service.greeks.invalid_results"

#: For each class of batch size of more than one size: the bounds of its buckets, and the middle of each bucket.
_CLASSES: dict[str, tuple[tuple[float, float, float], ...]] = {
    "2-10": ((1, 2, 2), (2, 5, 4), (5, 10, 8)),
    "11-100": ((10, 25, 18), (25, 50, 38), (50, 100, 75.5)),
    "101-1000": ((100, 250, 175.5), (250, 500, 375.5), (500, 1000, 750.5)),
    "1001+": ((1000, 2500, 1750), (2500, 5000, 3750), (5000, 10_000, 7500), (10_000, 100_000, 55_000)),
}


def groups(config: Config) -> list[Group]:
    """The groups of this module."""
    ask = Promql(config.selectors.job)
    options = ask.of("GREEKS_OPTIONS_TYPE")
    array = ask.of("GREEKS_OPTIONS_TYPE", 'vectorized="true"')
    buckets = ask.of("GREEKS_BUCKETS")
    # A call that failed priced nothing, and its time is no price.
    done = 'outcome=~"success|invalid"'
    seconds = ask.rate(_SECONDS, done, by="vectorized, batch_size", suffix="_sum")
    calls = ask.rate(_SECONDS, by="vectorized", suffix="_count")
    invalid = ask.of("GREEKS_INVALID")

    return [
        Group(
            "greeks",
            config.pipeline.recording,
            (
                Recording("GREEKS_CALLS", ask.rate(_SECONDS, by="outcome", suffix="_count")),
                Recording("GREEKS_OPTIONS_TYPE", ask.rate(_OPTIONS, by="calculation_type, vectorized")),
                Recording("GREEKS_OPTIONS", f"sum by (job) ({options})"),
                Recording(
                    "VECTORIZED_SHARE",
                    " or ".join(
                        f"({ratio(f'sum by ({by}) ({array})', f'sum by ({by}) ({options})')})"
                        for by in ("job", "job, calculation_type")
                    ),
                ),
                Recording("GREEKS_INVALID", ask.rate(_INVALID, by="reason")),
                Recording(
                    "GREEKS_INVALID_RATIO", ratio(f"sum by (job) ({invalid})", f"sum by (job) ({options})")
                ),
            ),
        ),
        Group(
            "greeks-time",
            config.pipeline.recording,
            (
                Recording(
                    "GREEKS_BUCKETS",
                    ask.rate(
                        _SECONDS, by="vectorized, le", over=duration(config.windows.latency), suffix="_bucket"
                    ),
                ),
                Recording("GREEKS_P50", quantile(0.5, buckets)),
                Recording("GREEKS_P90", quantile(0.9, buckets)),
                Recording("VECTORIZED_P90", f"sum by (job) ({ask.of('GREEKS_P90', _ARRAY)})"),
                Recording(
                    "GREEKS_MEAN", f"{ask.rate(_SECONDS, by='vectorized', suffix='_sum')} / ({calls} > 0)"
                ),
                Recording("GREEKS_SECONDS", seconds),
                Recording(
                    "PER_OPTION",
                    f"sum by (job, vectorized) ({ask.of('GREEKS_SECONDS')})"
                    f" / (sum by (job, vectorized) ({options}) > 0)",
                ),
                Recording(
                    "VECTORIZED_SPEEDUP",
                    f"sum by (job) ({ask.of('PER_OPTION', _SINGLE)})"
                    f" / (sum by (job) ({ask.of('PER_OPTION', _ARRAY)}) > 0)",
                ),
                *_by_batch(ask),
            ),
        ),
    ]


_ARRAY, _SINGLE = 'vectorized="true"', 'vectorized="false"'


def _by_batch(ask: Promql) -> tuple[Recording, ...]:
    """Time for each option by class of batch size.

    How many options a class priced is known for the class of one. For the others it is estimated from the
    histogram of batch sizes, each bucket by its middle, and scaled so that all classes together have exactly the
    options that were priced: where only one of the other classes is in use, the estimate is exact.
    """
    singles = f"sum by (job, vectorized) ({ask.of('BATCH_BUCKETS', le(1))})"
    known = ask.rate(_BATCH, by="vectorized", suffix="_sum")
    estimates = [
        " + ".join(f"{middle:g} * ({_up_to(ask, high)} - {_up_to(ask, low)})" for low, high, middle in parts)
        for parts in _CLASSES.values()
    ]
    rough = " or ".join(
        f'label_replace({estimate}, "batch_size", "{name}", "", "")'
        for name, estimate in zip(_CLASSES, estimates, strict=True)
    )
    guessed = ask.of("BATCH_OPTIONS_ROUGH")
    scale = f"({known} - {singles}) / (sum by (job, vectorized) ({guessed}) > 0)"
    per_option = f"{ask.of('GREEKS_SECONDS')} / ({ask.of('BATCH_OPTIONS')} > 0)"
    return (
        Recording("BATCH_BUCKETS", ask.rate(_BATCH, by="vectorized, le", suffix="_bucket")),
        Recording("BATCH_OPTIONS_ROUGH", rough),
        Recording(
            "BATCH_OPTIONS",
            f'label_replace({singles}, "batch_size", "1", "", "")'
            f" or {guessed} * on (job, vectorized) group_left () ({scale})",
        ),
        Recording("PER_OPTION_BATCH", per_option),
        Recording(
            "BEST_BATCH",
            f"bottomk by (job) (1, sum by (job, batch_size) ({ask.of('PER_OPTION_BATCH', _ARRAY)}))",
        ),
    )


def _up_to(ask: Promql, bound: float) -> str:
    return f"sum by (job, vectorized) ({ask.of('BATCH_BUCKETS', le(bound))})"
