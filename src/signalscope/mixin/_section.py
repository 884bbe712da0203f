"""What every section of the configuration has in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Interval", "Ratio", "Seconds", "Section", "Text", "Window", "bound"]

Seconds = Annotated[int, Field(ge=0, le=86_400)]
Interval = Annotated[int, Field(ge=1, le=3_600)]
Ratio = Annotated[float, Field(ge=0, le=1)]
Window = Annotated[int, Field(ge=15, le=86_400)]
Text = Annotated[str, Field(min_length=1, pattern=r'^[^"\\\n]+$')]


class Section(BaseModel):
    """A table of the TOML file: unknown keys are mistakes, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def bound(seconds: float, buckets: tuple[float, ...]) -> float:
    """A limit that a histogram can be asked about exactly."""
    if seconds not in buckets:
        near = min(buckets, key=lambda each: abs(each - seconds))
        raise ValueError(f"{seconds:g} is no bucket's bound; the nearest is {near:g}")
    return seconds
