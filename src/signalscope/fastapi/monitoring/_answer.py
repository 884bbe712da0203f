"""What every answer of the monitoring API has: when and where it was read, and the provenance of each value.

A number is null when there is none, and `provenance` says why.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

Number = float | None
ByName = dict[str, float] | None


class Source(BaseModel):
    """Where the numbers of an answer come from."""

    name: Literal["prometheus", "process"] = Field(
        description="`prometheus`: the whole service; `process`: one worker's view."
    )
    description: str = Field(
        description="The same for people; with several workers it says whose view it is."
    )


class Provenance(BaseModel):
    """Where one value comes from, or why there is none."""

    source: Literal["prometheus", "process"]
    series: str = Field(description="The recorded series, expression or instrument.")
    unit: str = Field(description="The value's unit.")
    window_seconds: float | None = Field(description="How far it looks back; null for a value of now.")
    meaning: str = Field(description="What a value means.")
    reason: str | None = Field(default=None, description="Why the value is null.")


class Answer(BaseModel):
    """What every answer has."""

    timestamp: datetime = Field(description="When the values were read, in UTC.")
    source: Source
    degraded: bool = Field(
        description="Whether the source gave no usable answer; `problems` says what happened."
    )
    problems: list[str] = Field(description="What a reader should know of the source.")
    provenance: dict[str, Provenance] = Field(
        description="By the dotted path of a field: where its value comes from, or why it is null."
    )
