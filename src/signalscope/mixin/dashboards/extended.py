"""Dashboard of the user's instruments: a row for each instrument that was added to the contract."""

from __future__ import annotations

from collections.abc import Iterator

from signalscope import contract
from signalscope.config import Config
from signalscope.contract import Instrument, Kind
from signalscope.mixin.dashboards import _shared as shared
from signalscope.mixin.dashboards._expr import gauge_of, heat_of, mean, quantile, rate
from signalscope.mixin.dashboards._model import Line, Panel, dashboard, heat, row, series, stat

#: Weights of a number and of a chart: three numbers are as wide as two charts.
_NUMBER, _WIDE = 2, 3
_UNITS = {"s": "s", "By": "bytes", "": "none"}


@dashboard(
    "extended",
    "Your instruments",
    "What are the values of the instruments that were added to the contract? A row for each.",
)
def board(_: Config) -> Iterator[Line]:
    """Yield a row for each instrument that was added with `contract.extend`."""
    for instrument in contract.extensions():
        make = {Kind.HISTOGRAM: _histogram, Kind.COUNTER: _counter}.get(instrument.kind, _gauge)
        yield row(f"{instrument.prometheus_name}: {instrument.description}", 8, *make(instrument))


def _counter(instrument: Instrument) -> Iterator[Panel]:
    text, noun = instrument.description, _noun(instrument)
    empty = f"no {noun} in this time range"
    yield stat(
        f"How many {noun} per second?", f"{text} Now.", rate(instrument.name), "cps", empty, weight=_NUMBER
    )
    for attribute in instrument.attributes:
        yield series(
            f"How many {noun} by {_words(attribute.name)}?", f"{text} Per second. {attribute.description}",
            "cps", empty, rate(instrument.name, by=(attribute.name,)), stacked=True, weight=_WIDE,
        )  # fmt: skip


def _gauge(instrument: Instrument) -> Iterator[Panel]:
    how = "sum" if instrument.kind is Kind.UPDOWNCOUNTER else "max"
    note = "Sum over all instances." if how == "sum" else "Maximum over all instances."
    text = f"{instrument.description} {note}"
    unit, empty = _UNITS.get(instrument.unit, "short"), "no value is reported"
    labelled = gauge_of(instrument.name, by=instrument.attribute_names, how=how)
    total = gauge_of(instrument.name, how=how)
    if instrument.unit and instrument.attributes:
        total = f"sum({labelled})"
    is_counted = instrument.unit.startswith("{")
    question = f"How many {_noun(instrument)}" if is_counted else f"How high is the {_last_word(instrument)}"
    yield stat(f"{question}{' are there' if is_counted else ''}?", text, total, unit, empty, weight=_NUMBER)
    for attribute in instrument.attributes:
        grouped = f"{'sum' if instrument.unit else how} by ({attribute.name}) ({labelled})"
        title = f"{question} by {_words(attribute.name)}?"
        yield series(title, f"{text} {attribute.description}", unit, empty, grouped, weight=_WIDE)


def _histogram(instrument: Instrument) -> Iterator[Panel]:
    name, text = instrument.name, instrument.description
    unit, empty = _UNITS.get(instrument.unit, "short"), "no measurement in this time range"
    yield stat("What is the mean?", f"{text} Mean.", mean(name), unit, empty, weight=_NUMBER)
    yield series(
        "What are p50, p95 and p99?", f"{text} Percentiles; exemplars link to traces.", unit, empty,
        *shared.quantiles(name), exemplars=True, weight=_WIDE,
    )  # fmt: skip
    buckets = f"{text} Measurements by bucket."
    yield heat("What is the distribution?", buckets, heat_of(name), unit, empty, weight=_WIDE)
    for attribute in instrument.attributes[:2]:
        yield series(
            f"What is the p95 by {_words(attribute.name)}?", f"{text} 95th percentile. {attribute.description}",
            unit, empty, quantile(0.95, name, by=(attribute.name,)), weight=_WIDE,
        )  # fmt: skip


def _noun(instrument: Instrument) -> str:
    """Return the plural of the unit's annotation, or of the last word of the name."""
    word = instrument.unit.strip("{}") if instrument.unit.startswith("{") else _last_word(instrument)
    return f"{word}es" if word.endswith(("s", "ch", "sh", "x")) else f"{word}s"


def _last_word(instrument: Instrument) -> str:
    return _words(instrument.name.rpartition(".")[2])


def _words(label: str) -> str:
    return label.replace("_", " ")
