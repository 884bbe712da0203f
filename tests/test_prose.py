"""The check of plain English: each rule finds what it forbids, and accepts the plain form."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

TOOL = Path(__file__).resolve().parents[1] / "tools" / "prose.py"


def _check(tmp_path: Path, name: str, text: str) -> str:
    """Run the check on a file and return its output."""
    page = tmp_path / name
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(text, encoding="utf-8")
    ran = subprocess.run([sys.executable, TOOL, page], capture_output=True, text=True, check=False)
    assert ran.returncode == bool(ran.stdout), ran.stderr
    return ran.stdout


@pytest.mark.parametrize(
    ("rule", "forbidden", "plain"),
    [
        ("is-no", "0.7 is no boundary of a bucket.", "0.7 is not a bucket boundary. It is no longer used."),
        ("pronoun", "Nobody reads the page.", "The user does not read the page."),
        ("let-be", "Let the series be.", "Skip the series. An outlet is open."),
        ("person", "The series is told the limit.", "The series gets the limit."),
        ("dangling-of", "Close the first of them.", "Close the first of the files."),
        ("long-sentence", "Write " + "one word and " * 9 + "end.", "Write one word. " * 20),
    ],
)
def test_a_rule_finds_what_it_forbids_and_passes_the_plain_form(
    tmp_path: Path, rule: str, forbidden: str, plain: str
) -> None:
    """The rule applies to a page, a docstring and a comment, with the line, but not to code."""
    assert f"page.md:3: {rule}:" in _check(tmp_path, "page.md", f"# Title\n\n{forbidden}\n")
    assert f"code.py:2: {rule}:" in _check(tmp_path, "code.py", f'def f():\n    """{forbidden}"""\n')
    assert f"code.py:3: {rule}:" in _check(tmp_path, "code.py", f"x = 1\n\n# {forbidden}\n")
    assert _check(tmp_path, "page.md", f"# Title\n\n{plain}\n\n```\n{forbidden}\n```\n") == ""
    assert _check(tmp_path, "code.py", f'"""{plain}"""\n\nx = 1  # {plain}\n') == ""


def test_a_docstring_begins_with_an_imperative_or_a_noun_phrase(tmp_path: Path) -> None:
    """The first word must not be a question word; later sentences may begin with one."""
    assert "opening" in _check(tmp_path, "code.py", '"""Whether it is open."""\n')
    assert _check(tmp_path, "code.py", '"""Return True if it is open.\n\nThat is rare.\n"""\n') == ""


def test_a_private_docstring_says_more_than_its_name(tmp_path: Path) -> None:
    """Only public names need a docstring."""
    assert "repeats-name" in _check(tmp_path, "code.py", 'def _read_groups():\n    """Read the groups."""\n')
    assert _check(tmp_path, "code.py", 'def _read_groups():\n    """Read what a rule file names."""\n') == ""
    assert _check(tmp_path, "code.py", 'def read_groups():\n    """Read the groups."""\n') == ""


def test_a_variable_says_what_its_value_is(tmp_path: Path) -> None:
    """Placeholder names are found where they are bound: assignments, loops, arguments."""
    printed = _check(
        tmp_path, "code.py", "def f(found):\n    for each in found:\n        of = each\n    return of\n"
    )
    assert [line.split(":")[1] for line in printed.splitlines()] == ["1", "2", "3"]
    assert _check(tmp_path, "code.py", "def f(names):\n    return [name for name in names]\n") == ""
