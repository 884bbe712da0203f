"""What a recording rule is, and a group of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from signalscope.mixin import series

__all__ = ["Group", "Recording"]


@dataclass(frozen=True, slots=True)
class Recording:
    """One recording rule.

    Attributes:
        key: Which series of the table it records: its key there, or its name.
        expr: The PromQL expression.
        labels: Labels that the rule adds.
    """

    key: str
    expr: str
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def record(self) -> str:
        """The name of the series."""
        return series.get(self.key).name


@dataclass(frozen=True, slots=True)
class Group:
    """Rules that Prometheus evaluates one after the other.

    Attributes:
        name: Its name; `signalscope-` is put before it.
        interval: Seconds between evaluations.
        rules: The rules; later ones see what earlier ones recorded.
        fixed: Whether that interval is its own, whoever reads what it records (`evaluation_intervals`).
    """

    name: str
    interval: int
    rules: tuple[Recording, ...]
    fixed: bool = False
