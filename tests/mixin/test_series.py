"""The table of recorded series: what it says is well-formed, and what is not in it is refused."""

from __future__ import annotations

import re

import pytest

from signalscope import contract, derived
from signalscope.contract import ContractError


def test_names_are_unique_and_no_instrument_s() -> None:
    """Each key and each name is there once, and none is that of a metric the service emits."""
    table = list(derived.all_series())
    assert len({each.key for each in table}) == len(table)
    assert len({each.name for each in table}) == len(table)
    emitted = {name for one in contract.instruments() for name in one.series_names}
    assert not emitted & {each.name for each in table}


def test_every_row_is_well_formed() -> None:
    """A valid name, labels without repeats, always a job (the calendar is everybody's), and a sentence."""
    for each in derived.all_series():
        assert re.fullmatch(r"[a-z_][a-z0-9_:]*", each.name), each
        assert len({*each.labels, *each.optional}) == len(each.labels) + len(each.optional), each
        assert each.labels[0] == "job" or each.section == "calendar", each
        assert each.meaning.endswith((".", ")")), each
        assert each.section, each


def test_a_level_in_a_name_is_its_labels() -> None:
    """`job_endpoint:…` has the labels job and endpoint."""
    for each in derived.all_series():
        level, colon, _ = each.name.partition(":")
        if colon and level.startswith("job"):
            needed = level.removeprefix("job").strip("_")
            assert all(part in "_".join(each.labels) for part in needed.split("_") if part), each


def test_an_unknown_key_names_the_nearest() -> None:
    """So that a misspelt import is found at once."""
    with pytest.raises(ContractError, match=r"no recorded series 'API_P59'; did you mean "):
        derived.get("API_P59")
    assert derived.get("API_P95").labels == ("job",)
