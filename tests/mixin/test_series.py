"""The table of recorded series: rows are well-formed, and unknown keys are an error."""

from __future__ import annotations

import re

import pytest

from signalscope import contract, derived
from signalscope.contract import ContractError


def test_names_are_unique_and_no_instrument_s() -> None:
    """Keys and names are unique, and differ from the names of metrics that the service emits."""
    table = list(derived.all_series())
    assert len({row.key for row in table}) == len(table)
    assert len({row.name for row in table}) == len(table)
    emitted = {name for one in contract.instruments() for name in one.series_names}
    assert not emitted & {row.name for row in table}


def test_every_row_is_well_formed() -> None:
    """A row has a valid name, unique labels with a job (except the calendar), and a sentence."""
    for row in derived.all_series():
        assert re.fullmatch(r"[a-z_][a-z0-9_:]*", row.name), row
        assert len({*row.labels, *row.optional}) == len(row.labels) + len(row.optional), row
        assert row.labels[0] == "job" or row.section == "calendar", row
        assert row.meaning.endswith((".", ")")), row
        assert row.section, row


def test_a_level_in_a_name_is_its_labels() -> None:
    """A series with the name `job_endpoint:…` has the labels job and endpoint."""
    for row in derived.all_series():
        level, colon, _ = row.name.partition(":")
        if colon and level.startswith("job"):
            needed = level.removeprefix("job").strip("_")
            assert all(part in "_".join(row.labels) for part in needed.split("_") if part), row


def test_an_unknown_key_names_the_nearest() -> None:
    """The error suggests the nearest key."""
    with pytest.raises(ContractError, match=r"no recorded series 'API_P59'; did you mean "):
        derived.get("API_P59")
    assert derived.get("API_P95").labels == ("job",)
