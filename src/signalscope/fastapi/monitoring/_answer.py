"""The fields that all answers of the monitoring API share: time, source and the provenance of each value.

A number without data is null, and `provenance` has the reason.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

Number = float | None
ByName = dict[str, float] | None


class Source(BaseModel):
    """The source of the numbers of an answer."""

    name: Literal["prometheus", "process"] = Field(
        description="`prometheus`: the whole service; `process`: one worker process only."
    )
    description: str = Field(
        description="The source in a sentence; for `process` it names the worker process."
    )


class Provenance(BaseModel):
    """The origin of one value, or the reason why it is null."""

    source: Literal["prometheus", "process"]
    series: str = Field(description="The recorded series, PromQL expression or instrument.")
    unit: str = Field(description="The unit of the value.")
    window_seconds: float | None = Field(description="Seconds covered by the value; null for a present one.")
    meaning: str = Field(description="The meaning of the value.")
    reason: str | None = Field(default=None, description="The reason why the value is null.")
    is_lower_bound: bool = Field(
        default=False,
        description="True if a quantile is the highest bucket boundary: the real quantile is not lower, and may be "
        "much higher.",
    )


class Block(BaseModel):
    """Values of an answer, with the window of each value beside it."""

    window_seconds: dict[str, float] = Field(
        default_factory=dict,
        description="By field of this block: the seconds that its value covers. Present values are not listed.",
    )


class Answer(Block):
    """The fields that all answers share."""

    timestamp: datetime = Field(description="The time when the values were read, in UTC.")
    source: Source
    degraded: bool = Field(description="True if the source gave no usable answer; `problems` has the reason.")
    problems: list[str] = Field(description="Problems with the source or with its data.")
    provenance: dict[str, Provenance] = Field(
        description="By the dotted path of a field: the origin of its value, or the reason why it is null."
    )
