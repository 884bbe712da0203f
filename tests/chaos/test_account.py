"""The account of a run accepts only what is explained, and its table is written into the page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.chaos.__main__ import PAGE, row, write
from tests.chaos.account import Account

_GOOD = Account(
    calls=1000, counted=1000.0, resets=0.0, accepted=3000, stored=1400, sampled_out=1500, given_up=30, dropped=20,
    lost=50, most=60,
)  # fmt: skip


def test_a_run_in_which_all_is_explained_is_accepted() -> None:
    """Every span is in one column, and fewer are lost than may be."""
    _GOOD.check()


@pytest.mark.parametrize(
    "change",
    [
        {"counted": 999.0},
        {"resets": 1.0},
        {"accepted": 2999},
        {"stored": 1401},
        {"given_up": 29},
        {"most": 49},
        {"lost": -1, "stored": 1451},
    ],
)
def test_a_run_in_which_a_number_is_wrong_is_refused(change: dict[str, float]) -> None:
    """A call that is missing, a false reset, a span in two columns or in none, and more lost spans than may be."""
    with pytest.raises(AssertionError):
        replace(_GOOD, **change).check()  # type: ignore[arg-type]  # the fields are numbers


def test_the_table_is_written_into_the_page(tmp_path: Path) -> None:
    """The text around it stays."""
    page = tmp_path / "reliability.md"
    before = PAGE.read_text(encoding="utf-8")
    page.write_text(before, encoding="utf-8")
    write([row("A fault", _GOOD)], page)
    after = page.read_text(encoding="utf-8")
    assert "| A fault | 1,000 | 1,000 | 3,000 | 1,400 | 1,500 | 30 | 20 | 50 | 60 |\n" in after
    assert before.partition("<!-- measured")[0] == after.partition("<!-- measured")[0]
    assert before.partition("measured: end")[2] == after.partition("measured: end")[2]
