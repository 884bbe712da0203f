"""The base class of all sections of the configuration, and the types of their values."""

from __future__ import annotations

import re
import warnings
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

from signalscope import contract

#: Syntax of Python's regular expressions that Prometheus (RE2) does not support.
_NOT_RE2 = re.compile(r"\(\?(?:<?[=!]|P=|[>(#])|[*+?}]\+")


def _literal(text: str) -> str:
    if "{{" in text:
        raise ValueError("'{{' begins a template in rules of Prometheus; leave it out [SS106]")
    return text


def pattern(text: str) -> str:
    """Return a regular expression if Prometheus accepts it.

    Raises:
        ValueError: It is not a regular expression, or uses syntax that RE2 does not support.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # [[:alpha:]], which RE2 supports
            re.compile(text)
    except re.error as error:
        raise ValueError(f"{text!r} is not a regular expression: {error.msg} [SS105]") from None
    if unknown := _NOT_RE2.search(re.sub(r"\[\^?\]?[^\]]*\]", "", text)):
        raise ValueError(f"Prometheus (RE2) does not support {unknown.group()!r}; leave it out [SS105]")
    return text


def _boundary(buckets: tuple[float, ...]) -> AfterValidator:
    """Return a check of a limit that must be a bucket boundary: only then is the number of events below it exact."""

    def known(seconds: float) -> float:
        if seconds not in buckets:
            near = min(buckets, key=lambda boundary: abs(boundary - seconds))
            raise ValueError(f"{seconds:g} is not a bucket boundary; the nearest is {near:g} [SS107]")
        return seconds

    return AfterValidator(known)


Seconds = Annotated[int, Field(ge=0, le=86_400, strict=True)]
#: Seconds between two values of a series. Prometheus drops a value after five minutes: a longer interval makes gaps.
Interval = Annotated[int, Field(ge=1, le=240, strict=True)]
#: Seconds between two values that a process sends. A rate over five minutes needs two values.
Arrival = Annotated[int, Field(ge=1, le=120, strict=True)]
Limit = Annotated[float, Field(gt=0)]
Count = Annotated[float, Field(ge=0)]
Ratio = Annotated[float, Field(ge=0, le=1)]
PositiveRatio = Annotated[float, Field(gt=0, le=1)]
#: A limit of a ratio from 0 to 1. A limit of 1 would never be exceeded.
BelowOne = Annotated[float, Field(ge=0, lt=1)]
#: A ratio that is neither 0 nor 1.
Part = Annotated[float, Field(gt=0, lt=1)]
#: Durations in seconds that are bucket boundaries of the histograms of requests and of signals.
ApiSeconds = Annotated[float, _boundary(contract.API_BUCKETS)]
SignalSeconds = Annotated[float, _boundary(contract.SIGNAL_BUCKETS)]
Window = Annotated[int, Field(ge=15, le=86_400, strict=True)]
Text = Annotated[str, Field(min_length=1, pattern=r'^[^"\\\n]+$'), AfterValidator(_literal)]
Pattern = Annotated[Text, AfterValidator(pattern)]


class Section(BaseModel):
    """A table of the TOML file: unknown keys are errors, and values cannot be changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth(cls, value: Any) -> Any:
        """Refuse true and false, which pydantic would convert to the numbers 1 and 0."""
        if isinstance(value, bool):
            raise ValueError("it is not true or false; write a number or a text [SS104]")  # noqa: TRY004  # pydantic explains ValueErrors only
        return value
