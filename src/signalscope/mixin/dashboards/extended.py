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
    for one in contract.extensions():
        make = _histogram if one.kind is Kind.HISTOGRAM else _counter if one.kind is Kind.COUNTER else _gauge
        yield row(f"{one.prometheus_name}: {one.description}", 8, *make(one))


def _counter(one: Instrument) -> tuple[Panel, ...]:
    noun = _noun(one)
    return (
        stat(
            f"How many {noun} each second?", f"{one.description} Now.",
            rate(one.name), "cps", f"no {noun} in this time", weight=_NUMBER,
        ),
        *(
            series(
                f"How many {noun}, by {_words(label)}?", f"{one.description} Per second. {_about(one, label)}",
                "cps", f"no {noun} in this time", rate(one.name, by=(label,)),
                stacked=True, weight=_WIDE,
            )
            for label in one.attribute_names
        ),
    )  # fmt: skip


def _gauge(one: Instrument) -> tuple[Panel, ...]:
    how = "sum" if one.kind is Kind.UPDOWNCOUNTER else "max"
    note = "The sum of all instances." if how == "sum" else "The highest that any instance reports."
    unit = _UNITS.get(one.unit, "short")
    noun = _noun(one)
    every = gauge_of(one.name, by=one.attribute_names, how=how)
    total = f"sum({every})" if one.unit and one.attribute_names else gauge_of(one.name, how=how)
    is_counted = one.unit.startswith("{")
    question = f"How many {noun}" if is_counted else f"How high is the {_last_word(one)}"
    return (
        stat(
            f"{question}{' are there' if is_counted else ''}?", f"{one.description} {note}", total, unit,
            "nothing is reported", weight=_NUMBER,
        ),
        *(
            series(
                f"{question}, by {_words(label)}?", f"{one.description} {note} {_about(one, label)}", unit,
                "nothing is reported",
                f"{'sum' if one.unit else how} by ({label}) ({every})", weight=_WIDE,
            )
            for label in one.attribute_names
        ),
    )  # fmt: skip


def _histogram(one: Instrument) -> tuple[Panel, ...]:
    unit = _UNITS.get(one.unit, "short")
    empty = "nothing was measured in this time"
    return (
        stat("What is usual?", f"{one.description} The mean.", mean(one.name), unit, empty, weight=_NUMBER),
        series(
            "How is it spread?", f"{one.description} Quantiles; points lead to traces.", unit, empty,
            *shared.quantiles(one.name), exemplars=True, weight=_WIDE,
        ),
        heat("Where do measurements fall?", f"{one.description} Measurements by bucket.", heat_of(one.name), unit,
             empty, weight=_WIDE),
        *(
            series(
                f"Which {_words(label)} stands out?", f"{one.description} 95th percentile. {_about(one, label)}",
                unit, empty, quantile(0.95, one.name, by=(label,)), weight=_WIDE,
            )
            for label in one.attribute_names[:2]
        ),
    )  # fmt: skip


def _noun(one: Instrument) -> str:
    """What is counted: the unit's annotation in the plural, or the name's last word."""
    word = one.unit.strip("{}") if one.unit.startswith("{") else _last_word(one)
    return f"{word}es" if word.endswith(("s", "ch", "sh", "x")) else f"{word}s"


def _last_word(one: Instrument) -> str:
    return _words(one.name.rpartition(".")[2])


def _words(label: str) -> str:
    return label.replace("_", " ")


def _about(one: Instrument, label: str) -> str:
    return next(attribute.description for attribute in one.attributes if attribute.name == label)
