"""What every section of the configuration has in common."""

from __future__ import annotations

import re
import warnings
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

from signalscope import contract

#: What Python's regular expressions have and Prometheus' (RE2) do not.
_NOT_RE2 = re.compile(r"\(\?(?:<?[=!]|P=|[>(#])|[*+?}]\+")


def _literal(text: str) -> str:
    if "{{" in text:
        raise ValueError("'{{' begins a template in Prometheus' rules: leave it out")
    return text


def pattern(text: str) -> str:
    """A regular expression that Prometheus takes."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # [[:alpha:]], which RE2 has
            re.compile(text)
    except re.error as error:
        raise ValueError(f"{text!r} is no regular expression: {error.msg}") from None
    if unknown := _NOT_RE2.search(re.sub(r"\[\^?\]?[^\]]*\]", "", text)):
        raise ValueError(f"{unknown.group()!r} is not in the regular expressions of Prometheus (RE2)")
    return text


def _boundary(buckets: tuple[float, ...]) -> AfterValidator:
    """Return the check of a limit that a histogram must know exactly."""

    def known(seconds: float) -> float:
        if seconds not in buckets:
            near = min(buckets, key=lambda boundary: abs(boundary - seconds))
            raise ValueError(f"{seconds:g} is no bucket's bound; the nearest is {near:g}")
        return seconds

    return AfterValidator(known)


Seconds = Annotated[int, Field(ge=0, le=86_400, strict=True)]
#: Between two values of a series. Prometheus forgets a value after five minutes: with more there would be gaps.
Interval = Annotated[int, Field(ge=1, le=240, strict=True)]
#: Between two values that a process sends. Rates look back over five minutes, and need two.
Arrival = Annotated[int, Field(ge=1, le=120, strict=True)]
Limit = Annotated[float, Field(gt=0)]
Count = Annotated[float, Field(ge=0)]
Ratio = Annotated[float, Field(ge=0, le=1)]
PositiveRatio = Annotated[float, Field(gt=0, le=1)]
#: What a ratio that is never more than 1 is compared with: it has to be able to be more.
BelowOne = Annotated[float, Field(ge=0, lt=1)]
#: A ratio of something that there is, and that is not all of it.
Part = Annotated[float, Field(gt=0, lt=1)]
#: Durations that the histograms of requests and of signals have a bucket boundary for.
ApiSeconds = Annotated[float, _boundary(contract.API_BUCKETS)]
SignalSeconds = Annotated[float, _boundary(contract.SIGNAL_BUCKETS)]
Window = Annotated[int, Field(ge=15, le=86_400, strict=True)]
Text = Annotated[str, Field(min_length=1, pattern=r'^[^"\\\n]+$'), AfterValidator(_literal)]
Pattern = Annotated[Text, AfterValidator(pattern)]


class Section(BaseModel):
    """A table of the TOML file: unknown keys are errors, and values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth(cls, value: Any) -> Any:
        """Nothing here is true or false, which would be taken for the numbers 1 and 0."""
        if isinstance(value, bool):
            raise ValueError("it is not true or false")  # noqa: TRY004  # pydantic explains ValueErrors only
        return value
