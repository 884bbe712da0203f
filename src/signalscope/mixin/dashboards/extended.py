"""Your instruments: a row for each one that was added to the contract."""

from __future__ import annotations

from collections.abc import Iterator

from signalscope import contract
from signalscope.config import Config
from signalscope.contract import Instrument, Kind
from signalscope.mixin.dashboards import _shared as shared
from signalscope.mixin.dashboards._expr import gauge_of, heat_of, mean, quantile, rate
from signalscope.mixin.dashboards._model import Line, Panel, dashboard, heat, row, series, stat

#: A number beside charts: three of them are as wide as two charts.
_NUMBER, _WIDE = 2, 3
_UNITS = {"s": "s", "By": "bytes", "": "none"}


@dashboard(
    "extended",
    "Your instruments",
    "What do the instruments say that were added to the contract? A row for each.",
)
def board(_: Config) -> Iterator[Line]:
    """The dashboard of instruments added with `contract.extend`; without lines when there are none."""
    for instrument in contract.extensions():
        make = {Kind.HISTOGRAM: _histogram, Kind.COUNTER: _counter}.get(instrument.kind, _gauge)
        yield row(f"{instrument.prometheus_name}: {instrument.description}", 8, *make(instrument))


def _counter(instrument: Instrument) -> Iterator[Panel]:
    text, noun = instrument.description, _noun(instrument)
    empty = f"no {noun} in this time"
    yield stat(
        f"How many {noun} each second?", f"{text} Now.", rate(instrument.name), "cps", empty, weight=_NUMBER
    )
    for attribute in instrument.attributes:
        yield series(
            f"How many {noun}, by {_words(attribute.name)}?", f"{text} Per second. {attribute.description}",
            "cps", empty, rate(instrument.name, by=(attribute.name,)), stacked=True, weight=_WIDE,
        )  # fmt: skip


def _gauge(instrument: Instrument) -> Iterator[Panel]:
    how = "sum" if instrument.kind is Kind.UPDOWNCOUNTER else "max"
    note = "The sum of all instances." if how == "sum" else "The highest that any instance reports."
    text = f"{instrument.description} {note}"
    unit, empty = _UNITS.get(instrument.unit, "short"), "nothing is reported"
    labelled = gauge_of(instrument.name, by=instrument.attribute_names, how=how)
    total = gauge_of(instrument.name, how=how)
    if instrument.unit and instrument.attributes:
        total = f"sum({labelled})"
    is_counted = instrument.unit.startswith("{")
    question = f"How many {_noun(instrument)}" if is_counted else f"How high is the {_last_word(instrument)}"
    yield stat(f"{question}{' are there' if is_counted else ''}?", text, total, unit, empty, weight=_NUMBER)
    for attribute in instrument.attributes:
        grouped = f"{'sum' if instrument.unit else how} by ({attribute.name}) ({labelled})"
        title = f"{question}, by {_words(attribute.name)}?"
        yield series(title, f"{text} {attribute.description}", unit, empty, grouped, weight=_WIDE)


def _histogram(instrument: Instrument) -> Iterator[Panel]:
    name, text = instrument.name, instrument.description
    unit, empty = _UNITS.get(instrument.unit, "short"), "nothing was measured in this time"
    yield stat("What is usual?", f"{text} The mean.", mean(name), unit, empty, weight=_NUMBER)
    yield series(
        "How is it spread?", f"{text} Quantiles; points lead to traces.", unit, empty,
        *shared.quantiles(name), exemplars=True, weight=_WIDE,
    )  # fmt: skip
    buckets = f"{text} Measurements by bucket."
    yield heat("Where do measurements fall?", buckets, heat_of(name), unit, empty, weight=_WIDE)
    for attribute in instrument.attributes[:2]:
        yield series(
            f"Which {_words(attribute.name)} stands out?", f"{text} 95th percentile. {attribute.description}",
            unit, empty, quantile(0.95, name, by=(attribute.name,)), weight=_WIDE,
        )  # fmt: skip


def _noun(instrument: Instrument) -> str:
    """What is counted: the unit's annotation in the plural, or the name's last word."""
    word = instrument.unit.strip("{}") if instrument.unit.startswith("{") else _last_word(instrument)
    return f"{word}es" if word.endswith(("s", "ch", "sh", "x")) else f"{word}s"


def _last_word(instrument: Instrument) -> str:
    return _words(instrument.name.rpartition(".")[2])


def _words(label: str) -> str:
    return label.replace("_", " ")
