"""Operators: a process and Prometheus compute the same values, for random series and random trees."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.derived.scenario import (
    CONFIG,
    SECONDS,
    Scenario,
    Watched,
    claims_of,
    of_instance_a,
    promtool,
)

from signalscope.config._rules import Histograms
from signalscope.derived._expressions import (
    AvgOverTime,
    Clamp,
    Copy,
    Expr,
    Increase,
    Instrument,
    Label,
    Match,
    Parens,
    Quantile,
    Rate,
    Relabel,
    is_not,
    matches,
    matches_not,
    one_of,
)
from signalscope.derived._operators import (
    Above,
    Avg,
    Lowest,
    Max,
    Min,
    Minus,
    On,
    Per,
    Percentage,
    Plus,
    Ratio,
    Scale,
    Sum,
    Times,
    Union,
    Unless,
    ratio_to,
    total_and_by,
)
from signalscope.derived._process import Process
from signalscope.derived._promql import Promql

pytestmark = [pytest.mark.needs("promtool"), pytest.mark.timeout(180)]

_TREES = 120
_TIER, _ENDPOINT = "user_tier", "endpoint"


class Trees:
    """Random trees whose labels are known.

    Args:
        seed: The seed of the random numbers.
    """

    def __init__(self, seed: int) -> None:
        self._draw = random.Random(seed)

    def any(self) -> Expr:
        """Return a tree with any of the combinations of labels."""
        return self._draw.choice((self.by_tier, self.by_endpoint_and_tier, self.plain))(3)

    def plain(self, depth: int) -> Expr:
        """Return a tree with one value, without labels."""
        inner = self._draw.choice((self.by_tier, self.by_endpoint_and_tier))(depth - 1)
        return self._draw.choice((Sum, Max, Min, Avg))(inner)

    def by_tier(self, depth: int) -> Expr:
        """Return a tree with one value for each tier."""
        if depth <= 0:
            return self._source(_TIER)
        makers: tuple[Callable[[], Expr], ...] = (
            lambda: self._draw.choice((Sum, Max, Min, Avg))(self.by_endpoint_and_tier(depth - 1), _TIER),
            lambda: self._arithmetic(self.by_tier, depth),
            lambda: Times(self.by_tier(depth - 1), self.plain(depth - 1), On((), "left")),
            lambda: Times(self.plain(depth - 1), self.by_tier(depth - 1), On((), "right")),
            lambda: Union(self._some(self.by_tier(depth - 1)), self.by_tier(depth - 1), on=On((_TIER,))),
            lambda: Minus(self.by_tier(depth - 1), Scale(self.by_tier(depth - 1), 0.377), On((_TIER,))),
            lambda: self._source(_TIER),
        )
        return self._draw.choice(makers)()

    def by_endpoint_and_tier(self, depth: int) -> Expr:
        """Return a tree with one value for each endpoint and tier."""
        if depth <= 0:
            return self._source(_ENDPOINT, _TIER)
        makers: tuple[Callable[[], Expr], ...] = (
            lambda: self._arithmetic(self.by_endpoint_and_tier, depth),
            lambda: Per(self.by_endpoint_and_tier(depth - 1), self.by_tier(depth - 1), On((_TIER,), "left")),
            lambda: Times(
                self.by_tier(depth - 1), self.by_endpoint_and_tier(depth - 1), On((_TIER,), "right")
            ),
            lambda: Unless(
                self.by_endpoint_and_tier(depth - 1), self._some(self.by_tier(depth - 1)), On((_TIER,))
            ),
            lambda: self._source(_ENDPOINT, _TIER),
        )
        return self._draw.choice(makers)()

    def _arithmetic(self, make: Callable[[int], Expr], depth: int) -> Expr:
        left, right, number = make(depth - 1), make(depth - 1), self._draw.uniform(0.3, 3)
        return self._draw.choice(
            (
                lambda: Ratio(left, right),
                lambda: Percentage(left, right),
                lambda: Per(left, right),
                lambda: Plus(left, right),
                lambda: Minus(left, Scale(right, 0.377)),  # not almost 0, where rounding would decide
                lambda: Minus(number, left),
                lambda: Times(left, right),
                lambda: Scale(left, round(number, 3)),
                lambda: Scale(left, by=round(number, 3)),
                lambda: ratio_to(round(number, 3), Above(left, 0)),
                lambda: Clamp(left, 0.1, round(number, 9)),
                lambda: Parens(Union(self._some(left), right)),
                lambda: Unless(left, self._some(right)),
                lambda: self._some(left),
            )
        )()

    def _some(self, inner: Expr) -> Expr:
        """Return the values above a limit that is not equal to any value."""
        return Above(inner, round(self._draw.uniform(0, 2), 5) + 1e-7)

    def _source(self, *by: str) -> Expr:
        requests, seconds = "signal_service.api.requests", "signal_service.api.request.duration"
        over = self._draw.choice((60, 120, 300, 3_600))
        wanted: Match | str = self._draw.choice(
            (is_not("500"), matches("5.."), matches_not("4.."), one_of("200", "500"), "200", is_not(""))
        )
        return self._draw.choice(
            (
                lambda: Sum(Rate(Instrument(requests, status_code=wanted), over), *by),
                lambda: Sum(Increase(Instrument(requests), over), *by),
                lambda: Sum(Rate(Instrument(seconds, "sum", status_code=wanted), over), *by),
                lambda: Sum(
                    Rate(Instrument(seconds, "bucket", le=self._draw.choice((0.05, 0.5, 2))), over), *by
                ),
                lambda: Sum(Rate(Instrument(seconds, "count"), over), *by),
                lambda: Quantile(
                    self._draw.choice((0.1, 0.5, 0.9, 0.99)),
                    Sum(Rate(Instrument(seconds, "bucket", status_code=wanted), over), *by, "le"),
                ),
            )
        )()


def _gauges() -> list[Expr]:
    """Return expressions that random trees do not have: gauges, relabelling, the series with the lowest value."""
    size, health = (
        Instrument("signal_service.queue.size"),
        Instrument("signal_service.external_service.health"),
    )
    users = Sum(Instrument("signal_service.active_users"), "window", "user_tier")
    return [
        Avg(AvgOverTime(health), "service_name", "criticality"),
        Min(AvgOverTime(health, 60)),
        Max(Instrument("signal_service.queue.size", priority="critical"), "queue_type"),
        Lowest(Label(Sum(size, "priority"), kind="queue")),
        Copy(Sum(size, "queue_type", "priority"), "resource", "priority"),
        Relabel(Copy(users, "plan", "user_tier"), "plan", "co$t.(1)", "user_tier", "free"),
        Sum(Relabel(users, "user_tier", "none", "user_tier", "f.*"), "user_tier"),
        Union(Label(Sum(size), part="a"), Label(Max(size), part="b")),
        total_and_by("user_tier", lambda by: Sum(users, *by)),
        Sum(Instrument("signal_service.concurrent_requests"), "endpoint_group"),
        Sum(Rate(Instrument("process.cpu")), "instance"),
    ]


@pytest.mark.parametrize(("seed", "kind"), [(1, "classic"), (2, "classic"), (3, "classic"), (1, "native")])
def test_a_process_computes_what_prometheus_does(tmp_path: Path, seed: int, kind: str) -> None:
    """For both kinds of histogram the values and labels are equal, and missing values are missing in both."""
    config = CONFIG.model_copy(update={"histograms": Histograms.model_validate({"kind": kind})})
    scenario, trees = Scenario(seed), Trees(seed)
    expressions = [*_gauges(), *(trees.any() for _ in range(_TREES))]
    process = Process(Watched(scenario), CONFIG)
    rules, wanted, present = [], [], 0
    for number, expr in enumerate(expressions):
        name = f"tree:{number}"
        rules.append({"record": name, "expr": expr.promql(Promql(config))})
        vector = of_instance_a(expr.value(process))
        present += bool(vector)
        always, optional = expr.labels()
        assert all(
            set(always) <= {name for name, _ in labels} <= {*always, *optional} for labels in vector
        ), expr
        wanted += list(claims_of(name, optional, vector))
    assert present > 0.6 * len(expressions)
    path = tmp_path / "rules.yaml"
    path.write_text(json.dumps({"groups": [{"name": "trees", "rules": rules}]}))
    promtool(tmp_path, path, list(scenario.input_series(native=kind == "native")), wanted, evaluation=SECONDS)
