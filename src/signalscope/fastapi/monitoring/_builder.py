"""The state while one answer is filled: query results, what the request asks for, and provenance so far."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from signalscope.config import Config, _environment
from signalscope.derived._vector import Vector
from signalscope.derived.read import QueryResults
from signalscope.fastapi.monitoring._answer import Provenance

#: Why a value is null when one tier was asked for.
ALL_TIERS_ONLY = "it is known of all tiers together: ask without `tier`"


@dataclass(frozen=True, slots=True)
class Builder:
    """The state while one answer is filled.

    Attributes:
        results: The query results of all series that the answer needs.
        parameters: By name: the values of fields that are not bound, and what bindings need beside series.
        tier: The only tier to include; None for all.
        provenance: What has been recorded so far, by the dotted path of the field.
    """

    results: QueryResults
    parameters: Mapping[str, Any]
    tier: str | None = None
    provenance: dict[str, Provenance] = field(default_factory=dict)

    @property
    def config(self) -> Config:
        """The thresholds and selectors."""
        return _environment.config()

    def vector(self, key: str) -> Vector:
        """Return the values of a series by labels; empty without data."""
        return self.results.get(key).vector

    def note(
        self,
        path: str,
        key: str,
        unit: str,
        *,
        missing: bool,
        reason: str | None = None,
        where: Mapping[str, str] | None = None,
        window: float | None = None,
        also: Iterable[str] = (),
        meaning: str | None = None,
    ) -> None:
        """Record the provenance of the value at a path, which comes from a series.

        Args:
            path: The dotted path of the field.
            key: The series.
            unit: The unit of the value.
            missing: Whether there is no value.
            reason: Why there is none; by default what the query result says.
            where: The labels that were selected.
            window: Seconds that the value looks back; by default those of the series.
            also: Other series that the value is computed from.
            meaning: What the value means; by default what the series means.
        """
        result = self.results.get(key)
        seconds = result.window_seconds if window is None else window
        self.provenance[path] = Provenance(
            source=result.source,
            series=", ".join((result.series, *(self.results.get(other).series for other in also))),
            unit=unit,
            window_seconds=None if seconds is None else round(seconds, 3),
            meaning=meaning or result.meaning,
            reason=(reason or result.reason or _no_value_for(where or {})) if missing else None,
        )

    def note_process(self, path: str, **provenance: Any) -> None:
        """Record the provenance of a value that is of this process, wherever the others come from."""
        self.provenance[path] = Provenance(source="process", **({"window_seconds": None} | provenance))


def _no_value_for(labels: Mapping[str, str]) -> str:
    selected = [f"{name} {value!r}" if value else f"all of {name}" for name, value in labels.items()]
    return f"there is no value for {' and '.join(selected)}" if selected else "there is no value for it"
