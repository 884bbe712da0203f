"""The value of a row over the last seconds, instead of over the window of its recording rule."""

from __future__ import annotations

import copy
import dataclasses
from dataclasses import dataclass
from typing import Any

from signalscope.config import Config
from signalscope.derived._expressions import Expr, Instrument, LabelNames, Match, OverTime, Series
from signalscope.derived._operators import Sum
from signalscope.derived._process import Process
from signalscope.derived._promql import Promql
from signalscope.derived._registry import get
from signalscope.derived._vector import Vector

Matchers = tuple[tuple[str, Match], ...]


@dataclass(frozen=True, slots=True)
class Recent(Expr):
    """A row with all windows replaced by a shorter one; it reads instruments, not recorded series.

    Attributes:
        key: The key of a row with one expression.
        seconds: The length of the window.

    Example:
        >>> print(Recent("SIGNALS", 30).promql(Promql(Config())))
        sum by (job) (rate(signal_service_signals_emitted_total{job="signal-service"}[30s]))
    """

    key: str
    seconds: float

    @property
    def parts(self) -> tuple[Expr, ...]:
        return (_inlined(Series(self.key), self.seconds),)

    def promql(self, ask: Promql) -> str:
        return self.parts[0].promql(ask)

    def value(self, process: Process) -> Vector:
        return self.parts[0].value(process)

    def labels(self) -> LabelNames:
        return Series(self.key).labels()


def _inlined(expr: Expr, seconds: float, matchers: Matchers = ()) -> Expr:
    """Return an expression with other windows; the matchers of a series move to the instruments below it."""
    if isinstance(expr, Series):
        (variant,) = get(expr.key).variants(Config())
        return _inlined(variant.expr, seconds, (*matchers, *expr.matchers))
    if isinstance(expr, Instrument):
        return _changed(expr, matchers=(*expr.matchers, *matchers))
    parts = {field.name: getattr(expr, field.name) for field in dataclasses.fields(expr)}
    changes: dict[str, Any] = {
        name: _inlined(part, seconds, matchers) for name, part in parts.items() if isinstance(part, Expr)
    }
    if isinstance(expr, OverTime):
        changes["over"] = seconds
    if isinstance(expr, Sum) and isinstance(changes["inner"], Sum):
        changes["inner"] = changes["inner"].inner  # the sum of sums
    return _changed(expr, **changes)


def _changed(expr: Expr, **values: Any) -> Expr:
    changed = copy.copy(expr)
    for name, value in values.items():
        object.__setattr__(changed, name, value)
    return changed
