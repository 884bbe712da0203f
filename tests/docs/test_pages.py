"""Every page of the documentation is followed literally: its commands, files and expected outputs."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.docs.pages import DOCS, ROOT, Run, mistakes, read

#: Generated pages have only queries; tests/mixin/test_runbooks.py checks them against the contract.
_PAGES = [
    ROOT / "README.md",
    *sorted(path for path in DOCS.rglob("*.md") if "runbooks" not in path.parts),
]


def _case(path: Path) -> object:
    page = read(path)
    return pytest.param(path, id=page.name, marks=[pytest.mark.needs(*page.needs)] if page.needs else [])


@pytest.mark.parametrize("path", _PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_each_code_block_is_run_or_says_why_not(path: Path) -> None:
    """A block that no test runs has a comment with the reason; an unknown language is refused."""
    assert list(mistakes(read(path))) == []


@pytest.mark.timeout(600)
@pytest.mark.parametrize("path", [_case(path) for path in _PAGES if read(path).blocks])
def test_a_page_can_be_followed(path: Path, tmp_path: Path) -> None:
    """Its files, commands, servers and programs work in an empty folder, and print what the page says."""
    Run(read(path), tmp_path).all()


@pytest.mark.parametrize("path", sorted((DOCS / "runbooks").glob("*.md")), ids=lambda path: path.stem)
def test_queries_of_a_runbook_can_be_read(path: Path, tmp_path: Path) -> None:
    """A PromQL parser accepts each query."""
    page = read(path)
    assert list(mistakes(page)) == []
    Run(page, tmp_path).all()
