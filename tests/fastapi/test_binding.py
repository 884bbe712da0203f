"""Answers of the monitoring API whose fields are bound to derived series."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field

from signalscope.config import Config
from signalscope.derived._vector import Vector, labels
from signalscope.fastapi.monitoring._answer import Answer, ByName, Number
from signalscope.fastapi.monitoring._binding import (
    NoValue,
    Series,
    computed,
    each_tier,
    fill,
    keys,
    of_process,
)


def _ratio(_: Config, part: Vector, whole: Vector) -> float | NoValue | None:
    if not whole:
        return None
    total = sum(whole.values())
    return sum(part.values()) / total if total else NoValue("nothing was asked")


class _Tier(BaseModel):
    users: Annotated[Number, Series("SUBSCRIPTIONS", "users", tier="SUBSCRIPTIONS")]


class _Part(BaseModel):
    all_users: Annotated[Number, Series("SUBSCRIPTIONS_TOTAL", "users", tier="SUBSCRIPTIONS")]
    milliseconds: Annotated[Number, Series("API_P95", "ms", where={"endpoint": ""}, factor=1e3)]


class _Example(Answer):
    part: _Part
    by_tier: Annotated[
        ByName, Series("SUBSCRIPTIONS", "users", by="user_tier", limit=2, units={"free": "guests"})
    ]
    ratio: Annotated[Number, computed(_ratio, "PART", "WHOLE", unit="ratio")] = Field(description="A part.")
    tiers: Annotated[dict[str, _Tier], each_tier(_Tier, lambda: ("free", "basic"))]
    uptime: Annotated[float, of_process("start", "s", "Since the start.")]
    name: str


class _Results:
    """Query results by key of the series; other series have no values."""

    at, source, degraded = 1.0, "prometheus", False

    def __init__(self, **vectors: Vector) -> None:
        self.problems: list[str] = []
        self._vectors = vectors

    def get(self, key: str) -> SimpleNamespace:
        vector = self._vectors.get(key, {})
        return SimpleNamespace(
            vector=vector, source=self.source, series=key.lower(), window_seconds=300.0, meaning=f"About {key}.",
            reason=None if vector else "Prometheus has no value for it",
        )  # fmt: skip

    def describe(self) -> str:
        return "a test"


USERS = {labels(user_tier=tier): number for tier, number in (("free", 5.0), ("basic", 7.0), ("pro", 1.0))}


def _fill(results: _Results, tier: str | None = None) -> Any:
    return fill(_Example, results, tier=tier, uptime=9.0, name="me")  # type: ignore[arg-type]  # a stand-in


def test_keys_are_those_of_every_field() -> None:
    """Each series is returned once: of parts, of fields with a series by tier, and of models inside a binding."""
    assert keys(_Example) == ["SUBSCRIPTIONS_TOTAL", "SUBSCRIPTIONS", "API_P95", "PART", "WHOLE"]
    assert keys(_Example, Series) == ["SUBSCRIPTIONS_TOTAL", "SUBSCRIPTIONS", "API_P95"]


def test_a_field_has_the_value_of_its_series() -> None:
    """Values are selected by label, converted, sorted, computed from several series, or passed by name."""
    latency = {(): 0.25, labels(endpoint="/a"): 9.0}
    answer = _fill(
        _Results(
            SUBSCRIPTIONS_TOTAL={(): 13.0},
            SUBSCRIPTIONS=USERS,
            API_P95=latency,
            PART={(): 1.0},
            WHOLE={(): 4.0},
        )
    )
    assert answer.part.model_dump() == {"all_users": 13, "milliseconds": 250}
    assert list(answer.by_tier.items()) == [("basic", 7), ("free", 5)]
    assert (answer.ratio, answer.uptime, answer.name) == (0.25, 9, "me")
    assert {tier: part.users for tier, part in answer.tiers.items()} == {"free": 5, "basic": 7}
    provenance = answer.provenance
    assert list(provenance) == [
        "part.all_users", "part.milliseconds", "by_tier", "by_tier.free", "ratio", "tiers.free.users",
        "tiers.basic.users", "uptime",
    ]  # fmt: skip
    assert (provenance["by_tier"].unit, provenance["by_tier.free"].unit) == ("users", "guests")
    assert (provenance["ratio"].series, provenance["ratio"].meaning) == ("part, whole", "A part.")
    assert (provenance["part.all_users"].meaning, provenance["part.all_users"].window_seconds) == (
        "About SUBSCRIPTIONS_TOTAL.",
        300,
    )
    assert (provenance["uptime"].source, provenance["uptime"].window_seconds) == ("process", None)
    assert not any(entry.reason for entry in provenance.values())


def test_one_tier_has_its_own_series_or_a_reason() -> None:
    """A field with a series by tier has the value of the tier; another field is null, with the reason."""
    answer = _fill(
        _Results(SUBSCRIPTIONS_TOTAL={(): 13.0}, SUBSCRIPTIONS=USERS, API_P95={(): 0.25}), tier="pro"
    )
    assert (answer.part.all_users, answer.part.milliseconds, answer.by_tier) == (1, None, None)
    assert answer.tiers == {"pro": _Tier(users=1)}
    assert answer.provenance["part.all_users"].series == "subscriptions"
    assert "all tiers together" in str(answer.provenance["by_tier"].reason)


@pytest.mark.parametrize(
    ("vectors", "path", "reason"),
    [
        ({}, "part.all_users", "Prometheus has no value for it"),
        (
            {"API_P95": {labels(endpoint="/a"): 1.0}}, "part.milliseconds",
            "the source has no value for the total over endpoint",
        ),
        (
            {"SUBSCRIPTIONS": {labels(user_tier="free"): 1.0}}, "tiers.basic.users",
            "the source has no value for user_tier 'basic'",
        ),
        ({}, "ratio", "Prometheus has no value for it"),
        ({"PART": {(): 1.0}, "WHOLE": {(): 0.0}}, "ratio", "nothing was asked"),
    ],
)  # fmt: skip
def test_a_value_that_is_missing_has_a_reason(vectors: dict[str, Vector], path: str, reason: str) -> None:
    """The reason comes from the query result, the selected labels or the computation."""
    assert _fill(_Results(**vectors)).provenance[path].reason == reason


def test_a_field_without_a_binding_must_be_given() -> None:
    """A field without a binding and without a value raises an error; it is not left out."""
    with pytest.raises(ValueError, match="name"):
        fill(_Example, _Results(), uptime=9.0)  # type: ignore[arg-type]  # a stand-in
